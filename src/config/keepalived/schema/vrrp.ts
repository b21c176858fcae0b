// Every keyword of the VRRP side (keepalived 2.3): scripts, tracked files and processes, groups, instances, and BFD.
import { addresses, peers, tracks, wordLines } from '../entries.ts';
import {
  address,
  block,
  choice,
  deprecated,
  flag,
  integer,
  list,
  not,
  type Script,
  type Spec,
  script,
  seconds,
  toggle,
  word,
  words,
} from '../spec.ts';
import { BFD, BUFFERS, GARP_EXTRA, LATE, SYNC_DAEMON, VMAC_ADDRESS } from './reasons.ts';

export const VRRP_SCRIPT = {
  script: script(),
  // Fractions from 2.3.2 on; rules.ts says so.
  interval: seconds(0, 4294),
  timeout: seconds(0, 4294),
  weight: words(1, 2),
  rise: integer(1, 2_147_483_647),
  fall: integer(1, 2_147_483_647),
  user: words(1, 2),
  init_fail: flag(),
} as const;

const TRACK_FILE = {
  file: word(),
  weight: words(1, 2),
  init_file: words(0, 2),
} as const;

const NOTIFY = {
  notify: script(),
  notify_master: script(),
  notify_backup: script(),
  notify_fault: script(),
  notify_stop: script(),
  notify_priority_changes: toggle(),
  smtp_alert: toggle(),
} as const;

const TRACKED = {
  track_interface: tracks(253),
  track_script: tracks(253),
  track_file: tracks(254),
  track_process: tracks(254),
  track_bfd: not(tracks(253), BFD),
} as const;

export const VRRP_SYNC_GROUP = {
  group: list(),
  ...TRACKED,
  ...NOTIFY,
  global_tracking: deprecated(flag(), 'track_interface, track_script and track_file in the group'),
  sync_group_tracking_weight: flag(),
} as const;

export const AUTHENTICATION = {
  auth_type: choice('PASS', 'AH'),
  auth_pass: word(),
} as const;

/** notify_deleted counts without a script too: then DELETED is told instead of FAULT. */
function optionalScript(): Spec<Script | 'alone'> {
  const spec = script();
  return {
    ...spec,
    words: [0, 3],
    read: (statement, report) => (statement.args.length === 0 ? 'alone' : spec.read(statement, report)),
  };
}

export const VRRP_INSTANCE = {
  state: choice('MASTER', 'BACKUP'),
  interface: word(),
  virtual_router_id: integer(1, 255),
  priority: integer(1, 255),
  advert_int: seconds(0.01, 255),
  version: integer(2, 3),
  nopreempt: flag(),
  preempt: flag(),
  preempt_delay: seconds(0, 1000),
  authentication: block(AUTHENTICATION),
  virtual_ipaddress: addresses(),
  virtual_ipaddress_excluded: addresses(),
  unicast_src_ip: address(),
  mcast_src_ip: address(),
  mcast_dst_ip: address(),
  unicast_peer: peers(),
  unicast_fault_no_peer: flag(),
  unicast_ttl: integer(0, 255),
  check_unicast_src: flag(),
  track_src_ip: flag(),
  old_unicast_checksum: words(0, 1),
  v3_checksum_as_v2: toggle(),
  ...TRACKED,
  ...NOTIFY,
  notify_master_rx_lower_pri: script(),
  notify_deleted: optionalScript(),
  dont_track_primary: flag(),
  garp_master_delay: integer(0, 1000),
  garp_master_repeat: integer(1, 255),
  garp_master_refresh: integer(0, 86_400),
  garp_master_refresh_repeat: integer(1, 255),
  garp_lower_prio_delay: integer(0, 1000),
  garp_lower_prio_repeat: integer(0, 255),
  garp_extra_if: not(words(1, 2), GARP_EXTRA),
  vmac_garp_intvl: not(deprecated(words(1, 2), 'garp_extra_if'), GARP_EXTRA),
  lower_prio_no_advert: toggle(),
  higher_prio_send_advert: toggle(),
  down_timer_adverts: integer(1, 100),
  owner_ignore_adverts: toggle(),
  // Always so here: a process that did not run for three adverts is BACKUP first.
  timer_expired_backup: not(integer(1, 254, { default: 254 }), LATE),
  thread_timer_expired: not(deprecated(integer(1, 254, { default: 254 }), 'timer_expired_backup'), LATE),
  no_virtual_ipaddress: flag(),
  skip_check_adv_addr: toggle(),
  strict_mode: toggle(),
  accept: flag(),
  no_accept: flag(),
  promote_secondaries: flag(),
  native_ipv6: deprecated(flag(), 'nothing: the addresses say it'),
  debug: not(integer(0, 4), 'the C daemon does nothing with it either'),
  kernel_rx_buf_size: not(integer(1, 4_294_967_295), BUFFERS),
  linkbeat_use_polling: not(flag(), 'the kernel reports a lost link over netlink at once'),
  virtual_routes: wordLines(),
  virtual_rules: wordLines(),
  use_vmac: words(0, 2),
  use_vmac_addr: not(flag(), VMAC_ADDRESS),
  vmac_xmit_base: flag(),
  use_ipvlan: words(0, 3),
  vrf: not(word(), 'VRFs are not looked at'),
  lvs_sync_daemon_interface: not(deprecated(word(), 'lvs_sync_daemon in global_defs'), SYNC_DAEMON),
} as const;

const TRACK_PROCESS = {
  process: words(1),
  param_match: choice('initial', 'partial'),
  weight: words(1, 2),
  quorum: integer(1, 65_535),
  quorum_max: integer(0, 65_535),
  fork_delay: seconds(0, 3600),
  terminate_delay: seconds(0, 3600),
  delay: seconds(0, 3600),
  full_command: flag(),
} as const;

const BFD_INSTANCE = {
  neighbor_ip: address(),
  neighbour_ip: address(),
  source_ip: address(),
  min_rx: words(1, 1),
  min_tx: words(1, 1),
  idle_tx: words(1, 1),
  multiplier: integer(1, 255),
  passive: flag(),
  ttl: integer(1, 255),
  hoplimit: integer(1, 255),
  max_hops: integer(0, 255),
  weight: words(1, 2),
  vrrp: flag(),
  checker: flag(),
} as const;

export const VRRP = {
  vrrp_script: block(VRRP_SCRIPT, [1, 1]),
  vrrp_sync_group: block(VRRP_SYNC_GROUP, [1, 1]),
  vrrp_instance: block(VRRP_INSTANCE, [1, 1]),
  track_file: block(TRACK_FILE, [1, 1]),
  vrrp_track_file: deprecated(block(TRACK_FILE, [1, 1]), 'track_file'),
  vrrp_track_process: block(TRACK_PROCESS, [1, 1]),
  bfd_instance: not(block(BFD_INSTANCE, [1, 1]), BFD),
} as const;
