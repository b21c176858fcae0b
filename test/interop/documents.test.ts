// The users' documents, as test/cases/keepalived has them: each file loads with the complaints that it deserves, forms a pair with a copy of
// itself and with the C daemon, and behaves as its document says. Checks every 60 s or 10 s and adverts every 5 s are made to be
// every second, so that a test takes seconds; everything else is as it was typed (documents.ts).

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { plainEnvironment, programOf } from './daemons.ts';
import { type DocumentName, played, powerOff, powerOn, standIns, typed } from './documents.ts';
import { command, type HostName, sweep } from './network.ts';
import { play, type Role, type Stage } from './stage.ts';

// Several failovers one after the other at 1 s adverts; a busy machine doubles it.
vi.setConfig({ testTimeout: 240_000 });

beforeAll(sweep);

const WRITE = { vip: '10.9.0.100', intervalMs: 1000 };
const GTID = { ...WRITE, vrid: 23 };
const READ = { vrid: 44, vip: '10.9.0.110', intervalMs: 1000 };

function stageOf(role: Role, work: (stage: Stage) => Promise<void>): () => Promise<void> {
  return async () => void (await play(role, 1, work));
}

describe.concurrent('as typed', () => {
  /** Exit code and words of `twinkeep keepalived -t` at host a. */
  async function tested(stage: Stage, name: DocumentName, host: HostName) {
    const path = join(stage.folder, 'typed.conf');
    writeFileSync(path, typed(name, host));
    const argv = [...programOf('twinkeep'), '-t', '-f', path];
    const child = spawn('ip', ['netns', 'exec', stage.network.namespace('a'), ...argv], {
      env: plainEnvironment(),
      timeout: 20_000,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
    return { code: await new Promise((resolve) => child.once('close', resolve)), said };
  }

  const complaints: Readonly<Record<DocumentName, readonly RegExp[]>> = {
    'gtid-pair': [/U\+00A0/, /interval 60 s/, /adverts? of 5 s/, /checkMySQL\.py/],
    'one-vip': [/U\+00A0/],
    'read-write-vips': [/U\+00A0/, /\/\/ starts no comment/],
    'check-scripts': [/nb_get_retry/, /mysql_check\.sh/, /mysql_down\.sh/],
  };
  for (const [name, wanted] of Object.entries(complaints)) {
    test(`${name} loads, and is told what is wrong with it`, () =>
      stageOf('t', async (stage) => {
        for (const host of ['a', 'b'] as const) {
          const { code, said } = await tested(stage, name as DocumentName, host);
          expect(code, said).toBe(5);
          for (const pattern of wanted) expect(said).toMatch(pattern);
        }
      })());
  }

  test("gtid-pair: config check with the other host's file finds the VIP that differs", () =>
    stageOf('t', async (stage) => {
      const paths = (['a', 'b'] as const).map((host) => {
        const path = join(stage.folder, `${host}-keepalived.conf`);
        writeFileSync(path, typed('gtid-pair', host));
        return path;
      });
      const [own = '', peer = ''] = paths;
      const check = command([...programOf('twinkeep').slice(0, -1), 'config', 'check', own, '--peer', peer]);
      await expect(check).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /10\.9\.0\.100 is in this file only, and the other one has 10\.9\.0\.101/,
        ),
      });
    })());

  test('gtid-pair: the hosts have different VIPs by a typing error; there is one master all the same, and the log says why', () =>
    stageOf('t', async (stage) => {
      for (const host of ['a', 'b'] as const) {
        const { before } = standIns(stage, host);
        await stage.start(host, played('gtid-pair', host), { before });
        // Two C daemons would drop each other's adverts, and each would hold the address of its own file.
        await stage.soleMaster('a', GTID);
      }
      await stage.pause(4000);
      await stage.soleMaster('a', GTID);
      expect(await stage.holders('10.9.0.101')).toEqual([]);
      expect(stage.daemon('b').log()).toMatch(/10\.9\.0\.100 and not 10\.9\.0\.101/);
    })());
});

