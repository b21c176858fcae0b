// `twinkeep setup` as an administrator runs it, against two real servers of a family started with the rendered settings. Both
// servers, their addresses and the command are in one namespace: pair.yaml takes no loopback addresses.
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadPair } from '../../src/config/load.ts';
import { settingsFor } from '../../src/config/mycnf.ts';
import { type ServerFamily, usualServer } from '../../src/core/family.ts';
import { openDatabase } from '../../src/io/database/open.ts';
import type { Database } from '../../src/runtime/ports.ts';
import { scratchDir, startMariadb } from '../support/mariadb.ts';
import { freePort, type TestServer } from '../support/server.ts';
import { mysql56Folder, startMysql56 } from './mysql56server.ts';
import { mysqlRoot, startMysql } from './mysqlserver.ts';

const launcher = resolve(import.meta.dirname, '../../twinkeep');
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' });

export type NodeName = 'a' | 'b';
export const NODES: readonly NodeName[] = ['a', 'b'];
const ADDRESS = { a: '192.0.2.11', b: '192.0.2.12' } as const;

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SetupBench {
  readonly dir: string;
  readonly port: number;
  server(node: NodeName): TestServer;
  /** Starts both with the rendered settings; `extra` comes last, and so wins. */
  start(extra?: Partial<Record<NodeName, string[]>>): Promise<void>;
  setup(...args: string[]): Promise<Ended>;
  /** The steps of `setup --yes --json`; throws what it says when it is refused. */
  steps(): Promise<string[]>;
  /** As root; the rows of the last statement. */
  on(node: NodeName, ...statements: string[]): Promise<Record<string, unknown>[]>;
  /** As an administrator before there was a pair: through the binary log, on a server that is closed again afterwards. */
  write(node: NodeName, ...statements: string[]): Promise<void>;
  /** The same past the binary log. */
  writeUnlogged(node: NodeName, ...statements: string[]): Promise<void>;
  /** As the agent logs in; closed with the bench. */
  database(node: NodeName, more?: object): Database;
  /** Runs a program's source in the servers' namespace; what it prints, without line breaks at the end. */
  inside(source: string): Promise<string>;
  /** Ends the servers; the next test starts others. */
  clear(): Promise<void>;
  end(): void;
}

interface Way {
  readonly start: (
    dir: string,
    port: number,
    netns: string,
    extraArgs: readonly string[],
  ) => Promise<TestServer>;
  readonly open: readonly string[];
  readonly close: readonly string[];
}

const WAYS: Readonly<Record<ServerFamily, Way>> = {
  mariadb: {
    start: (dir, port, netns, extraArgs) => startMariadb({ dir, port, netns, extraArgs }),
    open: ['SET GLOBAL rpl_semi_sync_master_enabled = OFF'],
    close: ['SET GLOBAL rpl_semi_sync_master_enabled = ON'],
  },
  mysql: {
    start(dir, port, netns, extraArgs) {
      const root = mysqlRoot();
      if ('missing' in root) throw new Error(root.missing);
      return startMysql({ root: root.path, dir, port, netns, extraArgs });
    },
    open: ['SET GLOBAL rpl_semi_sync_source_enabled = OFF', 'SET GLOBAL super_read_only = OFF'],
    close: ['SET GLOBAL super_read_only = ON', 'SET GLOBAL rpl_semi_sync_source_enabled = ON'],
  },
  mysql56: {
    start(dir, port, netns, extraArgs) {
      const folder = mysql56Folder();
      if ('missing' in folder) throw new Error(folder.missing);
      return startMysql56({ folder: folder.path, dir, port, netns, extraArgs });
    },
    open: [],
    close: [],
  },
};

