// The keepalived mode's main thread: starts the wire thread and everything around it, and carries messages between them.

import { randomInt } from 'node:crypto';
import { writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { KeepalivedConfig } from '../../config/keepalived/types.ts';
import { OperatorError } from '../../core/error.ts';
import type { Checkers } from './checkers/checkers.ts';
import { compile } from './compile.ts';
import { type Notifier, startNotifier } from './notify.ts';
import type { Outlets } from './outlets.ts';
import { NO_TRACKERS, startTrackers, type Trackers } from './trackers.ts';
import { LeaseShare } from './wire/leaseshare.ts';
import type {
  InstanceView,
  LeaseThreadData,
  WireOrder,
  WireReport,
  WireSettings,
  WireThreadData,
} from './wire/protocol.ts';

export interface DaemonOptions {
  readonly log: Outlets['log'];
  /** The checkers have a name of their own in the log. */
  readonly checkersLog: Outlets['log'];
  /** -D. */
  readonly detail: boolean;
  /** -P switches the checkers off, -C switches VRRP off. */
  readonly vrrp: boolean;
  readonly checkers: boolean;
  /** --dont-release-vrrp, --dont-release-ipvs. */
  readonly keepVipsOnStop: boolean;
  readonly keepIpvsOnStop: boolean;
}

export interface Daemon {
  readonly notifier: Notifier;
  readonly trackers: Trackers;
  readonly checkers: Checkers | null;
  /** SIGHUP: VIPs of instances that stay are not touched. Resolves when the wire thread has it. */
  reload(config: KeepalivedConfig): Promise<void>;
  instances(): Promise<readonly InstanceView[]>;
  /** Goodbyes are said, VIPs removed; notify_stop and other scripts have this long to end, and are left to run then. */
  stop(scriptsMsMax: number): Promise<void>;
}

const EVENTFD_ONE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
/** A wire thread that does not end within this is left to the end of the process. */
const STOP_MS_MAX = 5000;

interface Wire {
  order(order: WireOrder): void;
  dump(): Promise<readonly InstanceView[]>;
  reload(order: WireOrder): Promise<void>;
  stop(): Promise<void>;
}

/** The lease thread's socket has this name before it exists: the wire thread leaves out what it causes. Negative ones are the kernel's. */
const renewingPort = (): number => 0x1000_0000 + randomInt(0x6fff_ffff);

function startThreads(settings: WireSettings): { readonly worker: Worker; readonly keeper: Worker } {
  const { port1, port2 } = new MessageChannel();
  const share = new LeaseShare().buffer;
  const port = renewingPort();
  const { realtimePriority } = settings;
  const lease: LeaseThreadData = { share, port: port2, renewingPort: port, realtimePriority };
  const wire: WireThreadData = { settings, share, keeper: port1, renewingPort: port };
  const keeper = new Worker(new URL('./wire/leasethread.ts', import.meta.url), {
    workerData: lease,
    transferList: [port2],
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 256 },
  });
  const worker = new Worker(new URL('./wire/thread.ts', import.meta.url), {
    workerData: wire,
    transferList: [port1],
    resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 512 },
  });
  return { worker, keeper };
}

