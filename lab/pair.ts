// The pair in the lab: pair.yaml, its secrets, set-up, and the agents under their supervisors.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { OperatorError } from '../src/core/error.ts';
import { outerSocket, rootSession } from './database.ts';
import { requireUp, type Service, startService } from './host.ts';
import {
  addressOf,
  clientsDir,
  hostDir,
  type LabOptions,
  mysqlPort,
  type NodeName,
  pairFile,
  prefixLength,
  projectRoot,
  replicasOf,
  type ServerHost,
  serverHostsOf,
  writeVip,
} from './plan.ts';
import { run } from './process.ts';
import { serverOf, serverSocket } from './server.ts';
import { witnessEndpoints } from './witness.ts';

export const launcher = join(projectRoot, 'twinkeep');
export const applicationUser = 'app';

export function applicationPasswordFile(lab: LabOptions): string {
  return join(lab.dir, 'app.password');
}

/** The lab's pair.yaml: what a newcomer would write, and the lab's own paths. Overrides replace keys, section by section. */
export function writePairFile(lab: LabOptions): void {
  const sections: Record<string, unknown> = {
    pair: lab.name,
    nodes: {
      a: { address: addressOf.a, interface: 'eth0', priority: 100 },
      b: { address: addressOf.b, interface: 'eth0', priority: 90 },
    },
    ...(lab.replicas > 0 && {
      replicas: Object.fromEntries(
        replicasOf(lab).map((name) => [name, { address: addressOf[name], interface: 'eth0' }]),
      ),
    }),
    vips: { write: [`${writeVip}/${prefixLength}`] },
    mysql: { port: mysqlPort, socket: serverSocket, service: serviceCommands(lab) },
    vrrp: { id: 51, advertInterval: '100ms' },
    failover: { gateway: addressOf.gw, holdAfterFailover: '0s' },
    stateDir: join(lab.dir, 'state'),
    ...(lab.witnesses > 0 && { witness: { etcd: witnessEndpoints(lab) } }),
  };
  const overrides = (parse(lab.pairOverrides) ?? {}) as Record<string, unknown>;
  for (const more of [serverOf(lab).pair, overrides]) replaceKeys(sections, more);
  writeFileSync(pairFile(lab), `# The pair of the lab "${lab.name}".\n${stringify(sections)}`);
}

function replaceKeys(sections: Record<string, unknown>, by: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(by)) {
    const before = sections[key];
    sections[key] = isMapping(before) && isMapping(value) ? { ...before, ...value } : value;
  }
}

/** How `twinkeep clone` stops and starts the server of the host that it runs on. */
function serviceCommands(lab: LabOptions): Record<string, string> {
  const command = (verb: string): string =>
    `sh '${join(projectRoot, 'lab', 'service.sh')}' ${verb} server '${lab.dir}'/"$(hostname)"`;
  return { stop: command('stop'), start: command('start') };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Runs a twinkeep verb with the application host's network, from where both nodes are reached. */
export async function twinkeep(lab: LabOptions, args: readonly string[]) {
  const pid = requireUp(lab, 'app');
  return run('nsenter', [
    '--target',
    String(pid),
    '--net',
    '--',
    launcher,
    ...args,
    '--config',
    pairFile(lab),
  ]);
}

/** Makes the two fresh servers a pair with a as the writer. */
export async function setUpPair(lab: LabOptions): Promise<void> {
  const sockets = serverHostsOf(lab).flatMap((node) => [
    '--admin-socket',
    `${node}=${outerSocket(lab, node)}`,
  ]);
  const done = await twinkeep(lab, ['setup', '--writer', 'a', ...sockets, '--yes']);
  if (done.code === 0) return;
  throw new OperatorError(
    'lab-setup',
    `twinkeep setup ended with ${done.code}: ${(done.stderr || done.stdout).trim()}`,
    'The lab is kept as it is: twinkeep lab in a -- sh looks into it, twinkeep lab down ends it.',
  );
}

/** The agents find the clients of their server's family before the machine's. */
function clientsFirst(lab: LabOptions): string[] {
  const path = `PATH=${clientsDir(lab)}:${process.env['PATH'] ?? ''}`;
  return serverOf(lab).makeClients === null ? [] : ['env', path];
}

export function agentService(lab: LabOptions, node: ServerHost): Service {
  return {
    name: 'agent',
    policy: 'on-failure',
    restartS: lab.agentRestartS,
    argv: [...clientsFirst(lab), launcher, 'agent', '--config', pairFile(lab), '--node', node],
  };
}

export async function startAgent(lab: LabOptions, node: ServerHost): Promise<void> {
  await startService(lab, node, agentService(lab, node));
}

/** The application's account and table, made on the writer as an administrator would; they replicate. */
export async function createApplication(lab: LabOptions, writer: NodeName): Promise<void> {
  if (!existsSync(applicationPasswordFile(lab))) {
    writeFileSync(applicationPasswordFile(lab), `${crypto.randomUUID()}\n`, { mode: 0o600 });
  }
  const password = readFileSync(applicationPasswordFile(lab), 'utf8').trim();
  const session = await rootSession(lab, writer);
  try {
    await session.query('CREATE DATABASE IF NOT EXISTS drill');
    await session.query(
      'CREATE TABLE IF NOT EXISTS drill.t (writer INT NOT NULL, sequence BIGINT NOT NULL, payload VARCHAR(64) NOT NULL, PRIMARY KEY (writer, sequence)) ENGINE=InnoDB',
    );
    const account = `'${applicationUser}'@'192.0.2.%'`;
    // 5.6 has no IF NOT EXISTS for accounts; its GRANT makes them, which later ones no longer do.
    const made = `IDENTIFIED BY '${password}'`;
    const old = lab.server === 'mysql56';
    if (!old) await session.query(`CREATE USER IF NOT EXISTS ${account} ${made}`);
    await session.query(`GRANT SELECT, INSERT ON drill.* TO ${account}${old ? ` ${made}` : ''}`);
  } finally {
    session.close();
  }
}

export function agentLog(lab: LabOptions, node: ServerHost): string {
  return join(hostDir(lab, node), 'agent.log');
}