/** `mysql`: the section of that name in pair.yaml, without its port. */
export async function openSetupBench(family: ServerFamily, mysql: string = ''): Promise<SetupBench> {
  const way = WAYS[family];
  const dir = scratchDir(`setup-${family}`);
  const port = await freePort();
  const netns = `tkdb-${family}-${process.pid}`;
  ip('netns', 'add', netns);
  ip('-n', netns, 'link', 'set', 'lo', 'up');
  for (const address of Object.values(ADDRESS))
    ip('-n', netns, 'address', 'add', `${address}/24`, 'dev', 'lo');
  writeFileSync(
    join(dir, 'pair.yaml'),
    `pair: shop
nodes:
  a: { address: ${ADDRESS.a}, interface: lo, priority: 100 }
  b: { address: ${ADDRESS.b}, interface: lo, priority: 90 }
vips: { write: [192.0.2.100/24] }
mysql: { port: ${port}${mysql === '' ? '' : `, ${mysql}`} }
stateDir: ${dir}/state
`,
  );
  const servers = new Map<NodeName, TestServer>();
  const databases: Database[] = [];

  function server(node: NodeName): TestServer {
    const found = servers.get(node);
    if (found === undefined) throw new Error(`no server ${node}`);
    return found;
  }
  function settings(node: NodeName): string[] {
    const parsed = loadPair(join(dir, 'pair.yaml'));
    if (!parsed.ok) throw new Error(parsed.findings.map((each) => each.message).join('; '));
    return settingsFor(parsed.config, node, usualServer[family]).flatMap((group) =>
      group.settings.map(({ name, value }) => `--${name}=${value.replaceAll('"', '')}`),
    );
  }
  async function on(node: NodeName, ...statements: string[]): Promise<Record<string, unknown>[]> {
    const root = await server(node).root();
    let rows: unknown = [];
    for (const statement of statements) [rows] = await root.query(statement);
    root.destroy();
    return rows as Record<string, unknown>[];
  }
  const write = async (node: NodeName, ...statements: string[]): Promise<void> => {
    await on(node, ...way.open, ...statements, ...way.close);
  };
  async function setup(...args: string[]): Promise<Ended> {
    const sockets = NODES.flatMap((node) =>
      servers.has(node) ? ['--admin-socket', `${node}=${server(node).socket}`] : [],
    );
    const all = ['setup', '--config', join(dir, 'pair.yaml'), ...sockets, ...args];
    return await new Promise((done) => {
      execFile(
        'ip',
        ['netns', 'exec', netns, launcher, ...all],
        { timeout: 60_000 },
        (error, stdout, stderr) => {
          done({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
        },
      );
    });
  }

  return {
    dir,
    port,
    server,
    async start(extra = {}) {
      const begin = async (node: NodeName) => {
        const args = [...settings(node), `--bind-address=${ADDRESS[node]}`, ...(extra[node] ?? [])];
        servers.set(node, await way.start(join(dir, node), port, netns, args));
      };
      await Promise.all(NODES.map(begin));
    },
    setup,
    async steps() {
      const { code, stdout, stderr } = await setup('--yes', '--json');
      if (code !== 0) throw new Error(stdout || stderr);
      return (JSON.parse(stdout) as { steps: string[] }).steps;
    },
    on,
    write,
    writeUnlogged: (node, ...statements) => write(node, 'SET sql_log_bin = 0', ...statements),
    database(node, more = {}) {
      const database = openDatabase({
        host: '127.0.0.1',
        port,
        socketPath: server(node).socket,
        user: 'twinkeep',
        password: readFileSync(join(dir, 'admin.password'), 'utf8').trim(),
        role: 'peer',
        schema: 'twinkeep',
        ...more,
      });
      databases.push(database);
      return database;
    },
    inside: (source) =>
      new Promise((done, fail) => {
        const argv = ['netns', 'exec', netns, process.execPath, '--input-type=module', '-e', source];
        execFile('ip', argv, { timeout: 60_000 }, (error, stdout, stderr) =>
          error === null ? done(stdout.trim()) : fail(new Error(stderr)),
        );
      }),
    async clear() {
      for (const database of databases.splice(0)) database.close();
      await Promise.all([...servers.values()].map((each) => each.kill()));
      servers.clear();
      for (const node of NODES) rmSync(join(dir, node), { recursive: true, force: true });
      for (const secret of ['admin.password', 'repl.password', 'api.token', 'pair.key'])
        rmSync(join(dir, secret), { force: true });
    },
    end() {
      ip('netns', 'delete', netns);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
