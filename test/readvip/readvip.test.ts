// Read VIPs on real servers: every row of the users' own table (write prefers host 1, read prefers host 2), a standby that
// falls behind, a broken applier, killed processes, a blocked VRRP, and keepalived beside it. One lab, its rows in order.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { rootSession, startServer } from '../../lab/database.ts';
import { isUp, managerProcess, onNetwork, requireService, servicePid, spawnIn } from '../../lab/host.ts';
import { bootHost, crashHost, labDown, labUp, stopService } from '../../lab/lab.ts';
import { blockVrrp, unblock } from '../../lab/network.ts';
import { agentLog, startAgent, twinkeep } from '../../lab/pair.ts';
import { type LabOptions, type NodeName, nodeNames, pairFile, writeVip } from '../../lab/plan.ts';
import { signal, sleep, until } from '../../lab/process.ts';
import { type Reader, startReader } from '../../lab/reader.ts';
import type { Status } from '../../src/cli/status.ts';

const READ_VIPS = ['192.0.2.101', '192.0.2.102', 'fd00:2::101'] as const;
const SERVER_OF: Readonly<Record<NodeName, number>> = { a: 511, b: 512 };
const SETTLES_MS_MAX = 40_000;
/** Longer than a node needs to be preferred again, or the writer role to come back. */
const STAYS_MS = 4500;

const given = { name: `readvip-${process.pid}`, serverRestartS: 0.2 };
const overrides = {
  vips: { read: [`${READ_VIPS[0]}/24`, `${READ_VIPS[1]}/24`, `${READ_VIPS[2]}/64`] },
  reads: { prefer: 'b', maxLag: '2s' },
  mysql: { heartbeatInterval: '200ms' },
  vrrp: { preempt: true },
};
let lab: LabOptions;
let reader: Reader;

beforeAll(async () => {
  lab = await labUp({ ...given, pairOverrides: stringify(overrides) }, () => {});
  reader = startReader(lab, READ_VIPS[0]);
});
afterAll(async () => {
  await reader?.stop();
  await labDown(given);
});

/** Who has an address, as the kernels say. */
async function holdersOf(vip: string): Promise<string> {
  const held = await Promise.all(
    nodeNames.map(async (node) => {
      const shown = isUp(lab, node) ? await onNetwork(lab, node, ['ip', '-o', 'addr', 'show']) : '';
      return shown.includes(` ${vip}/`) ? node : '';
    }),
  );
  return held.join('');
}

async function holders(): Promise<{ write: string; read: string }> {
  const read = await Promise.all(READ_VIPS.map(holdersOf));
  return { write: await holdersOf(writeVip), read: [...new Set(read)].join(' or ') };
}

/** Waits until the write VIP and the read VIPs are there, and nowhere else. */
async function become(write: NodeName, read: NodeName): Promise<void> {
  let seen = await holders();
  await until(
    async () => {
      seen = await holders();
      return seen.write === write && seen.read === read;
    },
    SETTLES_MS_MAX,
    100,
  );
  const logs = nodeNames.map((node) =>
    readFileSync(agentLog(lab, node), 'utf8').split('\n').slice(-12).join('\n'),
  );
  expect(seen, logs.join('\n\n')).toEqual({ write, read });
}

async function stay(write: NodeName, read: NodeName): Promise<void> {
  const endMs = performance.now() + STAYS_MS;
  while (performance.now() < endMs) {
    expect(await holders()).toEqual({ write, read });
    await sleep(250);
  }
}

async function status(): Promise<Status> {
  return JSON.parse((await twinkeep(lab, ['status', '--json'])).stdout) as Status;
}

async function paired(): Promise<void> {
  await until(async () => (await status()).sync === 'paired', SETTLES_MS_MAX, 300);
}

/** What the reader got since the last mark: answers of that node in the end, and how long none. */
async function servedBy(node: NodeName, what: string): Promise<void> {
  const { servers, outageMs } = await reader.read();
  expect(servers.at(-1)).toBe(SERVER_OF[node]);
  console.log(`${what}: reader served by ${servers.join(', ')}; longest outage ${outageMs} ms`);
}

