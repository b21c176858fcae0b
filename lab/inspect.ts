// What `lab status` shows: hosts, services, the holder of the VIP, and twinkeep's own words.

import { isSupervised, isUp, managerProcess, serviceProcess } from './host.ts';
import { vipHolders } from './lab.ts';
import { twinkeep } from './pair.ts';
import {
  addressOf,
  type HostName,
  hostNames,
  type LabOptions,
  type NodeName,
  nodeNames,
  writeVip,
} from './plan.ts';

export interface ServiceStatus {
  readonly name: 'server' | 'agent' | 'manager';
  /** As seen inside the host, e.g. for `lab in a -- kill -STOP PID`. */
  readonly pid: number | null;
  readonly state: 'running' | 'frozen' | 'starting again' | 'stopped';
}

export interface LabStatus {
  readonly name: string;
  readonly dir: string;
  readonly vip: string;
  readonly vipHolders: readonly NodeName[];
  readonly hosts: readonly {
    readonly name: HostName;
    readonly address: string;
    readonly up: boolean;
    readonly services: readonly ServiceStatus[];
  }[];
  /** The text of `twinkeep status`; empty in a lab without agents. */
  readonly twinkeep: string;
}

function serviceStatus(lab: LabOptions, node: NodeName, name: ServiceStatus['name']): ServiceStatus {
  const process = name === 'manager' ? managerProcess(lab, node) : serviceProcess(lab, node, name);
  if (process === null) {
    const waiting = isSupervised(lab, node, name === 'manager' ? 'agent' : name);
    return { name, pid: null, state: waiting ? 'starting again' : 'stopped' };
  }
  return { name, pid: process.innerPid, state: process.state === 'T' ? 'frozen' : 'running' };
}

export async function labStatus(lab: LabOptions): Promise<LabStatus> {
  const hosts = hostNames.map((name) => {
    const node = nodeNames.find((n) => n === name);
    const up = isUp(lab, name);
    const names = lab.agents ? (['server', 'agent', 'manager'] as const) : (['server'] as const);
    const services = node === undefined || !up ? [] : names.map((s) => serviceStatus(lab, node, s));
    return { name, address: addressOf[name], up, services };
  });
  const said = lab.agents ? await twinkeep(lab, ['status']) : null;
  return {
    name: lab.name,
    dir: lab.dir,
    vip: writeVip,
    vipHolders: await vipHolders(lab),
    hosts,
    twinkeep: said === null ? '' : (said.stdout || said.stderr).trimEnd(),
  };
}
