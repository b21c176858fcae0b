// The agent: what systemd starts. Its wire thread holds VRRP, the VIPs and ARP; its main thread starts and watches
// the manager, relays between the two, and logs. No SQL and no HTTP here: nothing in it can hang on a server.

import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { assert, OperatorError } from '../core/error.ts';
import type { Authentication } from '../core/vrrp/authentication.ts';
import type { AgentMessage, Link, ManagerMessage } from '../io/agentlink/link.ts';
import { agentSocketPath, listenForManager } from '../io/agentlink/link.ts';
import { lockAgainstSecondAgent } from '../io/linux/process.ts';
import { openStateFolder } from '../io/state/recordfile.ts';
import { keepCompiled, LEAN_NODE_FLAGS, resolvedFromEnvironment } from './launch.ts';
import { openLog } from './log.ts';
import type { VipGroup, WireOrder, WireReport, WireSettings } from './wire/protocol.ts';

/** A manager whose agent died connects to the next one within this; otherwise a new one is started. */
const ADOPT_MS = 40;
/** Without a manager for this long the node counts as unhealthy and gives its VIPs up. */
const MANAGER_GRACE_MS = 2000;
/** A manager that was just started gets this long to connect; on a busy host it needs seconds to load. */
const MANAGER_START_MS_MAX = 15_000;
/** A manager that is silent though its link is open gets this much more: it may be we who were frozen, its pulses unread. */
const MANAGER_UNREAD_MS = 1000;
/** A manager that dies sooner than this after its start is not started again at once. */
const MANAGER_MIN_LIFE_MS = 1000;
/** How long an orderly end may take: the peer must take over. */
const STOP_MS_MAX = 40_000;
/** The manager takes a frozen agent for lost after failover.agentGrace: several pulses must fit in. */
const PULSE_MS = 80;

const EVENTFD_ONE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

function authenticationOf(config: PairConfig): Authentication {
  const { authentication } = config.vrrp;
  if (authentication.type === 'none') return { kind: 'none' };
  const password = readSecret(authentication.passwordFile, 'VRRP password').value;
  return { kind: authentication.type, password };
}

/** VRRP priorities between those of a fresh standby and of the writer: replicas come before the writer, in their order. */
const REPLICA_PREFERRED = 249;

/** The place of a further replica among them, the most preferred first; -1: a node. */
function placeOf({ replicas }: PairConfig, self: NodeConfig): number {
  const inOrder = [...replicas].sort((x, y) => y.priority - x.priority);
  return inOrder.findIndex(({ name }) => name === self.name);
}

function vipGroups(config: PairConfig, self: NodeConfig): VipGroup[] {
  const { vips, vrrp, reads } = config;
  const { priority } = self;
  const place = placeOf(config, self);
  if (place >= 0) {
    const preferred = REPLICA_PREFERRED - place;
    return [
      { name: 'read', vips: vips.read, vrid: reads.vrrpId, vridKey: 'reads.vrrpId', priority, preferred },
    ];
  }
  const groups: VipGroup[] = [
    { name: 'write', vips: vips.write, vrid: vrrp.id, vridKey: 'vrrp.id', priority },
    { name: 'read', vips: vips.read, vrid: reads.vrrpId, vridKey: 'reads.vrrpId', priority },
  ];
  return groups.filter((group) => group.vips.length > 0);
}

export function wireSettings(config: PairConfig, self: NodeConfig, peer: NodeConfig): WireSettings {
  const { vrrp, failover } = config;
  return {
    pair: config.pair,
    interfaceName: self.interface,
    ownAddress: self.address,
    peerAddress: peer.address,
    furtherAddresses: [...config.nodes, ...config.replicas]
      .map(({ address }) => address)
      .filter((address) => address !== self.address && address !== peer.address),
    groups: vipGroups(config, self),
    version: vrrp.version,
    advertIntervalMs: vrrp.advertIntervalMs,
    unicast: vrrp.peers === 'unicast',
    authentication: authenticationOf(config),
    vipLeaseS: vrrp.vipLeaseS,
    mysqlPort: config.mysql.port,
    gateway: failover.gateway,
    // A little sooner than the manager acts on it: what the manager gave away must not be taken back.
    stallMs: failover.agentGraceMs * 0.8,
    leftoverMs: failover.agentGraceMs + MANAGER_GRACE_MS / 4,
  };
}

