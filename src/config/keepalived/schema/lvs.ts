// Every keyword of virtual servers, their real servers and the checkers (keepalived 2.3). A pair uses the checkers of its own
// server; the load balancer of the kernel is not steered.
import { rows } from '../entries.ts';
import {
  address,
  block,
  choice,
  deprecated,
  flag,
  integer,
  not,
  repeated,
  script,
  seconds,
  toggle,
  word,
  words,
} from '../spec.ts';
import { BFD, IPVS } from './reasons.ts';

const UINT = 4_294_967_295;
const TIME_MAX_S = 4294;

const PACE = {
  connect_timeout: seconds(0.000_001, TIME_MAX_S),
  retry: integer(0, UINT),
  delay_before_retry: seconds(0, TIME_MAX_S),
  warmup: seconds(0, TIME_MAX_S),
  delay_loop: seconds(0.000_001, TIME_MAX_S),
} as const;

const CHECK = {
  alpha: toggle(),
  retry: PACE.retry,
  delay_before_retry: PACE.delay_before_retry,
  warmup: PACE.warmup,
  delay_loop: PACE.delay_loop,
  log_all_failures: toggle(),
} as const;

const CONNECTION = {
  ...CHECK,
  connect_timeout: PACE.connect_timeout,
  connect_ip: address(),
  connect_port: integer(1, 65_535),
  bindto: address(),
  bind_if: word(),
  bind_port: integer(1, 65_535),
  fwmark: not(integer(1, UINT), IPVS),
} as const;

const URL = {
  path: word(),
  digest: word(),
  status_code: words(1),
  virtualhost: word(),
  regex: word(),
  regex_no_match: flag(),
  regex_options: words(1),
  regex_stack: not(words(2, 2), 'the regular expressions of JavaScript have no such stack'),
  regex_min_offset: integer(0, UINT),
  regex_max_offset: integer(0, UINT),
} as const;

const HTTP = {
  ...CONNECTION,
  nb_get_retry: deprecated(integer(1, UINT), 'retry'),
  http_protocol: choice('1.0', '1.0C', '1.0c', '1.1'),
  fast_recovery: toggle(),
  virtualhost: word(),
  enable_sni: flag(),
  url: block(URL),
} as const;

export const CHECKERS = {
  TCP_CHECK: block(CONNECTION),
  HTTP_GET: block(HTTP),
  SSL_GET: block(HTTP),
  SMTP_CHECK: block({
    ...CONNECTION,
    helo_name: word(),
    host: deprecated(block(CONNECTION), 'the same keywords without host'),
  }),
  DNS_CHECK: block({
    ...CONNECTION,
    type: choice('A', 'NS', 'CNAME', 'SOA', 'MX', 'TXT', 'AAAA'),
    name: word(),
  }),
  UDP_CHECK: block({
    ...CONNECTION,
    payload: words(1),
    require_reply: words(0),
    min_reply_length: integer(0, 65_535),
    max_reply_length: integer(0, 65_535),
  }),
  PING_CHECK: block(CONNECTION),
  MISC_CHECK: block({
    ...CHECK,
    misc_path: script(),
    misc_timeout: seconds(0, TIME_MAX_S),
    misc_dynamic: flag(),
    user: words(1, 2),
  }),
  BFD_CHECK: not(block({ name: word(), alpha: toggle() }), BFD),
  FILE_CHECK: block({ track_file: word(), dynamic: flag(), weight: words(1, 2) }),
} as const;

export const REAL_SERVER = {
  weight: integer(0, 2_147_483_647),
  lvs_method: not(words(1), IPVS),
  notify_up: script(),
  notify_down: script(),
  uthreshold: not(integer(0, UINT), IPVS),
  lthreshold: not(integer(0, UINT), IPVS),
  smtp_alert: toggle(),
  virtualhost: word(),
  snmp_name: word(),
  inhibit_on_failure: toggle(),
  alpha: toggle(),
  ...PACE,
  ...CHECKERS,
} as const;

export const VIRTUAL_SERVER = {
  ...PACE,
  alpha: flag(),
  omega: flag(),
  lvs_sched: not(word(), IPVS),
  lb_algo: not(word(), IPVS),
  lvs_method: not(words(1), IPVS),
  lb_kind: not(words(1), IPVS),
  'flag-1': not(flag(), IPVS),
  'flag-2': not(flag(), IPVS),
  'flag-3': not(flag(), IPVS),
  'sh-port': not(flag(), IPVS),
  'sh-fallback': not(flag(), IPVS),
  'mh-port': not(flag(), IPVS),
  'mh-fallback': not(flag(), IPVS),
  hashed: not(flag(), IPVS),
  ops: not(flag(), IPVS),
  persistence_engine: not(word(), IPVS),
  persistence_timeout: not(integer(1, UINT, { default: 360 }), IPVS),
  persistence_granularity: not(word(), IPVS),
  protocol: choice('TCP', 'UDP', 'SCTP', 'tcp', 'udp', 'sctp'),
  ha_suspend: flag(),
  smtp_alert: toggle(),
  virtualhost: word(),
  snmp_name: word(),
  quorum: integer(1, UINT),
  hysteresis: integer(0, UINT),
  quorum_up: script(),
  quorum_down: script(),
  ip_family: choice('inet', 'inet6'),
  sorry_server: not(words(1, 2), IPVS),
  sorry_server_inhibit: not(flag(), IPVS),
  sorry_server_lvs_method: not(words(1), IPVS),
  inhibit_on_failure: flag(),
  real_server: block(REAL_SERVER, [1, 2]),
} as const;

export const LVS = {
  virtual_server: block(VIRTUAL_SERVER, [1, 2]),
  virtual_server_group: not(repeated({ ...rows(), words: [1, 1] as const }), IPVS),
  SSL: block({ password: word(), ca: word(), certificate: word(), key: word() }),
} as const;
