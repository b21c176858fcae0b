// vrrp_script, track_file and vrrp_track_process with everything real: scripts that the kernel starts, files, processes. What the wire
// thread would be told is written down.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { awaitedTrackers } from '../../src/app/keepalived/trackers.ts';
import { configOf, GLOBALS, instance, lines, makeBench, until } from './notify-bench.ts';

const { path, script, track, notify } = makeBench('tktrack-');

describe('vrrp_script', () => {
  test('its exits become faults and priorities of those who track it', async () => {
    const value = path('value');
    writeFileSync(value, '0');
    const check = script('check', `exit $(cat ${value})`);
    const { last, said, trackers } = track(
      `vrrp_script chk {\n script ${check}\n interval 0.1\n fall 2\n}\n` +
        instance('VI_1', 51, 'track_script {\n chk\n }') +
        instance('VI_2', 52, 'track_script {\n chk weight -30\n }') +
        instance('VI_3', 53, 'track_script {\n chk weight 20 reverse\n }'),
    );
    await until('the first success', () => last('script chk') !== undefined);
    expect(last('script chk')?.map(({ delta }) => delta)).toEqual([0, 0, -20]);
    writeFileSync(value, '7');
    await until('the failure', () => last('script chk')?.[0]?.fault !== null);
    expect(last('script chk')).toEqual([
      { instance: 'VI_1', fault: 'script chk failed', delta: 0 },
      { instance: 'VI_2', fault: null, delta: -30 },
      { instance: 'VI_3', fault: null, delta: 0 },
    ]);
    expect(said).toEqual([
      'VRRP_Script(chk) succeeded',
      'Script `chk` now returning 7',
      'VRRP_Script(chk) failed (exited with status 7)',
    ]);
    expect(trackers.view()[0]).toMatchObject({ id: 'script chk', good: false, value: 7 });
  });

  test('that hangs and ignores TERM has failed at its timeout, is killed with its children, and started again', async () => {
    const pids = path('pids');
    const check = script('hang', `trap '' TERM\nsleep 300 &\necho $$ $! >> ${pids}\nwait`);
    const { last, said } = track(
      `vrrp_script chk {\n script ${check}\n interval 0.2\n timeout 0.1\n}\n${instance('VI_1', 51, 'track_script {\n chk\n }')}`,
    );
    await until('the failure', () => last('script chk')?.[0]?.fault === 'script chk failed');
    expect(said.at(-1)).toBe('VRRP_Script(chk) timed_out');
    await until('a second run', () => lines(pids).length > 1);
    for (const pid of (lines(pids)[0] ?? '').split(' ')) {
      const status = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
      expect(/^(|.*\) Z .*)$/s.test(status)).toBe(true);
    }
  });

  test('runs as its user, without its supplementary groups, in a process group of its own, with nothing to read', async () => {
    const out = path('out');
    writeFileSync(out, '');
    chmodSync(out, 0o666);
    const check = script(
      'who',
      `input=$(readlink /proc/$$/fd/0)\noutput=$(readlink /proc/$$/fd/1)\necho $(id -u) $(id -g) $(id -G) $(cut -d' ' -f5 /proc/$$/stat) $$ $input $output > ${out}`,
    );
    track(
      `vrrp_script chk {\n script ${check}\n interval 5\n user nobody\n}\n${instance('VI_1', 51, 'track_script {\n chk\n }')}`,
    );
    await until('a run', () => lines(out).length > 0);
    const [uid, gid, groups, group, pid, ...streams] = (lines(out)[0] ?? '').split(' ');
    expect([uid, gid, groups]).toEqual(['65534', '65534', '65534']);
    expect(group).toBe(pid);
    expect(streams).toEqual(['/dev/null', '/dev/null']);
  });

  test('that is missing or insecure is left out, and its instance does not wait for it', () => {
    const open = script('open', 'exit 0');
    chmodSync(open, 0o777);
    const plain = path('plain');
    writeFileSync(plain, '#!/bin/sh\n', { mode: 0o644 });
    const body =
      `vrrp_script missing {\n script ${path('nothing')}\n}\nvrrp_script open {\n script ${open}\n}\nvrrp_script plain {\n script ${plain}\n}\nvrrp_script word {\n script "no-such-program 0"\n}\nvrrp_script folder {\n script /tmp\n}\n` +
      instance('VI_1', 51, 'track_script {\n missing\n open\n plain\n word\n folder\n }');
    const { said, trackers } = track(body);
    expect(awaitedTrackers(configOf(body), 'VI_1')).toEqual([]);
    expect(trackers.view()).toEqual([]);
    expect(said).toEqual([
      `Script ${path('nothing')} cannot be accessed - No such file or directory`,
      'Disabling track script missing since not found/accessible',
      `Unsafe permissions found for script '${open}' - disabling.`,
      'Disabling track script open due to insecure',
      `WARNING - script '${plain}' is not executable for uid:gid 0:0 - disabling.`,
      'Cannot find script no-such-program in path - disabling',
      'Disabling track script word since not found/accessible',
      "Wrong file type found in script path '/tmp'.",
      'Disabling track script folder due to insecure',
    ]);
  });

  test("may be the redirection of a shell: a port that is open, as in keepalived's own examples", async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { last } = track(
      `vrrp_script port {\n script "</dev/tcp/127.0.0.1/${port}"\n interval 0.1\n}\n${instance('VI_1', 51, 'track_script {\n port\n }')}`,
    );
    await until('the open port is found', () => last('script port')?.[0]?.fault === null);
    await new Promise((resolve) => server.close(resolve));
    await until('the closed port is found', () => last('script port')?.[0]?.fault === 'script port failed');
  });

  test('keeps what it knows over a reload, and one that is gone takes back what it said', async () => {
    const bad = script('bad', 'exit 1');
    const checks = `vrrp_script chk {\n script ${bad}\n interval 60\n}\n`;
    const { last, trackers, said, forget } = track(
      `${checks}vrrp_script old {\n script ${bad}\n interval 60\n}\n${instance('VI_1', 51, 'track_script {\n chk\n old\n }')}`,
    );
    await until('both failures', () => last('script chk') !== undefined && last('script old') !== undefined);
    forget();
    trackers.reload(configOf(checks + instance('VI_9', 59, 'track_script {\n chk\n }')));
    expect(last('script old')).toEqual([]);
    expect(last('script chk')).toEqual([{ instance: 'VI_9', fault: 'script chk failed', delta: 0 }]);
    expect(said).toContain('VRRP_Script(chk) considered unsuccessful on reload');
  });
});

