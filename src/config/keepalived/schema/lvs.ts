// Every keyword of virtual servers, their real servers and the checkers (keepalived 2.3), and MYSQL_CHECK, which is our own.
import { rows } from '../entries.ts';
import {
  address,
  block,
  choice,
  deprecated,
  flag,
  integer,
  not,
  type Placed,
  repeated,
  type Spec,
  script,
  seconds,
  toggle,
  word,
  words,
} from '../spec.ts';
import { BFD, SNMP } from './reasons.ts';

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
  fwmark: integer(1, UINT),
} as const;

export const URL = {
  path: word(),
  digest: repeated(word()),
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

/** Our own: a log-in and a question instead of a shell script. */
const MYSQL = {
  ...CHECK,
  connect_timeout: PACE.connect_timeout,
  connect_ip: address(),
  connect_port: integer(1, 65_535),
  user: word(),
  password_file: word(),
  query: word(),
  replication: words(0, 1),
  max_lag: integer(0, UINT),
  require_writable: flag(),
  tls: words(0, 2),
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
  MYSQL_CHECK: block(MYSQL),
} as const;

export const REAL_SERVER = {
  weight: integer(0, 2_147_483_647),
  lvs_method: words(1),
  notify_up: script(),
  notify_down: script(),
  uthreshold: integer(0, UINT),
  lthreshold: integer(0, UINT),
  smtp_alert: toggle(),
  virtualhost: word(),
  snmp_name: not(word(), SNMP),
  inhibit_on_failure: toggle(),
  alpha: toggle(),
  ...PACE,
  ...CHECKERS,
} as const;

export const VIRTUAL_SERVER = {
  ...PACE,
  alpha: flag(),
  omega: flag(),
  lvs_sched: word(),
  lb_algo: word(),
  lvs_method: words(1),
  lb_kind: words(1),
  'flag-1': flag(),
  'flag-2': flag(),
  'flag-3': flag(),
  'sh-port': flag(),
  'sh-fallback': flag(),
  'mh-port': flag(),
  'mh-fallback': flag(),
  hashed: flag(),
  ops: flag(),
  persistence_engine: word(),
  persistence_timeout: integer(1, UINT, { default: 360 }),
  persistence_granularity: word(),
  protocol: choice('TCP', 'UDP', 'SCTP', 'tcp', 'udp', 'sctp'),
  ha_suspend: flag(),
  smtp_alert: toggle(),
  virtualhost: word(),
  snmp_name: not(word(), SNMP),
  quorum: integer(1, UINT),
  hysteresis: integer(0, UINT),
  quorum_up: script(),
  quorum_down: script(),
  ip_family: choice('inet', 'inet6'),
  sorry_server: words(1, 2),
  sorry_server_inhibit: flag(),
  sorry_server_lvs_method: words(1),
  inhibit_on_failure: flag(),
  real_server: block(REAL_SERVER, [1, 2]),
} as const;

interface Group {
  readonly name: string;
  readonly lines: readonly Placed<readonly string[]>[];
}

const group = (): Spec<Group> => ({
  ...rows(),
  words: [1, 1],
  read: (statement, report) => ({
    name: statement.args[0]?.text ?? '',
    lines: rows().read(statement, report) ?? [],
  }),
});

export const LVS = {
  virtual_server: block(VIRTUAL_SERVER, [1, 2]),
  virtual_server_group: group(),
  SSL: block({ password: word(), ca: word(), certificate: word(), key: word() }),
} as const;
