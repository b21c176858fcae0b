// What the signals ask for, done: reload, the dump files, stop.

import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import type { KeepalivedConfig } from '../../config/keepalived/types.ts';
import { last } from '../../config/keepalived/values.ts';
import { OperatorError } from '../../core/error.ts';
import { renderChecks } from '../../core/keepalived/dump-checks.ts';
import { renderData } from '../../core/keepalived/dump-data.ts';
import { renderJson } from '../../core/keepalived/dump-json.ts';
import { renderStatistics, statisticsSince } from '../../core/keepalived/dump-stats.ts';
import type { Statistics } from '../../core/vrrp/state.ts';
import { compile } from './compile.ts';
import type { Daemon } from './daemon.ts';
import { composeDump, instanceDumps, processDumps, type Standing } from './dump.ts';
import { type DumpKind, dumpPath, writeDump } from './dumpfile.ts';
import type { SignalDuties } from './signals.ts';
import type { Names, SurfaceOptions } from './surface.ts';
import { type GlobalValues, globalValues } from './surfaceglobals.ts';
import { findingLine, type LoadedConfig, loadConfig } from './surfaceload.ts';
import type { DaemonLog } from './surfacelog.ts';
import { runLifeScript } from './surfacescripts.ts';

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
/** child_wait_time: how long the scripts may take to end. */
const WAIT_S_DEFAULT = 5;
/** And how long, besides, what is part of the daemon. */
const PARTS_END_MS_MAX = 8000;

export interface Duties extends SignalDuties {
  /** -d: the data goes to the log, without the passwords. */
  logData(): Promise<void>;
}

/** Its first sentence is what the log says when nothing is reloaded. */
function refusal(loaded: LoadedConfig, checked: boolean): string | null {
  const severities = checked ? ['fatal', 'error'] : ['fatal'];
  const found = loaded.findings.find((f) => severities.includes(f.severity));
  return found === undefined ? null : findingLine(found);
}

export function dutiesOf(
  daemon: Daemon,
  first: KeepalivedConfig,
  names: Names,
  options: SurfaceOptions,
  log: DaemonLog,
): Duties {
  let config = first;
  let cleared = new Map<string, Statistics>();

  const standing = async (): Promise<Standing> => ({
    config,
    settings: compile(config, { detail: options.detail, keepOnStop: options.keepVrrp }),
    views: await daemon.instances(),
    trackers: daemon.trackers.view(),
  });

  const write = (kind: DumpKind, text: string): void => {
    try {
      writeDump(dumpPath(config, kind, names.suffix), text);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      log.say('main', 'error', `${error.message} - ${error.hint}`);
    }
  };

  const take = async (loaded: LoadedConfig): Promise<void> => {
    const named = (c: KeepalivedConfig) =>
      [c.reading.values.instance, c.reading.values.net_namespace].map((v) => last<string>(v) ?? '').join('/');
    if (named(config) !== named(loaded.config))
      log.say(
        'main',
        'warn',
        'Cannot change network namespace or instance name at a reload - please restart',
      );
    for (const finding of loaded.findings)
      log.say('main', finding.severity === 'warning' ? 'warn' : 'error', findingLine(finding));
    config = loaded.config;
    await daemon.reload(config);
    log.say('main', 'info', 'Reload complete');
  };

  return {
    async reload() {
      log.say('main', 'info', 'Reloading ...');
      const typed = globalValues(config);
      const ends = markReload(typed, names.folder, log);
      let loaded: LoadedConfig;
      try {
        loaded = loadConfig(options.config);
      } catch (error) {
        if (!(error instanceof OperatorError)) throw error;
        log.say('main', 'error', `${error.message} Not reloaded: the configuration stays as it was`);
        return;
      } finally {
        ends();
      }
      saveCheck(typed, loaded, log);
      const refused = refusal(loaded, typed.reload_check_config !== undefined);
      if (refused === null) await take(loaded);
      else log.say('main', 'error', `${refused}. Not reloaded: the configuration stays as it was`);
    },
    async data() {
      log.say('main', 'info', `Printing VRRP data for process(${process.pid}) on signal`);
      write('data', renderData(composeDump(await standing())));
      if (daemon.checkers !== null && config.virtualServers.length > 0)
        write('check', renderChecks(daemon.checkers.view()));
    },
    async stats(clear) {
      log.say(
        'main',
        'info',
        `Printing VRRP stats for process(${process.pid})${clear ? ' and clearing stats' : ''} on signal`,
      );
      const views = await daemon.instances();
      const shown = views.map(({ name, statistics }) => {
        const before = cleared.get(name);
        return { name, statistics: before === undefined ? statistics : statisticsSince(statistics, before) };
      });
      write('stats', renderStatistics(shown));
      if (clear) cleared = new Map(views.map(({ name, statistics }) => [name, statistics]));
    },
    async json() {
      log.say('main', 'info', `Printing VRRP as json for process(${process.pid}) on signal`);
      const now = await standing();
      const instances = instanceDumps(now);
      const version = last(globalValues(config).json_version)?.[0] === '2' ? 2 : 1;
      write('json', renderJson(instances, version, processDumps(now, instances)));
    },
    async logData() {
      const text = renderData(composeDump(await standing()));
      for (const line of text.trimEnd().split('\n'))
        log.say('vrrp', 'info', line.replace(/^( {3}Password = ).*/, '$1********'));
    },
    async stop() {
      log.say('main', 'info', 'Stopping');
      const waitMs = (last(config.reading.values.child_wait_time) ?? WAIT_S_DEFAULT) * 1000;
      const bound = new Promise((resolve) => setTimeout(resolve, waitMs + PARTS_END_MS_MAX).unref());
      await Promise.race([daemon.stop(waitMs), bound]);
      if (options.vrrp) log.say('vrrp', 'info', 'Stopped');
      await runLifeScript(config, 'shutdown', log.of('main'));
    },
  };
}

/** reload_file: there while the files are read; whoever writes them waits until it is gone. */
function markReload(typed: GlobalValues, folder: string, log: DaemonLog): () => void {
  if (typed.reload_file === undefined) return () => {};
  const path = last(typed.reload_file)?.[0] ?? `${folder}/keepalived.reload`;
  try {
    closeSync(openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644));
    return () => unlinkSync(path);
  } catch (error) {
    log.say('main', 'warn', `cannot make the reload file ${path} (${(error as NodeJS.ErrnoException).code})`);
    return () => {};
  }
}

/** reload_check_config FILE: what is wrong is written there. */
function saveCheck(typed: GlobalValues, loaded: LoadedConfig, log: DaemonLog): void {
  const path = last(typed.reload_check_config)?.[0];
  if (path === undefined) return;
  try {
    writeDump(path, loaded.findings.map((f) => `${findingLine(f)}\n`).join(''));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    log.say('main', 'warn', error.message);
  }
}
