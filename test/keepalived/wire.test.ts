// The wire thread beyond the interop table: what is tracked, routes, hostile packets, and reloads of the awkward kind.
// Each test has a network of its own, so they run at once.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeAdvertisement } from '../../src/core/vrrp/advertisement.ts';
import { file, instance, single, VIP } from '../interop/configuration.ts';
import type { Daemon } from '../interop/daemons.ts';
import { sweep } from '../interop/network.ts';
import { play, type Stage } from '../interop/stage.ts';

beforeAll(sweep);
afterAll(sweep);

function reload(stage: Stage, daemon: Daemon, configuration: string): void {
  writeFileSync(join(stage.folder, 'a.conf'), configuration);
  daemon.signal('SIGHUP');
}

const inState = (stage: Stage, host: 'a' | 'b', state: string): boolean =>
  stage.daemon(host).log().includes(`Entering ${state} STATE`);

describe.concurrent('the wire thread', () => {
  test('a tracked interface with a weight moves the address, and its return moves it back', async () => {
    await play('a', 2, async (stage) => {
      const tracked = (priority: number): string =>
        single({ priority, lines: ['track_interface {', 'eth1 weight -100', '}'] });
      await stage.start('a', tracked(150));
      await stage.start('b', single({ priority: 100 }));
      await stage.soleMaster('a');
      await stage.network.pull('a', 1);
      await stage.soleMaster('b');
      expect(stage.daemon('a').log()).toContain('(VI_1) Changing effective priority from 150 to 50');
      await stage.network.plug('a', 1);
      await stage.soleMaster('a');
    });
  });

  test('a cable that is back before its delay is over moves nothing, one that stays away does', async () => {
    await play('a', 1, async (stage) => {
      const delays = 'interface_up_down_delays {\n  eth0 2 0.1\n}';
      await stage.start('a', file([instance({ priority: 150, advert: 1 })], delays));
      await stage.start('b', single({ priority: 100 }));
      await stage.soleMaster('a', { intervalMs: 1000 });
      await stage.network.pull('a');
      await stage.network.plug('a');
      await stage.until('the return is noticed', () => stage.daemon('a').log().includes('eth0 up'));
      expect(inState(stage, 'a', 'FAULT')).toBe(false);
      await stage.network.pull('a');
      await stage.until('FAULT', () => inState(stage, 'a', 'FAULT'));
    });
  });

  test.each(['a', 'b'] as const)(
    'another multicast group is spoken beside the C daemon (roles %s)',
    async (role) => {
      await play(role, 1, async (stage) => {
        const grouped = (priority: number): string =>
          file([instance({ priority })], '', ['vrrp_mcast_group4 224.0.0.77']);
        await stage.start('a', grouped(150));
        await stage.start('b', grouped(100));
        await stage.soleMaster('a');
        await stage.daemon('a').stop();
        await stage.soleMaster('b');
      });
    },
  );

  test('a tracked source address that goes is a FAULT', async () => {
    await play('t', 1, async (stage) => {
      const lines = ['mcast_src_ip 10.9.0.77', 'track_src_ip'];
      await stage.network.ip('a', 'addr add 10.9.0.77/24 dev eth0');
      await stage.start('a', single({ priority: 150, lines }));
      await stage.soleMaster('a');
      expect(stage.adverts({ from: 'a' })[0]?.source).toBe('10.9.0.77');
      await stage.network.ip('a', 'addr del 10.9.0.77/24 dev eth0');
      await stage.until('FAULT', () => inState(stage, 'a', 'FAULT'));
      await stage.network.ip('a', 'addr add 10.9.0.77/24 dev eth0');
      await stage.soleMaster('a');
    });
  });

  test('routes and rules come and go with the address, are put back, and stay while another instance wants them', async () => {
    await play('t', 1, async (stage) => {
      const routed = (name: string, vrid: number, vip: string): string =>
        instance({
          name,
          vrid,
          priority: 150,
          vips: [vip],
          lines: [
            'virtual_routes {',
            '203.0.113.0/24 via 10.9.0.9 dev eth0',
            '}',
            'virtual_rules {',
            'from 10.9.0.100 table 100 priority 1000',
            '}',
          ],
        });
      const both = [routed('VI_1', 51, `${VIP}/24`), routed('VI_2', 52, '10.9.0.101/24')];
      const statics = 'static_routes {\n  198.51.100.0/24 via 10.9.0.9 dev eth0\n}';
      const there = async (what: string): Promise<boolean> =>
        (await stage.network.ip('a', 'route show')).includes(what);
      const ruled = async (): Promise<boolean> =>
        (await stage.network.ip('a', 'rule show')).includes('1000:');
      const daemon = await stage.start('a', file(both, statics));
      await stage.soleMaster('a');
      await stage.until(
        'both routes and the rule are there',
        async () => (await there('203.0.113.0/24')) && (await there('198.51.100.0/24')) && ruled(),
      );
      await stage.network.ip('a', 'route del 203.0.113.0/24');
      await stage.network.ip('a', 'route del 198.51.100.0/24');
      await stage.until(
        'they are back',
        async () => (await there('203.0.113.0/24')) && there('198.51.100.0/24'),
      );
      expect(daemon.log()).toContain('was removed by somebody else, and is put back');
      reload(stage, daemon, file(both.slice(0, 1), statics));
      await stage.until('the second instance is gone', () => daemon.log().includes('(VI_2) MASTER to INIT'));
      await stage.pause(200);
      expect([await there('203.0.113.0/24'), await ruled()]).toEqual([true, true]);
      await daemon.stop();
      expect([await there('203.0.113.0/24'), await there('198.51.100.0/24'), await ruled()]).toEqual([
        false,
        false,
        false,
      ]);
    });
  });

  test('no packet of protocol 112 stops it, and it goes on as master', async () => {
    await play('a', 1, async (stage) => {
      await stage.start('a', single({ priority: 150 }));
      await stage.soleMaster('a');
      const good = encodeAdvertisement(
        { version: 3, vrid: 51, priority: 100, advertIntervalMs: 100, addresses: [VIP] },
        {
          source: '10.9.0.9',
          destination: '224.0.0.18',
          authentication: { kind: 'none' },
          identification: 1,
        },
      );
      // Every length, and every byte turned over; a fixed sequence, so that a failure is the same again.
      for (let length = 20; length <= good.length; length++) stage.say(good.subarray(0, length));
      for (let at = 20; at < good.length; at++)
        for (const flip of [0x01, 0x80, 0xff]) {
          const bad = Uint8Array.from(good);
          bad[at] = (bad[at] ?? 0) ^ flip;
          stage.say(bad);
        }
      await stage.pause(500);
      await stage.soleMaster('a');
      const log = stage.daemon('a').log();
      expect(log).toContain('dropped an advert of 10.9.0.9');
      // What is made up on the network does not fill the log: each kind is told once.
      expect(log.match(/dropped an advert of 10\.9\.0\.9/g)?.length).toBeLessThanOrEqual(16);
    });
  });

  test('an address outlives its lease while its daemon lives, and goes with one that is frozen or killed', async () => {
    await play('t', 1, async (stage) => {
      const daemon = await stage.start('a', single({ priority: 150 }));
      await stage.soleMaster('a');
      // A lease of 2 s, renewed twice over.
      await stage.pause(5000);
      expect(await stage.holders(VIP)).toEqual(['a']);
      expect(daemon.log()).not.toContain('was removed from the interface');
      await stage.freeze('a');
      await stage.until(
        'the kernel has taken the address',
        async () => (await stage.holders(VIP)).length === 0,
      );
      await stage.thaw('a');
      await stage.until('it is BACKUP first', () =>
        daemon.log().includes('MASTER to BACKUP: this process did not run'),
      );
      await stage.soleMaster('a');
      await stage.crash('a');
      await stage.until('the kernel has taken it again', async () => (await stage.holders(VIP)).length === 0);
    });
  });

  test('an interface that does not exist yet is a FAULT, and its appearance ends that', async () => {
    await play('t', 1, async (stage) => {
      const late = file([instance({ interfaceName: 'late0', priority: 150, vips: ['10.77.0.100/24'] })]);
      await stage.start('a', late, { waits: false });
      await stage.until('FAULT', () => inState(stage, 'a', 'FAULT'));
      await stage.network.ip('a', 'link add late0 type veth peer name late1');
      await stage.network.ip('a', 'addr add 10.77.0.1/24 dev late0');
      await stage.network.ip('a', 'link set late1 up');
      await stage.network.ip('a', 'link set late0 up');
      const held = async (): Promise<boolean> =>
        (await stage.network.addresses('a')).some((each) => each.address === '10.77.0.100');
      await stage.until('it holds the address', held);
      // Gone and made again, the interface has another index: the sockets must follow.
      await stage.network.ip('a', 'link del late0');
      await stage.until('FAULT again', async () => !(await held()));
      await stage.network.ip('a', 'link add late0 type veth peer name late1');
      await stage.network.ip('a', 'addr add 10.77.0.1/24 dev late0');
      await stage.network.ip('a', 'link set late1 up');
      await stage.network.ip('a', 'link set late0 up');
      await stage.until('it holds the address again', held);
    });
  });

  test('a reload that changes addresses of a master drops only what is gone', async () => {
    await play('a', 1, async (stage) => {
      const first = single({ priority: 150, vips: [`${VIP}/24`, '10.9.0.101/24'] });
      const second = single({ priority: 150, vips: [`${VIP}/24`, '10.9.0.102/32'] });
      const daemon = await stage.start('a', first);
      await stage.soleMaster('a');
      reload(stage, daemon, second);
      await stage.until('the new address is there and the old one gone', async () => {
        const held = (await stage.network.addresses('a')).map((each) => each.address);
        return held.includes('10.9.0.102') && !held.includes('10.9.0.101');
      });
      expect(stage.adverts({ from: 'a', priority: 0 })).toEqual([]);
      await stage.soleMaster('a');
    });
  });

  test('one that turns into another virtual router says goodbye as the old one', async () => {
    await play('a', 1, async (stage) => {
      const daemon = await stage.start('a', single({ priority: 150 }));
      await stage.soleMaster('a');
      reload(stage, daemon, single({ priority: 150, vrid: 77 }));
      await stage.soleMaster('a', { vrid: 77 });
      expect(stage.adverts({ from: 'a', vrid: 51, priority: 0 }).length).toBe(1);
    });
  });
});
