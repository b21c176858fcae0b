// importPair: two hosts' keepalived.conf (with their check scripts and my.cnf, where given) -> one pair.yaml. The way through this
// folder: scripts.ts and mycnf.ts understand the files -> instances.ts says which VIP is which -> nodes.ts finds the hosts ->
// vrrp.ts, server.ts and leftovers.ts make the sections -> yaml.ts renders them. Pure; the text is read back by parsePair before it counts.
import { collectFindings, type KeepalivedFinding } from '../keepalived/findings.ts';
import { comparePeers } from '../keepalived/peers.ts';
import { parsePair } from '../pair.ts';
import { from, type Roles, rolesOf, type Twin, vipsOf } from './instances.ts';
import { leftovers, notifySection } from './leftovers.ts';
import { compareMyCnf, judgeMyCnf, readMyCnf } from './mycnf.ts';
import { nodeAddresses, pairName } from './nodes.ts';
import { readChecks } from './scripts.ts';
import { failoverSection, lagOf, mysqlSection, readsSection } from './server.ts';
import type { Host, HostFiles, ImportOptions, ImportResult, Say } from './types.ts';
import { vrrpSection } from './vrrp.ts';
import { fill, type Item, missingIn, note, renderPairYaml, section, value } from './yaml.ts';

/** A node's priority is at most that: 255 is the owner's, whom nothing can lower. */
const PRIORITY_MAX = 254;
/** What findings in the result itself name as their file. */
export const RESULT_NAME = 'pair.yaml';
const EXAMPLE = { a: '192.0.2.11', b: '192.0.2.12' } as const;

const understand = (files: HostFiles): Host => ({
  ...files,
  settings: readMyCnf(files.mycnf),
  checks: readChecks(files.conf.config, files.scripts),
});

function priorities(twin: Twin | undefined): {
  readonly a: number;
  readonly b: number;
  readonly why: readonly [string, string];
} {
  const a = Math.min(PRIORITY_MAX, twin?.a.priority ?? 100);
  const b = Math.min(PRIORITY_MAX, twin?.b.priority ?? 90);
  if (a !== b && twin !== undefined)
    return {
      a,
      b,
      why: [`From ${from(twin.a, 'priority')}.`, `From ${from(twin.b, 'priority')}.`],
    };
  return {
    a: Math.min(PRIORITY_MAX, b + 10),
    b: Math.max(1, Math.min(PRIORITY_MAX, b + 10) - 10),
    why: [
      `Both files have ${b}, which leaves it to the higher address who becomes writer; the first one is preferred now.`,
      'As above.',
    ],
  };
}

function nodesSection(
  a: Host,
  b: Host,
  roles: Roles,
  addresses: ReturnType<typeof nodeAddresses>,
): Item | null {
  const twin = roles.write[0];
  const priority = priorities(twin);
  const node = (host: Host, side: 'a' | 'b', found: (typeof addresses)[number]): Item | null => {
    const device = (side === 'a' ? twin?.a : twin?.b)?.interface ?? null;
    return section(host.name, [
      found.address === null
        ? fill(
            'address',
            `the own address of this host, never a VIP`,
            `--node-${side} ${host.name}=${EXAMPLE[side]}`,
            'keepalived.conf does not name it.',
          )
        : value('address', found.address, found.why),
      device === null
        ? fill(
            'interface',
            'the interface that carries VRRP and the VIPs',
            'for example eth0',
            'The file names none.',
          )
        : value('interface', device),
      value('priority', priority[side], priority.why[side === 'a' ? 0 : 1]),
    ]);
  };
  return section(
    'nodes',
    [node(a, 'a', addresses[0]), node(b, 'b', addresses[1])].filter((i) => i !== null),
    `${a.name} is the host of ${a.conf.config.instances[0]?.at.file ?? 'the first file'}, ${b.name} that of ${b.conf.config.instances[0]?.at.file ?? 'the second one'}.`,
  );
}

