// The lab's database servers: a data directory each, made once and copied, and mariadbd under a supervisor.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { loadPair } from '../src/config/load.ts';
import { renderMyCnf } from '../src/config/mycnf.ts';
import type { PairConfig } from '../src/config/types.ts';
import { OperatorError } from '../src/core/error.ts';
import { requireUp, servicePid, startService } from './host.ts';
import { hostDir, type LabOptions, mysqlPort, type NodeName, pairFile, projectRoot } from './plan.ts';
import { run, until } from './process.ts';

/** Inside each host; its /run is its own. */
export const serverSocket = '/run/mysqld/mysqld.sock';

/** The same socket as the machine sees it. */
export function outerSocket(lab: LabOptions, node: NodeName): string {
  return `/proc/${requireUp(lab, node)}/root${serverSocket}`;
}

/** Makes the empty data directory that every lab copies; kept in the project's cache, by server version. */
export async function templateDataDir(): Promise<string> {
  const version = (await run('mariadbd', ['--no-defaults', '--version'])).stdout;
  const release = /Ver (\S+)/.exec(version)?.[1];
  if (release === undefined) {
    throw new OperatorError(
      'lab-server',
      'mariadbd does not run on this machine.',
      'Run scripts/prepare first.',
    );
  }
  const cache = join(projectRoot, '.cache', 'lab');
  const template = join(cache, `data-${release}`);
  if (existsSync(template)) return template;
  mkdirSync(cache, { recursive: true });
  const unfinished = `${template}.${process.pid}`; // renamed when complete, so that an interrupted one is never used
  const made = await run('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${unfinished}`,
    '--auth-root-authentication-method=socket',
    '--skip-test-db',
    '--innodb-log-file-size=48M',
  ]);
  if (made.code !== 0) {
    rmSync(unfinished, { recursive: true, force: true });
    throw new OperatorError(
      'lab-server',
      `mariadb-install-db ended with ${made.code}: ${(made.stderr || made.stdout).trim().split('\n').slice(-3).join(' ')}`,
      'Run it by hand to see all it says.',
    );
  }
  try {
    renameSync(unfinished, template);
  } catch {
    rmSync(unfinished, { recursive: true, force: true }); // another lab made it meanwhile
  }
  return template;
}

/** Two small servers share a small machine; everything about safety stays as `config render my.cnf` has it. */
function labOnlySettings(lab: LabOptions, node: NodeName): string {
  return `
# Only in the lab: where this server's files are, and a small memory.
[mysqld]
user = mysql
datadir = ${join(hostDir(lab, node), 'data')}
socket = ${serverSocket}
pid_file = /run/mysqld/mysqld.pid
port = ${mysqlPort}
skip_name_resolve = ON
innodb_buffer_pool_size = 64M
innodb_log_file_size = 48M
performance_schema = OFF
table_open_cache = 200
`;
}

function readPairFile(lab: LabOptions): PairConfig {
  const parsed = loadPair(pairFile(lab));
  if (parsed.ok) return parsed.config;
  const [first] = parsed.findings;
  throw new OperatorError(
    'lab-pair-file',
    `The lab's pair.yaml is refused: ${first?.message ?? 'no reason given'}`,
    first?.hint ?? 'See it with: twinkeep config check',
  );
}

/** Copies the template and writes the server's my.cnf. */
export async function prepareServer(lab: LabOptions, node: NodeName, template: string): Promise<void> {
  const dir = hostDir(lab, node);
  const data = join(dir, 'data');
  await run('cp', ['-a', '--sparse=always', template, data]);
  const chown = await run('chown', ['-R', 'mysql:mysql', data]);
  if (chown.code !== 0) {
    throw new OperatorError(
      'lab-server',
      `The data directory cannot be given to mysql: ${chown.stderr.trim()}`,
      'Run as root.',
    );
  }
  writeFileSync(
    join(dir, 'my.cnf'),
    renderMyCnf(readPairFile(lab), node, 'mariadb') + labOnlySettings(lab, node),
  );
}

export async function startServer(lab: LabOptions, node: NodeName): Promise<void> {
  await startService(lab, node, {
    name: 'server',
    policy: 'on-abnormal',
    restartS: lab.serverRestartS,
    argv: ['mariadbd', `--defaults-file=${join(hostDir(lab, node), 'my.cnf')}`],
  });
}

export interface RootSession {
  query<T = Record<string, unknown>>(sql: string): Promise<T[]>;
  close(): void;
}

/** A session of the server's root account over its socket; the drills read results with it, and the lab makes accounts. */
export async function rootSession(lab: LabOptions, node: NodeName): Promise<RootSession> {
  const connection = await mysql.createConnection({
    socketPath: outerSocket(lab, node),
    user: 'root',
    connectTimeout: 2000,
    supportBigNumbers: true,
    // MariaDB asks for this plugin; the answer is empty, the kernel tells the server who we are.
    authPlugins: { unix_socket: () => () => Buffer.alloc(0) },
  });
  connection.on('error', () => {}); // a server that is killed while we hold a session is no news here
  return {
    query: async <T>(sql: string) => (await connection.query(sql))[0] as T[],
    close: () => connection.destroy(),
  };
}

export async function answers(lab: LabOptions, node: NodeName): Promise<boolean> {
  try {
    const session = await rootSession(lab, node);
    session.close();
    return true;
  } catch {
    return false;
  }
}

export async function waitForServer(lab: LabOptions, node: NodeName, limitMs = 20_000): Promise<void> {
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