async function on(node: NodeName, ...statements: readonly string[]): Promise<void> {
  const session = await rootSession(lab, node);
  for (const sql of statements) await session.query(sql);
  session.close();
}

describe('the table of the users: write prefers host 1, read prefers host 2', () => {
  test('only host 1 up: write 1, read 1', async () => {
    await become('a', 'b');
    reader.mark();
    await stopService(lab, 'b', 'agent');
    await stopService(lab, 'b', 'server');
    await become('a', 'a');
    await servedBy('a', 'host 2 shut down');
  });

  test('both up: write 1, read 2', async () => {
    reader.mark();
    await startServer(lab, 'b');
    await startAgent(lab, 'b');
    await become('a', 'b');
    await servedBy('b', 'host 2 started');
    const { reads } = await status();
    expect(reads?.heldBy).toEqual(['b']);
    expect(reads?.nodes.map((node) => node.grade)).toEqual(['willing', 'preferred']);
  });

  test('host 2 fails: write 1, read 1', async () => {
    await paired();
    reader.mark();
    await crashHost(lab, 'b');
    await become('a', 'a');
    await servedBy('a', 'host 2 fails');
  });

  test('host 2 back: write 1, read 2', async () => {
    reader.mark();
    await bootHost(lab, 'b');
    await become('a', 'b');
    await servedBy('b', 'host 2 back');
  });

  test('host 1 fails: write 2, read 2', async () => {
    await paired();
    reader.mark();
    await crashHost(lab, 'a');
    await become('b', 'b');
    await servedBy('b', 'host 1 fails');
  });

  test('host 1 back, without nopreempt: write 1, read 2', async () => {
    await bootHost(lab, 'a');
    reader.mark();
    await become('a', 'b');
    await servedBy('b', 'host 1 back');
  });

  test('host 1 back, with nopreempt on the write instance: write 2, read 2', async () => {
    const file = parse(readFileSync(pairFile(lab), 'utf8')) as { vrrp: { preempt: boolean } };
    writeFileSync(pairFile(lab), stringify({ ...file, vrrp: { ...file.vrrp, preempt: false } }));
    await paired();
    await stopService(lab, 'b', 'agent');
    await startAgent(lab, 'b');
    await become('a', 'b');
    await paired();
    // The way of the row itself: host 1 fails, host 2 takes both, host 1 comes back with the new setting.
    await crashHost(lab, 'a');
    await become('b', 'b');
    await bootHost(lab, 'a');
    await paired();
    await stay('b', 'b');
  });
});

describe('who may not be read from', () => {
  test('a standby whose applier is held up gives the read VIPs to the writer, and gets them back', async () => {
    expect((await twinkeep(lab, ['switchover', '--to', 'a'])).code).toBe(0);
    await become('a', 'b');
    const session = await rootSession(lab, 'b');
    reader.mark();
    await session.query('FLUSH TABLES WITH READ LOCK');
    onTestFinished(() => session.close());
    await become('a', 'a');
    await servedBy('a', 'standby stale');
    // Past its limit it is the last resort first, for the time that a hand-over takes.
    await until(async () => (await status()).reads?.nodes[1]?.grade === 'none', 5000, 50);
    const { reads } = await status();
    expect(reads?.nodes[1]).toMatchObject({ name: 'b', grade: 'none', holds: false });
    expect(reads?.nodes[1]?.because).toContain('old: reads.maxLag is 2.0 s');
    await session.query('UNLOCK TABLES');
    reader.mark();
    await become('a', 'b');
    await servedBy('b', 'standby fresh again');
  });

  test('a broken applier costs the standby the read VIPs until it is mended', async () => {
    await on('b', 'SET sql_log_bin = 0', "INSERT INTO drill.t VALUES (9, 1, 'in the way')");
    await on('a', "INSERT INTO drill.t VALUES (9, 1, 'the right one')");
    reader.mark();
    await become('a', 'a');
    await servedBy('a', 'applier broken');
    await on('b', 'SET sql_log_bin = 0', 'DELETE FROM drill.t WHERE writer = 9', 'START SLAVE SQL_THREAD');
    await become('a', 'b');
  });
});

