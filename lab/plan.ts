// What a lab consists of: its hosts, addresses and folders. Pure; everything else in lab/ reads its names here.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '../src/core/error.ts';
import type { ServerFamily } from '../src/core/family.ts';

/** The two database hosts. */
export type NodeName = 'a' | 'b';
/** The third place, where there is one: etcd, on one host or three. */
export type WitnessName = 'w' | 'w2' | 'w3';
/** Further replicas, where there are any. */
export type ReplicaName = 'r1' | 'r2';
/** Where a database server runs. */
export type ServerHost = NodeName | ReplicaName;
export type HostName = ServerHost | WitnessName | 'gw' | 'app';

export const projectRoot: string = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

export const nodeNames: readonly NodeName[] = ['a', 'b'];
/** The hosts that every lab has. */
export const hostNames: readonly HostName[] = ['a', 'b', 'gw', 'app'];
export const witnessNames: readonly WitnessName[] = ['w', 'w2', 'w3'];
export const replicaNames: readonly ReplicaName[] = ['r1', 'r2'];

/** RFC 5737 TEST-NET-1; every lab has the same addresses, because every lab has a network of its own. */
export const addressOf: Readonly<Record<HostName, string>> = {
  a: '192.0.2.11',
  b: '192.0.2.12',
  r1: '192.0.2.13',
  r2: '192.0.2.14',
  gw: '192.0.2.1',
  app: '192.0.2.21',
  w: '192.0.2.50',
  w2: '192.0.2.51',
  w3: '192.0.2.52',
};
/** Fixed, so that a booted host is known to its neighbours' ARP caches at once. */
export const macOf: Readonly<Record<HostName, string>> = {
  a: '02:00:c0:00:02:0b',
  b: '02:00:c0:00:02:0c',
  r1: '02:00:c0:00:02:0d',
  r2: '02:00:c0:00:02:0e',
  gw: '02:00:c0:00:02:01',
  app: '02:00:c0:00:02:15',
  w: '02:00:c0:00:02:32',
  w2: '02:00:c0:00:02:33',
  w3: '02:00:c0:00:02:34',
};
export const writeVip = '192.0.2.100';
export const prefixLength = 24;
export const mysqlPort = 3306;

export interface LabOptions {
  readonly name: string;
  readonly dir: string;
  readonly server: ServerFamily;
  /** Whether the hosts run the agent; without it the lab is two servers on a network. */
  readonly agents: boolean;
  /** How many witness hosts: 0, 1 or 3. */
  readonly witnesses: number;
  /** How many further replicas: 0 to 2. */
  readonly replicas: number;
  /** Seconds until a server that ended abnormally is started again (Debian's unit: 5). */
  readonly serverRestartS: number;
  /** Seconds until an agent that ended abnormally is started again. */
  readonly agentRestartS: number;
  /** Lines that replace top-level sections of the lab's pair.yaml, as YAML text. */
  readonly pairOverrides: string;
}

export const defaultLabName = 'lab';

export function labOptions(given: Partial<LabOptions>): LabOptions {
  const name = given.name ?? defaultLabName;
  if (!/^[a-z0-9][a-z0-9-]{0,23}$/.test(name)) {
    throw new OperatorError(
      'lab-name',
      `A lab cannot be called "${name}".`,
      'Use up to 24 small letters, digits and dashes.',
    );
  }
  return {
    name,
    dir: given.dir ?? join(tmpdir(), `twinkeep-lab-${name}`),
    server: given.server ?? 'mariadb',
    agents: given.agents ?? true,
    witnesses: given.witnesses ?? 0,
    replicas: given.replicas ?? 0,
    serverRestartS: given.serverRestartS ?? 1,
    agentRestartS: given.agentRestartS ?? 0.1,
    pairOverrides: given.pairOverrides ?? '',
  };
}

export function peerOf(node: NodeName): NodeName {
  return node === 'a' ? 'b' : 'a';
}

export function witnessesOf(lab: LabOptions): readonly WitnessName[] {
  return witnessNames.slice(0, lab.witnesses);
}

export function replicasOf(lab: LabOptions): readonly ReplicaName[] {
  return replicaNames.slice(0, lab.replicas);
}

/** Every host with a database server: the nodes, then the replicas. */
export function serverHostsOf(lab: LabOptions): readonly ServerHost[] {
  return [...nodeNames, ...replicasOf(lab)];
}

/** Every host of this lab. */
export function hostsOf(lab: LabOptions): readonly HostName[] {
  return [...hostNames, ...replicasOf(lab), ...witnessesOf(lab)];
}

/** A host's own folder in the lab's folder: data, logs, state. It survives a crash of the host. */
export function hostDir(lab: LabOptions, host: HostName): string {
  return join(lab.dir, host);
}

/** Client programs of the lab's own, which its agents find before the machine's. */
export function clientsDir(lab: LabOptions): string {
  return join(lab.dir, 'bin');
}

export function pairFile(lab: LabOptions): string {
  return join(lab.dir, 'pair.yaml');
}

export function asHost(lab: LabOptions, text: string): HostName {
  const host = hostsOf(lab).find((name) => name === text);
  if (host !== undefined) return host;
  throw new OperatorError(
    'lab-host',
    `The lab has no host "${text}".`,
    `Its hosts: ${hostsOf(lab).join(', ')}.`,
  );
}