describe('what several instances track', () => {
  test('by their group counts for each member; their own weights do not, nor an owner', async () => {
    const good = script('good', 'exit 0');
    const { last, said } = track(
      `vrrp_script chk {\n script ${good}\n weight 10\n}\nvrrp_script own {\n script ${good}\n weight 5\n}\n` +
        'vrrp_sync_group G1 {\n group {\n VI_1\n VI_2\n }\n track_script {\n chk\n }\n}\n' +
        instance('VI_1', 51, 'track_script {\n own\n }') +
        instance('VI_2', 52, '') +
        instance('VI_3', 53, 'priority 255\n track_script {\n own\n }') +
        instance('VI_4', 54, 'track_script {\n own\n }'),
    );
    await until('both', () => last('script chk') !== undefined && last('script own') !== undefined);
    expect(last('script chk')?.map((c) => [c.instance, c.delta])).toEqual([
      ['VI_1', 10],
      ['VI_2', 10],
    ]);
    expect(last('script own')?.map((c) => c.instance)).toEqual(['VI_4']);
    expect(said).toContain('(VI_1) ignoring tracked script own with weights due to SYNC group');
    expect(said).toContain('(VI_3) ignoring tracked script own with weights due to address_owner');
  });
});

test('what is tracked twice, or by a group with an owner, is said and counts once', async () => {
  const bad = script('bad', 'exit 1');
  const { last, said } = track(
    `vrrp_script chk {\n script ${bad}\n weight -10\n}\nvrrp_script zero {\n script ${bad}\n}\n` +
      'vrrp_sync_group G1 {\n group {\n VI_1\n VI_2\n }\n track_script {\n chk\n zero\n }\n}\n' +
      instance('VI_1', 51, 'priority 255') +
      instance('VI_2', 52, 'track_script {\n zero\n }') +
      instance('VI_3', 53, 'track_script {\n zero\n zero\n nothing\n }'),
  );
  await until('both', () => last('script chk') !== undefined && last('script zero') !== undefined);
  expect(last('script chk')?.map((c) => [c.instance, c.fault, c.delta])).toEqual([
    ['VI_1', 'script chk failed', 0],
    ['VI_2', 'script chk failed', 0],
  ]);
  expect(last('script zero')?.map((c) => c.instance)).toEqual(['VI_1', 'VI_2', 'VI_3']);
  expect(said.slice(0, 4)).toEqual([
    "(G1) Cannot have weighted track script 'chk' with member having priority 255 - clearing weight",
    '(VI_2) track_script zero is configured on VRRP instance and sync group. Remove vrrp instance config',
    '(VI_3) track script nothing not found, ignoring...',
    '(VI_3) duplicate track_script zero - ignoring',
  ]);
});