describe('what dies', () => {
  test('a standby whose server dies gives them up at once, and gets them back when it is fresh again', async () => {
    reader.mark();
    expect(signal(requireService(lab, 'b', 'server'), 'SIGKILL')).toBe(true);
    await become('a', 'a');
    await become('a', 'b');
    await servedBy('b', 'server of the standby killed');
  });

  test('a killed manager costs the readers nothing for good', async () => {
    reader.mark();
    const manager = managerProcess(lab, 'b');
    expect(signal(manager?.pid ?? 0, 'SIGKILL')).toBe(true);
    // Its own word, not what the other node still knows of it.
    await until(async () => (await status()).reads?.nodes[1]?.answers === true, SETTLES_MS_MAX, 100);
    await become('a', 'b');
    expect((await status()).reads?.nodes[1]).toMatchObject({ name: 'b', holds: true });
    await servedBy('b', 'manager killed');
  });

  test('a frozen manager has no say after its grant: the writer serves the readers, and the standby when it is back', async () => {
    reader.mark();
    const manager = managerProcess(lab, 'b')?.pid ?? 0;
    expect(signal(manager, 'SIGSTOP')).toBe(true);
    await become('a', 'a');
    signal(manager, 'SIGCONT');
    await become('a', 'b');
    await servedBy('b', 'manager frozen');
  });

  test('the readers of a killed agent are served by the other host, and come back with the next agent', async () => {
    reader.mark();
    expect(signal(requireService(lab, 'b', 'agent'), 'SIGKILL')).toBe(true);
    await until(async () => (await holdersOf(READ_VIPS[0])) !== 'b', SETTLES_MS_MAX, 20);
    await until(() => servicePid(lab, 'b', 'agent') !== null, 10_000);
    await become('a', 'b');
    await servedBy('b', 'agent killed');
  });

  test('where VRRP is blocked the managers see to it that only one host holds them', async () => {
    onTestFinished(() => unblock(lab));
    await blockVrrp(lab);
    await until(async () => (await holdersOf(READ_VIPS[0])) === 'ab', 5000, 20);
    await become('a', 'b');
    await stay('a', 'b');
    const { reads } = await status();
    expect(reads?.nodes[0]?.because).toContain('112');
    await unblock(lab);
    await become('a', 'b');
  });
});

test('keepalived is a backup like any other: it holds a read VIP only when both agents are gone', async () => {
  const conf = join(lab.dir, 'keepalived.conf');
  writeFileSync(
    conf,
    `global_defs {
  vrrp_version 3
}
vrrp_instance reads {
  state BACKUP
  interface eth0
  virtual_router_id 52
  priority 50
  advert_int 0.1
  virtual_ipaddress {
    ${READ_VIPS[0]}/24
    ${READ_VIPS[1]}/24
  }
}
`,
  );
  const pidFile = join(lab.dir, 'keepalived.pid');
  const keepalived = spawnIn(
    lab,
    'app',
    [
      'keepalived',
      '--dont-fork',
      '--vrrp',
      `--use-file=${conf}`,
      `--pid=${pidFile}`,
      `--vrrp_pid=${pidFile}.vrrp`,
    ],
    'pipe',
  );
  onTestFinished(async () => {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    spawnIn(lab, 'app', ['kill', String(pid)], 'pipe');
    await new Promise((resolve) => keepalived.once('close', resolve));
  });
  const held = async (): Promise<boolean> =>
    (await onNetwork(lab, 'app', ['ip', '-o', 'addr', 'show'])).includes(` ${READ_VIPS[0]}/`);
  await sleep(1500);
  expect(await held()).toBe(false);
  await stay('a', 'b');
  await Promise.all(nodeNames.map((node) => stopService(lab, node, 'agent')));
  await until(held, 5000, 50);
  expect([await held(), await holdersOf(READ_VIPS[0])]).toEqual([true, '']);
  await Promise.all(nodeNames.map((node) => startAgent(lab, node)));
  await until(async () => !(await held()), SETTLES_MS_MAX, 100);
  expect(await held()).toBe(false);
});
