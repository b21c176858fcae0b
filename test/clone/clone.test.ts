// `twinkeep clone` on two real hosts of a lab: a standby whose applier stopped becomes a copy of its writer; clones that are broken
// off at any point go on, or give the old data back.

import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { rootSession, waitForServer } from '../../lab/database.ts';
import { managerProcess, runIn, spawnIn } from '../../lab/host.ts';
import { labDown, labUp, stopService } from '../../lab/lab.ts';
import { launcher, startAgent } from '../../lab/pair.ts';
import { hostDir, type LabOptions, type NodeName, pairFile } from '../../lab/plan.ts';
import { signal, until } from '../../lab/process.ts';
import type { PairView } from '../../src/app/view.ts';
import type { CloneJournal } from '../../src/core/clone/journal.ts';

const given: Partial<LabOptions> = { name: `t${process.pid}-clone` };
let lab: LabOptions;
const children: ChildProcess[] = [];

beforeAll(async () => {
  lab = await labUp(given, () => {});
  // Enough that a throttled copy is caught half-way.
  await sql('a', 'CREATE TABLE drill.blob_ (id INT PRIMARY KEY AUTO_INCREMENT, c LONGBLOB)');
  for (let i = 0; i < 4; i += 1)
    await sql('a', 'INSERT INTO drill.blob_ (c) SELECT RANDOM_BYTES(1024) FROM drill.seq_1_to_2000');
  await sql('a', "INSERT INTO drill.t (writer, sequence, payload) VALUES (900, 1, 'x')");
  await paired();
});
afterAll(() => labDown(given));
// Each of them is several clones; a busy machine takes its time.
vi.setConfig({ testTimeout: 300_000 });
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function sql<T = Record<string, unknown>>(node: NodeName, text: string): Promise<T[]> {
  const session = await rootSession(lab, node);
  try {
    return await session.query<T>(text);
  } finally {
    session.close();
  }
}

const argv = (...args: string[]): string[] => [launcher, ...args, '--config', pairFile(lab)];
const twinkeep = (node: NodeName, ...args: string[]) => runIn(lab, node, argv(...args));

/** Runs it, and expects it to be done. */
async function done(node: NodeName, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await twinkeep(node, ...args);
  expect(code, `${args.join(' ')}: ${stdout}${stderr}`).toBe(0);
  return stdout;
}

async function refused(node: NodeName, ...args: string[]): Promise<{ code: string; message: string }> {
  const { code, stdout, stderr } = await twinkeep(node, ...args, '--json');
  expect(code, `${args.join(' ')}: ${stdout}${stderr}`).not.toBe(0);
  return (JSON.parse(stdout.slice(stdout.indexOf('{\n'))) as { error: { code: string; message: string } })
    .error;
}

async function view(node: NodeName): Promise<PairView> {
  const { stdout } = await runIn(lab, node, [
    'sh',
    '-c',
    `exec node -e "fetch('http://127.0.0.1:8700/api/v1/pair', {headers: {authorization: 'Bearer ' + require('fs').readFileSync('${join(lab.dir, 'api.token')}', 'utf8').trim()}}).then((r) => r.text()).then(console.log)"`,
  ]);
  return JSON.parse(stdout) as PairView;
}

async function paired(): Promise<void> {
  let last = '';
  const ok = await until(
    async () => {
      const now = await view('b').catch(() => null);
      last = JSON.stringify(now?.nodes.map(({ name, role, ineligible }) => ({ name, role, ineligible })));
      return (
        now?.record.sync === 'paired' &&
        now.nodes.every((node) => node.role === 'writing' || node.ineligible.length === 0)
      );
    },
    60_000,
    1000,
  );
  expect(ok, last).toBe(true);
}

