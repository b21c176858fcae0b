// Runs every rule that involves more than one key of pair.yaml. Called by pair.ts after every key was read by itself; a
// key that was wrong already is undefined here and judged no further.
import { ADDRESS_RULES } from './address-rules.ts';
import type { Ledger, Place } from './document.ts';
import { READS_RULES } from './reads-rules.ts';
import { REPLICA_RULES } from './replica-rules.ts';
import type { Report, Rule } from './rule.ts';
import type { PairValues } from './schema.ts';
import { TIME_RULES } from './time-rules.ts';
import { tlsRule } from './tls-schema.ts';
import { WITNESS_RULES } from './witness-rules.ts';

const authentication: Rule = ({ vrrp }, report) => {
  const { type, passwordFile } = vrrp.authentication;
  if (type === undefined || passwordFile === undefined) return;
  if (type !== 'none' && vrrp.version === 3) {
    report(
      'vrrp.authentication.type',
      'authentication-version',
      'VRRP version 3 has no authentication (RFC 9568, section 9)',
      'remove `authentication`, or set `vrrp.version: 2` if the network needs it',
    );
  }
  if (type !== 'none' && passwordFile === null) {
    report(
      'vrrp.authentication',
      'missing-key',
      `vrrp.authentication.passwordFile is missing: ${type} needs a password`,
      'add `passwordFile: vrrp.password`',
    );
  }
  if (type === 'none' && passwordFile !== null) {
    report(
      'vrrp.authentication.passwordFile',
      'authentication-unused',
      'a password is given, and the type is none, so it would not be used',
      'set `type: pass` or `type: ah`, or remove the password',
    );
  }
};

const ports: Rule = ({ mysql, peer, api, clone }, report) => {
  const used: [string, number | null | undefined][] = [
    ['mysql.port', mysql.port],
    ['mysql.extraPort', mysql.extraPort],
    ['peer.port', peer.port],
    ['clone.port', clone.port],
    ['api.listen', api.listen?.port],
  ];
  const owners = new Map<number, string>();
  for (const [path, port] of used) {
    if (port === undefined || port === null) continue;
    const owner = owners.get(port);
    if (owner === undefined) owners.set(port, path);
    else
      report(
        [path, owner],
        'port-clash',
        `${path} and ${owner} both use port ${port} of the same host`,
        'give each a port of its own',
      );
  }
};

const RULES: readonly Rule[] = [
  ...ADDRESS_RULES,
  authentication,
  ...TIME_RULES,
  ports,
  tlsRule,
  ...WITNESS_RULES,
  ...READS_RULES,
  ...REPLICA_RULES,
];

/** The place of the first path that stands in the file, or of the nearest section around the first. */
function placeFor(paths: readonly string[], ledger: Ledger): Place {
  const exact = paths.map((path) => ledger.places.get(path)).find((place) => place !== undefined);
  if (exact) return exact;
  for (let at = paths[0] ?? ''; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const place = ledger.places.get(at);
    if (place) return place;
  }
  return { line: 1, column: 1 };
}

export function checkRules(values: PairValues, ledger: Ledger): void {
  const placed =
    (say: Ledger['report']): Report =>
    (path, code, message, hint) =>
      say(placeFor(typeof path === 'string' ? [path] : path, ledger), code, message, hint);
  for (const rule of RULES) rule(values, placed(ledger.report), placed(ledger.warn));
}
