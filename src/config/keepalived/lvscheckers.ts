// The checkers of a real server, complete: what each looks at, with the inheritance virtual server -> real server -> checker and the
// C daemon's defaults. Used by servers.ts; the kinds with much to say of their own are in lvshttp.ts and lvsudp.ts.
import { encodeName } from '../../core/checker/dns.ts';
import { type CheckTarget, type Connection, DNS_TYPES } from '../../core/checker/target.ts';
import { quote, type Report } from './findings.ts';
import { readHttp } from './lvshttp.ts';
import type { CheckerConfig } from './lvstypes.ts';
import { readUdp } from './lvsudp.ts';
import type { TOP } from './schema/index.ts';
import type { CHECKERS } from './schema/lvs.ts';
import type { Placed, Reading, Script } from './spec.ts';
import type { Place } from './text.ts';
import { last, weightOf } from './values.ts';

/** What every level may set. */
export interface Pace {
  readonly connect_timeout?: readonly Placed<number>[];
  readonly retry?: readonly Placed<number>[];
  readonly delay_before_retry?: readonly Placed<number>[];
  readonly warmup?: readonly Placed<number>[];
  readonly delay_loop?: readonly Placed<number>[];
  readonly alpha?: readonly Placed<boolean>[];
  readonly virtualhost?: readonly Placed<string>[];
}

type Values<K extends keyof typeof CHECKERS> =
  NonNullable<
    (typeof CHECKERS)[K] extends { read(...args: never[]): infer R } ? NonNullable<R> : never
  > extends { values: infer V }
    ? V
    : never;

/** The keywords that checkers have in common; each kind knows some of them. */
export interface CheckerValues extends Pace {
  readonly connect_ip?: readonly Placed<string>[];
  readonly connect_port?: readonly Placed<number>[];
  readonly bindto?: readonly Placed<string>[];
  readonly bind_if?: readonly Placed<string>[];
  readonly bind_port?: readonly Placed<number>[];
  readonly fwmark?: readonly Placed<number>[];
  readonly log_all_failures?: readonly Placed<boolean>[];
  readonly fast_recovery?: readonly Placed<boolean>[];
  readonly nb_get_retry?: readonly Placed<number>[];
  readonly misc_path?: readonly Placed<Script>[];
  /** Of SMTP_CHECK, the old way. */
  readonly host?: readonly Placed<{ readonly values: Pace }>[];
}

export interface CheckerContext {
  readonly top: Reading<typeof TOP>;
  readonly address: string;
  readonly port: number;
  /** The real server, then the virtual server. */
  readonly levels: readonly Pace[];
  readonly logAllFailures: boolean;
  readonly report: Report;
}

const RETRY_BY_KIND: Readonly<Record<string, number>> = { DNS_CHECK: 3, MISC_CHECK: 0 };
const DELAY_BY_KIND: Readonly<Record<string, number>> = { HTTP_GET: 3000, SSL_GET: 3000 };

function connectionOf(v: CheckerValues, timeoutMs: number, context: CheckerContext): Connection {
  const address = last(v.connect_ip) ?? context.address;
  const bind = v.bindto?.at(-1);
  const sameFamily = bind === undefined || bind.value.includes(':') === address.includes(':');
  if (bind !== undefined && !sameFamily)
    context.report(
      'error',
      bind.at,
      'address-family',
      `bindto ${bind.value} is of another family than ${address}, and is left out`,
      'write an address of this host of the same family',
    );
  return {
    address,
    port: last(v.connect_port) ?? context.port,
    timeoutMs,
    bindAddress: sameFamily ? (bind?.value ?? null) : null,
    bindPort: last(v.bind_port) ?? null,
    bindInterface: last(v.bind_if) ?? null,
    firewallMark: last(v.fwmark) ?? null,
  };
}

function readDns(v: Values<'DNS_CHECK'>, connection: Connection, report: Report): CheckTarget {
  const name = v.name?.at(-1);
  const fine = name === undefined || encodeName(name.value) !== null;
  if (!fine)
    report(
      'error',
      name.at,
      'value',
      `"${quote(name.value)}" is no name of the DNS; the root is asked for`,
      'write a name such as example.com',
    );
  const type = DNS_TYPES.find((t) => t === last(v.type)) ?? 'SOA';
  return { kind: 'DNS_CHECK', connection, type, name: fine ? (name?.value ?? '.') : '.' };
}

function readMisc(
  v: Values<'MISC_CHECK'>,
  at: Place,
  intervalMs: number,
  report: Report,
): CheckTarget | null {
  const script = last(v.misc_path);
  if (script === undefined) {
    report(
      'error',
      at,
      'script-missing',
      'this MISC_CHECK names no script, and is left out',
      'add misc_path "/path/of/it arguments"',
    );
    return null;
  }
  const account = last(v.user);
  return {
    kind: 'MISC_CHECK',
    command: script.command,
    user: account?.[0] ?? script.user,
    group: account?.[1] ?? script.group,
    timeoutMs: last(v.misc_timeout) || intervalMs,
    dynamic: v.misc_dynamic !== undefined,
  };
}

