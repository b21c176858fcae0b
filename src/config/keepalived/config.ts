// What was read, with the C daemon's defaults and coercions: the KeepalivedConfig. Sixth step of parse.ts. A coercion that changes
// what was typed is reported where it happens.
import type { Report } from './findings.ts';
import { readInstance } from './instance.ts';
import { readGarpGroups, readInterfaceDelays } from './interfaces.ts';
import type { ReadFiles } from './lines.ts';
import { readLvsGlobal } from './lvsglobal.ts';
import { newNetworkContext, readRoutes, readRules, withKnownGroup } from './network.ts';
import type { GLOBAL_DEFS } from './schema/global.ts';
import type { TOP } from './schema/index.ts';
import { readVirtualServers } from './servers.ts';
import type { Placed, Reading, Schema } from './spec.ts';
import type { GlobalConfig, KeepalivedConfig, ScriptConfig, SyncGroupConfig } from './types.ts';
import { account, last, notifyOf, trackedOf, weightOf } from './values.ts';

export type Global = Reading<typeof GLOBAL_DEFS>['values'];

/** Several global_defs blocks count as one; in it the last word counts. */
function mergeGlobals(reading: Reading<typeof TOP>): Global {
  const merged: Record<string, readonly Placed<unknown>[]> = {};
  for (const { value } of reading.values.global_defs ?? [])
    for (const [key, placed] of Object.entries(value.values as Record<string, readonly Placed<unknown>[]>))
      merged[key] = [...(merged[key] ?? []), ...placed];
  return merged as Global;
}

function readGlobal(g: Global): GlobalConfig {
  const server = last(g.smtp_server);
  return {
    routerId: last(g.router_id) ?? null,
    mail: {
      to: (g.notification_email ?? []).flatMap((each) => each.value.map((address) => address.value)),
      from: last(g.notification_email_from) ?? null,
      server: server === undefined ? null : { host: server[0] ?? '', port: Number(server[1] ?? 25) },
      helo: last(g.smtp_helo_name) ?? null,
      timeoutMs: last(g.smtp_connect_timeout) ?? 30_000,
    },
    scriptSecurity: g.enable_script_security !== undefined,
    scriptUser: account(last(g.script_user)),
    vrrpVersion: last(g.vrrp_version) === 3 ? 3 : 2,
    startupDelayMs: last(g.vrrp_startup_delay) ?? 0,
    strict: g.vrrp_strict !== undefined,
    notifyFifo: last(g.notify_fifo)?.[0] ?? null,
    vrrpNotifyFifo: last(g.vrrp_notify_fifo)?.[0] ?? null,
    lvsNotifyFifo: last(g.lvs_notify_fifo)?.[0] ?? null,
    realtimePriority: last(g.vrrp_rt_priority) ?? null,
    umask: last(g.umask) ?? null,
  };
}

/** Of two blocks with one name the first counts, as in the C daemon. */
function distinct<S extends Schema>(
  what: string,
  found: readonly Placed<Reading<S>>[] | undefined,
  report: Report,
): Reading<S>[] {
  const names = new Set<string>();
  const kept: Reading<S>[] = [];
  for (const { value } of found ?? []) {
    const name = value.args[0]?.text ?? '';
    if (!names.has(name)) kept.push(value);
    else
      report(
        'error',
        value.at,
        'name-twice',
        `there is a ${what} "${name}" before this one; only the first counts`,
        'give each a name of its own',
      );
    names.add(name);
  }
  return kept;
}

function readScripts(reading: Reading<typeof TOP>, report: Report): ScriptConfig[] {
  return distinct('vrrp_script', reading.values.vrrp_script, report).flatMap((s): ScriptConfig[] => {
    const { values: v, at } = s;
    const name = s.args[0]?.text ?? '';
    const script = last(v.script);
    if (script === undefined) {
      report(
        'error',
        at,
        'script-missing',
        `vrrp_script ${name} names no script, and is left out`,
        'add script "/path/of/it arguments"',
      );
      return [];
    }
    let intervalMs = last(v.interval) ?? 1000;
    if (intervalMs <= 0) {
      const place = v.interval?.at(-1)?.at ?? at;
      report(
        'error',
        place,
        'value',
        'the interval of a script cannot be 0; 1 second is taken',
        'write interval 1',
      );
      intervalMs = 1000;
    }
    const { weight, reverse } = weightOf(v.weight?.at(-1), 253, report);
    return [
      {
        name,
        at,
        script,
        intervalMs,
        timeoutMs: last(v.timeout) ?? null,
        weight,
        reverse,
        rise: last(v.rise) ?? 1,
        fall: last(v.fall) ?? 1,
        user: account(last(v.user)),
        initFail: v.init_fail !== undefined,
      },
    ];
  });
}

export function makeConfig(reading: Reading<typeof TOP>, read: ReadFiles, report: Report): KeepalivedConfig {
  const globals = mergeGlobals(reading);
  const global = readGlobal(globals);
  const groups = (reading.values.track_group ?? []).map(({ value }) => value.args[0]?.text ?? '');
  const network = newNetworkContext(read, globals.vmac_prefix?.at(-1), new Set(groups), report);
  const lvs = readLvsGlobal(globals, report);
  const mailByDefault = last(globals.smtp_alert_vrrp) ?? last(globals.smtp_alert) ?? false;
  const syncGroups = distinct('vrrp_sync_group', reading.values.vrrp_sync_group, report).map(
    (g): SyncGroupConfig => ({
      name: g.args[0]?.text ?? '',
      at: g.at,
      members: last(g.values.group) ?? [],
      tracked: trackedOf(g.values),
      notify: notifyOf(g.values),
      mail: last(g.values.smtp_alert) ?? mailByDefault,
    }),
  );
  const device = last(globals.default_interface) ?? 'eth0';
  return {
    interfaceDelays: readInterfaceDelays(reading, report),
    garpGroups: readGarpGroups(reading),
    global,
    staticAddresses: (reading.values.static_ipaddress ?? [])
      .flatMap((each) => each.value)
      .map(({ value, at }) => ({ value: { ...value, device: value.device ?? device }, at }))
      .map(({ value, at }) => ({ value: withKnownGroup(value, at, network, report), at })),
    // Before the instances': rules without a preference get theirs in this order.
    staticRoutes: readRoutes(reading.values.static_routes, true, network, report),
    staticRules: readRules(reading.values.static_rules, true, network, report),
    scripts: readScripts(reading, report),
    instances: distinct('vrrp_instance', reading.values.vrrp_instance, report).map((i) =>
      readInstance(i, { global, globals, mailByDefault, network }, report),
    ),
    syncGroups,
    lvs,
    virtualServers: readVirtualServers({
      top: reading,
      lvs,
      mailByDefault: last(globals.smtp_alert_checker) ?? last(globals.smtp_alert),
      report,
    }),
    reading,
  };
}
