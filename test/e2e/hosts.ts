// Hosts for the end-to-end tests, made as a user's are and not by the lab: a network namespace each with one interface
// on one bridge, a folder each for pair.yaml and its secrets, real servers, agents in the foreground.
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type MariadbServer, scratchDir, startMariadb } from '../support/mariadb.ts';

const LAUNCHER = fileURLToPath(new URL('../../twinkeep', import.meta.url));
const PREFIX = 'tke';
const COMMAND_MS_MAX = 60_000;
/** What `setup` makes beside pair.yaml, and an operator copies to the other host. */
export const SECRETS = ['repl.password', 'admin.password', 'api.token', 'pair.key'] as const;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Nothing of the test runner's own: what it sets for Node is not meant for the program. */
function plainEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', HOME = '/root' } = process.env;
  return { PATH: `${PATH}:/usr/sbin:/sbin`, HOME, ...more };
}

export async function run(
  argv: readonly string[],
  options: { readonly env?: Record<string, string>; readonly cwd?: string; readonly limitMs?: number } = {},
): Promise<Ended> {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, {
    env: plainEnvironment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.limitMs ?? COMMAND_MS_MAX,
    killSignal: 'SIGKILL',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout, stderr };
}

async function must(argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(argv);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${stderr || stdout}`);
  return stdout;
}

/** Asks until the answer is true, at most for `limitMs`; `found` goes into the error. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  found: () => string = () => '',
  limitMs = 30_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await check())) {
    if (performance.now() > end)
      throw new Error(`not within ${limitMs / 1000} s: ${what}\n${found()}`.trim());
    await sleep(100);
  }
}

export interface LogLine {
  readonly process: string;
  readonly level: number;
  readonly code: string;
  readonly msg: string;
}

export interface Agent {
  readonly pid: number;
  /** What it said, JSON lines only. */
  lines(): LogLine[];
  /** Everything on its stderr. */
  text(): string;
  /** The first line with this code, and with `containing` in its message; waits for it. */
  said(code: string, containing?: string): Promise<LogLine>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  ended(): Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
}

export interface Hosts {
  readonly dir: string;
  namespace(host: string): string;
  /** The folder of one host: holds pair.yaml and the secrets. */
  folder(host: string): string;
  pairFile(host: string): string;
  /** Writes the same pair.yaml on the hosts. */
  writePair(text: string, on: readonly string[]): void;
  copySecrets(from: string, to: string): void;
  exec(host: string, argv: readonly string[], env?: Record<string, string>): Promise<Ended>;
  twinkeep(host: string, args: readonly string[]): Promise<Ended>;
  /** `before`: a command that starts it with other rights than ours. */
  agent(host: string, node: string, before?: readonly string[]): Agent;
  server(host: string, node: string, port: number): Promise<MariadbServer>;
  /** Puts the host's server on a disk of its own; called before `server`. */
  smallDisk(host: string, megabytes: number): Promise<string>;
  /** Addresses on the host's interface, with their prefix lengths. */
  addresses(host: string): Promise<string[]>;
  processes(host: string): Promise<number[]>;
  /** Ends and removes everything; throws when something stays. */
  down(): Promise<void>;
}

function parseLine(line: string): LogLine[] {
  try {
    const { process: who, level, code, msg } = JSON.parse(line) as LogLine;
    return [{ process: who, level, code, msg }];
  } catch {
    return [];
  }
}

function watched(child: ChildProcess): Agent {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const end = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = (): LogLine[] => text.split('\n').flatMap(parseLine);
  return {
    pid: child.pid ?? 0,
    lines,
    text: () => text,
    async said(code, containing = '') {
      const find = () => lines().find((line) => line.code === code && line.msg.includes(containing));
      await until(
        `the log says ${code} ${containing}`,
        () => find() !== undefined,
        () => text,
      );
      return find() as LogLine;
    },
    async stop() {
      child.kill('SIGTERM');
      return end;
    },
    ended: () => end,
    signal: (signal) => void child.kill(signal),
  };
}

/** A run that was killed leaves its namespaces; they carry its process id. */
async function sweepNamespaces(): Promise<void> {
  for (const name of (await must(['ip', 'netns', 'list'])).split('\n').map((line) => line.split(' ')[0])) {
    const owner = new RegExp(`^${PREFIX}-(\\d+)-`).exec(name ?? '')?.[1];
    if (name !== undefined && owner !== undefined && !existsSync(`/proc/${owner}`))
      await must(['ip', 'netns', 'del', name]);
  }
}

/** `members`: host name and its address with prefix length. */
export async function startHosts(members: Readonly<Record<string, string>>): Promise<Hosts> {
  await sweepNamespaces();
  const dir = scratchDir('e2e');
  const namespace = (host: string): string => `${PREFIX}-${process.pid}-${host}`;
  const folder = (host: string): string => join(dir, host);
  const pairFile = (host: string): string => join(folder(host), 'pair.yaml');
  const agents: Agent[] = [];
  const servers: MariadbServer[] = [];
  const disks: string[] = [];
  const inside = (host: string, argv: readonly string[]): string[] => [
    'ip',
    'netns',
    'exec',
    namespace(host),
    ...argv,
  ];

  const hosts: Hosts = {
    dir,
    namespace,
    folder,
    pairFile,
    writePair(text, on) {
      for (const host of on) writeFileSync(pairFile(host), text);
    },
    copySecrets(from, to) {
      for (const name of SECRETS) copyFileSync(join(folder(from), name), join(folder(to), name));
    },
    exec: (host, argv, env) => run(inside(host, argv), { cwd: folder(host), ...(env ? { env } : {}) }),
    twinkeep: (host, args) => run(inside(host, [LAUNCHER, ...args]), { cwd: folder(host) }),
    agent(host, node, before = []) {
      const argv = [...before, LAUNCHER, 'agent', '--config', pairFile(host), '--node', node];
      const [command = '', ...args] = inside(host, ['setpriv', '--pdeathsig', 'KILL', ...argv]);
      const child = spawn(command, args, {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: plainEnvironment(),
        cwd: folder(host),
      });
      const agent = watched(child);
      agents.push(agent);
      return agent;
    },
    async server(host, node, port) {
      const rendered = await this.twinkeep(host, ['config', 'render', 'my.cnf', '--node', node]);
      if (rendered.code !== 0) throw new Error(rendered.stderr);
      const myCnf = join(folder(host), '99-twinkeep.cnf');
      writeFileSync(myCnf, rendered.stdout);
      const server = await startMariadb({
        dir: join(folder(host), 'server'),
        port,
        myCnf,
        netns: namespace(host),
      });
      servers.push(server);
      return server;
    },
    async smallDisk(host, megabytes) {
      const disk = join(folder(host), 'server');
      mkdirSync(disk);
      await must(['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk]);
      disks.push(disk);
      return disk;
    },
    async addresses(host) {
      const shown = await must(['ip', '-n', namespace(host), '-o', '-4', 'addr', 'show', 'dev', 'eth0']);
      return [...shown.matchAll(/inet (\S+)/g)].map((match) => match[1] ?? '');
    },
    async processes(host) {
      const { stdout } = await run(['ip', 'netns', 'pids', namespace(host)]);
      return stdout.split('\n').filter(Boolean).map(Number);
    },
    async down() {
      for (const agent of agents) agent.signal('SIGKILL');
      await Promise.all(servers.map((server) => server.kill()));
      for (const host of [...Object.keys(members), 'bridge']) {
        // A manager outlives its agent, and a child of a test may be left: all of them live in these namespaces.
        for (const pid of await hosts.processes(host)) killIfThere(pid);
        await run(['ip', 'netns', 'del', namespace(host)]);
      }
      for (const disk of disks) await must(['umount', disk]);
      rmSync(dir, { recursive: true, force: true });
      const left = (await must(['ip', 'netns', 'list'])).match(
        new RegExp(`^${PREFIX}-${process.pid}-\\S+`, 'gm'),
      );
      if (left !== null) throw new Error(`namespaces are left: ${left.join(' ')}`);
    },
  };

  try {
    await must(['ip', 'netns', 'add', namespace('bridge')]);
    await must(['ip', '-n', namespace('bridge'), 'link', 'add', 'br0', 'type', 'bridge']);
    await must(['ip', '-n', namespace('bridge'), 'link', 'set', 'br0', 'up']);
    for (const [host, address] of Object.entries(members)) await addHost(hosts, host, address);
  } catch (error) {
    await hosts.down();
    throw error;
  }
  return hosts;
}

async function addHost(hosts: Hosts, host: string, address: string): Promise<void> {
  mkdirSync(hosts.folder(host), { recursive: true });
  const here = hosts.namespace(host);
  const bridge = hosts.namespace('bridge');
  const ip = (command: string): Promise<string> => must(['ip', ...command.split(' ')]);
  await ip(`netns add ${here}`);
  await ip(`-n ${here} link add eth0 type veth peer name to-${host} netns ${bridge}`);
  await ip(`-n ${bridge} link set dev to-${host} master br0 up`);
  await ip(`-n ${here} addr add ${address} dev eth0`);
  await ip(`-n ${here} link set eth0 up`);
  await ip(`-n ${here} link set lo up`);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
