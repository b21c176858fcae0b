// The keepalived mode as its users know the daemon: background, pid files, log lines, signals, dump files, start and stop scripts.
// What it runs is daemon.ts; cli/keepalived.ts made the options of the command line.

import { mkdirSync } from 'node:fs';
import { release, type } from 'node:os';
import { dirname } from 'node:path';
import type { KeepalivedConfig } from '../../config/keepalived/types.ts';
import { last } from '../../config/keepalived/values.ts';
import { OperatorError } from '../../core/error.ts';
import { tellServiceManager } from '../../io/linux/sdnotify.ts';
import { FACILITIES, syslogListens } from '../../io/linux/syslog.ts';
import { compile } from './compile.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { defaultPidPlaces, type PidFile, type PidPlaces, takePidFile } from './pidfile.ts';
import { listenToSignals, type Signals } from './signals.ts';
import { inBackground, startInBackground, tellStarted } from './surfacebackground.ts';
import { dutiesOf } from './surfaceduties.ts';
import {
  EXIT,
  fatalFinding,
  findingLine,
  type LoadedConfig,
  type LoadOptions,
  loadConfig,
} from './surfaceload.ts';
import { type DaemonLog, openDaemonLog } from './surfacelog.ts';
import { enterNamespace } from './surfacenamespace.ts';
import { nameProcess, unlimitCoreDumps } from './surfaceprocess.ts';
import { runLifeScript } from './surfacescripts.ts';

export interface SurfaceOptions {
  /** The command line as typed. */
  readonly words: readonly string[];
  /** Of twinkeep. */
  readonly version: string;
  readonly config: LoadOptions;
  /** About options that do nothing. */
  readonly notes: readonly string[];
  readonly vrrp: boolean;
  readonly checkers: boolean;
  readonly foreground: boolean;
  readonly console: boolean;
  readonly detail: boolean;
  /** null: not to syslog. */
  readonly facility: string | null;
  readonly logFile: string | null;
  readonly keepVrrp: boolean;
  readonly keepIpvs: boolean;
  readonly dumpConfig: boolean;
  readonly coreDump: boolean;
  readonly ignoreInterrupt: boolean;
  readonly umask: number | null;
  /** -s; null: what the file says. */
  readonly namespace: string | null;
  readonly pidFiles: {
    readonly main: string | null;
    readonly vrrp: string | null;
    readonly checkers: string | null;
  };
}

/** Runs until it is told to stop, or, in the background, until the daemon runs. Resolves with the exit code. */
export async function runSurface(options: SurfaceOptions): Promise<number> {
  const background = inBackground();
  if (!options.foreground && !background) {
    // Entering it ends this process's image: that has to be before anyone waits for another one.
    const namespace = options.namespace ?? namespaceTyped(options);
    if (namespace !== null) enterNamespace(namespace);
    return startInBackground(options.words, options.console);
  }
  nameProcess();
  if (options.umask !== null) process.umask(options.umask);
  if (options.coreDump) unlimitCoreDumps();
  const log = openDaemonLog({
    console: options.console ? 'all' : inJournal() ? 'nothing' : 'problems',
    facility: options.facility === null ? null : (FACILITIES[options.facility] ?? null),
    file: options.logFile,
    detail: options.detail,
  });
  process.on('uncaughtException', (error) => {
    // A defect. In the background nobody sees what Node prints of it.
    log.say('main', 'error', `this is a defect of twinkeep itself: ${error.stack ?? error.message}`);
    process.exit(1);
  });
  const signals = listenToSignals(options.ignoreInterrupt, (error) =>
    log.say(
      'main',
      'error',
      error instanceof OperatorError ? `${error.message} - ${error.hint}` : String(error),
    ),
  );
  if (options.namespace !== null) enterNamespace(options.namespace);
  const name = `Keepalived v2.3.4 (twinkeep ${options.version})`;
  sayStart(name, options, log);
  let code: number;
  try {
    code = await live(options, background, log, signals);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    log.say('main', 'error', `${error.message} - ${error.hint}`);
    code = error.code === 'config-file' ? EXIT.noFile : EXIT.refused;
  }
  log.say('main', 'info', `Stopped ${name}`);
  return code;
}

/** Under systemd standard error ends where syslog ends: once is enough. */
const inJournal = (): boolean => process.env['JOURNAL_STREAM'] !== undefined && syslogListens();

function sayStart(name: string, options: SurfaceOptions, log: DaemonLog): void {
  log.say('main', 'info', `Starting ${name}`);
  log.say('main', 'info', `Running on ${type()} ${release()}`);
  log.say('main', 'info', `Command line: ${['keepalived', ...options.words].map((w) => `'${w}'`).join(' ')}`);
  for (const note of options.notes) log.say('main', 'warn', note);
  if (!options.foreground && !options.console && options.facility !== null && losesLines(options))
    log.say('main', 'warn', 'what this daemon logs is lost: nobody listens at /dev/log (-g FILE keeps it)');
}

/** The names that the file gives to this daemon among others of the host. */
/** keepalived's own. */
const UMASK_DEFAULT = 0o177;

export interface Names {
  readonly instance: string | null;
  readonly namespace: string | null;
  /** Behind the log's name, and in the names of dump files. */
  readonly suffix: string;
  readonly pidPlaces: PidPlaces;
  /** Where the pid files are that no option puts elsewhere. */
  readonly folder: string;
}

