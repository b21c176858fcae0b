// Does the VIP lead to the writer: the standby's question, against two real servers. Loopback addresses stand for the
// hosts and for VIPs that lead to the writer, to the standby itself, and to nobody.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Situation, startVipTruth, type VipTruth } from '../../src/app/viptruth.ts';
import { bootClock } from '../../src/io/clock.ts';
import { freePort, type MariadbServer, scratchDir, startMariadb } from '../support/mariadb.ts';

const WRITER = '127.0.7.11';
const STANDBY = '127.0.7.12';
const VIP = '127.0.7.100';
const VIP_AT_NOBODY = '127.0.7.101';
const TIMES = { everyMs: 150, againMs: 50, settleMs: 50, deadlineMs: 2000 };
const PATIENCE_MS = 20_000;

const dir = scratchDir('viptruth');
let port = 0;
let writer: MariadbServer;
let standby: MariadbServer;
const running: VipTruth[] = [];

beforeAll(async () => {
  port = await freePort();
  const start = (name: string, id: number, addresses: string) =>
    startMariadb({
      dir: join(dir, name),
      port,
      extraArgs: [`--server-id=${id}`, `--bind-address=${addresses}`],
    });
  [writer, standby] = await Promise.all([start('a', 1, `${WRITER},${VIP}`), start('b', 2, STANDBY)]);
  for (const [server, id] of [
    [writer, 1],
    [standby, 2],
  ] as const) {
    const root = await server.root({ multipleStatements: true });
    await root.query(`CREATE DATABASE twinkeep;
      CREATE TABLE twinkeep.heartbeat (node_server_id INT UNSIGNED PRIMARY KEY, epoch BIGINT UNSIGNED NOT NULL,
        sequence BIGINT UNSIGNED NOT NULL);
      INSERT INTO twinkeep.heartbeat VALUES (${id}, 4, 1);
      CREATE USER 'watch'@'127.0.7.12' IDENTIFIED BY 'word'; GRANT SELECT ON twinkeep.* TO 'watch'@'127.0.7.12'`);
  }
});
afterAll(async () => {
  for (const truth of running) truth.stop();
  await Promise.all([writer?.stop(), standby?.stop()]);
  rmSync(dir, { recursive: true, force: true });
});

/** The standby's manager asks where `vip` leads; `situation` may be changed meanwhile. */
function watch(vip: string) {
  const situation: { -readonly [K in keyof Situation]: Situation[K] } = {
    role: 'following',
    epoch: 4,
    writer: 'a',
  };
  const said: { code: string; because: string }[] = [];
  const truth = startVipTruth({
    clock: bootClock(),
    config: {
      vips: { write: [{ address: vip, family: 4, prefix: 24 }], read: [], single: [] },
      mysql: { port },
    },
    self: { name: 'b', address: STANDBY },
    peer: { name: 'a', address: WRITER },
    account: { user: 'watch', password: 'word' },
    schema: 'twinkeep',
    situation: () => situation,
    say: (_level, code, because) => said.push({ code, because }),
    times: TIMES,
  });
  running.push(truth);
  const until = async (verdict: string): Promise<string> => {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const [found] = truth.view();
      if (found?.verdict === verdict) return found.because;
      if (performance.now() > end) throw new Error(`not ${verdict}: ${JSON.stringify([found, said])}`);
      await sleep(20);
    }
  };
  return { situation, said, truth, until };
}

test('a VIP that leads to the writer in its epoch is right, and the writer itself does not ask', async () => {
  const { said, situation, truth, until } = watch(VIP);
  expect(await until('right')).toContain('the server of a, epoch 4');
  situation.role = 'writing';
  expect(await until('unknown')).toContain('looked at from the standby');
  truth.stop();
  expect(said).toEqual([]);
});

test('a VIP that leads to the standby itself, or to nobody, leads astray', async () => {
  const wrong = watch(STANDBY);
  const nowhere = watch(VIP_AT_NOBODY);
  await Promise.all([wrong.until('astray'), nowhere.until('astray')]);
  for (const { truth } of [wrong, nowhere]) truth.stop();
  expect(wrong.said.map((each) => each.code)).toEqual(['vip-leads-astray']);
  expect(wrong.said[0]?.because).toContain('leads to server id 2');
  expect(nowhere.said.map((each) => each.code)).toEqual(['vip-leads-astray']);
  expect(nowhere.said[0]?.because).toContain('nothing listens there');
});

test('an epoch that is over leads astray until the writer writes in the new one', async () => {
  const { situation, said, truth, until } = watch(VIP);
  await until('right');
  situation.epoch = 5;
  expect(await until('astray')).toContain('last wrote in epoch 4');
  await (await writer.root()).query('UPDATE twinkeep.heartbeat SET epoch = 5');
  await until('right');
  truth.stop();
  expect(said.map((each) => each.code)).toEqual(['vip-leads-astray', 'vip-leads-right']);
});

test('when the writer answers nowhere the VIP is not to blame', async () => {
  const { situation, said, truth, until } = watch(VIP);
  situation.epoch = 5;
  await until('right');
  await writer.stop();
  expect(await until('unknown')).toContain('does not answer at its own address either');
  truth.stop();
  expect(said).toEqual([]);
});
