// Two further replicas of a pair on real servers: r1 of the standby, r2 of the writer. The M01/M02/R01 case: whoever writes, the
// rows arrive; whoever goes, the replicas find another source; and neither of them ever speaks for the standby.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rootSession } from '../../lab/database.ts';
import { hostProcesses, requireService, servicePid } from '../../lab/host.ts';
import { bootHost, crashHost, labDown, labUp } from '../../lab/lab.ts';
import { bothWays, cutWays, unblock } from '../../lab/network.ts';
import { agentLog, twinkeep } from '../../lab/pair.ts';
import { type LabOptions, type NodeName, peerOf, type ReplicaName, type ServerHost } from '../../lab/plan.ts';
import { signal, until } from '../../lab/process.ts';
import { type StatusWatch, watchStatus } from '../../lab/statuswatch.ts';
import type { ReplicaStatement } from '../../src/core/replica/view.ts';

const given: Partial<LabOptions> = {
  name: `testrep-${process.pid}`,
  replicas: 2,
  serverRestartS: 0.2,
  pairOverrides: [
    'replicas: { r2: { address: 192.0.2.14, interface: eth0, source: writer } }',
    'failover: { promoteWithin: 4s, aloneAfter: 6s }',
  ].join('\n'),
};
const LONG_MS = 60_000;
let lab: LabOptions;
let status: StatusWatch;
let sequence = 0;

beforeAll(async () => {
  lab = await labUp(given, () => {});
  status = watchStatus(lab);
});
afterAll(async () => {
  status?.stop();
  await labDown(given);
});

/** What a replica says, as the nodes hear it; null: nothing of late. */
function said(name: ReplicaName): ReplicaStatement | null {
  const { answers } = status.latest();
  const newest = [answers.a, answers.b]
    .filter((answer) => answer?.body != null)
    .sort((x, y) => (y?.atMs ?? 0) - (x?.atMs ?? 0))[0];
  const view = newest?.body?.replicas.find((each) => each.name === name);
  return view === undefined || view.silentBecause !== null ? null : view.statement;
}

async function eventually(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  if (await until(check, LONG_MS, 100)) return;
  const log = (name: ServerHost) =>
    existsSync(agentLog(lab, name))
      ? readFileSync(agentLog(lab, name), 'utf8').split('\n').slice(-8).join('\n')
      : '';
  throw new Error(
    `not within ${LONG_MS / 1000} s: ${what}. r1: ${JSON.stringify(said('r1'))}, r2: ${JSON.stringify(said('r2'))}; ${status.latest().sentence}\n${log('r1')}\n${log('r2')}`,
  );
}

async function ask<T>(host: ServerHost, sql: string): Promise<T[]> {
  const session = await rootSession(lab, host);
  try {
    return await session.query<T>(sql);
  } finally {
    session.close();
  }
}

const insert = (host: ServerHost, number: number) =>
  ask(host, `INSERT INTO drill.t VALUES (77, ${number}, 'replica test')`);

async function holds(host: ServerHost, number: number): Promise<boolean> {
  const sql = `SELECT sequence FROM drill.t WHERE writer = 77 AND sequence = ${number}`;
  return (await ask(host, sql).catch(() => [])).length === 1;
}

/** A row written at the writer is read at each of them. */
async function arrives(writer: NodeName, at: readonly ReplicaName[]): Promise<void> {
  const number = ++sequence;
  await eventually(`a row is written at ${writer}`, () =>
    insert(writer, number).then(
      () => true,
      () => false,
    ),
  );
  for (const name of at) await eventually(`row ${number} of ${writer} at ${name}`, () => holds(name, number));
}

const follows = (name: ReplicaName, source: NodeName) => () =>
  said(name)?.source === source && said(name)?.replicating === true && said(name)?.role === 'following';
const paired = (writer: NodeName) => () => status.latest().paired && status.latest().writer === writer;

async function everybodyFollows(writer: NodeName): Promise<void> {
  await eventually(`paired, ${writer} the writer`, paired(writer));
  await eventually('r1 replicates from the standby', follows('r1', peerOf(writer)));
  await eventually('r2 replicates from the writer', follows('r2', writer));
}

/** Every server's and agent's process of a host. */
const processesOf = (host: ServerHost) =>
  hostProcesses(lab, host).filter(({ argv }) => !/^(sh|sleep|setsid)$/.test(argv[0] ?? ''));

test('set up by `twinkeep setup`, r1 replicates from the standby and r2 from the writer; a second set-up finds nothing to do', async () => {
  await everybodyFollows('a');
  await arrives('a', ['r1', 'r2']);
  const sockets = (['a', 'b', 'r1', 'r2'] as const).flatMap((host) => [
    '--admin-socket',
    `${host}=/proc/${requireService(lab, host, 'server')}/root/run/mysqld/mysqld.sock`,
  ]);
  const again = await twinkeep(lab, ['setup', '--writer', 'a', ...sockets, '--yes', '--json']);
  expect({
    code: again.code,
    said: again.code === 0 ? JSON.parse(again.stdout) : again.stdout + again.stderr,
  }).toMatchObject({
    code: 0,
    said: { changed: false, steps: [] },
  });
});

