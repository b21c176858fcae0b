// What global_defs says to the checkers and the load balancer: LvsGlobalConfig. Used by config.ts.
import { parseIp } from '../../core/ip/address.ts';
import type { Timeouts } from '../../core/netlink/ipvs.ts';
import { quote, type Report } from './findings.ts';
import type { LvsGlobalConfig, SyncDaemonConfig } from './lvstypes.ts';
import type { GLOBAL_DEFS } from './schema/global.ts';
import type { Placed, Reading } from './spec.ts';
import { last } from './values.ts';

type Globals = Reading<typeof GLOBAL_DEFS>['values'];
type Words = Placed<readonly string[]>;

const SECONDS_MAX = 31 * 86_400;

function number(
  typed: Words,
  name: string,
  value: string | undefined,
  min: number,
  max: number,
  report: Report,
): number | null {
  const found = value !== undefined && /^[0-9]{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (found >= min && found <= max) return found;
  report(
    'error',
    typed.at,
    'value',
    `\`${name}\` cannot be "${quote(value ?? '')}"`,
    `write a number from ${min} to ${max}`,
  );
  return null;
}

function readTimeouts(typed: Words | undefined, report: Report): Timeouts | null {
  if (typed === undefined) return null;
  const seconds: Record<string, number> = { tcp: 0, tcpfin: 0, udp: 0 };
  for (let i = 0; i < typed.value.length; i += 2) {
    const name = typed.value[i] ?? '';
    if (!Object.hasOwn(seconds, name)) {
      report(
        'error',
        typed.at,
        'value',
        `"${quote(name)}" is no time-out of lvs_timeouts`,
        'write tcp, tcpfin or udp, each with its seconds',
      );
      continue;
    }
    seconds[name] = number(typed, name, typed.value[i + 1], 1, SECONDS_MAX, report) ?? 0;
  }
  return { tcp: seconds['tcp'] ?? 0, tcpFin: seconds['tcpfin'] ?? 0, udp: seconds['udp'] ?? 0 };
}

function readSyncDaemon(typed: Words | undefined, report: Report): SyncDaemonConfig | null {
  if (typed === undefined) return null;
  const [interfaceName = '', ...options] = typed.value;
  const daemon: { -readonly [K in keyof SyncDaemonConfig]: SyncDaemonConfig[K] } = {
    interfaceName,
    instance: null,
    syncId: -1,
    maxBytes: null,
    port: null,
    ttl: null,
    group: null,
  };
  for (let i = 0; i < options.length; i++) {
    const name = options[i] ?? '';
    const value = options[i + 1];
    if (name === 'inst') daemon.instance = value ?? null;
    else if (name === 'id') daemon.syncId = number(typed, name, value, 0, 255, report) ?? -1;
    else if (name === 'maxlen') daemon.maxBytes = number(typed, name, value, 1, 65_507, report);
    else if (name === 'port') daemon.port = number(typed, name, value, 1, 65_535, report);
    else if (name === 'ttl') daemon.ttl = number(typed, name, value, 1, 255, report);
    else if (name === 'group') {
      daemon.group = value !== undefined && parseIp(value) !== null ? value : null;
      if (daemon.group === null)
        report(
          'error',
          typed.at,
          'address',
          `"${quote(value ?? '')}" is no multicast address`,
          'write 224.0.0.81',
        );
    } else if (i === 0) {
      // As older files have it: the instance's name behind the interface.
      daemon.instance = name;
      continue;
    } else {
      report(
        'error',
        typed.at,
        'value',
        `"${quote(name)}" is no option of lvs_sync_daemon`,
        'known are inst, id, maxlen, port, ttl, group',
      );
      continue;
    }
    i++;
  }
  return daemon;
}

export function readLvsGlobal(g: Globals, report: Report): LvsGlobalConfig {
  const stop = g.lvs_flush_on_stop ?? g.lvs_flush_onstop;
  return {
    syncDaemon: readSyncDaemon(g.lvs_sync_daemon?.at(-1), report),
    timeouts: readTimeouts(g.lvs_timeouts?.at(-1), report),
    flush: g.lvs_flush !== undefined,
    // With VS only our own services go at once; that is what happens anyway.
    flushOnStop: stop !== undefined && last(stop)?.[0] !== 'VS',
    logAllFailures: last(g.checker_log_all_failures) ?? false,
    initNotifies: g.rs_init_notifies !== undefined,
    checkerMails: g.no_checker_emails === undefined,
  };
}