const PARTNERS = [
  { role: 't', words: 'with a copy of itself' },
  { role: 'a', words: 'beside the C daemon as second' },
  { role: 'b', words: 'beside the C daemon as first' },
] as const;

/** gtid-pair with its typing error mended: the VIP of host a on both. */
const gtidPair = (host: HostName): string => played('gtid-pair', host).replace('10.9.0.101', '10.9.0.100');

describe.concurrent.each(PARTNERS)('gtid-pair $words', ({ role }) => {
  test('who starts first holds the VIP; the server of the holder stops, the VIP moves, and stays moved', () =>
    stageOf(role, async (stage) => {
      const a = standIns(stage, 'a');
      const b = standIns(stage, 'b');
      await stage.start('a', gtidPair('a'), a);
      await stage.soleMaster('a', GTID);
      const first = stage.announcements(GTID.vip)[0]?.atMs ?? 0;
      await stage.start('b', gtidPair('b'), b);
      await stage.until('the VIP is announced again after 5 s', () =>
        stage.announcements(GTID.vip, { from: 'a' }).some(({ atMs }) => atMs > first + 3000),
      );
      expect(stage.adverts({ from: 'b' })).toEqual([]);
      expect(a.calls()[0]).toContain('checkMySQL.py -h 10.9.0.1 -P 3306');

      a.serverStops();
      await stage.soleMaster('b', GTID);
      const repaired = stage.mark();
      a.serverStarts();
      await stage.pause(3000);
      expect(stage.adverts({ from: 'a', since: repaired })).toEqual([]);
      await stage.soleMaster('b', GTID);
      b.serverStops();
      await stage.soleMaster('a', GTID);
    })());

  test('the host of the holder is down: the VIP moves; its keepalived is stopped: it moves; killed: it moves', () =>
    stageOf(role, async (stage) => {
      const start = (host: HostName) => stage.start(host, gtidPair(host), standIns(stage, host));
      await start('a');
      await stage.soleMaster('a', GTID);
      await start('b');
      await stage.pause(1200);
      await powerOff(stage, 'a');
      await stage.soleMaster('b', GTID);
      await powerOn(stage, 'a');
      await start('a');
      await stage.pause(2000);
      await stage.soleMaster('b', GTID);

      await stage.daemon('b').stop();
      await stage.soleMaster('a', GTID);
      await start('b');
      await stage.pause(1200);

      await stage.crash('a');
      await stage.until(
        'b is master',
        () => stage.adverts({ from: 'b', since: Date.now() - 1500 }).length > 0,
      );
      // "Both hosts hold the VIP, only one works": so it is with the C daemon; twinkeep's VIP goes with its lease.
      if (stage.kinds.a === 'twinkeep') await stage.soleMaster('b', GTID);
      else expect(await stage.holders(GTID.vip)).toEqual(['a', 'b']);
    })());

  test('split brain: both masters; with a ping of the gateway in the check, the one without it is in FAULT', () =>
    stageOf(role, async (stage) => {
      await stage.start('a', gtidPair('a'), standIns(stage, 'a'));
      await stage.soleMaster('a', GTID);
      // The remedy is at b only, so that one run shows both: b is cut off from the gateway, a is not.
      await stage.start('b', gtidPair('b'), standIns(stage, 'b'));
      await stage.pause(1200);
      await stage.network.cut('b');
      await stage.twoMasters(GTID);
      await stage.daemon('b').stop();
      await stage
        .start('b', gtidPair('b'), standIns(stage, 'b', 'ping -c 1 -W 1 10.9.0.9 > /dev/null 2>&1'))
        .catch(() => undefined);
      await stage.pause(4500);
      await stage.soleMaster('a', GTID);
    })());
});