function readFile(v: Values<'FILE_CHECK'>, at: Place, { top, report }: CheckerContext): CheckTarget | null {
  const name = last(v.track_file);
  const blocks = [...(top.values.track_file ?? []), ...(top.values.vrrp_track_file ?? [])];
  const block = blocks.find((b) => b.value.args[0]?.text === name)?.value;
  const file = last(block?.values.file);
  if (name === undefined || file === undefined) {
    report(
      'error',
      at,
      'track-file-unknown',
      name === undefined
        ? 'this FILE_CHECK names no track_file, and is left out'
        : `there is no track_file "${quote(name)}" with a file, and this FILE_CHECK is left out`,
      'add track_file NAME { file "/path/of/it" } at the top, and name it here',
    );
    return null;
  }
  const typed = v.weight ?? block?.values.weight;
  const { weight, reverse } =
    typed === undefined ? { weight: 1, reverse: false } : weightOf(typed.at(-1), 2_147_483_647, report);
  return { kind: 'FILE_CHECK', name, file, factor: reverse ? -weight : weight };
}

const TLS_MODES = ['preferred', 'required', 'verify'] as const;

function readMysql(v: Values<'MYSQL_CHECK'>, at: Place, connection: Connection, report: Report): CheckTarget {
  if (last(v.user) === undefined)
    report(
      'error',
      at,
      'mysql-user',
      'this MYSQL_CHECK names no user, and fails',
      'add user NAME, and password_file PATH',
    );
  const replication = v.replication?.at(-1);
  const [how] = replication?.value ?? [];
  if (how !== undefined && how !== 'connected')
    report(
      'error',
      replication?.at ?? at,
      'value',
      `\`replication\` cannot be "${quote(how)}"`,
      'write replication, or replication connected',
    );
  const tls = v.tls?.at(-1);
  const [mode = 'required', caFile] = tls?.value ?? [];
  const known = TLS_MODES.find((m) => m === mode);
  if (known === undefined)
    report(
      'error',
      tls?.at ?? at,
      'value',
      `\`tls\` cannot be "${quote(mode)}"; required is taken`,
      'write tls preferred, tls required, or tls verify /path/of/ca.pem',
    );
  return {
    kind: 'MYSQL_CHECK',
    connection,
    user: last(v.user) ?? '',
    passwordFile: last(v.password_file) ?? null,
    query: last(v.query) ?? 'SELECT 1',
    replication: replication === undefined ? 'ignored' : how === 'connected' ? 'connected' : 'threads',
    lagSecondsMax: last(v.max_lag) ?? null,
    requireWritable: v.require_writable !== undefined,
    tls: tls === undefined ? null : { mode: known ?? 'required', caFile: caFile ?? null },
  };
}

function targetOf(
  kind: keyof typeof CHECKERS,
  v: CheckerValues,
  at: Place,
  pace: { readonly intervalMs: number; readonly timeoutMs: number },
  context: CheckerContext,
): CheckTarget | null {
  const connection = connectionOf(v, pace.timeoutMs, context);
  const { report } = context;
  switch (kind) {
    case 'TCP_CHECK':
    case 'PING_CHECK':
      return { kind, connection };
    case 'SMTP_CHECK':
      return {
        kind,
        connection,
        helo: last((v as Values<'SMTP_CHECK'>).helo_name) ?? 'smtpchecker.keepalived.org',
      };
    case 'HTTP_GET':
    case 'SSL_GET':
      return readHttp(kind, v as Values<'HTTP_GET'>, at, connection, context);
    case 'DNS_CHECK':
      return readDns(v as Values<'DNS_CHECK'>, connection, report);
    case 'UDP_CHECK':
      return readUdp(v as Values<'UDP_CHECK'>, at, connection, report);
    case 'MISC_CHECK':
      return readMisc(v as Values<'MISC_CHECK'>, at, pace.intervalMs, report);
    case 'FILE_CHECK':
      return readFile(v as Values<'FILE_CHECK'>, at, context);
    case 'MYSQL_CHECK':
      return readMysql(v as Values<'MYSQL_CHECK'>, at, connection, report);
    case 'BFD_CHECK':
      return null;
  }
}

/** null: it cannot be carried out, which is reported. */
export function readChecker(
  kind: keyof typeof CHECKERS,
  at: Place,
  v: CheckerValues,
  context: CheckerContext,
): CheckerConfig | null {
  const inherit = <K extends keyof Pace>(key: K) =>
    [v, ...context.levels].map((level) => level[key]?.at(-1)?.value).find((x) => x !== undefined);
  const intervalMs = (inherit('delay_loop') as number | undefined) ?? 60_000;
  const timeoutMs = (inherit('connect_timeout') as number | undefined) ?? 5000;
  const target = targetOf(kind, v, at, { intervalMs, timeoutMs }, context);
  if (target === null) return null;
  const delay = kind === 'DNS_CHECK' ? intervalMs : (DELAY_BY_KIND[kind] ?? 1000);
  return {
    kind,
    at,
    connectAddress: last(v.connect_ip) ?? null,
    connectPort: last(v.connect_port) ?? null,
    timeoutMs,
    retries: last(v.nb_get_retry) ?? (inherit('retry') as number | undefined) ?? RETRY_BY_KIND[kind] ?? 1,
    delayBeforeRetryMs: (inherit('delay_before_retry') as number | undefined) ?? delay,
    intervalMs,
    warmupMs: (inherit('warmup') as number | undefined) ?? intervalMs,
    startsDown: (inherit('alpha') as boolean | undefined) ?? false,
    logAllFailures: last(v.log_all_failures) ?? context.logAllFailures,
    fastRecovery: last(v.fast_recovery) ?? false,
    script: last(v.misc_path) ?? null,
    target,
  };
}
