// Cases 33 on: beyond the 32 of the research, where the two daemons could disagree as well.

import type { Case } from '../case.ts';
import { authentication, file, instance, single, VIP } from '../configuration.ts';
import { command } from '../network.ts';
import { expect, type Stage } from '../stage.ts';

const V6 = { vip: '2001:db8:9::100' };

/** IPv6 is deaf until the kernel has checked the link-local address and added the multicast route, seconds after "up". */
async function ipv6Ready(stage: Stage): Promise<void> {
  for (const host of ['a', 'b'] as const) {
    await stage.until(`eth0 of ${host} has its link-local address`, async () => {
      const shown = await stage.network.ip(host, '-6 addr show dev eth0');
      return shown.includes('fe80::') && !shown.includes('tentative');
    });
  }
}

const ipv6: Case = {
  number: 33,
  title: 'IPv6: version 3, a link-local address first; failover and return',
  async run(stage) {
    await ipv6Ready(stage);
    const words = (priority: number) => single({ priority, vips: ['fe80::9:100/64', `${V6.vip}/64`] });
    await stage.start('a', words(150));
    await stage.start('b', words(100));
    await stage.soleMaster('a', V6);
    const advert = stage.adverts({ from: 'a' })[0];
    expect(advert?.checksumRight === true, 'the checksum is wrong');
    expect(
      advert.destination === 'ff02::12' && advert.ttl === 255,
      `to ${advert.destination}, ${advert.ttl}`,
    );
    expect(advert.addresses.join() === `fe80::9:100,${V6.vip}`, `it names ${advert.addresses.join()}`);
    await stage.pause(500);
    expect(stage.adverts({ from: 'b' }).length === 0, 'b did not accept the adverts of a');
    await stage.daemon('a').stop();
    await stage.soleMaster('b', V6);
    await stage.start('a', words(150));
    await stage.soleMaster('a', V6);
  },
};

const vmac: Case = {
  number: 34,
  title: 'use_vmac: the VIP answers from 00:00:5e:00:01:33 at either host',
  async run(stage) {
    const words = (priority: number) => single({ priority, lines: ['use_vmac'], vips: [`${VIP}/24`] });
    await stage.start('a', words(150));
    await stage.start('b', words(100));
    const answersFrom = async (host: 'a' | 'b') => {
      await stage.soleMaster(host);
      const ask = ['ip', 'netns', 'exec', stage.network.namespace('w'), 'arping', '-c', '1', '-w', '1'];
      const answer = () => command([...ask, '-I', 'br0', VIP]).catch(() => '');
      await stage.until('the VIP answers from the virtual MAC', async () =>
        /00:00:5e:00:01:33/i.test(await answer()),
      );
      const held = (await stage.network.addresses(host)).find(({ address }) => address === VIP);
      expect(held?.device === 'vrrp.51', `the VIP is on ${held?.device}`);
    };
    await answersFrom('a');
    await stage.daemon('a').stop();
    await answersFrom('b');
    expect(!(await stage.network.ip('a', '-o link show')).includes('vrrp.51'), 'a left its vrrp.51 behind');
  },
};

const many: Case = {
  number: 35,
  title: '30 VIPs, and excluded ones, move together',
  async run(stage) {
    const vips = Array.from({ length: 30 }, (_, i) => `10.9.0.${100 + i}/24`);
    const excluded = ['10.9.0.200/24', '2001:db8:9::200/64'];
    const words = (priority: number) =>
      file([
        instance({
          priority,
          vips,
          lines: [`virtual_ipaddress_excluded {\n    ${excluded.join('\n    ')}\n  }`],
        }),
      ]);
    const allAt = async (host: 'a' | 'b') => {
      await stage.soleMaster(host);
      for (const vip of [...vips, ...excluded].map((text) => text.split('/')[0] ?? ''))
        await stage.until(`${vip} is at ${host}`, async () => (await stage.holders(vip)).join() === host);
    };
    await stage.start('a', words(150));
    await stage.start('b', words(100));
    await allAt('a');
    const advert = stage.adverts({ from: 'a' })[0];
    expect(advert?.addresses.length === 30, `an advert names ${advert?.addresses.length} addresses, not 30`);
    await stage.daemon('a').stop();
    await allAt('b');
  },
};

