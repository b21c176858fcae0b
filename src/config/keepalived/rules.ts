// What is wrong, or will hurt, although every keyword is right by itself. Last step of parse.ts. Each rule looks at the finished
// configuration; peers.ts looks at two files together.
import { parseCidr, parseIp, sameNetwork } from '../../core/ip/address.ts';
import type { Report } from './findings.ts';
import type { InstanceConfig, KeepalivedConfig, ScriptConfig } from './types.ts';

/** The host that the file is for, as far as the caller knows it. */
export interface Host {
  /** The addresses on each interface with their prefix (`192.0.2.11/24`), VIPs left out. */
  readonly interfaces: Readonly<Record<string, readonly string[]>>;
}

type Rule = (config: KeepalivedConfig, report: Report, host: Host | null) => void;

/** A database that is gone for longer than this before anyone looks is gone for too long. */
const DETECTION_MS_MAX = 10_000;

const required: Rule = ({ instances }, report) => {
  for (const i of instances) {
    if (i.virtualRouterId === null)
      report(
        'error',
        i.at,
        'router-id-missing',
        `${i.name} has no valid virtual_router_id, and cannot run`,
        'add virtual_router_id with a number from 1 to 255, the same on both hosts',
      );
    if (i.interface === null && i.unicastPeers.length === 0)
      report(
        'error',
        i.at,
        'interface-missing',
        `${i.name} names no interface`,
        'add interface eth0 (only unicast can do without)',
      );
    if (i.addresses.length === 0 && i.placeOf('no_virtual_ipaddress') === i.at)
      report(
        'error',
        i.at,
        'no-address',
        `${i.name} has no virtual_ipaddress, so nothing moves with it`,
        'add virtual_ipaddress { 192.0.2.100/24 }',
      );
  }
};

const preemption: Rule = ({ instances }, report) => {
  for (const i of instances) {
    const typedNopreempt = i.placeOf('nopreempt') !== i.at;
    if (i.state === 'MASTER' && typedNopreempt)
      report(
        'error',
        i.placeOf('nopreempt'),
        'master-nopreempt',
        `${i.name} is \`state MASTER\`, and nopreempt is dropped then: it will take the address back`,
        'write state BACKUP on both hosts',
      );
    if (i.placeOf('preempt_delay') !== i.at && (i.state === 'MASTER' || typedNopreempt)) {
      const why = typedNopreempt ? 'nopreempt' : 'state MASTER';
      report(
        'error',
        i.placeOf('preempt_delay'),
        'preempt-delay',
        `preempt_delay has no effect with ${why}`,
        `remove one of the two`,
      );
    }
    if (i.state !== 'MASTER' && i.priority === 255 && typedNopreempt)
      report(
        'error',
        i.placeOf('nopreempt'),
        'owner-nopreempt',
        `the priority 255 of ${i.name} makes it the owner of its addresses, and nopreempt is dropped then`,
        'write a priority up to 254',
      );
    if (i.state === 'MASTER' && i.placeOf('priority') === i.at)
      report(
        'warning',
        i.placeOf('state'),
        'priority-missing',
        `${i.name} is \`state MASTER\` without a priority, which makes it 255: the owner, whom no failed check can lower`,
        'add priority 100',
      );
    if (i.state === 'MASTER' && i.priority !== 255 && i.authentication.type === 'ah')
      report(
        'error',
        i.placeOf('state'),
        'master-ah',
        `${i.name} cannot start as MASTER with AH authentication: it must hear the sequence numbers of the other first; it starts as BACKUP`,
        'write state BACKUP',
      );
  }
};

/** The weight that an instance gives to a script: its own word, else the script's. */
function weightIn(i: InstanceConfig, script: ScriptConfig): number | null {
  const entry = i.tracked.scripts.find((t) => t.value.name === script.name);
  return entry === undefined ? null : (entry.value.weight ?? script.weight);
}

const weights: Rule = ({ instances, scripts }, report) => {
  for (const i of instances) {
    for (const script of scripts) {
      const weight = weightIn(i, script);
      if (weight === null || weight === 0) continue;
      if (!i.preempt)
        report(
          'warning',
          i.placeOf('nopreempt'),
          'nopreempt-weight',
          `no failover when script ${script.name} fails: it only changes the priority by ${weight}, and a nopreempt standby accepts a master of any priority`,
          `remove the weight of ${script.name} (a failure is then a FAULT), or remove nopreempt on both hosts`,
        );
      if (i.priority === 255)
        report(
          'warning',
          i.placeOf('priority'),
          'owner-weight',
          `the priority 255 of ${i.name} is never changed, so the weight of ${script.name} does nothing`,
          'write a priority up to 254',
        );
    }
  }
};

