// Cases 29, 31 and 32: unicast, what scripts and the FIFO are told, and the exit codes of -t.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from '../case.ts';
import { file, instance, single, VIP } from '../configuration.ts';
import { CORPUS } from '../corpus.ts';
import { plainEnvironment, programOf } from '../daemons.ts';
import { hex } from '../packets.ts';
import { expect, type Stage } from '../stage.ts';

const unicast: Case = {
  number: 29,
  title: 'a unicast pair',
  async run(stage) {
    const words = (own: string, peers: readonly string[]) => [
      `unicast_src_ip ${own}`,
      `unicast_peer {\n    ${peers.join('\n    ')}\n  }`,
    ];
    // A third peer, as the golden packet has it; every 0.1 s instead of 1 s changes the interval and the checksum.
    const first = single({ priority: 150, vips: [VIP], lines: words('10.9.0.1', ['10.9.0.9', '10.9.0.2']) });
    await stage.start('a', first);
    const golden = '45c0002000010000ff70a6910a0900010a09000931339601000a19bc0a090064';
    const toThird = () => stage.adverts({ from: 'a' }).find(({ destination }) => destination === '10.9.0.9');
    await stage.until('a advertises to 10.9.0.9', () => toThird() !== undefined);
    const got = toThird()?.bytes ?? new Uint8Array();
    // The identification counts the packets of all peers, in an order of the daemon's own.
    const bytes = got.slice();
    bytes[5] = 1;
    bytes.set([0xa6, 0x91], 10);
    expect(hex(bytes) === golden, `the unicast advert is\n${hex(got)}\nand not\n${golden}`);
    await stage.start('b', single({ priority: 100, vips: [VIP], lines: words('10.9.0.2', ['10.9.0.1']) }));
    await stage.pause(600);
    await stage.soleMaster('a');
    expect(
      stage.adverts().every(({ destination }) => destination !== '224.0.0.18'),
      'an advert went to the group',
    );
    await stage.daemon('a').stop();
    await stage.soleMaster('b');
    await stage.start('a', first);
    await stage.soleMaster('a');
  },
};

function teller(stage: Stage, name: string): { readonly path: string; lines(): string[] } {
  const path = join(stage.folder, `${name}.sh`);
  const told = join(stage.folder, `${name}.told`);
  writeFileSync(path, `#!/bin/sh\necho "$@" >> ${told}\n`);
  chmodSync(path, 0o755);
  return { path, lines: () => (existsSync(told) ? readFileSync(told, 'utf8').trim().split('\n') : []) };
}

/** What each change is told: `GROUP` lines come from a sync group. */
const CHANGES = ['BACKUP', 'MASTER', 'BACKUP', 'FAULT', 'BACKUP', 'STOP'] as const;

const notices: Case = {
  number: 31,
  title: 'notify: arguments and FIFO order',
  async run(stage) {
    const any = teller(stage, 'any');
    const one = Object.fromEntries(
      ['master', 'backup', 'fault', 'stop'].map((state) => [state, teller(stage, state)]),
    );
    const fifo = join(stage.folder, 'fifo');
    const lines = [
      `notify ${any.path}`,
      ...Object.entries(one).map(([state, { path }]) => `notify_${state} "${path} own '${state} word'"`),
    ];
    const words = [`vrrp_notify_fifo ${fifo}`];
    await stage.start('a', file([instance({ priority: 150, lines })], '', words));
    const told: { text: string; child: ChildProcess } = readFifo(fifo);
    await stage.soleMaster('a');
    await stage.start('b', single({ priority: 200 }));
    await stage.soleMaster('b');
    await stage.network.pull('a');
    await stage.until('the script for FAULT has run', () => one['fault']?.lines().length === 1);
    await stage.network.plug('a');
    await stage.until('the script for BACKUP has run again', () => one['backup']?.lines().length === 3);
    await stage.daemon('a').stop();
    await stage.until('the script for STOP has run', () => one['stop']?.lines().length === 1);
    told.child.kill('SIGKILL');

    const wanted = CHANGES.map((state) => `INSTANCE VI_1 ${state} 150`);
    await stage.until('the last notify has run', () => any.lines().length >= wanted.length, 3000);
    // The C daemon starts one script after the other and lets them overtake each other; twinkeep keeps the order of one script.
    const inOrder = (lines: readonly string[]) =>
      (stage.kinds.a === 'keepalived' ? [...lines].sort() : lines).join('\n');
    expect(inOrder(any.lines()) === inOrder(wanted), `notify was told: ${any.lines().join(', ')}`);
    for (const [state, { lines: own }] of Object.entries(one)) {
      const times = CHANGES.filter((each) => each.toLowerCase() === state).length;
      const got = own().join('|');
      expect(got === Array(times).fill(`own ${state} word`).join('|'), `notify_${state} was told: ${got}`);
    }
    const fifoWanted = CHANGES.map((state) => `INSTANCE "VI_1" ${state} 150`).join('\n');
    expect(told.text.trim() === fifoWanted, `the FIFO was told:\n${told.text}`);
  },
};

function readFifo(path: string): { text: string; child: ChildProcess } {
  const child = spawn('cat', [path], { stdio: ['ignore', 'pipe', 'ignore'] });
  const told = { text: '', child };
  child.stdout.on('data', (chunk: Buffer) => {
    told.text += chunk.toString();
  });
  return told;
}

/** The exit code of `-t` in the namespace of a host, where eth0 is. */
async function tested(stage: Stage, host: 'a' | 'b', path: string): Promise<{ code: number; said: string }> {
  const argv = [...programOf(stage.kinds[host]), '-t', '-f', path];
  const child = spawn('ip', ['netns', 'exec', stage.network.namespace(host), ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: plainEnvironment(),
    timeout: 15_000,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code: code ?? -1, said };
}

const codes: Case = {
  number: 32,
  title: '-t: exit codes over a corpus of files',
  async run(stage) {
    const folder = join(stage.folder, 'corpus');
    mkdirSync(folder);
    const wrong: string[] = [];
    // A role plays no part in -t, so that either assignment takes half of the files.
    const half = { a: 0, b: 1, c: null, t: null }[stage.role];
    const files = CORPUS.filter((_, i) => half === null || i % 2 === half);
    for (const { name, text, code, differs } of files) {
      const path = join(folder, `${name}.conf`);
      if (text !== null) writeFileSync(path, text.replaceAll('@FOLDER@', folder));
      for (const host of ['a', 'b'] as const) {
        const got = await tested(stage, host, path);
        const wanted = stage.kinds[host] === 'twinkeep' ? (differs?.code ?? code) : code;
        if (got.code !== wanted)
          wrong.push(
            `${name}: ${stage.kinds[host]} ended with ${got.code}, not ${wanted}: ${got.said.trim().slice(-300)}`,
          );
      }
    }
    expect(wrong.length === 0, wrong.join('\n'));
    const others = files.flatMap(({ name, code, differs: other }) =>
      other === undefined || stage.role === 'c'
        ? []
        : [`; '${name}' ends with ${other.code} and not ${code}: ${other.why}`],
    );
    return `${files.length} files${others.join('')}`;
  },
};

export const SURFACE: readonly Case[] = [unicast, notices, codes];