function peerOf(config: PairConfig, self: NodeConfig): NodeConfig {
  const peer = config.nodes.find((node) => node.name !== self.name);
  assert(peer !== undefined, 'a pair has two nodes');
  return peer;
}

/** Runs the agent until it is told to stop; resolves with the exit code. */
export async function runAgent(config: PairConfig, self: NodeConfig): Promise<number> {
  const folder = openStateFolder(config.stateDir, config.pair, self.name);
  const locked = lockAgainstSecondAgent(join(folder, 'agent.lock'));
  if (!locked.ok) {
    throw new OperatorError(
      'second-agent',
      `another agent already runs for node ${self.name} of pair ${config.pair} on this host (process ${locked.heldByPid ?? 'unknown'})`,
      'leave that one running, or stop it first (systemctl stop twinkeep, or kill -TERM with its process id)',
    );
  }
  const log = openLog('agent', config.pair, self.name);
  const configPath = join(folder, 'config.json');
  const program = placeOf(config, self) >= 0 ? './replica.ts' : './manager.ts';
  writeFileSync(configPath, JSON.stringify({ config, node: self.name }), { mode: 0o600 });

  const worker = new Worker(new URL('./wire/thread.ts', import.meta.url), {
    workerData: wireSettings(config, self, peerOf(config, self)),
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
  });
  let wakerFd = -1;
  let wire: Extract<WireReport, { kind: 'wire' }> | null = null;
  let manager: Link<AgentMessage> | null = null;
  let child: ChildProcess | null = null;
  let childStartedAt = 0;
  let managerPid: number | null = null;
  let managerPulses = 0;
  let stopping: string | null = null;
  let withoutManager: NodeJS.Timeout | null = null;
  let nextOrderId = -1;

  return new Promise<number>((resolve, reject) => {
    const order = (message: WireOrder): void => {
      worker.postMessage(message);
      if (wakerFd >= 0) writeSync(wakerFd, EVENTFD_ONE);
    };

    const end = (code: number): void => {
      order({ kind: 'stop' });
      // The wire thread says goodbye on the wire before it ends.
      worker.once('exit', () => resolve(code));
      setTimeout(() => resolve(code), 1000).unref();
    };

    const startManager = (): void => {
      if (manager !== null || child !== null || stopping !== null) return;
      childStartedAt = Date.now();
      const started = spawn(
        process.execPath,
        [...LEAN_NODE_FLAGS, fileURLToPath(new URL(program, import.meta.url)), configPath],
        { stdio: ['ignore', 'inherit', 'inherit'] },
      );
      child = started;
      started.once('exit', (code, signal) => {
        child = null;
        if (stopping !== null) return;
        log.say(
          'warn',
          'manager-ended',
          `the manager ended (${signal ?? `exit code ${code}`}): starting it again`,
        );
        const early = Date.now() - childStartedAt < MANAGER_MIN_LIFE_MS;
        setTimeout(startManager, early ? MANAGER_MIN_LIFE_MS : 0);
      });
    };

    /** It holds its link open and says nothing: nobody looks after the server, and nobody would start another one. */
    const endIfFrozen = (silent: Link<AgentMessage>): void => {
      const before = managerPulses;
      setTimeout(() => {
        if (manager !== silent || managerPulses !== before || managerPid === null) return;
        log.say('error', 'manager-frozen', `the manager (process ${managerPid}) is frozen: ending it`);
        process.kill(managerPid, 'SIGKILL');
        graceStarts();
      }, MANAGER_UNREAD_MS);
    };

    const graceStarts = (): void => {
      withoutManager ??= setTimeout(() => {
        withoutManager = null;
        if (manager !== null) {
          endIfFrozen(manager);
          return;
        }
        const because = `no manager for ${MANAGER_GRACE_MS} ms: this node counts as unhealthy`;
        if (wire?.wire.claimedEpoch != null) {
          log.say('error', 'no-manager', `${because}, and gives the VIP up`);
          order({ kind: 'yield', id: nextOrderId--, because });
        }
        if (child !== null && Date.now() - childStartedAt < MANAGER_START_MS_MAX) {
          graceStarts();
          return;
        }
        if (child !== null) log.say('warn', 'manager-stuck', `${because}: ending it`);
        child?.kill('SIGKILL');
        startManager();
      }, MANAGER_GRACE_MS);
    };

    const graceEnds = (): void => {
      if (withoutManager !== null) clearTimeout(withoutManager);
      withoutManager = null;
    };

    const stop = (because: string): void => {
      if (stopping !== null) return;
      stopping = because;
      log.say('info', 'stopping', because);
      if (manager === null) {
        end(0);
        return;
      }
      manager.send({ kind: 'stop', because });
      setTimeout(() => {
        log.say('error', 'stop-timeout', `the handover did not end within ${STOP_MS_MAX / 1000} s`);
        child?.kill('SIGKILL');
        end(1);
      }, STOP_MS_MAX).unref();
    };

    setInterval(() => manager?.send({ kind: 'pulse' }), PULSE_MS).unref();

    const onManagerMessage = (message: ManagerMessage): void => {
      switch (message.kind) {
        case 'pulse':
          managerPulses++;
          graceEnds();
          graceStarts();
          return;
        case 'claim':
        case 'yield':
        case 'reads':
          order(message);
          return;
        case 'bye':
          log.say('info', 'manager-bye', message.because);
          if (stopping !== null) end(0);
          return;
        case 'hello':
          managerPid = message.pid;
          log.say('info', 'manager-up', `the manager (process ${message.pid}) is connected`);
      }
    };

    const onReport = (report: WireReport): void => {
      switch (report.kind) {
        case 'waker':
          wakerFd = report.fd;
          return;
        case 'ready':
          setTimeout(startManager, ADOPT_MS);
          graceStarts();
          return;
        case 'failed-to-start':
          reject(new OperatorError(report.code, report.message, report.hint));
          return;
        case 'wire':
          wire = report;
          manager?.send(report);
          return;
        case 'done':
        case 'failed':
          if (report.id > 0) manager?.send(report);
          return;
        case 'say':
          log.say(report.level, report.code, report.because);
          manager?.send(report);
          return;
        case 'stopped':
          return;
      }
    };

    worker.on('message', onReport);
    worker.on('error', (error) => {
      log.say('error', 'wire-thread', `the wire thread failed: ${error.message}`);
      reject(error);
    });

    listenForManager(agentSocketPath(folder), {
      onManager(link) {
        manager?.close();
        manager = link;
        link.send({ kind: 'hello', pid: process.pid });
        if (wire !== null) link.send(wire);
        graceEnds();
        graceStarts();
        return {
          onMessage: onManagerMessage,
          onClosed(because) {
            if (manager !== link) return;
            manager = null;
            managerPid = null;
            log.say(
              stopping === null ? 'warn' : 'info',
              'manager-lost',
              `the link to the manager closed: ${because}`,
            );
            if (stopping !== null) end(0);
            // An adopted manager is not our child: nobody else starts the next one.
            else startManager();
          },
        };
      },
    }).catch(reject);

    process.on('SIGTERM', () => stop('SIGTERM'));
    process.on('SIGINT', () => stop('SIGINT'));
  });
}

if (import.meta.main) {
  const { config, node } = resolvedFromEnvironment();
  keepCompiled();
  const self = [...config.nodes, ...config.replicas].find((each) => each.name === node);
  assert(self !== undefined, 'the command line names a host of the pair');
  try {
    process.exit(await runAgent(config, self));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    process.stderr.write(`twinkeep: ${error.message}\n  ${error.hint}\n`);
    process.exit(1);
  }
}
