// vrrp_strict and strict_mode: what the C daemon takes back of an instance's own words then, each with the complaint that it makes.
// Read off keepalived 2.2.7 with `-t`, word by word. Used by instance.ts on the finished instance.
import { parseIp } from '../../core/ip/address.ts';
import type { Report } from './findings.ts';
import type { VRRP_INSTANCE } from './schema/vrrp.ts';
import type { Reading } from './spec.ts';
import type { InstanceConfig } from './types.ts';
import { last } from './values.ts';

type Values = Reading<typeof VRRP_INSTANCE>['values'];

const DOWN_TIMER_ADVERTS = 3;
const OWNER = 255;

/** MASTER is for the owner of the addresses only. Decided before all else, since preemption depends on it. */
export function strictState(
  name: string,
  v: Values,
  typed: { readonly state: 'MASTER' | 'BACKUP'; readonly priority: number },
  report: Report,
): 'MASTER' | 'BACKUP' {
  if (typed.state !== 'MASTER' || typed.priority === OWNER) return typed.state;
  const at = v.state?.at(-1)?.at;
  if (at !== undefined)
    report(
      'error',
      at,
      'strict-master',
      `strict mode knows \`state MASTER\` with priority ${OWNER} only; ${name} starts as BACKUP`,
      'write state BACKUP; the priority decides',
    );
  return 'BACKUP';
}

export function applyStrict(i: InstanceConfig, v: Values, report: Report): InstanceConfig {
  const refuse = (keyword: keyof Values & string, effect: string, hint = `remove ${keyword}`) =>
    report('error', i.placeOf(keyword), `strict-${keyword.replaceAll('_', '-')}`, effect, hint);
  if (v.authentication !== undefined)
    refuse('authentication', 'strict mode knows no authentication: the block is ignored');
  if ((last(v.preempt_delay) ?? 0) > 0) refuse('preempt_delay', 'strict mode knows no preempt_delay');
  if (v.accept !== undefined && i.version === 2 && i.priority !== OWNER)
    refuse('accept', 'accept is for VRRP version 3; in strict mode it is ignored here', 'write version 3');
  if ((last(v.garp_lower_prio_repeat) ?? 0) > 0)
    refuse('garp_lower_prio_repeat', 'strict mode sends no repeated gratuitous ARP for a lower priority');
  if (last(v.lower_prio_no_advert) === false)
    refuse('lower_prio_no_advert', 'strict mode does not answer adverts of lower priority');
  if (last(v.higher_prio_send_advert) === true)
    refuse('higher_prio_send_advert', 'strict mode does not answer adverts of higher priority');
  if ((last(v.down_timer_adverts) ?? DOWN_TIMER_ADVERTS) !== DOWN_TIMER_ADVERTS)
    refuse('down_timer_adverts', `strict mode waits for ${DOWN_TIMER_ADVERTS} adverts`);
  if (v.vmac_xmit_base !== undefined) refuse('vmac_xmit_base', 'strict mode sends from the VMAC itself');
  if (i.unicastPeers.length > 0)
    report(
      'warning',
      i.placeOf('unicast_peer'),
      'strict-unicast',
      'the manual of keepalived allows no unicast in strict mode (2.2.7 does it all the same)',
      'remove vrrp_strict (strict_mode off in this instance)',
    );
  linkLocal(i, report);
  const accept = i.priority === OWNER || (v.accept !== undefined && i.version === 3);
  if (!accept)
    report(
      'warning',
      v.strict_mode?.at(-1)?.at ?? i.at,
      'strict-no-accept',
      `in strict mode the addresses of ${i.name} take no connections: only the owner's (priority ${OWNER}) do, so clients find nobody there`,
      'remove vrrp_strict (strict_mode off in this instance), or write version 3 and accept',
    );
  return {
    ...i,
    authentication: { type: 'none' },
    preemptDelayMs: 0,
    accept,
    lowerPriorityNoAdvert: true,
    higherPrioritySendAdvert: false,
    downTimerAdverts: DOWN_TIMER_ADVERTS,
    garp: { ...i.garp, lowerPrioRepeat: 0 },
  };
}

/** RFC 9568, section 5.2.9: the first IPv6 address is link-local. */
function linkLocal(i: InstanceConfig, report: Report): void {
  const [first] = i.addresses;
  const bytes = i.family === 6 && first !== undefined ? parseIp(first.value.address) : null;
  if (first === undefined || bytes === null || (bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80))
    return;
  report(
    'error',
    first.at,
    'strict-link-local',
    `in strict mode the first IPv6 address is link-local, and ${first.value.address} is not`,
    'write an address of fe80::/10 before it',
  );
}
