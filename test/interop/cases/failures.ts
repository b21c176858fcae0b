// Cases of what fails: processes, cables, the network between the hosts, and a hand on the keyboard.

import type { Case } from '../case.ts';
import { file, instance, single, VIP } from '../configuration.ts';
import { expect } from '../stage.ts';

const killed: Case = {
  number: 19,
  title: 'kill -9 of all its processes: the other is master within its master-down interval',
  differs:
    'the VIP that a killed C daemon leaves stays for ever, so that both hosts hold it; one that twinkeep leaves is taken away by the kernel when its lease ends',
  async run(stage) {
    await stage.start('a', single({ priority: 150 }));
    await stage.start('b', single({ priority: 100 }));
    await stage.soleMaster('a');
    await stage.crash('a');
    await stage.until('b is master', async () => {
      const holders = await stage.holders(VIP);
      return stage.adverts({ from: 'b' }).length > 0 && holders.includes('b');
    });
    if (stage.kinds.a === 'keepalived') {
      expect(
        (await stage.holders(VIP)).join() === 'a,b',
        'the killed C daemon has left no VIP: not as measured',
      );
      return 'both hosts hold the VIP';
    }
    await stage.soleMaster('b');
    return 'the VIP left the killed host by itself';
  },
};

const carrier: Case = {
  number: 20,
  title: 'carrier down, and up again',
  async run(stage) {
    await stage.start('a', single({ priority: 150 }));
    await stage.start('b', single({ priority: 100 }));
    await stage.soleMaster('a');
    await stage.network.pull('a');
    await stage.soleMaster('b');
    await stage.network.plug('a');
    await stage.soleMaster('a');
  },
};

const partition: Case = {
  number: 23,
  title: 'partition and healing: one master again, and gratuitous ARPs',
  async run(stage) {
    // So that after the healing the lower one speaks first: otherwise it yields before the other can know of it.
    await stage.start('a', single({ priority: 150, advert: 0.5, lines: ['garp_master_delay 1'] }));
    await stage.start('b', single({ priority: 100 }));
    await stage.soleMaster('a', { intervalMs: 500 });
    await stage.until(
      'a has announced the VIP for the second time',
      () => stage.announcements(VIP).length >= 10,
    );
    await stage.network.cut('b');
    await stage.twoMasters({ intervalMs: 500 });
    const before = stage.adverts({ from: 'a' }).length;
    await stage.until('an advert of a', () => stage.adverts({ from: 'a' }).length > before);
    const since = stage.mark();
    await stage.network.heal('b');
    await stage.soleMaster('a', { intervalMs: 500 });
    expect(
      stage.announcements(VIP, { from: 'a', since }).length > 0,
      'a did not announce the VIP again: hosts may go on sending to b',
    );
  },
};

const leftOver: Case = {
  number: 25,
  title: 'a VIP left over by a crash is removed at the start',
  async run(stage) {
    await stage.start('b', single({ priority: 150 }));
    await stage.soleMaster('b');
    await stage.network.ip('a', `addr add ${VIP}/24 dev eth0`);
    await stage.start('a', single({ priority: 100 }));
    await stage.soleMaster('b');
  },
};

const slip: Case = {
  number: 26,
  title: 'a VIP deleted by hand comes back',
  differs:
    'the C daemon says priority 0, becomes BACKUP and is master again after its skew; twinkeep puts the address back and stays master',
  async run(stage) {
    await stage.start('a', single({ priority: 150, lines: ['garp_master_delay 1'] }));
    await stage.start('b', single({ priority: 100 }));
    await stage.soleMaster('a');
    await stage.until(
      'a has announced the VIP for the second time',
      () => stage.announcements(VIP).length >= 10,
    );
    const since = stage.mark();
    await stage.network.ip('a', `addr del ${VIP}/24 dev eth0`);
    await stage.soleMaster('a');
    const goodbyes = stage.adverts({ from: 'a', since, priority: 0 }).length;
    if (stage.kinds.a === 'keepalived')
      return goodbyes > 0 ? 'with a change of roles' : 'without a change of roles';
    expect(goodbyes === 0, 'a gave its role up');
    expect(stage.adverts({ from: 'b', since }).length === 0, 'b was master for a while');
    await stage.until('a announces it', () => stage.announcements(VIP, { from: 'a', since }).length > 0);
    return 'without a change of roles';
  },
};

const OTHER = { vrid: 52, vip: '10.9.0.101' };

const frozen: Case = {
  number: 30,
  title: 'a frozen master is replaced; thawed, it yields',
  differs:
    'a thawed C daemon whose priority is the higher one goes on as master, nopreempt or not; twinkeep is BACKUP first, and says nothing',
  async run(stage) {
    const both = (first: number, second: number) =>
      file([
        instance({ priority: first, lines: ['nopreempt'] }),
        instance({
          name: 'VI_2',
          vrid: 52,
          priority: second,
          vips: ['10.9.0.101/24'],
          lines: ['nopreempt'],
        }),
      ]);
    await stage.start('a', both(100, 150));
    await stage.soleMaster('a');
    await stage.soleMaster('a', OTHER);
    await stage.start('b', both(150, 100));
    await stage.pause(500);
    await stage.freeze('a');
    for (const { vrid, vip } of [{ vrid: 51, vip: VIP }, OTHER])
      await stage.until(
        `b is master of router ${vrid}`,
        async () => stage.adverts({ from: 'b', vrid }).length > 0 && (await stage.holders(vip)).includes('b'),
      );
    await stage.pause(500);
    const since = stage.mark();
    await stage.thaw('a');
    await stage.soleMaster('b');
    if (stage.kinds.a === 'keepalived') {
      await stage.soleMaster('a', OTHER);
      return 'with the lower priority it yields, with the higher one it goes on as master';
    }
    await stage.soleMaster('b', OTHER);
    const more = stage.adverts({ from: 'a', since }).filter(({ priority }) => priority > 0).length;
    expect(more === 0, `a advertised ${more} times after it was thawed`);
    return 'it yields, and advertises nothing';
  },
};

export const FAILURES: readonly Case[] = [killed, carrier, partition, leftOver, slip, frozen];