describe.concurrent.each(PARTNERS)('one-vip $words', ({ role }) => {
  test('moves with its daemon, stays where it is, and is on both hosts behind a firewall', () =>
    stageOf(role, async (stage) => {
      await stage.start('a', played('one-vip', 'a').replace('vrrp_instance vi {', 'vrrp_instance vi{'));
      await stage.start('b', played('one-vip', 'b'));
      await stage.soleMaster('a', WRITE);
      await stage.daemon('a').stop();
      await stage.soleMaster('b', WRITE);
      await stage.start('a', played('one-vip', 'a'));
      await stage.pause(1500);
      await stage.soleMaster('b', WRITE);
      const rules = 'add table ip fw; add chain ip fw in { type filter hook input priority 0; }';
      const drop = 'add rule ip fw in ip protocol 112 drop';
      for (const host of ['a', 'b'] as const)
        await command(['ip', 'netns', 'exec', stage.network.namespace(host), 'nft', `${rules}; ${drop}`]);
      await stage.twoMasters(WRITE);
    })());
});

describe.concurrent.each(PARTNERS)('read-write-vips $words', ({ role }) => {
  const expectHolders = async (stage: Stage, write: HostName, read: HostName) => {
    await stage.soleMaster(write, WRITE);
    await stage.soleMaster(read, READ);
  };
  const start = (stage: Stage, host: HostName) => stage.start(host, played('read-write-vips', host));

  test("every row of the document's table: as typed, with nopreempt on the write instance", () =>
    stageOf(role, async (stage) => {
      await start(stage, 'a');
      await expectHolders(stage, 'a', 'a');
      await start(stage, 'b');
      await expectHolders(stage, 'a', 'b');
      await powerOff(stage, 'b');
      await expectHolders(stage, 'a', 'a');
      await powerOn(stage, 'b');
      await start(stage, 'b');
      await expectHolders(stage, 'a', 'b');
      await powerOff(stage, 'a');
      await expectHolders(stage, 'b', 'b');
      await powerOn(stage, 'a');
      await start(stage, 'a');
      await stage.pause(4000);
      await expectHolders(stage, 'b', 'b');
    })());

  test('without nopreempt, host 1 takes the write VIP back', () =>
    stageOf(role, async (stage) => {
      const plain = (host: HostName) =>
        stage.start(host, played('read-write-vips', host).replace('nopreempt', ''));
      await plain('b');
      await expectHolders(stage, 'b', 'b');
      await plain('a');
      await expectHolders(stage, 'a', 'b');
    })());
});

describe.concurrent.each(PARTNERS)('check-scripts $words', ({ role }) => {
  test('the server of H1 stops: H2; it starts again: still H2; the server of H2 stops: H1', () =>
    stageOf(role, async (stage) => {
      const a = standIns(stage, 'a');
      const b = standIns(stage, 'b');
      await stage.start('a', played('check-scripts', 'a'), a);
      await stage.start('b', played('check-scripts', 'b'), b);
      await stage.soleMaster('a', WRITE);
      a.serverStops();
      await stage.soleMaster('b', WRITE);
      a.serverStarts();
      await stage.pause(3000);
      await stage.soleMaster('b', WRITE);
      b.serverStops();
      await stage.soleMaster('a', WRITE);
    })());
});

describe.concurrent('check-scripts with its virtual_server', () => {
  // The C daemon ends as a whole here: this kernel has no ip_vs.
  test("the local server is checked: when it stops, the document's mysql_down.sh runs; VRRP goes on", () =>
    stageOf('t', async (stage) => {
      const listen = "require('node:net').createServer().listen(3306)";
      const argv = ['netns', 'exec', stage.network.namespace('a'), process.execPath, '-e', listen];
      const server = spawn('ip', argv, { stdio: 'ignore' });
      const a = standIns(stage, 'a');
      await stage.start('a', played('check-scripts', 'a'), { ...a, checkers: true });
      await stage.soleMaster('a', WRITE);
      // delay_loop is 2 s: it has been checked by now, and is good.
      await stage.pause(3000);
      expect(a.calls().join('\n')).not.toContain('mysql_down.sh');
      server.kill('SIGKILL');
      await stage.until('mysql_down.sh has run', () => a.calls().join('\n').includes('mysql_down.sh'));
      await stage.soleMaster('a', WRITE);
    })());
});
