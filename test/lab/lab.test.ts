// The lab itself, without agents: what it builds, breaks and mends, and that nothing of it stays behind.

import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { nowMs } from '../../lab/acks.ts';
import { answers, rootSession } from '../../lab/database.ts';
import { compareRows } from '../../lab/drill/check.ts';
import { heldTogether } from '../../lab/drill/measure.ts';
import { hostProcesses, initPidOf, isSupervised, requireService, runIn, servicePid } from '../../lab/host.ts';
import {
  bootHost,
  claimLab,
  crashHost,
  labDown,
  labUp,
  moveVipByHand,
  openLab,
  requireUnclaimed,
  stopService,
  vipHolders,
} from '../../lab/lab.ts';
import { startLoad } from '../../lab/load.ts';
import { blockVrrp, partition, setCable, unblock } from '../../lab/network.ts';
import { addressOf, hostNames, type LabOptions, labOptions } from '../../lab/plan.ts';
import { allPids, argvOf, signal, sleep, startTimeOf, until } from '../../lab/process.ts';
import { watchVip } from '../../lab/vipwatch.ts';

const given = { name: `test-${process.pid}`, agents: false, serverRestartS: 0.2 };
const silent = () => {};

function namespacesInUse(): Set<string> {
  const links = allPids().flatMap((pid) =>
    ['net', 'mnt', 'pid'].map((kind) => {
      try {
        return readlinkSync(`/proc/${pid}/ns/${kind}`);
      } catch {
        return '';
      }
    }),
  );
  return new Set(links);
}

