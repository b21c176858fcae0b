// Faults of one process, host or cable: the server, the agent, the manager, the power of one host, VRRP alone.
// Goals are DESIGN's figures for 100 ms adverts; they are printed beside the measured ones and decide nothing.

import { OperatorError } from '../../src/core/error.ts';
import { startServer } from '../database.ts';
import { forbidRestart, isSupervised, managerProcess, requireService } from '../host.ts';
import { blockVrrp, setCable, unblock } from '../network.ts';
import { startAgent, twinkeep } from '../pair.ts';
import type { LabOptions, NodeName } from '../plan.ts';
import { signal, until } from '../process.ts';
import type { Fault } from './fault.ts';

const stoppedMsMax = 30_000;

const nothing = async (): Promise<void> => {};

async function kill(
  lab: LabOptions,
  node: NodeName,
  service: 'server' | 'agent',
  name: NodeJS.Signals,
): Promise<void> {
  signal(requireService(lab, node, service), name);
}

export function managerPid(lab: LabOptions, node: NodeName): number {
  const manager = managerProcess(lab, node);
  if (manager !== null) return manager.pid;
  throw new OperatorError(
    'lab-manager',
    `There is no manager process on ${node}.`,
    `See its processes: twinkeep lab in ${node} -- ps axf`,
  );
}

async function switchOver(lab: LabOptions, to: NodeName): Promise<void> {
  const done = await twinkeep(lab, ['switchover', '--to', to]);
  if (done.code === 0) return;
  throw new OperatorError(
    'drill-switchover',
    `twinkeep switchover ended with ${done.code}: ${(done.stderr || done.stdout).trim()}`,
    'The reason is in the sentence above; twinkeep status shows what the pair thinks of itself.',
  );
}

async function serverBack(lab: LabOptions, node: NodeName): Promise<void> {
  if (!isSupervised(lab, node, 'server')) await startServer(lab, node);
}

/** After an orderly stop, which may take a while. */
async function serverAgain(lab: LabOptions, node: NodeName): Promise<void> {
  await until(() => !isSupervised(lab, node, 'server'), stoppedMsMax, 50);
  await serverBack(lab, node);
}

export async function agentBack(lab: LabOptions, node: NodeName): Promise<void> {
  if (!isSupervised(lab, node, 'agent')) await startAgent(lab, node);
}

