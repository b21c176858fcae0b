// keepalived.json (the JSON signal): one object an instance, with the C daemon's keys in its order. Programs read this one; a key that
// the C daemon writes only sometimes is written in the same cases.

import { addressLine, type DumpInstance, type DumpProcess, type DumpState } from './dump.ts';
import { dropped } from './dump-stats.ts';

const STATES: Readonly<Record<DumpState, number>> = { INIT: 0, BACKUP: 1, MASTER: 2, FAULT: 3 };
const AUTH_TYPES = { none: 0, pass: 1, ah: 2 } as const;

const asBit = (value: boolean): 0 | 1 => (value ? 1 : 0);
/** Left out when there is nothing in it. */
const list = <T>(key: string, entries: readonly T[]): Record<string, readonly T[]> =>
  entries.length === 0 ? {} : { [key]: entries };
const text = (key: string, value: string | null): Record<string, string> =>
  value === null ? {} : { [key]: value };

function data(i: DumpInstance): Record<string, unknown> {
  return {
    iname: i.name,
    dont_track_primary: asBit(!i.trackPrimary),
    skip_check_adv_addr: asBit(i.skipCheckAdvertAddress),
    strict_mode: asBit(i.strict),
    vmac_ifname: i.vmac?.name ?? '',
    ifp_ifname: i.vmac?.name ?? i.interfaceName,
    master_priority: i.masterPriority,
    last_transition: i.lastTransition.seconds,
    garp_delay: i.garp.delayS,
    garp_refresh: i.garp.refreshS,
    garp_rep: i.garp.repeat,
    garp_refresh_rep: i.garp.refreshRepeat,
    garp_lower_prio_delay: i.garp.lowerPrioDelayS,
    garp_lower_prio_rep: i.garp.lowerPrioRepeat,
    lower_prio_no_advert: asBit(i.lowerPrioNoAdvert),
    higher_prio_send_advert: asBit(i.higherPrioSendAdvert),
    vrid: i.vrid,
    base_priority: i.basePriority,
    effective_priority: i.effectivePriority,
    vipset: i.addresses.some(({ set }) => set),
    promote_secondaries: i.promoteSecondaries,
    adver_int: i.advertIntervalMs / 1000,
    master_adver_int: i.masterIntervalMs / 1000,
    accept: asBit(i.accept),
    nopreempt: !i.preempt,
    preempt_delay: i.preemptDelayMs / 1000,
    state: STATES[i.state],
    wantstate: STATES[i.state],
    version: i.version,
    smtp_alert: i.mail,
    notify_deleted: i.notifyDeleted,
    ...text('script_backup', i.scripts.backup),
    ...text('script_master', i.scripts.master),
    ...text('script_fault', i.scripts.fault),
    ...text('script_stop', i.scripts.stop),
    ...text('script', i.scripts.any),
    ...text('script_master_rx_lower_pri', i.scripts.masterRxLowerPriority),
    ...list('vips', i.addresses.map(addressLine)),
    ...list('evips', i.excluded.map(addressLine)),
    ...list('vroutes', i.routes),
    ...list('vrules', i.rules),
    ...list(
      'track_ifp',
      i.trackedInterfaces.map(({ name }) => name),
    ),
    ...list(
      'track_script',
      i.trackedScripts.map(({ command }) => command),
    ),
    auth_type: AUTH_TYPES[i.authentication.kind],
    ...(i.authentication.kind === 'none' ? {} : { auth_data: i.authentication.password }),
  };
}

function stats({ statistics: s }: DumpInstance): Record<string, number> {
  return {
    advert_rcvd: s.advertsReceived,
    advert_sent: s.advertsSent,
    become_master: s.becameMaster,
    release_master: s.releasedMaster,
    packet_len_err: dropped(s, 'length'),
    advert_interval_err: dropped(s, 'interval'),
    ip_ttl_err: dropped(s, 'ttl'),
    invalid_type_rcvd: dropped(s, 'type'),
    addr_list_err: dropped(s, 'addressList'),
    invalid_authtype: 0,
    authtype_mismatch: dropped(s, 'authType'),
    auth_failure: dropped(s, 'authFailure'),
    pri_zero_rcvd: s.priorityZeroReceived,
    pri_zero_sent: s.priorityZeroSent,
  };
}

/** The keys that keepalived 2.3 writes for a tracked process. */
const process = (p: DumpProcess): Record<string, unknown> => ({
  process: p.name,
  param_match: p.parameters,
  min_processes: p.quorum,
  current_processes: p.value ?? 0,
  have_quorum: p.good === true,
  weight: p.weight,
  terminate_delay: p.terminateDelayMs / 1000,
  fork_delay: p.forkDelayMs / 1000,
  fork_delay_timer_running: false,
  terminate_delay_timer_running: false,
  full_command: p.fullCommand,
});

/**
 * On one line; a `/` is written as `\/`, as the C daemon's library does, for those who compare texts. Version 2 (json_version of
 * 2.3) puts the instances under a name, and the tracked processes beside them.
 */
export function renderJson(
  instances: readonly DumpInstance[],
  version: 1 | 2 = 1,
  processes: readonly DumpProcess[] = [],
): string {
  const vrrp = instances.map((instance) => ({ data: data(instance), stats: stats(instance) }));
  const whole = version === 1 ? vrrp : { vrrp, track_process: processes.map(process) };
  return JSON.stringify(whole).replaceAll('/', '\\/');
}