const unicast = (own: string, peer: string): string[] => [
  `unicast_src_ip ${own}`,
  `unicast_peer {\n    ${peer}\n  }`,
];

/** Both directions: a is master, then b, then a again; nobody else speaks meanwhile. */
async function thereAndBack(
  stage: Stage,
  configurationOf: (host: 'a' | 'b', priority: number) => string,
  intervalMs: number,
): Promise<void> {
  await stage.start('a', configurationOf('a', 150));
  await stage.start('b', configurationOf('b', 100));
  await stage.soleMaster('a', { intervalMs });
  await stage.pause(4 * intervalMs);
  expect(stage.adverts({ from: 'b' }).length === 0, 'b did not accept the adverts of a');
  await stage.daemon('a').stop();
  await stage.soleMaster('b', { intervalMs });
  await stage.start('a', configurationOf('a', 150));
  await stage.soleMaster('a', { intervalMs });
}

const protectedUnicast: Case = {
  number: 36,
  title: 'version 2 with AH, to a unicast peer',
  async run(stage) {
    const addresses = { a: '10.9.0.1', b: '10.9.0.2' };
    await thereAndBack(
      stage,
      (host, priority) =>
        single({
          version: 2,
          priority,
          lines: [
            authentication('AH', '1111'),
            ...unicast(addresses[host], addresses[host === 'a' ? 'b' : 'a']),
          ],
        }),
      1000,
    );
    expect(
      stage.adverts().every(({ protocol, destination }) => protocol === 51 && destination !== '224.0.0.18'),
      'an advert left without AH, or to the group',
    );
  },
};

const oldChecksum: Case = {
  number: 37,
  title: 'old_unicast_checksum at one host only: the other one finds out',
  async run(stage) {
    await thereAndBack(
      stage,
      (host, priority) =>
        single({
          priority,
          lines:
            host === 'a'
              ? ['old_unicast_checksum', ...unicast('10.9.0.1', '10.9.0.2')]
              : unicast('10.9.0.2', '10.9.0.1'),
        }),
      100,
    );
    expect(
      stage.adverts({ from: 'a' }).every(({ checksumRight }) => !checksumRight),
      'a did not compute the checksum as keepalived up to 1.3.6 did',
    );
  },
};

const routes: Case = {
  number: 38,
  title: 'virtual_routes and virtual_rules go with the master',
  async run(stage) {
    const lines = [
      'virtual_routes {\n    198.51.100.0/24 via 10.9.0.9 dev eth0\n    203.0.113.0/24 dev eth0 table 77\n  }',
      'virtual_rules {\n    from 203.0.113.7 table 77 priority 4711\n  }',
    ];
    const at = async (host: 'a' | 'b') => {
      await stage.soleMaster(host);
      for (const place of ['a', 'b'] as const) {
        await stage.until(`routes and rules at ${host} only`, async () => {
          const main = (await stage.network.ip(place, 'route show')).includes('198.51.100.0/24');
          const other = (await stage.network.ip(place, 'route show table all')).includes('203.0.113.0/24');
          const rule = (await stage.network.ip(place, 'rule show')).includes('4711');
          return [main, other, rule].every((there) => there === (place === host));
        });
      }
    };
    await stage.start('a', single({ priority: 150, lines }));
    await stage.start('b', single({ priority: 100, lines }));
    await at('a');
    await stage.daemon('a').stop();
    await at('b');
  },
};

export const BEYOND: readonly Case[] = [ipv6, vmac, many, protectedUnicast, oldChecksum, routes];