test('`status` and `why` show both, and their agents answer a token only', async () => {
  const shown = await twinkeep(lab, ['status']);
  expect(shown.stdout).toMatch(/r1 +192\.0\.2\.13 +following +up +b /);
  expect(shown.stdout).toMatch(/r2 +192\.0\.2\.14 +following +up +a /);
});

test('a replica whose semi-sync somebody switches on is made to stop acknowledging', async () => {
  await ask('r2', 'STOP SLAVE IO_THREAD');
  await ask('r2', 'SET GLOBAL rpl_semi_sync_slave_enabled = ON');
  await ask('r2', 'START SLAVE IO_THREAD');
  const acknowledges = async () => {
    const [row] = await ask<{ Value: string }>('r2', "SHOW STATUS LIKE 'Rpl_semi_sync_slave_status'");
    return row?.Value === 'ON';
  };
  await eventually('r2 acknowledges nothing', async () => !(await acknowledges()));
  await eventually('one server acknowledges at the writer', async () => {
    const [row] = await ask<{ Value: string }>('a', "SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'");
    return row?.Value === '1';
  });
  expect(readFileSync(agentLog(lab, 'r2'), 'utf8')).toContain('"code":"acknowledges"');
});

test("when its source's host dies, r1 replicates from the writer, and goes back when the standby is well again", async () => {
  await crashHost(lab, 'b');
  await eventually('r1 replicates from a', follows('r1', 'a'));
  await arrives('a', ['r1', 'r2']);
  await bootHost(lab, 'b');
  await everybodyFollows('a');
});

test('a commit waits for the standby although a replica has it already', async () => {
  const number = ++sequence;
  const frozen = processesOf('b');
  for (const { pid } of frozen) signal(pid, 'SIGSTOP');
  try {
    let done = false;
    const writing = insert('a', number).then(() => {
      done = true;
    });
    await eventually('r2 has the row', () => holds('r2', number));
    expect({ done, record: status.latest().answers.a?.body?.record.sync }).toEqual({
      done: false,
      record: 'paired',
    });
    await writing;
    await eventually('a went alone', () => status.latest().answers.a?.body?.record.sync === 'alone');
  } finally {
    for (const { pid } of frozen) signal(pid, 'SIGCONT');
  }
});

test('after a switchover the rows of the new writer arrive, and r2 has gone along', async () => {
  await eventually('paired', paired('a'));
  expect((await twinkeep(lab, ['switchover', '--to', 'b'])).code).toBe(0);
  await arrives('b', ['r1', 'r2']);
  await eventually('r2 replicates from b', follows('r2', 'b'));
});

test('a replica whose server is killed, and one whose agent is killed, go on where they were', async () => {
  const server = servicePid(lab, 'r1', 'server') ?? 0;
  expect(signal(server, 'SIGKILL')).toBe(true);
  expect(signal(servicePid(lab, 'r2', 'agent') ?? 0, 'SIGKILL')).toBe(true);
  await eventually('r1 has another server', () => ![null, server].includes(servicePid(lab, 'r1', 'server')));
  await arrives('b', ['r1', 'r2']);
  await eventually('r2 replicates from b', follows('r2', 'b'));
});

test("when the writer's host dies, both go on with the new writer", async () => {
  await eventually('paired', paired('b'));
  await crashHost(lab, 'b');
  await eventually('a is the writer', () => status.latest().answers.a?.body?.record.writer === 'a');
  await arrives('a', ['r1', 'r2']);
  await bootHost(lab, 'b');
  await eventually('paired', paired('a'));
});

test('a replica that holds what a failover took back is found, named, and replicates no more', async () => {
  // a, the writer, sends to r2 what its standby b, and r1 behind it, never get; then a's host dies.
  await everybodyFollows('a');
  await cutWays(lab, bothWays('a', 'b'));
  const number = ++sequence;
  insert('a', number).catch(() => undefined);
  await eventually('r2 has the row', () => holds('r2', number));
  await crashHost(lab, 'a');
  await unblock(lab);
  await eventually('b is the writer', () => status.latest().answers.b?.body?.record.writer === 'b');
  await eventually('r2 is errant', () => said('r2')?.role === 'errant');
  expect(said('r2')?.errant).toEqual([expect.stringMatching(/^0-511-\d+$/)]);
  await eventually('r2 receives nothing', async () => {
    const [row] = await ask<{ Slave_IO_Running: string }>('r2', 'SHOW SLAVE STATUS');
    return row?.Slave_IO_Running === 'No';
  });
  await arrives('b', ['r1']);
  const shown = await twinkeep(lab, ['status']);
  expect(shown.stdout).toMatch(/r2 holds transactions that the writer b never had \(errant\): 0-511-\d+/);
  expect(existsSync(join(lab.dir, 'state', `${lab.name}.r2`, 'errant.json'))).toBe(true);
});
