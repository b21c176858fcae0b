// Cases 11 to 18: who becomes master, and how soon.

import type { Case } from '../case.ts';
import { single } from '../configuration.ts';
import { expect, type Stage } from '../stage.ts';
import { forged } from './reception.ts';

const preempting: Case = {
  number: 11,
  title: 'a higher priority joins, and preempts',
  async run(stage) {
    await stage.start('b', single({ priority: 100 }));
    await stage.soleMaster('b');
    await stage.start('a', single({ priority: 150 }));
    await stage.soleMaster('a');
  },
};

const modest: Case = {
  number: 12,
  title: 'a higher priority with nopreempt joins, and stays BACKUP',
  async run(stage) {
    await stage.start('b', single({ priority: 100 }));
    await stage.soleMaster('b');
    await stage.start('a', single({ priority: 150, lines: ['nopreempt'] }));
    await stage.pause(1500);
    expect(stage.adverts({ from: 'a' }).length === 0, 'a advertised');
    await stage.soleMaster('b');
    await stage.daemon('b').stop();
    await stage.soleMaster('a');
  },
};

const delayed: Case = {
  number: 13,
  title: 'preempt_delay: a higher priority waits, then preempts',
  async run(stage) {
    await stage.start('b', single({ priority: 100 }));
    await stage.soleMaster('b');
    await stage.start('a', single({ priority: 150, lines: ['preempt_delay 2'] }));
    const since = stage.mark();
    await stage.soleMaster('a');
    const first = stage.adverts({ from: 'a', since })[0]?.atMs ?? 0;
    const heard = stage.adverts({ from: 'b', since }).filter(({ atMs }) => atMs < first).length;
    // Without the delay it would have heard four at most.
    expect(heard >= 10, `a took over after ${heard} adverts of b, every 0.1 s, and not after 2 s`);
  },
};

const tie: Case = {
  number: 14,
  title: 'equal priorities: the higher address stays master',
  async run(stage) {
    await stage.start('a', single({ priority: 100 }));
    await stage.start('b', single({ priority: 100 }));
    await stage.until('one is master', () => stage.adverts().length > 3);
    await stage.network.cut('b');
    await stage.twoMasters();
    await stage.network.heal('b');
    await stage.soleMaster('b');
  },
};

const goodbye: Case = {
  number: 15,
  title: 'priority 0: the backup takes over at its skew',
  async run(stage) {
    // Skew 47 ms, master down 6 s; the owner needs no election of 6 s to begin with.
    await stage.start('a', single({ priority: 255, advert: 2 }));
    await stage.soleMaster('a', { intervalMs: 2000 });
    await stage.start('b', single({ priority: 250, advert: 2 }));
    const before = stage.adverts({ from: 'a' }).length;
    await stage.until('b has heard an advert', () => stage.adverts({ from: 'a' }).length > before);
    await stage.pause(100);
    await stage.daemon('a').stop();
    expect(stage.adverts({ from: 'a', priority: 0 }).length > 0, 'a did not say goodbye');
    await stage.until(
      'b is master before half of its master-down interval has passed',
      async () =>
        stage.adverts({ from: 'b' }).length > 0 && (await stage.holders('10.9.0.100')).join() === 'b',
      3000,
    );
  },
};

/** Waits for a regular advert of a, says `packet`, and wants an answer before the next regular one. */
async function answered(stage: Stage, packet: Uint8Array): Promise<number> {
  const before = stage.adverts({ from: 'a' }).length;
  await stage.until('a regular advert of a', () => stage.adverts({ from: 'a' }).length > before);
  const since = stage.mark();
  stage.say(packet);
  await stage.until('a advertises at once', () => stage.adverts({ from: 'a', since }).length > 0, 1000);
  return since;
}

async function slowPair(stage: Stage): Promise<void> {
  await stage.start('a', single({ priority: 200, advert: 2, state: 'MASTER' }));
  await stage.start('b', single({ priority: 50, advert: 2 }));
  await stage.until('a is master', () => stage.adverts({ from: 'a' }).length > 0);
}

const rescued: Case = {
  number: 16,
  title: 'MASTER hears priority 0: advertises at once',
  async run(stage) {
    await slowPair(stage);
    await answered(stage, forged(0, { intervalMs: 2000 }));
    await stage.soleMaster('a', { intervalMs: 2000 });
  },
};

const challenged: Case = {
  number: 17,
  title: 'MASTER hears a lower priority: advertises at once, and gratuitous ARPs',
  async run(stage) {
    await slowPair(stage);
    const since = await answered(stage, forged(10, { intervalMs: 2000 }));
    await stage.until(
      'a announces the VIP again',
      () => stage.announcements('10.9.0.100', { from: 'a', since }).length > 0,
      1000,
    );
    await stage.soleMaster('a', { intervalMs: 2000 });
  },
};

const owner: Case = {
  number: 18,
  title: 'priority 255: master at once',
  async run(stage) {
    // Anybody else would wait for 30 s.
    await stage.start('a', single({ priority: 255, advert: 10, state: 'MASTER' }));
    await stage.until(
      'a is master long before three intervals',
      async () =>
        stage.adverts({ from: 'a', priority: 255 }).length > 0 &&
        (await stage.holders('10.9.0.100')).join() === 'a',
      5000,
    );
    await stage.start('b', single({ priority: 100, advert: 10 }));
    await stage.pause(500);
    expect(stage.adverts({ from: 'b' }).length === 0, 'b advertises beside the owner');
  },
};

export const ELECTIONS: readonly Case[] = [
  preempting,
  modest,
  delayed,
  tie,
  goodbye,
  rescued,
  challenged,
  owner,
];
