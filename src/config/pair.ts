// parsePair: the text of pair.yaml -> a PairConfig, or every mistake in it with its place. Pure; load.ts reads the file.
// Order: syntax and tree (document.ts) -> keys and values (section.ts over schema.ts) -> rules between keys (rules.ts).
import { type Ledger, openLedger } from './document.ts';
import { notYet } from './later.ts';
import { readsVrrpId } from './reads-rules.ts';
import { resolveReplicas } from './replica-rules.ts';
import { checkRules } from './rules.ts';
import { PAIR, type PairValues } from './schema.ts';
import { readFile } from './section.ts';
import { resolveTimes, type Times } from './times.ts';
import type { Finding, PairConfig, Parsed, VrrpAuthentication } from './types.ts';

const CHARACTERS_MAX = 64 * 1024;
const LINE_MAX = 2_000;
/** Explicit keys nested in one another cost the YAML parser seconds; no pair.yaml needs one. */
const EXPLICIT_KEY = /^[ -]*\?(?: |$)/;

/** Paths stay as written; loadPair makes them absolute. */
export function parsePair(text: string, fileName: string): Parsed {
  const refuse = (message: string, hint: string, line = 1): Parsed => ({
    ok: false,
    findings: [{ file: fileName, line, column: 1, code: 'unreadable', message, hint }],
  });
  if (text.length > CHARACTERS_MAX)
    return refuse('the file is larger than 64 KiB', 'check that this is a pair.yaml');
  const lines = text.split(/\r?\n/);
  const long = lines.findIndex((line) => line.length > LINE_MAX);
  if (long >= 0)
    return refuse(
      `this line is longer than ${LINE_MAX} characters`,
      'check that this is a pair.yaml',
      long + 1,
    );
  const explicit = lines.findIndex((line) => EXPLICIT_KEY.test(line));
  if (explicit >= 0) return refuse('a key may not start with `?`', 'write `key: value`', explicit + 1);
  if (text.trim() === '') {
    return refuse(
      'the file is empty',
      'start from examples/pair.yaml; the shortest file holds pair, nodes and one write VIP',
    );
  }
  try {
    return parse(text, fileName);
  } catch (error) {
    // The YAML parser recurses once a level, so only absurd nesting exhausts the stack.
    if (error instanceof RangeError)
      return refuse('the file is nested too deeply to be read', 'check that this is a pair.yaml');
    throw error;
  }
}

function parse(text: string, fileName: string): Parsed {
  const { ledger, brokenFromLine } = openLedger(text, fileName);
  const syntax = [...ledger.findings];
  const values = readFile(PAIR, ledger);
  checkRules(values, ledger);
  if (brokenFromLine !== Number.POSITIVE_INFINITY) {
    // Behind a syntax mistake the tree is guesswork, and a missing key may stand there.
    const sure = ledger.findings.filter(
      (f) => f.line < brokenFromLine && f.code !== 'missing-key' && f.code !== 'node-count',
    );
    return { ok: false, findings: inOrder([...syntax, ...sure]) };
  }
  if (ledger.findings.length > 0) return { ok: false, findings: inOrder(ledger.findings) };
  const config = resolve(values, fileName);
  warnOfLater(config, ledger);
  return { ok: true, config, warnings: inOrder(ledger.warnings) };
}

function inOrder(findings: readonly Finding[]): Finding[] {
  const unique = new Map(findings.map((f) => [`${f.line}:${f.column}:${f.message}`, f]));
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

function warnOfLater(config: PairConfig, ledger: Ledger): void {
  for (const { path, meanwhile } of notYet(config)) {
    ledger.warn(
      ledger.places.get(path) ?? { line: 1, column: 1 },
      'not-yet',
      `${path} is understood but not served by this version yet: ${meanwhile}`,
      'the line may stay; remove it to silence this warning',
    );
  }
}

/** All values, now that there was no finding; the compiler cannot know that. */
type Complete<T> = T extends readonly (infer I)[]
  ? readonly Complete<I>[]
  : T extends object
    ? { readonly [K in keyof T]: Complete<Exclude<T[K], undefined>> }
    : T;

function resolve(read: PairValues, file: string): PairConfig {
  const values = read as Complete<PairValues>;
  const { mysql, vrrp, failover, api, notify } = values;
  const times = resolveTimes(read) as Times;
  return {
    pair: values.pair,
    file,
    nodes: values.nodes.map(({ name, value }, i) => ({
      name,
      address: value.address,
      interface: value.interface,
      priority: value.priority ?? (i === 0 ? 100 : 90),
    })),
    replicas: resolveReplicas(values.replicas),
    vips: values.vips,
    reads: {
      prefer: values.reads.prefer,
      maxLagMs: values.reads.maxLag,
      vrrpId: readsVrrpId(values.reads.vrrpId, vrrp.id),
    },
    mysql: {
      port: mysql.port,
      socket: mysql.socket,
      extraPort: mysql.extraPort,
      replication: mysql.replication,
      admin: mysql.admin,
      verify: mysql.verify,
      durability: mysql.durability,
      probe: { intervalMs: mysql.probe.interval, deadlineMs: mysql.probe.deadline },
      heartbeatIntervalMs: mysql.heartbeatInterval,
      tls: mysql.tls.mode === 'off' ? null : { mode: mysql.tls.mode, caFile: mysql.tls.caFile },
      service: mysql.service,
    },
    vrrp: {
      id: vrrp.id,
      version: vrrp.version,
      advertIntervalMs: times.advertIntervalMs,
      preempt: vrrp.preempt,
      peers: vrrp.peers,
      authentication: resolveAuthentication(vrrp.authentication),
      vipLeaseS: vrrp.vipLease / 1_000,
    },
    failover: {
      partition: failover.partition,
      promoteWithinMs: times.promoteWithinMs,
      aloneAfterMs: times.aloneAfterMs,
      gateway: failover.gateway,
      maxDrainMs: failover.maxDrain,
      holdAfterFailoverMs: failover.holdAfterFailover,
      agentGraceMs: failover.agentGrace,
    },
    witness: values.witness,
    archive: values.archive && { ...values.archive.address, budgetMs: values.archive.budget },
    proxy: values.proxy,
    notify,
    peer: values.peer,
    clone: values.clone,
    api: { host: api.listen.host, port: api.listen.port, tokenFile: api.tokenFile, openReads: api.openReads },
    salvage: values.salvage,
    secretFile: values.secretFile,
    stateDir: values.stateDir,
  };
}

function resolveAuthentication(read: {
  type: 'none' | 'pass' | 'ah';
  passwordFile: string | null;
}): VrrpAuthentication {
  return read.type === 'none' || read.passwordFile === null
    ? { type: 'none' }
    : { type: read.type, passwordFile: read.passwordFile };
}
