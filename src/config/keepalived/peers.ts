// Two hosts' files side by side: what must be equal, and what must not. Most double masters come from a difference here.
// Findings stand at the first file's place and name the second's.
import { collectFindings, type KeepalivedFinding, type Report } from './findings.ts';
import type { InstanceConfig, KeepalivedConfig } from './types.ts';

const place = (i: InstanceConfig, keyword: string) => `${i.placeOf(keyword).file}:${i.placeOf(keyword).line}`;

/** Matched by router id (that is what meets on the wire), and where that differs, by name. */
export function pairsOf(a: KeepalivedConfig, b: KeepalivedConfig): [InstanceConfig, InstanceConfig][] {
  const left = [...b.instances];
  const take = (fits: (i: InstanceConfig) => boolean) => {
    const at = left.findIndex(fits);
    return at < 0 ? undefined : left.splice(at, 1)[0];
  };
  const byId = a.instances.map(
    (i) => [i, take((j) => j.virtualRouterId === i.virtualRouterId && j.family === i.family)] as const,
  );
  return byId.flatMap(([i, j]): [InstanceConfig, InstanceConfig][] => {
    const found = j ?? take((other) => other.name === i.name);
    return found === undefined ? [] : [[i, found]];
  });
}

type Compare = (a: InstanceConfig, b: InstanceConfig, report: Report) => void;

const CONSEQUENCE = 'a keepalived before 2.3.3 drops such adverts, and both hosts become master';

const addresses: Compare = (a, b, report) => {
  const there = new Set(b.addresses.map((e) => e.value.address));
  const here = new Set(a.addresses.map((e) => e.value.address));
  const missing = b.addresses
    .filter((e) => !here.has(e.value.address))
    .map((e) => `${e.value.address} (${e.at.file}:${e.at.line})`)
    .join(', ');
  const hint = 'write the same addresses into both files';
  const alone = a.addresses.filter((e) => !there.has(e.value.address));
  for (const entry of alone) {
    const other =
      missing === ''
        ? `${place(b, 'virtual_ipaddress')} does not have it`
        : `the other one has ${missing} instead`;
    report(
      'error',
      entry.at,
      'peer-address',
      `${entry.value.address} is in this file only, and ${other}; ${CONSEQUENCE}`,
      hint,
    );
  }
  if (alone.length === 0 && missing !== '')
    report(
      'error',
      a.placeOf('virtual_ipaddress'),
      'peer-address',
      `only the other file has ${missing}; ${CONSEQUENCE}`,
      hint,
    );
};

const priorities: Compare = (a, b, report) => {
  if (a.priority === b.priority)
    report(
      'warning',
      a.placeOf('priority'),
      'peer-priority',
      `both hosts have priority ${a.priority} (${place(b, 'priority')}); then the higher address wins, whichever host that is`,
      'give them two priorities, for example 100 and 90',
    );
  if (a.state === 'MASTER' && b.state === 'MASTER')
    report(
      'warning',
      a.placeOf('state'),
      'peer-state',
      `both hosts are \`state MASTER\` (${place(b, 'state')})`,
      'write state BACKUP on both and let the priority decide',
    );
  if (a.preempt !== b.preempt)
    report(
      'warning',
      a.placeOf('nopreempt'),
      'peer-preempt',
      `one host preempts and the other does not (${place(b, 'nopreempt')}): whether the address moves back depends on which one failed`,
      'write nopreempt into both files, or into none',
    );
};

const wire: Compare = (a, b, report) => {
  const same = <V>(keyword: string, x: V, y: V, what: string, hint: string) => {
    if (x === y) return;
    report(
      'error',
      a.placeOf(keyword),
      `peer-${keyword.replaceAll('_', '-')}`,
      `${what} differ: ${x} here, ${y} in ${place(b, keyword)}; each host drops the other's adverts, and both become master`,
      hint,
    );
  };
  same(
    'virtual_router_id',
    a.virtualRouterId,
    b.virtualRouterId,
    'the router ids',
    'write the same virtual_router_id into both files',
  );
  same('version', a.version, b.version, 'the VRRP versions', 'write the same version into both files');
  if (a.version === 2 && b.version === 2)
    same(
      'advert_int',
      a.advertIntervalMs / 1000,
      b.advertIntervalMs / 1000,
      'the advert intervals (seconds)',
      'write the same advert_int into both files',
    );
  same(
    'authentication',
    a.authentication.type,
    b.authentication.type,
    'the kinds of authentication',
    'write the same authentication into both files',
  );
  if (
    a.authentication.type !== 'none' &&
    b.authentication.type === a.authentication.type &&
    a.authentication.password !== b.authentication.password
  )
    report(
      'error',
      a.placeOf('authentication'),
      'peer-password',
      `the passwords differ (${place(b, 'authentication')}); each host drops the other's adverts, and both become master`,
      'write the same auth_pass into both files',
    );
  if (a.unicastPeers.length === 0 && b.unicastPeers.length === 0)
    same(
      'mcast_dst_ip',
      a.multicastGroup ?? 'the usual group',
      b.multicastGroup ?? 'the usual group',
      'the multicast groups',
      'write the same mcast_dst_ip into both files',
    );
  same(
    'unicast_peer',
    a.unicastPeers.length > 0 ? 'unicast' : 'multicast',
    b.unicastPeers.length > 0 ? 'unicast' : 'multicast',
    'the ways of sending',
    'use unicast_peer on both hosts, or on none',
  );
};

