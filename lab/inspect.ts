// What `lab status` shows: hosts, services, the holder of the VIP, and twinkeep's own words.

import type { ServerFamily } from '../src/core/family.ts';
import { readPairFile } from './database.ts';
import { isSupervised, isUp, managerProcess, serviceProcess } from './host.ts';
import { vipHolders } from './lab.ts';
import { twinkeep } from './pair.ts';
import {
  addressOf,
  type HostName,
  hostsOf,
  type LabOptions,
  type NodeName,
  nodeNames,
  replicasOf,
  witnessesOf,
  writeVip,
} from './plan.ts';

export interface ServiceStatus {
  readonly name: 'server' | 'agent' | 'manager' | 'etcd';
  /** As seen inside the host, e.g. for `lab in a -- kill -STOP PID`. */
  readonly pid: number | null;
  readonly state: 'running' | 'frozen' | 'starting again' | 'stopped';
}

export interface LabStatus {
  readonly name: string;
  readonly server: ServerFamily;
  readonly dir: string;
  readonly vip: string;
  readonly vipHolders: readonly NodeName[];
  /** The read VIPs of the lab's pair.yaml. */
  readonly readVips: readonly { readonly vip: string; readonly holders: readonly NodeName[] }[];
  readonly hosts: readonly {
    readonly name: HostName;
    readonly address: string;
    readonly up: boolean;
    readonly services: readonly ServiceStatus[];
  }[];
  /** The text of `twinkeep status`; empty in a lab without agents. */
  readonly twinkeep: string;
}

function serviceStatus(lab: LabOptions, host: HostName, name: ServiceStatus['name']): ServiceStatus {
  const process = name === 'manager' ? managerProcess(lab, host) : serviceProcess(lab, host, name);
  if (process === null) {
    const waiting = isSupervised(lab, host, name === 'manager' ? 'agent' : name);
    return { name, pid: null, state: waiting ? 'starting again' : 'stopped' };
  }
  return { name, pid: process.innerPid, state: process.state === 'T' ? 'frozen' : 'running' };
}

function servicesOn(lab: LabOptions, host: HostName): readonly ServiceStatus['name'][] {
  if (witnessesOf(lab).some((name) => name === host)) return ['etcd'];
  if (replicasOf(lab).some((name) => name === host)) return lab.agents ? ['server', 'agent'] : ['server'];
  if (!nodeNames.some((name) => name === host)) return [];
  return lab.agents ? ['server', 'agent', 'manager'] : ['server'];
}

export async function labStatus(lab: LabOptions): Promise<LabStatus> {
  const hosts = hostsOf(lab).map((name) => {
    const up = isUp(lab, name);
    const services = up ? servicesOn(lab, name).map((service) => serviceStatus(lab, name, service)) : [];
    return { name, address: addressOf[name], up, services };
  });
  const said = lab.agents ? await twinkeep(lab, ['status']) : null;
  return {
    name: lab.name,
    server: lab.server,
    dir: lab.dir,
    vip: writeVip,
    vipHolders: await vipHolders(lab),
    readVips: await Promise.all(
      readPairFile(lab).vips.read.map(async ({ address }) => ({
        vip: address,
        holders: await vipHolders(lab, address),
      })),
    ),
    hosts,
    twinkeep: said === null ? '' : (said.stdout || said.stderr).trimEnd(),
  };
}
