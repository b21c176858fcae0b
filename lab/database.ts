// The lab's database servers: a data directory each, made once and copied, and the server under a supervisor.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { loadPair } from '../src/config/load.ts';
import { renderMyCnf } from '../src/config/mycnf.ts';
import type { PairConfig } from '../src/config/types.ts';
import { OperatorError } from '../src/core/error.ts';
import { requireUp, servicePid, startService } from './host.ts';
import { hostDir, type LabOptions, mysqlPort, pairFile, type ServerHost } from './plan.ts';
import { run, until } from './process.ts';
import { serverOf, serverPidFile, serverSocket } from './server.ts';

/** The same socket as the machine sees it. */
export function outerSocket(lab: LabOptions, node: ServerHost): string {
  return `/proc/${requireUp(lab, node)}/root${serverSocket}`;
}

/** Two small servers share a small machine; everything about safety stays as `config render my.cnf` has it. */
function labOnlySettings(lab: LabOptions, node: ServerHost): string {
  return `
# Only in the lab: where this server's files are, and a small memory.
[mysqld]
datadir = ${join(hostDir(lab, node), 'data')}
socket = ${serverSocket}
pid_file = ${serverPidFile}
port = ${mysqlPort}
skip_name_resolve = ON
innodb_buffer_pool_size = 64M
table_open_cache = 200
${serverOf(lab).settings}`;
}

export function readPairFile(lab: LabOptions): PairConfig {
  const parsed = loadPair(pairFile(lab));
  if (parsed.ok) return parsed.config;
  const [first] = parsed.findings;
  throw new OperatorError(
    'lab-pair-file',
    `The lab's pair.yaml is refused: ${first?.message ?? 'no reason given'}`,
    first?.hint ?? 'See it with: twinkeep config check',
  );
}

const myCnfOf = (lab: LabOptions, node: ServerHost): string => join(hostDir(lab, node), 'my.cnf');

/** Copies the template and writes the server's my.cnf. */
export async function prepareServer(lab: LabOptions, node: ServerHost, template: string): Promise<void> {
  const dir = hostDir(lab, node);
  const data = join(dir, 'data');
  await run('cp', ['-a', '--sparse=always', template, data]);
  const { owner } = serverOf(lab);
  const chown = await run('chown', ['-R', `${owner}:${owner}`, data]);
  if (chown.code !== 0) {
    throw new OperatorError(
      'lab-server',
      `The data directory cannot be given to ${owner}: ${chown.stderr.trim()}`,
      'Run as root.',
    );
  }
  writeFileSync(
    myCnfOf(lab, node),
    renderMyCnf(readPairFile(lab), node, lab.server) + labOnlySettings(lab, node),
  );
}

export async function startServer(lab: LabOptions, node: ServerHost): Promise<void> {
  await startService(lab, node, {
    name: 'server',
    policy: 'on-abnormal',
    restartS: lab.serverRestartS,
    argv: await serverOf(lab).argv(lab, node, myCnfOf(lab, node)),
  });
}

export interface RootSession {
  query<T = Record<string, unknown>>(sql: string): Promise<T[]>;
  close(): void;
}

/** A session of the server's root account over its socket; the drills read results with it, and the lab makes accounts. */
export async function rootSession(lab: LabOptions, node: ServerHost): Promise<RootSession> {
  const connection = await mysql.createConnection({
    socketPath: outerSocket(lab, node),
    user: 'root',
    connectTimeout: 2000,
    supportBigNumbers: true,
    // MariaDB asks for this plugin; the answer is empty, the kernel tells the server who we are. MySQL's root has no password.
    authPlugins: { unix_socket: () => () => Buffer.alloc(0) },
  });
  connection.on('error', () => {}); // a server that is killed while we hold a session is no news here
  return {
    query: async <T>(sql: string) => (await connection.query(sql))[0] as T[],
    close: () => connection.destroy(),
  };
}

export async function answers(lab: LabOptions, node: ServerHost): Promise<boolean> {
  try {
    const session = await rootSession(lab, node);
    session.close();
    return true;
  } catch {
    return false;
  }
}

export async function waitForServer(lab: LabOptions, node: ServerHost, limitMs = 20_000): Promise<void> {
  if (await until(() => answers(lab, node), limitMs, 25)) return;
  const log = join(hostDir(lab, node), 'server.log');
  const errors = (existsSync(log) ? readFileSync(log, 'utf8') : '')
    .split('\n')
    .filter((l) => l.includes('[ERROR]'));
  throw new OperatorError(
    'lab-server',
    `The server on host ${node} ${servicePid(lab, node, 'server') === null ? 'ended' : 'did not answer within 20 s'}. ${errors.slice(-2).join(' ')}`.trim(),
    `Its log: ${log}`,
  );
}