const scripts: Rule = (config, report) => {
  const names = new Set(config.scripts.map((s) => s.name));
  const groups = [...config.instances, ...config.syncGroups];
  for (const { name, tracked } of groups)
    for (const t of tracked.scripts)
      if (!names.has(t.value.name))
        report(
          'error',
          t.at,
          'script-unknown',
          `${name} tracks a script "${t.value.name}" that no vrrp_script defines`,
          names.size > 0
            ? `defined are ${[...names].slice(0, 8).join(', ')}`
            : `add vrrp_script ${t.value.name} { ... }`,
        );
  for (const s of config.scripts) {
    if (!groups.some((g) => g.tracked.scripts.some((t) => t.value.name === s.name)))
      report(
        'warning',
        s.at,
        'script-unused',
        `no instance tracks the script ${s.name}, so it never runs`,
        `add track_script { ${s.name} } to the instance`,
      );
    const detectionMs = s.intervalMs * s.fall;
    if (detectionMs > DETECTION_MS_MAX)
      report(
        'warning',
        s.at,
        'interval-long',
        `a failure is noticed only after up to ${detectionMs / 1000} s (interval ${s.intervalMs / 1000} s, fall ${s.fall}); for so long clients meet a dead server`,
        'write interval 1 or 2, fall 2, and a timeout below the interval',
      );
    if (s.intervalMs % 1000 !== 0)
      report(
        'warning',
        s.at,
        'interval-fraction',
        'fractions of a second in a script interval are known from keepalived 2.3.2 on; older ones take 1 s',
        'write whole seconds if an older keepalived reads this file',
      );
    if (s.timeoutMs !== null && s.timeoutMs > s.intervalMs)
      report(
        'warning',
        s.at,
        'timeout-long',
        `the timeout of ${s.name} is longer than its interval, so a hanging script is found later than a failing one`,
        'write a timeout below the interval',
      );
  }
};

const scriptSecurity: Rule = (config, report) => {
  if (config.global.scriptSecurity) return;
  const notifies = [...config.instances, ...config.syncGroups].flatMap((g) =>
    Object.values(g.notify).filter((s) => s !== null),
  );
  const checks = config.virtualServers.flatMap((v) => [
    v.quorumUp,
    v.quorumDown,
    ...v.realServers.flatMap((r) => [r.notifyUp, r.notifyDown, ...r.checkers.map((c) => c.script)]),
  ]);
  const first = config.scripts[0]?.script ?? [...notifies, ...checks].find((s) => s !== null);
  if (first === undefined || first === null) return;
  report(
    'error',
    first.at,
    'script-security',
    'scripts run as root here, and nothing checks who may change them',
    'add enable_script_security and script_user NAME to global_defs, above the scripts',
  );
};

const addresses: Rule = ({ instances }, report, host) => {
  const seen = new Map<string, { name: string; line: number }>();
  for (const i of instances) {
    for (const { value, at } of [...i.addresses, ...i.excluded]) {
      const before = seen.get(value.address);
      if (before)
        report(
          'warning',
          at,
          'address-twice',
          `${value.address} stands in line ${before.line} too (${before.name}); two owners of one address fight over it`,
          'remove one of the two',
        );
      seen.set(value.address, { name: i.name, line: at.line });
      reportOutside(i, value, at, report, host);
    }
  }
};

function reportOutside(
  i: InstanceConfig,
  value: InstanceConfig['addresses'][number]['value'],
  at: InstanceConfig['at'],
  report: Report,
  host: Host | null,
): void {
  const device = value.device ?? i.interface;
  const own = device === null ? undefined : host?.interfaces[device];
  if (own === undefined) return;
  const ip = parseIp(value.address);
  const networks = own.map(parseCidr).filter((n) => n !== null && n.family === i.family);
  const within = networks.some((n) => {
    const base = n && parseIp(n.address);
    return ip !== null && base && sameNetwork(ip, base, n.prefix);
  });
  if (networks.length === 0 || within) return;
  const known = networks.map((n) => `${n?.address}/${n?.prefix}`).join(', ');
  report(
    'warning',
    at,
    'address-outside',
    `${value.address} is outside of the networks of ${device} (${known}): no other host will find it`,
    `look for a typing error, and compare it with the other host's file`,
  );
}

const routerIds: Rule = ({ instances }, report) => {
  const seen = new Map<string, string>();
  for (const i of instances) {
    if (i.virtualRouterId === null || i.unicastPeers.length > 0) continue;
    const key = `${i.interface} ${i.virtualRouterId} ${i.family} ${i.multicastGroup}`;
    const before = seen.get(key);
    if (before !== undefined)
      report(
        'error',
        i.placeOf('virtual_router_id'),
        'router-id-twice',
        `${before} and ${i.name} both use virtual_router_id ${i.virtualRouterId} on ${i.interface ?? 'the same interface'}`,
        'give each instance an id of its own, the same on both hosts',
      );
    else seen.set(key, i.name);
  }
};

const groups: Rule = ({ syncGroups, instances }, report) => {
  const names = new Set(instances.map((i) => i.name));
  for (const g of syncGroups) {
    for (const member of g.members)
      if (!names.has(member.value))
        report(
          'error',
          member.at,
          'instance-unknown',
          `there is no vrrp_instance "${member.value}"`,
          `defined are ${[...names].slice(0, 8).join(', ') || 'none'}`,
        );
    if (g.members.filter((m) => names.has(m.value)).length < 2)
      report(
        'error',
        g.at,
        'group-small',
        `the group ${g.name} has fewer than two instances, so there is nothing to keep in step`,
        'name two, or remove the group',
      );
  }
};

const loadBalancer: Rule = ({ virtualServers }, report) => {
  const [first] = virtualServers;
  if (first !== undefined)
    report(
      'warning',
      first.at,
      'ip-vs',
      'keepalived ends as a whole when the kernel has no ip_vs, and virtual_server makes it ask for it',
      'remove the block if the server is reached by the VIP itself; a vrrp_script is the check for that',
    );
};

const RULES: readonly Rule[] = [
  required,
  preemption,
  weights,
  scripts,
  scriptSecurity,
  addresses,
  routerIds,
  groups,
  loadBalancer,
];

export function checkRules(config: KeepalivedConfig, report: Report, host: Host | null): void {
  for (const rule of RULES) rule(config, report, host);
}