function vipsSection(roles: Roles, nodes: readonly string[], options: ImportOptions, say: Say): Item | null {
  const one = (key: string, twins: readonly Twin[], why: readonly string[]): Item | null => {
    const vips = vipsOf(twins, { prefix: options.vipPrefix, nodes }, say);
    if (vips.length === 0 && key !== 'write') return null;
    if (vips.length === 0 || vips.includes(null))
      return fill(
        key,
        'the address that clients connect to, with its prefix length',
        'for example [192.0.2.100/24]',
        ...why,
      );
    const known = vips.filter((v) => v !== null);
    const list = known.map((v) => (v.text.includes(':') ? JSON.stringify(v.text) : v.text)).join(', ');
    return { kind: 'value', key, value: `[${list}]`, why: [...why, ...new Set(known.flatMap((v) => v.why))] };
  };
  return section(
    'vips',
    [one('write', roles.write, [roles.because]), one('read', roles.read, [])].filter((i) => i !== null),
  );
}

function compose(a: Host, b: Host, options: ImportOptions, say: Say): Item[] {
  const roles = rolesOf(a.conf.config, b.conf.config);
  const addresses = nodeAddresses(a, b, say);
  const known = addresses.flatMap((n) => (n.address === null ? [] : [n.address]));
  const name =
    options.pair === null ? pairName(a, b, roles) : { name: options.pair, why: 'As said with --pair.' };
  const lag = lagOf(a, b);
  const notify = notifySection(a, b, roles);
  const sections: (Item | null)[] = [
    note(
      'Made from two keepalived.conf files by `twinkeep config import`. What stands above a line says where it comes from.',
    ),
    value('pair', name.name, name.why),
    nodesSection(a, b, roles, addresses),
    vipsSection(roles, known, options, say),
    readsSection(roles, (side) => (side === 'a' ? a.name : b.name), lag),
    mysqlSection(a, b, say),
    vrrpSection(roles, say),
    failoverSection(a, b, options, lag),
    notify.item,
  ];
  return [...sections.filter((i) => i !== null), ...joined([...leftovers(a, b, roles), ...notify.notes])];
}

/** Notes that belong together, without an empty line between them. */
function joined(notes: readonly Item[]): Item[] {
  return notes.length === 0
    ? []
    : [{ kind: 'notes', texts: notes.flatMap((n) => (n.kind === 'note' ? [n.text] : [])) }];
}

/** Of a file's own findings those that matter still: how scripts are run, and what stands in a virtual_server, goes with keepalived. */
function ownFindings(host: Host): KeepalivedFinding[] {
  const balancers = host.conf.tree.filter((s) => s.keyword === 'virtual_server');
  const isBalancers = (f: KeepalivedFinding): boolean =>
    balancers.some(
      ({ at, block }) =>
        f.file === at.file && f.line >= at.line && f.line <= (block?.closedAt?.line ?? at.line),
    );
  return host.conf.findings.filter(
    (f) => f.severity !== 'warning' && !f.code.startsWith('script-') && !isBalancers(f),
  );
}

export function importPair(first: HostFiles, second: HostFiles, options: ImportOptions): ImportResult {
  const collected = collectFindings();
  const say: Say = (severity, place, code, message, hint) =>
    collected.report(severity, place, code, message, hint);
  const [a, b] = [understand(first), understand(second)];
  for (const host of [a, b]) judgeMyCnf(host.settings, say);
  compareMyCnf(a.settings, b.settings, say);
  const items = compose(a, b, options, say);
  const text = renderPairYaml(items);
  const missing = missingIn(items);
  const parsed = missing.length > 0 ? null : parsePair(text, RESULT_NAME);
  // Also what this version does not serve yet: a mail that keepalived sent and nobody sends now must not go unnoticed.
  const ofResult = parsed === null ? [] : parsed.ok ? parsed.warnings : parsed.findings;
  const severity = parsed?.ok === true ? 'warning' : 'error';
  // import-vip tells of the same difference with what was made of it.
  const settled = new Set(
    collected
      .list()
      .filter((f) => f.code === 'import-vip')
      .map(() => 'peer-address'),
  );
  const between = comparePeers(a.conf.config, b.conf.config).filter((f) => !settled.has(f.code));
  return {
    text,
    findings: [
      ...ownFindings(a),
      ...ownFindings(b),
      ...between,
      ...collected.list(),
      ...ofResult.map((f): KeepalivedFinding => ({ ...f, severity })),
    ],
    missing,
    complete: parsed?.ok === true,
  };
}