/** Not advertised, so nothing is dropped; but it moves from one host and not from the other. */
const excluded: Compare = (a, b, report) => {
  const names = (i: InstanceConfig) => new Set(i.excluded.map((e) => e.value.address));
  const [here, there] = [names(a), names(b)];
  for (const [one, other, name, at] of [
    [here, there, 'this file', a.placeOf('virtual_ipaddress_excluded')],
    [
      there,
      here,
      `the other file (${place(b, 'virtual_ipaddress_excluded')})`,
      a.placeOf('virtual_ipaddress'),
    ],
  ] as const)
    for (const address of one)
      if (!other.has(address))
        report(
          'warning',
          at,
          'peer-excluded',
          `${address} is in virtual_ipaddress_excluded of ${name} only: it is nowhere when the other host is master`,
          'write the same addresses into both files',
        );
};

const prefixes: Compare = (a, b, report) => {
  for (const entry of a.addresses) {
    const other = b.addresses.find((e) => e.value.address === entry.value.address);
    if (other === undefined || other.value.prefix === entry.value.prefix) continue;
    report(
      'warning',
      entry.at,
      'peer-prefix',
      `${entry.value.address} has the prefix /${entry.value.prefix} here and /${other.value.prefix} in ${other.at.file}:${other.at.line}`,
      'write the same prefix into both files',
    );
  }
};

const reach: Compare = (a, b, report) => {
  for (const [x, y] of [
    [a, b],
    [b, a],
  ] as const) {
    if (x.unicastPeers.length === 0 || y.sourceAddress === null) continue;
    if (x.unicastPeers.some((p) => p.value.address === y.sourceAddress)) continue;
    report(
      'error',
      x.placeOf('unicast_peer'),
      'peer-unicast',
      `the other host sends from ${y.sourceAddress} (${place(y, 'unicast_src_ip')}), which is not among the peers here`,
      `add ${y.sourceAddress} to unicast_peer`,
    );
  }
};

/** The drop by a failed script must bring the master below the other host, or nothing moves. */
function weightEnough(a: InstanceConfig, b: InstanceConfig, config: KeepalivedConfig, report: Report): void {
  if (a.priority <= b.priority) return;
  for (const entry of a.tracked.scripts) {
    const weight = entry.value.weight ?? config.scripts.find((s) => s.name === entry.value.name)?.weight ?? 0;
    const lost = Math.abs(weight);
    if (weight === 0 || a.priority - lost < b.priority || (weight > 0 && a.priority < b.priority + lost))
      continue;
    report(
      'warning',
      entry.at,
      'weight-small',
      `a failure of ${entry.value.name} lowers the priority by ${lost}, from ${a.priority}, and the other host has ${b.priority}: nothing moves`,
      `use a weight below -${a.priority - b.priority}, or none (a failure is then a FAULT)`,
    );
  }
}

/** What does not fit between the files of the two hosts of a pair. */
export function comparePeers(a: KeepalivedConfig, b: KeepalivedConfig): readonly KeepalivedFinding[] {
  const findings = collectFindings();
  const pairs = pairsOf(a, b);
  const { report } = findings;
  for (const [x, y] of pairs) {
    for (const compare of [addresses, prefixes, excluded, priorities, wire, reach]) compare(x, y, report);
    weightEnough(x, y, a, report);
    weightEnough(y, x, b, report);
  }
  for (const i of a.instances)
    if (!pairs.some(([x]) => x === i))
      report(
        'warning',
        i.at,
        'peer-instance',
        `the other file has no instance with virtual_router_id ${i.virtualRouterId}`,
        'write the instance into both files',
      );
  for (const i of b.instances)
    if (!pairs.some(([, y]) => y === i))
      report(
        'warning',
        i.at,
        'peer-instance',
        `the other file has no instance with virtual_router_id ${i.virtualRouterId}`,
        'write the instance into both files',
      );
  mails(a, b, report);
  return findings.list();
}

/** The subject of a mail begins with the router id: with one for both hosts nobody can tell which one speaks. */
function mails(a: KeepalivedConfig, b: KeepalivedConfig, report: Report): void {
  const { routerId } = a.global;
  const at = a.reading.values.global_defs?.flatMap((g) => g.value.values.router_id ?? []).at(-1)?.at;
  if (
    a.global.mail.to.length === 0 ||
    routerId === null ||
    routerId !== b.global.routerId ||
    at === undefined
  )
    return;
  report(
    'warning',
    at,
    'peer-router-id',
    `both hosts have the router_id ${routerId}, so their mails cannot be told apart`,
    "write each host's name there",
  );
}
