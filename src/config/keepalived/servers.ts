// Virtual servers, their real servers and checkers, with the inheritance virtual server -> real server -> checker. Used by config.ts.
import { parseIp } from '../../core/ip/address.ts';
import { quote, type Report } from './findings.ts';
import type { TOP } from './schema/index.ts';
import { CHECKERS, type REAL_SERVER, type VIRTUAL_SERVER } from './schema/lvs.ts';
import type { Placed, Reading, Script } from './spec.ts';
import type { CheckerConfig, RealServerConfig, VirtualServerConfig } from './types.ts';
import { last } from './values.ts';
import type { Word } from './words.ts';

/** What every level may set. */
interface Pace {
  readonly connect_timeout?: readonly Placed<number>[];
  readonly retry?: readonly Placed<number>[];
  readonly delay_before_retry?: readonly Placed<number>[];
  readonly warmup?: readonly Placed<number>[];
  readonly delay_loop?: readonly Placed<number>[];
  readonly alpha?: readonly Placed<boolean>[];
}

interface Checker extends Pace {
  readonly connect_ip?: readonly Placed<string>[];
  readonly connect_port?: readonly Placed<number>[];
  readonly misc_path?: readonly Placed<Script>[];
}

function readPort(word: Word | undefined, report: Report): number | null {
  if (word === undefined) return null;
  const port = /^[0-9]{1,5}$/.test(word.text) ? Number(word.text) : Number.NaN;
  if (port >= 1 && port <= 65_535) return port;
  report('error', word.at, 'value', `"${quote(word.text)}" is no port`, 'write a number from 1 to 65535');
  return null;
}

function readChecker(
  kind: string,
  checker: Placed<{ at: Placed<unknown>['at']; values: Checker }>,
  levels: readonly Pace[],
): CheckerConfig {
  const v = checker.value.values;
  const inherit = <K extends keyof Pace>(key: K) =>
    [v, ...levels].map((level) => level[key]?.at(-1)?.value).find((x) => x !== undefined);
  const intervalMs = (inherit('delay_loop') as number | undefined) ?? 60_000;
  const retryByKind: Readonly<Record<string, number>> = { DNS_CHECK: 3, MISC_CHECK: 0 };
  const delayByKind: Readonly<Record<string, number>> = {
    DNS_CHECK: intervalMs,
    HTTP_GET: 3000,
    SSL_GET: 3000,
  };
  return {
    kind,
    at: checker.value.at,
    connectAddress: last(v.connect_ip) ?? null,
    connectPort: last(v.connect_port) ?? null,
    timeoutMs: (inherit('connect_timeout') as number | undefined) ?? 5000,
    retries: (inherit('retry') as number | undefined) ?? retryByKind[kind] ?? 1,
    delayBeforeRetryMs: (inherit('delay_before_retry') as number | undefined) ?? delayByKind[kind] ?? 1000,
    intervalMs,
    warmupMs: (inherit('warmup') as number | undefined) ?? intervalMs,
    startsDown: (inherit('alpha') as boolean | undefined) ?? false,
    script: last(v.misc_path) ?? null,
  };
}

function readRealServer(
  real: Reading<typeof REAL_SERVER>,
  virtual: Pace & { inhibit: boolean },
  report: Report,
): RealServerConfig {
  const { values: v, args, at } = real;
  const [host, port] = args;
  if (host !== undefined && parseIp(host.text) === null)
    report(
      'error',
      host.at,
      'address',
      `"${quote(host.text)}" is no IP address`,
      'write the address of the server, then its port',
    );
  const checkers = Object.keys(CHECKERS).flatMap((kind) =>
    (
      (v as Record<string, readonly Placed<{ at: Placed<unknown>['at']; values: Checker }>[]>)[kind] ?? []
    ).map((c) => readChecker(kind, c, [v, virtual])),
  );
  return {
    address: host?.text ?? '',
    port: readPort(port, report),
    at,
    weight: last(v.weight) ?? 1,
    notifyUp: last(v.notify_up) ?? null,
    notifyDown: last(v.notify_down) ?? null,
    inhibitOnFailure: last(v.inhibit_on_failure) ?? virtual.inhibit,
    checkers,
  };
}

function readVirtualServer(reading: Reading<typeof VIRTUAL_SERVER>, report: Report): VirtualServerConfig {
  const { values: v, args, at } = reading;
  const [first, second] = args;
  const named = first?.text === 'group' || first?.text === 'fwmark';
  if (!named && first !== undefined && parseIp(first.text) === null)
    report(
      'error',
      first.at,
      'address',
      `"${quote(first.text)}" is no IP address`,
      'write an address and a port, `fwmark N` or `group NAME`',
    );
  const protocol = last(v.protocol)?.toUpperCase();
  if (first?.text === 'fwmark' && protocol !== undefined)
    report(
      'error',
      v.protocol?.at(-1)?.at ?? at,
      'fwmark-protocol',
      'a virtual server by firewall mark has no protocol; the word is ignored',
      'remove protocol',
    );
  return {
    address: named ? `${first?.text} ${second?.text ?? ''}` : (first?.text ?? ''),
    port: named ? null : readPort(second, report),
    at,
    protocol: protocol === 'UDP' || protocol === 'SCTP' ? protocol : 'TCP',
    quorum: last(v.quorum) ?? 1,
    hysteresis: last(v.hysteresis) ?? 0,
    quorumUp: last(v.quorum_up) ?? null,
    quorumDown: last(v.quorum_down) ?? null,
    realServers: (v.real_server ?? []).map((r) =>
      readRealServer(r.value, { ...v, inhibit: v.inhibit_on_failure !== undefined }, report),
    ),
  };
}

export function readVirtualServers(reading: Reading<typeof TOP>, report: Report): VirtualServerConfig[] {
  return (reading.values.virtual_server ?? []).map((each) => readVirtualServer(each.value, report));
}