function namesOf(config: KeepalivedConfig, options: SurfaceOptions): Names {
  const { values } = config.reading;
  const instance = last(values.instance) ?? null;
  const namespace = options.namespace ?? last(values.net_namespace) ?? null;
  const suffix = [namespace, instance].map((part) => (part === null ? '' : `_${part}`)).join('');
  const pidPlaces = defaultPidPlaces(instance, namespace, values.use_pid_dir !== undefined);
  return { instance, namespace, suffix, pidPlaces, folder: dirname(pidPlaces.main) };
}

/** Null also when the file cannot be read: whoever reads it next says so. */
function namespaceTyped(options: SurfaceOptions): string | null {
  try {
    return namesOf(loadConfig(options.config).config, options).namespace;
  } catch (error) {
    if (error instanceof OperatorError) return null;
    throw error;
  }
}

/** What is wrong in the file, a line each; false when it cannot be run. */
function sayFindings(loaded: LoadedConfig, log: DaemonLog): boolean {
  for (const finding of loaded.findings)
    log.say('main', finding.severity === 'warning' ? 'warn' : 'error', findingLine(finding));
  return fatalFinding(loaded) === null;
}

function takePidFiles(config: KeepalivedConfig, names: Names, options: SurfaceOptions): PidFile[] {
  const { pidPlaces: places } = names;
  const { pidFiles } = options;
  const wanted = [
    pidFiles.main ?? places.main,
    ...(options.vrrp && config.instances.length > 0 ? [pidFiles.vrrp ?? places.vrrp] : []),
    ...(options.checkers && config.virtualServers.length > 0 ? [pidFiles.checkers ?? places.checkers] : []),
  ];
  // The C daemon makes this one, too; any other folder is for whoever named it.
  if (pidFiles.main === null && places.main.startsWith('/run/keepalived/'))
    mkdirSync(names.folder, { recursive: true, mode: 0o755 });
  const taken: PidFile[] = [];
  try {
    for (const path of new Set(wanted)) taken.push(takePidFile(path));
  } catch (error) {
    for (const file of taken) file.remove();
    throw error;
  }
  return taken;
}

async function live(
  options: SurfaceOptions,
  background: boolean,
  log: DaemonLog,
  signals: Signals,
): Promise<number> {
  log.say('main', 'info', `Configuration file ${options.config.file}`);
  const loaded = loadConfig(options.config);
  for (const file of loaded.sources.keys()) log.say('main', 'detail', `Opening file '${file}'.`);
  const { config } = loaded;
  const names = namesOf(config, options);
  if (names.namespace !== null) enterNamespace(names.namespace);
  log.suffix(names.suffix);
  if (!sayFindings(loaded, log)) return EXIT.config;
  if (!runnable(config, options, log)) return EXIT.config;
  const pidFiles = takePidFiles(config, names, options);
  // Scripts inherit it, as from the C daemon: what they write is nobody else's to read. The pid files are.
  if (options.umask === null) process.umask(config.global.umask ?? UMASK_DEFAULT);
  try {
    await runLifeScript(config, 'startup', log.of('main'));
    // A startup script may have taken long: what would be stopped at once is not started.
    if (signals.stopping) return EXIT.ok;
    const daemon = await startDaemon(config, {
      log: log.of('vrrp'),
      checkersLog: log.of('checkers'),
      detail: options.detail,
      vrrp: options.vrrp,
      checkers: options.checkers,
      keepVipsOnStop: options.keepVrrp,
      keepIpvsOnStop: options.keepIpvs,
    });
    log.say('main', 'info', 'Startup complete');
    tellServiceManager('READY=1');
    if (background) tellStarted(options.console);
    log.console(consoleWhileRunning(options));
    await untilStopped(daemon, config, names, options, log, signals);
  } finally {
    for (const file of pidFiles) file.remove();
  }
  return EXIT.ok;
}

/** Whether anything of the file can run. An empty one is left to run for the day that a reload brings something. */
function runnable(config: KeepalivedConfig, options: SurfaceOptions, log: DaemonLog): boolean {
  const settings = compile(config, { detail: options.detail, keepOnStop: options.keepVrrp });
  const servers = options.checkers ? config.virtualServers.length : 0;
  if (options.vrrp && config.instances.length > 0 && settings.instances.length === 0 && servers === 0) {
    log.say('main', 'error', 'none of the vrrp_instances can run, and there is nothing else to do');
    return false;
  }
  if ((!options.vrrp || settings.instances.length === 0) && servers === 0)
    log.say('main', 'warn', 'Warning - keepalived has no configuration to run');
  return true;
}

/** Neither a file nor anybody at syslog's end. */
const losesLines = ({ logFile, facility }: SurfaceOptions): boolean =>
  logFile === null && (facility === null || !syslogListens());

/** In the foreground lines are not to be lost. */
const consoleWhileRunning = (options: SurfaceOptions): 'all' | 'nothing' =>
  options.console || (options.foreground && losesLines(options)) ? 'all' : 'nothing';

function untilStopped(
  daemon: Daemon,
  config: KeepalivedConfig,
  names: Names,
  options: SurfaceOptions,
  log: DaemonLog,
  signals: Signals,
): Promise<void> {
  return new Promise((resolve) => {
    const duties = dutiesOf(daemon, config, names, options, log);
    if (options.dumpConfig) duties.logData().catch(() => {});
    signals.begin({
      ...duties,
      async reload() {
        tellServiceManager(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
        await duties.reload();
        tellServiceManager('READY=1');
      },
      async stop() {
        tellServiceManager('STOPPING=1');
        // Whatever goes wrong on the way: the process is to end.
        await duties.stop().finally(resolve);
      },
    });
  });
}
