// What the kernel is to have for a virtual server: scheduler, its flags, persistence, for each address or mark. Used by servers.ts.
import type { IpFamily } from '../../core/ip/address.ts';
import { parseIp } from '../../core/ip/address.ts';
import {
  FLAG_ONE_PACKET,
  FLAG_PERSISTENT,
  FLAG_SCHEDULER_1,
  FLAG_SCHEDULER_2,
  FLAG_SCHEDULER_3,
  type Service,
  type ServiceOptions,
} from '../../core/netlink/ipvs.ts';
import { quote, type Report } from './findings.ts';
import type { GroupEntry } from './lvsgroups.ts';
import type { VIRTUAL_SERVER } from './schema/lvs.ts';
import type { Placed, Reading } from './spec.ts';
import type { Place } from './text.ts';
import { last } from './values.ts';

type Values = Reading<typeof VIRTUAL_SERVER>['values'];

export interface ServicesContext {
  readonly at: Place;
  readonly v: Values;
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  /** Of a firewall mark that does not say it. */
  readonly realFamily: IpFamily;
  readonly report: Report;
}

const SCHEDULERS = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'lblc',
  'sh',
  'mh',
  'dh',
  'fo',
  'ovf',
  'lblcr',
  'sed',
  'nq',
  'twos',
];
const PERSISTENCE_TIMEOUT_S = 360;

/** Each flag, the only scheduler that it is for, and its bit. */
const FLAGS: readonly (readonly [keyof Values, string | null, number])[] = [
  ['flag-1', null, FLAG_SCHEDULER_1],
  ['flag-2', null, FLAG_SCHEDULER_2],
  ['flag-3', null, FLAG_SCHEDULER_3],
  ['sh-fallback', 'sh', FLAG_SCHEDULER_1],
  ['sh-port', 'sh', FLAG_SCHEDULER_2],
  ['mh-fallback', 'mh', FLAG_SCHEDULER_1],
  ['mh-port', 'mh', FLAG_SCHEDULER_2],
];

export const isPersistent = (v: Values): boolean =>
  v.persistence_timeout !== undefined ||
  v.persistence_granularity !== undefined ||
  v.persistence_engine !== undefined;

function readScheduler({ at, v, name, report }: ServicesContext): string {
  const typed = [v.lvs_sched?.at(-1), v.lb_algo?.at(-1)]
    .filter((s) => s !== undefined)
    .sort((a, b) => a.at.line - b.at.line)
    .at(-1);
  if (typed === undefined) {
    report(
      'error',
      at,
      'scheduler',
      `${name} has no lb_algo, and wlc is taken`,
      'add lb_algo rr or lb_algo wlc',
    );
    return 'wlc';
  }
  if (SCHEDULERS.includes(typed.value)) return typed.value;
  report(
    'error',
    typed.at,
    'scheduler',
    `"${quote(typed.value)}" is no scheduler, and wlc is taken`,
    `write one of ${SCHEDULERS.join(', ')}`,
  );
  return 'wlc';
}

/** A mask as 255.255.255.0, or as a number of bits; null: neither, which is reported. */
function readGranularity(typed: Placed<string> | undefined, family: IpFamily, report: Report): number | null {
  if (typed === undefined) return null;
  const text = typed.value;
  const widest = family === 4 ? 32 : 128;
  if (/^[0-9]{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= widest) return Number(text);
  const bytes = family === 4 ? parseIp(text) : null;
  const bits = bytes === null ? '' : [...bytes].map((b) => b.toString(2).padStart(8, '0')).join('');
  const solid = /^1+0*$/.test(bits);
  if (bytes?.length === 4 && solid) return bits.indexOf('0') < 0 ? 32 : bits.indexOf('0');
  report(
    'error',
    typed.at,
    'value',
    `"${quote(text)}" is no mask of a network`,
    family === 4 ? 'write 255.255.255.0, or 24' : `write a number from 1 to ${widest}`,
  );
  return null;
}

function readOptions(
  family: IpFamily,
  scheduler: string,
  context: ServicesContext,
  persistent: boolean,
): ServiceOptions {
  const { v, protocol, report } = context;
  let flags = persistent ? FLAG_PERSISTENT : 0;
  if (v.ops !== undefined && protocol === 'UDP') flags |= FLAG_ONE_PACKET;
  for (const [keyword, only, bit] of FLAGS)
    if (v[keyword] !== undefined && (only === null || only === scheduler)) flags |= bit;
  return {
    scheduler,
    flags,
    persistenceTimeoutS: persistent ? (last(v.persistence_timeout) ?? PERSISTENCE_TIMEOUT_S) : 0,
    persistencePrefix:
      readGranularity(v.persistence_granularity?.at(-1), family, report) ?? (family === 4 ? 32 : 128),
    engine: last(v.persistence_engine) ?? null,
  };
}

function checkFlags(scheduler: string, { v, protocol, report }: ServicesContext): void {
  for (const [keyword, only] of FLAGS) {
    const typed = v[keyword]?.at(-1);
    if (typed !== undefined && only !== null && only !== scheduler)
      report(
        'error',
        typed.at,
        'scheduler',
        `${keyword} is only for the scheduler ${only}, and is left out`,
        `write lb_algo ${only}, or remove it`,
      );
  }
  const ops = v.ops?.at(-1);
  if (ops !== undefined && protocol !== 'UDP')
    report(
      'error',
      ops.at,
      'one-packet',
      'ops (one packet scheduling) is only for UDP, and is left out',
      'remove ops',
    );
}

export function servicesOf(entries: readonly GroupEntry[], context: ServicesContext): Service[] {
  const { at, v, name, protocol, report } = context;
  const scheduler = readScheduler(context);
  checkFlags(scheduler, context);
  const typedFamily = last(v.ip_family) === 'inet6' ? 6 : last(v.ip_family) === 'inet' ? 4 : null;
  const wrong = entries.some(
    (e) => e.kind === 'address' && typedFamily !== null && (e.address.includes(':') ? 6 : 4) !== typedFamily,
  );
  if (wrong)
    report(
      'error',
      v.ip_family?.at(-1)?.at ?? at,
      'address-family',
      `ip_family is not the family of ${name}, and is left out`,
      'ip_family is for firewall marks',
    );
  // Options of one family are read once: what is wrong in them is told once.
  const options = new Map<string, ServiceOptions>();
  return entries.map((entry): Service => {
    const family =
      entry.kind === 'mark'
        ? (entry.family ?? typedFamily ?? context.realFamily)
        : entry.address.includes(':')
          ? 6
          : 4;
    const persistent = isPersistent(v) || (entry.kind === 'address' && entry.port === 0);
    const key = `${family} ${persistent}`;
    const own = options.get(key) ?? readOptions(family, scheduler, context, persistent);
    options.set(key, own);
    return entry.kind === 'mark'
      ? { id: { kind: 'mark', mark: entry.mark, family }, options: own }
      : { id: { kind: 'address', protocol, address: entry.address, port: entry.port }, options: own };
  });
}
