// Cases 1 to 4: the bytes that a master sends, and that the other daemon takes them for a master's.

import { GOLDEN_PACKETS } from '../../../src/core/vrrp/golden-packets.ts';
import type { Case } from '../case.ts';
import { authentication, file, instance, single, VIP } from '../configuration.ts';
import { type Advert, hex } from '../packets.ts';
import { expect, type Stage } from '../stage.ts';

function golden(name: string): string {
  const packet = GOLDEN_PACKETS.find((each) => each.name === name);
  expect(packet !== undefined, `there is no golden packet '${name}'`);
  return packet.hex;
}

async function firstAdvert(stage: Stage, vrid = 51, destination?: string): Promise<Advert> {
  const find = () =>
    stage
      .adverts({ from: 'a', vrid })
      .find((advert) => destination === undefined || advert.destination === destination);
  await stage.until(`a advertises router ${vrid}`, () => find() !== undefined);
  return find() as Advert;
}

function expectBytes(advert: Advert, wanted: string): void {
  const got = hex(advert.bytes);
  expect(got === wanted, `the first advert is\n${got}\nand not\n${wanted}`);
}

/** b hears a for longer than its own master-down interval, and stays silent. */
async function acceptedBy(stage: Stage, vrid: number, waitMs: number): Promise<void> {
  await stage.pause(waitMs);
  expect(
    stage.adverts({ from: 'b', vrid }).length === 0,
    `b became master of router ${vrid} beside a: it did not accept what a sends`,
  );
}

/** Version 2 with 1 s: master down at 3.6 s for priority 100. */
const V2_SILENCE_MS = 4200;

const plain: Case = {
  number: 1,
  title: 'version 2: the bytes are the golden ones, and are accepted',
  async run(stage) {
    await stage.start('a', single({ version: 2, priority: 150, vips: [VIP] }));
    await stage.start('b', single({ version: 2, priority: 100, vips: [VIP] }));
    const advert = await firstAdvert(stage);
    expectBytes(advert, golden('version 2 without authentication'));
    await acceptedBy(stage, 51, V2_SILENCE_MS);
    await stage.soleMaster('a', { intervalMs: 1000 });
  },
};

const PASSWORDS = [
  { vrid: 51, password: '1111', field: '3131313100000000' },
  { vrid: 52, password: 'secret99', field: '7365637265743939' },
  { vrid: 53, password: 'secret99andmore', field: '7365637265743939' },
];

const password: Case = {
  number: 2,
  title: 'version 2: passwords of 4, 8 and more characters',
  async run(stage) {
    const all = (priority: number) =>
      file(
        PASSWORDS.map(({ vrid, password: word }, i) =>
          instance({
            name: `VI_${vrid}`,
            version: 2,
            vrid,
            priority,
            vips: [`10.9.0.${100 + i}`],
            lines: [authentication('PASS', word)],
          }),
        ),
      );
    await stage.start('a', all(150));
    await stage.start('b', all(100));
    for (const { vrid, field } of PASSWORDS) {
      const advert = await firstAdvert(stage, vrid);
      expect(advert.checksumRight, `the checksum of router ${vrid} is wrong`);
      expect(hex(advert.trailer) === field, `the password field of router ${vrid} is ${hex(advert.trailer)}`);
      if (vrid === 51) expectBytes(advert, golden('version 2 with a password'));
    }
    await acceptedBy(stage, 52, V2_SILENCE_MS);
    for (const { vrid } of PASSWORDS) await acceptedBy(stage, vrid, 0);
  },
};

const header: Case = {
  number: 3,
  title: 'version 2 with AH: both ways, and a replay is rejected',
  async run(stage) {
    const words = { version: 2, vips: [VIP], lines: [authentication('AH', '1111')] } as const;
    await stage.start('a', single({ ...words, priority: 150 }));
    await stage.start('b', single({ ...words, priority: 100 }));
    expectBytes(await firstAdvert(stage), golden('version 2 with AH'));
    await acceptedBy(stage, 51, V2_SILENCE_MS);
    const recorded = stage.adverts({ from: 'a' }).at(-1) as Advert;

    await stage.crash('a');
    // A daemon that believed these would wait for as long as they come.
    const takeover = stage.mark();
    await stage.until('b takes over although old adverts of a are replayed', async () => {
      stage.say(recorded.bytes);
      await stage.pause(300);
      return stage.adverts({ from: 'b', since: takeover }).length > 0;
    });

    await stage.network.ip('a', 'addr flush dev eth0');
    await stage.network.ip('a', 'addr add 10.9.0.1/24 dev eth0');
    await stage.start('a', single({ ...words, priority: 150 }));
    await stage.soleMaster('a', { intervalMs: 1000 });
  },
};

const pseudoHeader: Case = {
  number: 4,
  title: 'version 3: the checksum, multicast and unicast',
  async run(stage) {
    const unicast = (own: string, peers: readonly string[]) => [
      `unicast_src_ip ${own}`,
      `unicast_peer {\n    ${peers.join('\n    ')}\n  }`,
    ];
    const both = (priority: number, own: string, peers: readonly string[]) =>
      file([
        instance({ priority, advert: 1, vips: [VIP] }),
        instance({ name: 'VI_2', vrid: 52, priority, vips: ['10.9.0.101'], lines: unicast(own, peers) }),
      ]);
    await stage.start('a', both(150, '10.9.0.1', ['10.9.0.2', '10.9.0.9']));
    await stage.start('b', both(100, '10.9.0.2', ['10.9.0.1']));
    expectBytes(await firstAdvert(stage), golden('version 3'));
    for (const peer of ['10.9.0.2', '10.9.0.9']) {
      const advert = await firstAdvert(stage, 52, peer);
      expect(advert.checksumRight, `the checksum of the unicast advert to ${peer} is wrong`);
      expect(advert.ttl === 255, `the unicast advert to ${peer} has TTL ${advert.ttl}`);
    }
    await acceptedBy(stage, 51, V2_SILENCE_MS);
    await acceptedBy(stage, 52, 0);
  },
};

export const PACKETS: readonly Case[] = [plain, password, header, pseudoHeader];
