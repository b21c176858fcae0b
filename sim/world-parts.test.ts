// The parts that the simulated world is made of: a world that is kinder than the real one would prove nothing.

import { describe, expect, it } from 'vitest';
import { NO_MAINTENANCE, type Stored } from '../src/core/pair/stored.ts';
import type { WitnessView } from '../src/core/pair/witness.ts';
import { newDisk } from './disk.ts';
import { newHost, presentLife } from './host.ts';
import { newNetwork } from './network.ts';
import { newRandom } from './random.ts';
import { newTimeline } from './timeline.ts';
import { newWitness } from './witness.ts';

const stored = (epoch: number): Stored => ({
  record: { epoch, writer: 'a', sync: 'paired' },
  journal: null,
  maintenance: NO_MAINTENANCE,
});

describe('time', () => {
  it('runs what is due in order, and what falls on one instant as it was asked for', () => {
    const timeline = newTimeline();
    const seen: string[] = [];
    timeline.at(5, () => seen.push('late'));
    timeline.at(1, () => seen.push('first'));
    timeline.at(1, () => seen.push('second'));
    while (timeline.advance(10));
    expect(seen).toEqual(['first', 'second', 'late']);
    expect(timeline.nowMs()).toBe(10);
  });
});

describe('a process', () => {
  it('runs nothing while it is frozen, and all of it in order when it is thawed', () => {
    const timeline = newTimeline();
    const host = newHost('a', timeline, newRandom(1, 'host'), 0);
    const process = host.newProcess('manager');
    const seen: string[] = [];
    process.start();
    process.after(1, () => seen.push('timer'));
    process.freeze();
    process.run(() => seen.push('message'));
    while (timeline.advance(100));
    expect(seen).toEqual([]);
    process.thaw();
    expect(seen).toEqual(['message', 'timer']);
  });

  it('does not take up what was meant for a former life of it', () => {
    const timeline = newTimeline();
    const host = newHost('a', timeline, newRandom(1, 'host'), 0);
    const process = host.newProcess('manager');
    const seen: string[] = [];
    process.start();
    const former = presentLife(process);
    process.after(5, () => seen.push('timer of the former life'));
    process.kill();
    process.start();
    former.run(() => seen.push('message for the former life'));
    while (timeline.advance(100));
    expect([seen, former.alive, process.alive]).toEqual([[], false, true]);
  });

  it('has a clock that counts a freeze, and none that counts a pause by the hypervisor', () => {
    const timeline = newTimeline();
    const host = newHost('a', timeline, newRandom(1, 'host'), 0);
    const startMs = host.bootMs();
    host.suspend(true);
    timeline.advance(1000);
    host.resume();
    expect(host.bootMs() - startMs).toBeCloseTo(1000);
    host.suspend(false);
    timeline.advance(3000);
    host.resume();
    expect(host.bootMs() - startMs).toBeCloseTo(1000);
  });
});

describe('the network', () => {
  it('keeps the order within a connection, and carries what was sent into a cut when that is mended', () => {
    const timeline = newTimeline();
    const network = newNetwork(timeline, newRandom(3, 'network'));
    const seen: number[] = [];
    const connection = network.connect<number>('peer', 'a', 'b');
    connection.attach('b', { onMessage: (n) => seen.push(n), onClosed: () => seen.push(-1) });
    connection.send('a', 1);
    network.cut('peer', 'a', 'b');
    for (const n of [2, 3, 4]) connection.send('a', n);
    while (timeline.advance(300));
    expect(seen).toEqual([]);
    network.mendAll();
    while (timeline.advance(5000));
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it('resets a connection whose other end was lost with its host', () => {
    const timeline = newTimeline();
    const network = newNetwork(timeline, newRandom(3, 'network'));
    const seen: string[] = [];
    const connection = network.connect<string>('peer', 'a', 'b');
    connection.attach('a', { onMessage: () => undefined, onClosed: () => seen.push('closed') });
    connection.abandon('b');
    while (timeline.advance(1000));
    expect(seen).toEqual([]);
    connection.send('a', 'is there anybody');
    while (timeline.advance(2000));
    expect(seen).toEqual(['closed']);
  });

  it('lets datagrams through in one direction when the other is cut', () => {
    const timeline = newTimeline();
    const network = newNetwork(timeline, newRandom(3, 'network'));
    const seen: string[] = [];
    network.cut('vrrp', 'a', 'b');
    network.datagram('vrrp', 'a', 'b', () => seen.push('a to b'));
    network.datagram('vrrp', 'b', 'a', () => seen.push('b to a'));
    while (timeline.advance(100));
    expect(seen).toEqual(['b to a']);
  });
});

describe('the disk of the record', () => {
  it('keeps what was fsynced, and may come back old otherwise', () => {
    const outcomes = new Set<number>();
    for (let seed = 1; seed <= 40; seed++) {
      const disk = newDisk(newRandom(seed, 'disk'));
      disk.write(stored(1), true);
      disk.write(stored(2), false);
      expect(disk.read()?.record.epoch).toBe(2);
      disk.powerCut();
      outcomes.add(disk.read()?.record.epoch ?? 0);
    }
    expect([...outcomes].sort()).toEqual([1, 2]);
  });
});

describe('the witness', () => {
  it('changes its record once, whoever asks with the same expectation', () => {
    const timeline = newTimeline();
    const network = newNetwork(timeline, newRandom(1, 'network'));
    const witness = newWitness(timeline, network, newRandom(1, 'witness'));
    const answers: string[] = [];
    for (const from of ['a', 'b'] as const) {
      witness.swap(from, { epoch: 1, writer: from, sync: 'alone' }, null, (answer) =>
        answers.push(answer.kind),
      );
    }
    while (timeline.advance(100));
    expect(answers.sort()).toEqual(['conflict', 'swapped']);
  });

  it('may have done what nobody was told of', () => {
    const timeline = newTimeline();
    const network = newNetwork(timeline, newRandom(1, 'network'));
    const witness = newWitness(timeline, network, newRandom(1, 'witness'));
    const answers: string[] = [];
    network.cut('witness', 'witness', 'a');
    witness.swap('a', { epoch: 1, writer: 'a', sync: 'alone' }, null, (answer) => answers.push(answer.kind));
    while (timeline.advance(20_000));
    expect([answers, witness.record?.epoch]).toEqual([[], 1]);
    const views: WitnessView[] = [];
    witness.read('b', (view) => views.push(view));
    while (timeline.advance(30_000));
    expect(views[0]).toMatchObject({ kind: 'holds', record: { epoch: 1, writer: 'a' } });
  });
});