describe('track_file', () => {
  test('follows the number in the file, also when it is replaced or removed', async () => {
    const file = path('load');
    const { last, said } = track(
      `track_file load {\n file ${file}\n weight -2\n init_file 5\n}\n` +
        instance('VI_1', 51, 'track_file {\n load\n }') +
        instance('VI_2', 52, 'track_file {\n load weight 0\n }'),
    );
    expect(readFileSync(file, 'utf8')).toBe('5\n');
    expect(last('file load')).toEqual([
      { instance: 'VI_1', fault: null, delta: -10 },
      { instance: 'VI_2', fault: 'file load has 5', delta: 0 },
    ]);
    writeFileSync(file, '200');
    await until('the change', () => last('file load')?.[0]?.fault !== null);
    rmSync(file);
    await until('the removal', () => last('file load')?.[0]?.fault === null);
    expect(last('file load')?.map(({ delta, fault }) => [delta, fault])).toEqual([
      [0, null],
      [0, null],
    ]);
    writeFileSync(`${file}.new`, '3');
    const moved = spawn('mv', [`${file}.new`, file]);
    await until('the replacement', () => last('file load')?.[0]?.delta === -6);
    expect(moved.exitCode).toBe(0);
    expect(said).toEqual([
      '(VI_1): tracked file load now FAULT state',
      '(VI_1): tracked file load leaving FAULT state',
      '(VI_2): tracked file load leaving FAULT state',
      '(VI_2): tracked file load now FAULT state',
    ]);
  });

  test('that exists is left as it is by init_file, and one that is a FIFO holds nobody up', () => {
    const file = path('load');
    writeFileSync(file, '4');
    const fifo = path('fifo');
    const { notifier } = notify(instance('VI_1', 51, ''), `${GLOBALS}\n notify_fifo ${fifo}`);
    expect(lstatSync(fifo).isFIFO()).toBe(true);
    const { last } = track(
      `track_file load {\n file ${file}\n init_file 9\n}\ntrack_file odd {\n file ${fifo}\n}\n${instance('VI_1', 51, 'track_file {\n load\n odd\n }')}`,
    );
    expect(last('file load')?.[0]?.delta).toBe(4);
    expect(last('file odd')?.[0]?.delta).toBe(0);
    notifier.fifo('vrrp', 'still there');
  });
});

test('vrrp_track_process counts the processes that match, and a restart within its delay is not seen', async () => {
  const seconds = String(3_000_000 + process.pid);
  const { last, said, trackers } = track(
    `vrrp_track_process p {\n process sleep ${seconds}\n full_command\n}\nvrrp_track_process slow {\n process sleep ${seconds}\n full_command\n terminate_delay 600\n}\n` +
      instance('VI_1', 51, 'track_process {\n p\n slow weight -50\n }'),
  );
  const started: ChildProcess[] = [];
  try {
    expect(last('process p')?.[0]?.fault).toBe('process p: 0 running');
    started.push(spawn('sleep', [seconds]));
    await until('the process is seen', () => last('process p')?.[0]?.fault === null);
    expect(last('process slow')?.[0]?.delta).toBe(0);
    started[0]?.kill();
    await until('its end is seen', () => last('process p')?.[0]?.fault !== null);
    expect(trackers.view().map(({ id, good }) => [id, good])).toEqual([
      ['process p', false],
      ['process slow', true],
    ]);
    expect(said).toContain('Process p, number of current processes changed from 1 to 0, quorum down');
  } finally {
    for (const each of started) each.kill();
  }
});