function namespacesOf(lab: LabOptions): string[] {
  return [...hostNames, 'switch' as const].flatMap((place) => {
    const pid = initPidOf(lab, place);
    return pid === null ? [] : ['net', 'mnt', 'pid'].map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`));
  });
}

function traces(lab: LabOptions): string[] {
  const processes = allPids().filter(
    (pid) => pid !== process.pid && argvOf(pid).some((word) => word.includes(lab.dir)),
  );
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(lab.dir));
  return [...processes.map((pid) => `process ${pid}`), ...mounts, ...(existsSync(lab.dir) ? [lab.dir] : [])];
}

afterEach(async ({ task }) => {
  if (task.suite?.name === 'coming and going') await labDown(given);
});

describe('coming and going', () => {
  test('what `up` builds, `down` removes: processes, namespaces, mounts, folder', async () => {
    const lab = await labUp(given, silent);
    const namespaces = namespacesOf(lab);
    expect(namespaces).toHaveLength(15);
    expect(new Set(namespaces).size).toBe(15);
    expect(openLab({ name: lab.name })).toEqual(lab);
    expect(await labDown(given)).toEqual({ wasThere: true });
    const left = await until(() => {
      const inUse = namespacesInUse();
      return namespaces.every((name) => !inUse.has(name));
    }, 5000);
    expect(left).toBe(true);
    expect(traces(lab)).toEqual([]);
  });

  test('`down` can be said twice', async () => {
    await labDown(given);
    expect(await labDown(given)).toEqual({ wasThere: false });
  });

  test('a second `up` is refused and leaves the first alone', async () => {
    const lab = await labUp(given, silent);
    await expect(labUp(given, silent)).rejects.toMatchObject({ code: 'lab-exists' });
    expect(await answers(lab, 'a')).toBe(true);
  });

  test('an `up` that fails half-way ends what it had started', async () => {
    const wrong = { ...given, pairOverrides: 'vrrp: { id: 4711 }' };
    await expect(labUp(wrong, silent)).rejects.toMatchObject({ code: 'lab-pair-file' });
    const lab = openLab(given);
    expect([...hostNames, 'switch' as const].map((place) => initPidOf(lab, place))).toEqual(
      Array(5).fill(null),
    );
    await labDown(given);
    expect(traces(lab)).toEqual([]);
  });

  test.each([0, 150, 700, 1500])('Ctrl-C %i ms into `up` leaves nothing behind', async (afterMs) => {
    const child = spawn('./twinkeep', ['lab', 'up', '--no-agents', '--name', given.name], {
      stdio: 'ignore',
    });
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    await until(() => existsSync(labOptions(given).dir), 10_000);
    await sleep(afterMs);
    child.kill('SIGINT');
    expect([130, 0]).toContain(await ended); // 0: it was quicker than we
    await labDown(given);
    expect(traces(labOptions(given))).toEqual([]);
  });

  test('a lab in which another process drills is not taken down under its feet', async () => {
    const lab = await labUp(given, silent, claimLab);
    requireUnclaimed(given); // our own
    const other = spawn('sleep', ['30']);
    const user = { pid: other.pid ?? 0, startTime: startTimeOf(other.pid ?? 0) };
    writeFileSync(join(lab.dir, 'user.json'), JSON.stringify(user));
    expect(() => requireUnclaimed(given)).toThrow(expect.objectContaining({ code: 'lab-in-use' }));
    other.kill('SIGKILL');
    await until(() => startTimeOf(user.pid) === '', 2000);
    requireUnclaimed(given); // its user has ended
  });

  test("a folder that is not a lab's is never emptied", async () => {
    const before = readdirSync('test/lab');
    await expect(labUp({ ...given, dir: 'test/lab' }, silent)).rejects.toMatchObject({ code: 'lab-dir' });
    expect(readdirSync('test/lab')).toEqual(before);
  });
});

describe('a lab that is up', () => {
  let lab: LabOptions;
  beforeAll(async () => {
    lab = await labUp(given, silent);
  });
  afterAll(() => labDown(given));

  test('each host sees itself only', async () => {
    const secret = mkdtempSync(join(tmpdir(), 'tk-not-in-the-lab-'));
    onTestFinished(() => rmSync(secret, { recursive: true }));
    const seen = await runIn(lab, 'a', [
      'sh',
      '-c',
      'hostname; ls /sys/class/net | tr "\\n" " "; ls /tmp; ps -e -o comm=',
    ]);
    const [name, rest = ''] = seen.stdout.split('\n');
    expect([name, rest.startsWith('eth0 lo ')]).toEqual(['a', true]);
    // The machine's own /tmp is not seen; the lab's folder is, and the checkout if it lies there too.
    expect(seen.stdout).toContain(basename(lab.dir));
    expect(seen.stdout).not.toContain(basename(secret));
    expect(seen.stdout).toContain('mariadbd');
    expect(hostProcesses(lab, 'gw').filter((p) => p.argv[0] === 'mariadbd')).toEqual([]);
  });

  test('hosts reach each other and the gateway', async () => {
    for (const to of ['a', 'b', 'gw'] as const) {
      expect((await runIn(lab, 'app', ['ping', '-c1', '-W2', addressOf[to]])).code).toBe(0);
    }
  });

  test('a crash and a boot keep the data that was committed', async () => {
    const before = await rootSession(lab, 'b');
    await before.query('SET GLOBAL read_only = OFF');
    await before.query('SET GLOBAL rpl_semi_sync_master_enabled = OFF');
    await before.query('CREATE DATABASE kept');
    await before.query('CREATE TABLE kept.t (n INT PRIMARY KEY) ENGINE=InnoDB');
    for (let n = 1; n <= 20; n++) await before.query(`INSERT INTO kept.t VALUES (${n})`);
    await crashHost(lab, 'b');
    before.close();
    expect(initPidOf(lab, 'b')).toBeNull();
    expect((await runIn(lab, 'app', ['ping', '-c1', '-W1', addressOf.b])).code).not.toBe(0);
    await bootHost(lab, 'b');
    expect(await until(() => answers(lab, 'b'), 20_000, 50)).toBe(true);
    const after = await rootSession(lab, 'b');
    expect(await after.query('SELECT COUNT(*) AS n FROM kept.t')).toEqual([{ n: 20 }]);
    after.close();
    expect((await runIn(lab, 'app', ['ping', '-c1', '-W2', addressOf.b])).code).toBe(0);
  });

  test('a server that is killed is started again, one that is stopped is not', async () => {
    const first = requireService(lab, 'b', 'server');
    signal(first, 'SIGKILL');
    const second = await until(() => {
      const pid = servicePid(lab, 'b', 'server');
      return pid === first ? null : pid;
    }, 5000);
    expect(second).toBeTypeOf('number');
    expect(await until(() => answers(lab, 'b'), 20_000, 50)).toBe(true);
    await stopService(lab, 'b', 'server');
    expect(await until(() => !isSupervised(lab, 'b', 'server'), 2000)).toBe(true);
    await sleep(500); // longer than the delay of the supervisor, which is gone
    expect(servicePid(lab, 'b', 'server')).toBeNull();
  });

  test('a host whose cable is pulled sees its carrier go and come', async () => {
    const carrier = async () => (await runIn(lab, 'a', ['cat', '/sys/class/net/eth0/carrier'])).stdout.trim();
    expect(await carrier()).toBe('1');
    await setCable(lab, 'a', false);
    expect(await carrier()).toBe('0');
    await setCable(lab, 'a', true);
    expect(await until(async () => (await carrier()) === '1', 2000)).toBe(true);
  });

  test('a partition cuts the two hosts from each other only; one way cuts one way', async () => {
    const ping = async (from: 'a' | 'b', to: 'a' | 'b' | 'gw') =>
      (await runIn(lab, from, ['ping', '-c1', '-W1', addressOf[to]])).code === 0;
    await partition(lab, 'a', 'b', false);
    expect([await ping('a', 'b'), await ping('a', 'gw'), await ping('b', 'gw')]).toEqual([false, true, true]);
    await unblock(lab);
    // The kernel asks again for an address that did not answer once a second, so the first ping may be too early.
    expect(await until(() => ping('a', 'b'), 5000)).toBe(true);
    await partition(lab, 'a', 'b', true);
    const arrived = runIn(lab, 'a', [
      'timeout',
      '3',
      'tcpdump',
      '-c1',
      '-i',
      'eth0',
      '-nn',
      'icmp',
      'and',
      'src',
      addressOf.b,
    ]);
    await sleep(500);
    expect(await ping('b', 'a')).toBe(false); // the question arrives, the answer does not
    expect((await arrived).code).toBe(0);
    await unblock(lab);
  });

  test('blocked VRRP leaves everything else alone', async () => {
    await blockVrrp(lab);
    expect((await runIn(lab, 'a', ['ping', '-c1', '-W2', addressOf.b])).code).toBe(0);
    await unblock(lab);
  });

  test('the watch of the VIP sees a hand-over with and without an overlap', async () => {
    const watch = await watchVip(lab);
    expect(await vipHolders(lab)).toEqual(['a']);
    await sleep(50);
    await moveVipByHand(lab, 'b'); // takes it from a first
    await sleep(50);
    await runIn(lab, 'a', ['ip', 'addr', 'add', '192.0.2.100/24', 'dev', 'eth0']);
    await sleep(200);
    await runIn(lab, 'b', ['ip', 'addr', 'del', '192.0.2.100/24', 'dev', 'eth0']);
    const spans = await watch.stop();
    expect(spans.a).toHaveLength(2);
    expect(spans.b).toHaveLength(1);
    expect(heldTogether(spans.a.slice(0, 1), spans.b)).toBe(0);
    expect(heldTogether(spans.a, spans.b)).toBeGreaterThan(150);
  });

  test("the rows that the load's file says were acknowledged are in the server, and the file says who acknowledged", async () => {
    await moveVipByHand(lab, 'a');
    const load = startLoad(lab);
    await until(() => load.latest().acks > 200, 20_000);
    const fromMs = nowMs();
    const { acks } = await load.stop();
    expect(acks.length).toBeGreaterThan(200);
    expect(acks.every((ack) => ack.ackedMs >= ack.sentMs && ack.ackedMs < fromMs + 5000)).toBe(true);
    const session = await rootSession(lab, 'a');
    const [server] = await session.query<{ id: number }>('SELECT @@server_id AS id');
    expect(new Set(acks.map((ack) => ack.serverId))).toEqual(new Set([server?.id]));
    const found = await session.query<{ id: string; payload: string }>(
      "SELECT CONCAT(writer, '/', sequence) AS id, payload FROM drill.t",
    );
    session.close();
    const rows = new Map(found.map((row) => [row.id, row.payload]));
    expect(compareRows(acks, { a: rows, b: new Map() }).missing.a).toEqual([]);
    expect(compareRows(acks, { a: rows, b: new Map() }).missing.b).toHaveLength(acks.length);
  });
});
