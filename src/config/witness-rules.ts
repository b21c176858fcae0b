// Rules between the keys of `witness` in pair.yaml, and between them and the pair's addresses. Run by rules.ts.
import { formatIp, parseIp } from '../core/ip/address.ts';
import type { Rule } from './rule.ts';
import type { PairValues } from './schema.ts';
import { ENDPOINT } from './witness-schema.ts';

interface Endpoint {
  readonly text: string;
  readonly path: string;
  readonly scheme: string;
  /** Canonical where it is an address, else small letters. */
  readonly host: string;
  readonly port: number;
}

/** Those that are written as URLs; the others have their finding already. */
function endpoints({ witness }: PairValues): Endpoint[] {
  return (witness?.etcd ?? []).map((text, i) => {
    const [, scheme = '', written = '', port = ''] = ENDPOINT.exec(text) ?? [];
    const bare = written.replace(/^\[|\]$/g, '').toLowerCase();
    const bytes = parseIp(bare);
    const host = bytes === null ? bare : formatIp(bytes);
    return { text, path: `witness.etcd.${i}`, scheme, host, port: Number(port) };
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (host.startsWith('127.') && parseIp(host) !== null);
}

const eachEndpoint: Rule = (values, report) => {
  const refuse = (path: string, message: string, hint: string) =>
    report(path, 'witness-endpoint', message, hint);
  const seen = new Set<string>();
  for (const { text, path, host, port } of endpoints(values)) {
    const vips = [values.vips.write, values.vips.read, values.vips.single].flatMap((kind) => kind ?? []);
    if (port < 1 || port > 65_535) {
      refuse(path, `${text} has a port that does not exist`, "etcd's usual port for clients is 2379");
    } else if (isLoopback(host)) {
      refuse(
        path,
        `${text} leads each host to an etcd of its own, and two witnesses decide nothing`,
        'name an etcd in a third place by an address that both hosts reach',
      );
    } else if (vips.some((vip) => vip.address === host)) {
      refuse(
        path,
        `${text} is a VIP of this pair, which leads to whichever host holds it`,
        "name the etcd host's own address",
      );
    } else if (seen.has(`${host}:${port}`)) {
      refuse(path, `${text} stands in the list already`, 'remove one of the two');
    }
    seen.add(`${host}:${port}`);
  }
};

const size: Rule = (values, report) => {
  const count = endpoints(values).length;
  if (count === 0 || count === 1 || count === 3 || count === 5) return;
  // A duplicate or a mistake in one endpoint has its own finding, and makes the count wrong as well.
  if (new Set(endpoints(values).map(({ host, port }) => `${host}:${port}`)).size !== count) return;
  report(
    'witness.etcd',
    'witness-size',
    `an etcd cluster has 1, 3 or 5 members; found ${count}, and an even number stands no more failures than one less`,
    count < 3 ? 'add a third member, or keep one' : 'keep an odd number of members, at most five',
  );
};

const place: Rule = (values, _, warn) => {
  const all = endpoints(values);
  for (const node of values.nodes) {
    const there = all.filter(({ host }) => host === node.value.address);
    const left = all.length - there.length;
    const [first] = there;
    if (first === undefined || left > all.length / 2) continue;
    warn(
      first.path,
      'witness-place',
      `when the database host ${node.name} fails, the witness fails with it: ${there.length} of ${all.length} etcd members ${there.length === 1 ? 'is' : 'are'} on it, and the other node then cannot take over`,
      'put etcd in a third place; or run three members, one of them on a third host',
    );
  }
};

const access: Rule = (values, report, warn) => {
  const { witness } = values;
  if (witness === null) return;
  const given = (key: 'caFile' | 'certFile' | 'keyFile' | 'user' | 'passwordFile') =>
    witness[key] !== null && witness[key] !== undefined;
  const together = [
    ['certFile', 'keyFile'],
    ['keyFile', 'certFile'],
    ['user', 'passwordFile'],
    ['passwordFile', 'user'],
  ] as const;
  for (const [one, other] of together) {
    if (!given(one) || witness[other] !== null) continue;
    report(
      `witness.${one}`,
      'missing-key',
      `witness.${other} is missing: witness.${one} is of no use without it`,
      `add \`${other}\`, or remove \`${one}\``,
    );
  }
  const schemes = new Set(endpoints(values).map(({ scheme }) => scheme));
  const file = (['caFile', 'certFile', 'keyFile'] as const).find(given);
  if (file !== undefined && schemes.size > 0 && !schemes.has('https')) {
    report(
      `witness.${file}`,
      'witness-tls',
      `witness.${file} is for https, and every endpoint is http, so it would not be used`,
      'write the endpoints with https://, or remove the file',
    );
  }
  if (given('user') && schemes.has('http')) {
    warn(
      'witness.user',
      'witness-clear-text',
      'the password of the witness travels in clear, since an endpoint is http',
      'serve etcd over https, and write the endpoints with https://',
    );
  }
};

export const WITNESS_RULES: readonly Rule[] = [eachEndpoint, size, place, access];