/** Resolves once VRRP runs; rejects with an OperatorError when it cannot. */
function startWire(
  config: KeepalivedConfig,
  options: DaemonOptions,
  hear: (report: WireReport) => void,
): Promise<Wire> {
  const settings = compile(config, { detail: options.detail, keepOnStop: options.keepVipsOnStop });
  const { worker, keeper } = startThreads(settings);
  let wakerFd = -1;
  let nextDump = 1;
  const dumps = new Map<number, (instances: readonly InstanceView[]) => void>();
  const reloads: (() => void)[] = [];
  let ended = false;
  let stopping = false;

  const order = (message: WireOrder): void => {
    worker.postMessage(message);
    if (wakerFd >= 0) writeSync(wakerFd, EVENTFD_ONE);
  };
  const wire: Wire = {
    order,
    dump: () =>
      new Promise((resolve) => {
        dumps.set(nextDump, resolve);
        order({ kind: 'dump', id: nextDump++ });
      }),
    reload: (message) =>
      new Promise((resolve) => {
        reloads.push(resolve);
        order(message);
      }),
    stop: () =>
      new Promise((resolve) => {
        stopping = true;
        if (ended) return resolve();
        worker.once('exit', () => resolve());
        setTimeout(resolve, STOP_MS_MAX).unref();
        order({ kind: 'stop' });
      }),
  };

  return new Promise((resolve, reject) => {
    worker.on('message', (report: WireReport) => {
      switch (report.kind) {
        case 'waker':
          wakerFd = report.fd;
          return;
        case 'ready':
          resolve(wire);
          return;
        case 'failed-to-start':
          stopping = true;
          reject(new OperatorError(report.code, report.message, report.hint));
          return;
        case 'dump':
          dumps.get(report.id)?.(report.instances);
          dumps.delete(report.id);
          return;
        case 'reloaded':
          hear(report);
          reloads.shift()?.();
          return;
        default:
          hear(report);
      }
    });
    // A defect: without these threads the daemon is of no use, and systemd starts it again. The kernel drops the VIPs.
    const defect = (thread: string) => (error: Error) => {
      process.exitCode = 1;
      options.log('error', `the ${thread} thread ended: ${error.stack ?? error.message}`);
      process.exit();
    };
    worker.once('error', defect('VRRP'));
    keeper.once('error', defect('lease'));
    keeper.on('message', hear);
    worker.once('exit', () => {
      ended = true;
      void keeper.terminate();
      if (stopping) return;
      options.log('error', 'the VRRP thread ended by itself');
      process.exit(1);
    });
  });
}

/** `undo` what was started before, when VRRP cannot run. */
async function startWireOr(undo: () => Promise<void>, ...args: Parameters<typeof startWire>): Promise<Wire> {
  try {
    return await startWire(...args);
  } catch (error) {
    await undo();
    throw error;
  }
}

/** Starts everything. Throws an OperatorError when VRRP cannot run here. */
export async function startDaemon(first: KeepalivedConfig, options: DaemonOptions): Promise<Daemon> {
  let config = first;
  const notifier = startNotifier(config, { log: options.log, hostName: hostname() });
  /** Of each instance that is master: its addresses. */
  const held = new Map<string, readonly string[]>();
  let checkers: Checkers | null = null;

  const hear = (report: WireReport): void => {
    if (report.kind === 'say') options.log(report.level, report.text);
    else notifier.report(report);
    if (report.kind !== 'transition') return;
    const master = report.to === 'MASTER';
    const instance = config.instances.find(({ name }) => name === report.instance);
    const addresses = [...(instance?.addresses ?? []), ...(instance?.excluded ?? [])];
    if (master)
      held.set(
        report.instance,
        addresses.map(({ value }) => value.address),
      );
    else held.delete(report.instance);
    checkers?.instanceChanged(report.instance, master);
  };

  const wire = options.vrrp ? await startWireOr(() => notifier.stop(), config, options, hear) : null;
  const trackers = wire === null ? NO_TRACKERS : startTrackers(config, wire.order, notifier);

  /** Most files have no virtual server, and the checkers would be a sixth of the process's memory. */
  async function check(): Promise<void> {
    if (!options.checkers || config.virtualServers.length === 0) return;
    const { startCheckers } = await import('./checkers/checkers.ts');
    checkers = startCheckers(
      config,
      { ...notifier, log: options.checkersLog },
      {
        keepIpvsOnStop: options.keepIpvsOnStop,
        detail: options.detail,
        holdsAddress: (address) => [...held.values()].some((addresses) => addresses.includes(address)),
      },
    );
    for (const name of held.keys()) checkers.instanceChanged(name, true);
  }
  await check();

  return {
    notifier,
    trackers,
    get checkers() {
      return checkers;
    },
    async reload(fresh) {
      config = fresh;
      notifier.reload(fresh);
      const { detail, keepVipsOnStop: keepOnStop } = options;
      await wire?.reload({ kind: 'reload', settings: compile(fresh, { detail, keepOnStop }) });
      trackers.reload(fresh);
      if (checkers === null) await check();
      else checkers.reload(fresh);
    },
    instances: async () => (await wire?.dump()) ?? [],
    async stop(scriptsMsMax) {
      // At once: a script that has to be ended first would hold up the goodbye.
      await Promise.all([wire?.stop(), trackers.stop(), checkers?.stop()]);
      if (!(await notifier.settled(scriptsMsMax)))
        options.log(
          'warn',
          `a notify script still runs after ${scriptsMsMax / 1000} s, and is left to itself`,
        );
      await notifier.stop();
    },
  };
}