const journal = (): CloneJournal | null => {
  const path = join(lab.dir, 'state', `${lab.name}.b`, 'clone.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as CloneJournal) : null;
};

/** The directories beside the data directory of b that a clone left. */
const beside = (): string[] => readdirSync(hostDir(lab, 'b')).filter((name) => name.startsWith('data.'));

async function sums(node: NodeName): Promise<unknown> {
  return sql(node, 'CHECKSUM TABLE drill.t, drill.blob_ EXTENDED');
}

/** A row that the writer changes is missing at the standby: its applier stops for good. */
async function breakApplier(): Promise<void> {
  const session = await rootSession(lab, 'b');
  await session.query('SET SESSION sql_log_bin = 0');
  await session.query('DELETE FROM drill.t WHERE writer = 900');
  session.close();
  await sql('a', "UPDATE drill.t SET payload = CONCAT('y', payload) WHERE writer = 900");
  const stopped = async (): Promise<boolean> => {
    const [row] = await sql('b', 'SHOW SLAVE STATUS');
    return Number(row?.['Last_SQL_Errno']) === 1032;
  };
  expect(await until(stopped, 20_000, 100)).toBe(true);
}

async function rowWritten(node: NodeName): Promise<void> {
  await sql(
    node,
    "INSERT INTO drill.t (writer, sequence, payload) SELECT 901, COALESCE(MAX(sequence), 0) + 1, 'w' FROM drill.t WHERE writer = 901",
  );
}

/** The copy is the writer's equal, in data, history and channels. */
async function isCopy(): Promise<void> {
  await paired();
  const same = async (): Promise<boolean> =>
    JSON.stringify(await sums('a')) === JSON.stringify(await sums('b'));
  expect(await until(same, 10_000, 200)).toBe(true);
  const channels = async (): Promise<boolean> => {
    const rows = [...(await sql('a', 'SHOW SLAVE STATUS')), ...(await sql('b', 'SHOW SLAVE STATUS'))];
    return (
      rows.length === 2 &&
      rows.every((row) => row['Slave_IO_Running'] === 'Yes' && row['Slave_SQL_Running'] === 'Yes')
    );
  };
  expect(await until(channels, 20_000, 200), 'both channels run').toBe(true);
}

/** Starts a clone, and kills it, as soon as its journal (and a line that it prints) are as wanted. */
async function killAt(step: string, ...args: string[]): Promise<void> {
  const child = spawnIn(lab, 'b', argv('clone', ...args, '--json'), 'pipe');
  children.push(child);
  let said = '';
  child.stdout?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  child.stderr?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const reached = await until(() => said.includes(step) || child.exitCode !== null, 40_000, 5);
  expect(reached && child.exitCode === null, said).toBe(true);
  // nsenter's child is the process that works.
  const main = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const gone = (): boolean => main.every((pid) => !existsSync(`/proc/${pid}`));
  for (const pid of [...main, child.pid ?? 0]) if (pid > 0) signal(pid, 'SIGKILL');
  await ended;
  expect(await until(gone, 20_000, 20)).toBe(true);
}

test('the writer is not overwritten, wrong words are explained, and a dry run changes nothing', async () => {
  expect(await refused('a', 'clone', '--from', 'b')).toMatchObject({ code: 'is-writer' });
  expect(await refused('b', 'clone', '--from', 'b')).toMatchObject({ code: 'same-node' });
  expect(await refused('b', 'clone')).toMatchObject({ code: 'from' });
  expect(await refused('b', 'clone', '--abort')).toMatchObject({ code: 'no-clone' });
  expect(await refused('b', 'clone', '--from', 'a', '--rate', 'fast')).toMatchObject({ code: 'rate' });
  expect(await refused('b', 'clone', '--from', 'a', '--method', 'clone-plugin')).toMatchObject({
    code: 'no-clone-plugin',
  });
  expect(await done('b', 'clone', '--from', 'a', '--dry-run')).toContain('would make b a copy of a');
  expect(journal()).toBeNull();
  expect(beside()).toEqual([]);
});

test('a standby whose applier stopped becomes a copy of its writer, and the pair takes it', async () => {
  await breakApplier();
  const before = await sql('a', 'SELECT @@server_id AS id, @@GLOBAL.gtid_binlog_state AS state');
  const said = await done('b', 'clone', '--from', 'a', '--json');
  const events = said
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; step?: string; kept?: string });
  expect(events.filter((each) => each.event === 'step').map((each) => each.step)).toEqual(
    expect.arrayContaining(['receive', 'prepare', 'stop', 'swap', 'position', 'prove']),
  );
  await isCopy();
  const after = await sql('a', 'SELECT @@server_id AS id');
  expect(after[0]?.['id']).toBe(before[0]?.['id']);
  const kept = events.at(-1)?.kept ?? '';
  expect(existsSync(join(kept, 'drill'))).toBe(true);
  await done('b', 'clone', '--discard-old');
  expect(beside()).toEqual([]);
});

