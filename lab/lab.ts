// The lab as a whole: up, down, crash and boot of a host. Two database hosts, a gateway and an application host on one bridge.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../src/core/error.ts';
import { answers, prepareServer, rootSession, startServer, waitForServer } from './database.ts';
import {
  bootPlace,
  forbidRestart,
  initPidOf,
  isUp,
  killPlace,
  onNetwork,
  type Place,
  type Service,
  servicePid,
} from './host.ts';
import { buildSwitch, connectHost, removeCable } from './network.ts';
import { createApplication, setUpPair, startAgent, writePairFile } from './pair.ts';
import {
  clientsDir,
  type HostName,
  hostNames,
  hostsOf,
  type LabOptions,
  labOptions,
  type NodeName,
  nodeNames,
  prefixLength,
  replicaNames,
  type ServerHost,
  serverHostsOf,
  witnessesOf,
  witnessNames,
  writeVip,
} from './plan.ts';
import { signal, startTimeOf, until } from './process.ts';
import { serverOf } from './server.ts';
import { watchStatus } from './statuswatch.ts';
import { removeEtcdData, requireEtcd, startEtcd, startWitness } from './witness.ts';

export type Progress = (message: string) => void;

/** Whatever a lab may consist of: what is to be ended is not always what this command was told to build. */
const places: readonly Place[] = ['switch', ...hostNames, ...replicaNames, ...witnessNames];

/** How long the first pairing may take. */
const pairedMsMax = 60_000;

/** After these failures there is something to look at: the hosts stay up. */
const keptFor: ReadonlySet<string> = new Set(['lab-setup', 'lab-not-paired']);

function stateFile(dir: string): string {
  return join(dir, 'lab.json');
}

/** A drill or demo, which builds and ends its lab by itself, marks it as its own while it runs. */
export function claimLab(given: Partial<LabOptions>): void {
  const file = join(labOptions(given).dir, 'user.json');
  writeFileSync(file, JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid) }));
}

/** Refuses when another drill or demo is at work in the lab, which would be taken down under its feet. */
export function requireUnclaimed(given: Partial<LabOptions>): void {
  const { name, dir } = labOptions(given);
  const file = join(dir, 'user.json');
  if (!existsSync(file)) return;
  const user = JSON.parse(readFileSync(file, 'utf8')) as { pid: number; startTime: string };
  if (user.pid === process.pid || startTimeOf(user.pid) !== user.startTime) return;
  throw new OperatorError(
    'lab-in-use',
    `Process ${user.pid} is running a drill or the demo in the lab "${name}".`,
    'Wait for it, or use another lab: --name NAME',
  );
}

/** Finds a lab that is up; an OperatorError when there is none. */
export function openLab(given: Partial<LabOptions>): LabOptions {
  const { name, dir } = labOptions(given);
  if (!existsSync(stateFile(dir))) {
    throw new OperatorError(
      'lab-absent',
      `There is no lab "${name}" in ${dir}.`,
      'Build it with: twinkeep lab up',
    );
  }
  return JSON.parse(readFileSync(stateFile(dir), 'utf8')) as LabOptions;
}

function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new OperatorError(
    'lab-root',
    'The lab makes network namespaces and starts database servers in them, and this account may not.',
    'Run the same command as root, for example with sudo.',
  );
}

/** Builds the hosts, starts the servers and, unless told otherwise, makes them a pair under two agents. */
export async function labUp(
  given: Partial<LabOptions>,
  progress: Progress,
  claim: (lab: LabOptions) => void = () => {},
): Promise<LabOptions> {
  requireRoot();
  requireNoLab(given);
  const lab = labOptions(given);
  rmSync(lab.dir, { recursive: true, force: true });
  mkdirSync(lab.dir, { recursive: true, mode: 0o755 });
  writeFileSync(stateFile(lab.dir), `${JSON.stringify(lab, null, 2)}\n`);
  claim(lab);
  try {
    await build(lab, progress);
  } catch (error) {
    if (!(error instanceof OperatorError && keptFor.has(error.code))) await endPlaces(lab);
    throw error;
  }
  return lab;
}

/** Refuses where a lab is up already, or where something else would be overwritten: `--dir` may name any folder. */
export function requireNoLab(given: Partial<LabOptions>): void {
  const lab = labOptions(given);
  if (places.some((place) => isUp(lab, place))) {
    throw new OperatorError(
      'lab-exists',
      `The lab "${lab.name}" in ${lab.dir} is up already.`,
      'End it with: twinkeep lab down (or build another beside it: --name NAME)',
    );
  }
  if (existsSync(lab.dir) && !existsSync(stateFile(lab.dir))) {
    throw new OperatorError(
      'lab-dir',
      `${lab.dir} exists and is no lab's folder.`,
      'Name a folder that does not exist yet: --dir FOLDER',
    );
  }
}

