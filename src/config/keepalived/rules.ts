// What is wrong, or will hurt, although every keyword is right by itself. Last step of parse.ts. Each rule looks at the finished
// configuration; peers.ts looks at two files together.
import type { Report } from './findings.ts';
import type { Host } from './host.ts';
import { addresses, interfaces, routerIds, unicast } from './rules-addresses.ts';
import {
  checkers,
  DETECTION_MS_MAX,
  scriptFiles,
  scriptSecurity,
  scripts,
  scriptUser,
} from './rules-scripts.ts';
import type { InstanceConfig, KeepalivedConfig, ScriptConfig } from './types.ts';

export type Rule = (config: KeepalivedConfig, report: Report, host: Host | null) => void;

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

/** So long until a dead master is missed: what the file asks for, of the interval and of the count. */
const timing: Rule = ({ instances }, report) => {
  for (const i of instances) {
    const downMs = i.advertIntervalMs * i.downTimerAdverts;
    if (downMs <= DETECTION_MS_MAX) continue;
    report(
      'warning',
      i.placeOf('advert_int'),
      'advert-long',
      `a host that dies is missed only after ${downMs / 1000} s (${i.downTimerAdverts} adverts of ${i.advertIntervalMs / 1000} s); for so long nobody has the address`,
      'write advert_int 1 into both files; with version 3 also fractions, as advert_int 0.1',
    );
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
      'virtual_server makes the C daemon ask for ip_vs, and it ends as a whole where the kernel has none (twinkeep goes on: the checks and their scripts run, without a load balancer)',
      'remove the block if the server is reached by the VIP itself; a vrrp_script is the check for that',
    );
};

const RULES: readonly Rule[] = [
  required,
  preemption,
  weights,
  timing,
  scripts,
  scriptSecurity,
  scriptUser,
  scriptFiles,
  checkers,
  addresses,
  interfaces,
  unicast,
  routerIds,
  groups,
  loadBalancer,
];

export function checkRules(config: KeepalivedConfig, report: Report, host: Host | null): void {
  for (const rule of RULES) rule(config, report, host);
}