test('a clone that is killed half-way goes on when it is run again', async () => {
  await breakApplier();
  await killAt('"event":"progress"', '--from', 'a', '--rate', '2MB');
  expect(journal()?.step).toBe('receive');
  // Nobody steers the server or counts on it meanwhile, whatever restarts.
  const manager = managerProcess(lab, 'b');
  if (manager !== null) signal(manager.pid, 'SIGKILL');
  const held = async (): Promise<boolean> => {
    const now = await view('b').catch(() => null);
    const node = now?.nodes.find((each) => each.self);
    return node?.ineligible.some((each) => each.code === 'mending') === true;
  };
  expect(await until(held, 20_000, 200)).toBe(true);
  await rowWritten('a');
  await killAt('"step":"stop"');
  expect(['stop', 'swap']).toContain(journal()?.step);
  await killAt('"step":"position"');
  await done('b', 'clone', '--discard-old');
  await isCopy();
  expect(beside()).toEqual([]);
});

test('a clone that is given up puts the old data back, wherever it was broken off', async () => {
  for (const step of ['"event":"progress"', '"step":"swap"', '"step":"prove"']) {
    await killAt(step, '--from', 'a', ...(step.includes('progress') ? ['--rate', '2MB'] : []));
    await rowWritten('a');
    await done('b', 'clone', '--abort');
    expect(beside(), step).toEqual([]);
    expect(journal()).toBeNull();
    await waitForServer(lab, 'b');
    await isCopy();
  }
});

test('a donor that goes away in the middle ends the copy with a sentence, and it can be taken again', async () => {
  const child = spawnIn(lab, 'b', argv('clone', '--from', 'a', '--rate', '2MB', '--json'), 'pipe');
  children.push(child);
  let said = '';
  child.stdout?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  expect(await until(() => said.includes('"event":"progress"'), 60_000, 10)).toBe(true);
  const manager = managerProcess(lab, 'a');
  expect(manager).not.toBeNull();
  if (manager !== null) signal(manager.pid, 'SIGKILL');
  expect(await ended).toBe(1);
  expect(said).toMatch(/"code": "(clone-line|copy-not-whole)"/);
  await until(async () => (await view('a').catch(() => null)) !== null, 20_000, 200);
  await done('b', 'clone', '--from', 'a', '--discard-old', '--method', 'dump');
  // It went on with what was begun: the method stays.
  await isCopy();
});

test('transactions that only the overwritten node has are not forgotten without a word', async () => {
  // A stray write that does not travel: the pair is apart, and the channel of a is stopped.
  await stopService(lab, 'b', 'agent');
  await until(async () => (await view('a')).record.sync === 'alone', 20_000, 500);
  await sql('a', 'STOP SLAVE');
  await sql('b', "INSERT INTO drill.t (writer, sequence, payload) VALUES (902, 1, 'errant')");
  expect(await refused('b', 'clone', '--from', 'a')).toMatchObject({ code: 'errant' });
  expect(journal()?.step ?? 'done').toBe('done');
  await startAgent(lab, 'b');
  await until(
    async () => (await view('b').catch(() => null))?.nodes.find((node) => node.self)?.role === 'following',
    20_000,
    500,
  );
  await done('b', 'clone', '--from', 'a', '--forget-errant', '--discard-old');
  expect(await sql('b', 'SELECT * FROM drill.t WHERE writer = 902')).toEqual([]);
  await isCopy();
});