async function build(lab: LabOptions, progress: Progress): Promise<void> {
  if (lab.witnesses > 0) await requireEtcd();
  progress(`starting the network and the hosts ${hostsOf(lab).join(', ')}`);
  await Promise.all([bootPlace(lab, 'switch'), ...hostsOf(lab).map((host) => bootPlace(lab, host))]);
  await buildSwitch(lab);
  await Promise.all(hostsOf(lab).map((host) => connectHost(lab, host)));
  writePairFile(lab);
  await startWitness(lab);
  progress('starting the database servers');
  const template = await serverOf(lab).template();
  await serverOf(lab).makeClients?.(clientsDir(lab));
  const servers = serverHostsOf(lab);
  await Promise.all(servers.map((node) => prepareServer(lab, node, template)));
  await Promise.all(servers.map((node) => startServer(lab, node)));
  await Promise.all(servers.map((node) => waitForServer(lab, node)));
  if (!lab.agents) {
    await moveVipByHand(lab, 'a');
    await openByHand(lab, 'a');
    await createApplication(lab, 'a');
    return;
  }
  progress('making the two servers a pair (twinkeep setup)');
  await setUpPair(lab);
  progress('starting the agents');
  await Promise.all(servers.map((node) => startAgent(lab, node)));
  progress('waiting until the pair is whole');
  await createApplication(lab, await wholePair(lab));
}

/** Waits until both agents agree that the pair is paired; the writer's name. */
async function wholePair(lab: LabOptions): Promise<NodeName> {
  const status = watchStatus(lab);
  try {
    await until(() => status.latest().paired, pairedMsMax);
    const { paired, writer, sentence } = status.latest();
    if (paired && writer !== null) return writer;
    throw new OperatorError(
      'lab-not-paired',
      `The pair is not whole after ${pairedMsMax / 1000} s: ${sentence}`,
      `The lab is kept. Look into it: twinkeep lab status --name ${lab.name}; the logs: ${lab.dir}/*/agent.log`,
    );
  } finally {
    status.stop();
  }
}

/** Without agents, somebody has to be keepalived. */
export async function moveVipByHand(lab: LabOptions, to: NodeName): Promise<void> {
  const vip = `${writeVip}/${prefixLength}`;
  for (const node of nodeNames) {
    const verb = node === to ? 'replace' : 'del';
    await onNetwork(lab, node, ['sh', '-c', `ip addr ${verb} ${vip} dev eth0 2>/dev/null || true`]);
  }
  await onNetwork(lab, to, ['arping', '-q', '-A', '-c', '1', '-I', 'eth0', writeVip]);
}

/** Without agents, a server boots as it should: read-only, and waiting for a standby that nobody connected. */
async function openByHand(lab: LabOptions, node: NodeName): Promise<void> {
  const session = await rootSession(lab, node);
  for (const statement of serverOf(lab).openAlone) await session.query(statement);
  session.close();
}

async function endPlaces(lab: LabOptions): Promise<void> {
  // Servers first and gently is not needed: the data directory goes with them.
  await Promise.all(places.map((place) => killPlace(lab, place)));
}

/** Ends everything that belongs to the lab and removes its folder. Safe to repeat, and after a failed `up`. */
export async function labDown(given: Partial<LabOptions>): Promise<{ wasThere: boolean }> {
  requireRoot();
  const lab = labOptions(given);
  const wasThere = existsSync(stateFile(lab.dir)) || places.some((place) => isUp(lab, place));
  if (!wasThere) return { wasThere };
  await endPlaces(lab);
  rmSync(lab.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  return { wasThere };
}

/**
 * A host loses power: its cable first, so that nothing leaves it any more, then everything in it at once. Its disks keep what
 * the kernel was given (the machine itself lives on, so this does not test a disk's own write cache).
 */
export async function crashHost(lab: LabOptions, host: HostName): Promise<void> {
  await removeCable(lab, host);
  await killPlace(lab, host);
}

/** The host comes back: its network and its services start as at a machine's boot, nobody waits for another. */
export async function bootHost(lab: LabOptions, host: HostName): Promise<void> {
  await bootPlace(lab, host);
  await connectHost(lab, host);
  const node = serverHostsOf(lab).find((name) => name === host);
  const witness = witnessesOf(lab).find((name) => name === host);
  if (witness !== undefined) await startEtcd(lab, witness);
  if (node === undefined) return;
  await startServer(lab, node);
  if (lab.agents) await startAgent(lab, node);
}

/** Stops a service as `systemctl stop` does; resolves when it has ended. */
export async function stopService(
  lab: LabOptions,
  host: HostName,
  name: Service['name'],
  by: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  const pid = servicePid(lab, host, name);
  if (pid === null) return;
  forbidRestart(lab, host, name);
  signal(pid, by);
  await until(() => servicePid(lab, host, name) === null, 30_000);
}

/** The witness is lost with all it held and built anew: every member stopped, its data removed, started again. */
export async function wipeWitness(lab: LabOptions): Promise<void> {
  // Told to stop politely, a member first spends seconds on handing its leadership to one that stops as well.
  await Promise.all(witnessesOf(lab).map((name) => stopService(lab, name, 'etcd', 'SIGKILL')));
  for (const name of witnessesOf(lab)) removeEtcdData(lab, name);
  await startWitness(lab);
}

export async function serverAnswers(lab: LabOptions, node: ServerHost): Promise<boolean> {
  return initPidOf(lab, node) !== null && (await answers(lab, node));
}

/** The nodes that hold a VIP now, as their kernels say. */
export async function vipHolders(lab: LabOptions, vip: string = writeVip): Promise<NodeName[]> {
  const held = await Promise.all(
    nodeNames.map(async (node) => {
      if (!isUp(lab, node)) return false;
      return (await onNetwork(lab, node, ['ip', '-o', 'addr', 'show'])).includes(` ${vip}/`);
    }),
  );
  return nodeNames.filter((_, i) => held[i]);
}