export const processFaults: readonly Fault[] = [
  {
    name: 'db-stop',
    about: "the writer's server is stopped (SIGTERM)",
    writerAfter: 'standby',
    goalMs: 100,
    cause: ({ lab, writer }) => kill(lab, writer, 'server', 'SIGTERM'),
    heal: ({ lab, writer }) => serverAgain(lab, writer),
    lookOnMs: 2000,
  },
  {
    name: 'db-kill',
    about: "the writer's server is killed (SIGKILL); its supervisor starts it again",
    writerAfter: 'standby',
    goalMs: 100,
    cause: ({ lab, writer }) => kill(lab, writer, 'server', 'SIGKILL'),
    heal: ({ lab, writer }) => serverBack(lab, writer),
    lookOnMs: 2000,
  },
  {
    name: 'db-freeze',
    about: "the writer's server is frozen (SIGSTOP), later thawed",
    writerAfter: 'standby',
    goalMs: 1000,
    cause: ({ lab, writer }) => kill(lab, writer, 'server', 'SIGSTOP'),
    heal: async ({ lab, writer }) => {
      // The agent may have ended the frozen server meanwhile, to fence it.
      if (isSupervised(lab, writer, 'server')) await kill(lab, writer, 'server', 'SIGCONT').catch(nothing);
      await serverBack(lab, writer);
    },
    lookOnMs: 2000,
  },
  {
    name: 'host-crash',
    about: 'the writer loses power: cable out, then everything killed at once; later booted',
    writerAfter: 'standby',
    goalMs: 450,
    cause: ({ crash, writer }) => crash(writer),
    heal: ({ boot, writer }) => boot(writer),
    lookOnMs: 2000,
  },
  {
    name: 'link-down',
    about: "the writer's cable is pulled, later plugged in again",
    writerAfter: 'standby',
    goalMs: 450,
    cause: ({ lab, writer }) => setCable(lab, writer, false),
    heal: ({ lab, writer }) => setCable(lab, writer, true),
    lookOnMs: 5000,
  },
  {
    name: 'agent-stop',
    about: "the writer's agent is stopped (SIGTERM): a planned hand-over",
    writerAfter: 'standby',
    goalMs: 50,
    cause: ({ lab, writer }) => kill(lab, writer, 'agent', 'SIGTERM'),
    heal: ({ lab, writer }) => agentBack(lab, writer),
    lookOnMs: 2000,
  },
  {
    name: 'agent-kill',
    about: "the writer's agent is killed (SIGKILL) and nobody starts it again; its manager is left to fence",
    writerAfter: 'standby',
    goalMs: 500,
    cause: async ({ lab, writer }) => {
      forbidRestart(lab, writer, 'agent');
      await kill(lab, writer, 'agent', 'SIGKILL');
    },
    heal: ({ lab, writer }) => agentBack(lab, writer),
    lookOnMs: 3000,
  },
  {
    name: 'agent-kill-supervised',
    about: "the writer's agent is killed (SIGKILL); its supervisor starts it again after 100 ms",
    // The same when the new agent is there within agentGrace; a slow machine loses that race, and the standby takes over.
    writerAfter: 'either',
    goalMs: 0,
    cause: ({ lab, writer }) => kill(lab, writer, 'agent', 'SIGKILL'),
    heal: ({ lab, writer }) => agentBack(lab, writer),
    lookOnMs: 4000,
  },
  {
    name: 'node-kill',
    about:
      "the writer's agent and manager are killed at once (SIGKILL) and nobody starts them; the standby must fence",
    writerAfter: 'standby',
    goalMs: 500,
    cause: async ({ lab, writer }) => {
      forbidRestart(lab, writer, 'agent');
      const pids = [requireService(lab, writer, 'agent'), managerPid(lab, writer)];
      for (const pid of pids) signal(pid, 'SIGKILL');
    },
    heal: ({ lab, writer }) => agentBack(lab, writer),
    lookOnMs: 3000,
  },
  {
    name: 'agent-freeze',
    about: "the writer's agent is frozen (SIGSTOP), later thawed",
    writerAfter: 'standby',
    goalMs: 500,
    cause: ({ lab, writer }) => kill(lab, writer, 'agent', 'SIGSTOP'),
    heal: async ({ lab, writer }) => {
      await kill(lab, writer, 'agent', 'SIGCONT').catch(nothing);
      await agentBack(lab, writer);
    },
    lookOnMs: 4000,
  },
  {
    name: 'manager-kill',
    about: "the writer's manager is killed (SIGKILL); its agent starts it again",
    writerAfter: 'same',
    goalMs: 0,
    cause: async ({ lab, writer }) => void signal(managerPid(lab, writer), 'SIGKILL'),
    heal: nothing,
    lookOnMs: 4000,
  },
  {
    name: 'vrrp-blocked',
    about: 'a firewall drops VRRP between the hosts, and nothing else',
    writerAfter: 'same',
    goalMs: 0,
    cause: ({ lab }) => blockVrrp(lab),
    heal: ({ lab }) => unblock(lab),
    lookOnMs: 5000,
  },
  {
    name: 'switchover',
    about: 'the role is moved on order (twinkeep switchover)',
    writerAfter: 'standby',
    goalMs: 50,
    cause: ({ lab, standby }) => switchOver(lab, standby),
    heal: nothing,
    lookOnMs: 2000,
  },
  {
    name: 'standby-crash',
    about: 'the standby loses power; the writer must record that it goes on alone. Later booted',
    writerAfter: 'same',
    goalMs: 3000,
    cause: ({ crash, standby }) => crash(standby),
    heal: ({ boot, standby }) => boot(standby),
    lookOnMs: 2000,
  },
  {
    name: 'standby-db-kill',
    about: "the standby's server is killed (SIGKILL); its supervisor starts it again",
    writerAfter: 'same',
    goalMs: 3000,
    cause: ({ lab, standby }) => kill(lab, standby, 'server', 'SIGKILL'),
    heal: ({ lab, standby }) => serverBack(lab, standby),
    lookOnMs: 2000,
  },
];
