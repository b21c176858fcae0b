// Cases: two histories that went apart, and whether MariaDB and the orders notice.
import { commitAt, errorsOf, promote, rejoin } from './crash.ts';
import type { Case, Lab } from './lab.ts';
import { loseAcknowledgements, untilWaiting } from './waiting.ts';

/** b holds row 1, its acknowledgement was lost; a has rolled it back. */
async function rolledBack(lab: Lab, ringCut: boolean): Promise<void> {
  const { a, b, until } = lab;
  await loseAcknowledgements(lab);
  if (ringCut) await a.stopThreads('both');
  await a.write(1);
  await until(async () => (await b.rows()) === '1');
  if (!ringCut) await until(async () => (await a.positions()).slave === '0-1-2');
  await b.kill();
  await a.kill();
  await a.boot();
}

/** a goes on alone, without what it rolled back; b comes back. */
async function goOnAlone(lab: Lab): Promise<Record<string, string>> {
  const { a, b, until } = lab;
  await a.order('openWrites');
  await commitAt(a, 2, lab);
  await b.boot();
  await rejoin(b);
  await until(async () => (await b.status()).channel?.receiver !== 'connecting');
  await lab.rest();
  return {
    errors: await errorsOf(b),
    a: await a.rows(),
    b: await b.rows(),
    position: (await a.positions()).binlog,
  };
}

export const divergingCases: readonly Case[] = [
  {
    name: 'a writer whose gtid_slave_pos names what it rolled back takes the standby that has it for its own kind: nobody notices',
    async run(lab) {
      await rolledBack(lab, false);
      await lab.a.order({ semiSyncSource: false });
      return await goOnAlone(lab);
    },
    seen: { errors: 'receiver  applier ', a: '2', b: '1,2', position: '0-1-3' },
  },
  {
    name: 'a writer that never saw its transaction come back gives the GTID that it rolled back again: nobody notices',
    async run(lab) {
      await rolledBack(lab, true);
      await lab.a.order({ semiSyncSource: false });
      return await goOnAlone(lab);
    },
    seen: { errors: 'receiver  applier ', a: '2', b: '1', position: '0-1-2' },
  },
  {
    name: 'a writer that left a gap in the numbers and the standby that holds what was rolled back refuse each other',
    async run(lab) {
      const { a, b, until } = lab;
      await rolledBack(lab, false);
      await a.order({ semiSyncSource: false });
      const order = await a.order('skipSequence');
      await a.order('openWrites');
      await commitAt(a, 2, lab);
      await a.order({ startChannel: 'keep' });
      await b.boot();
      await until(async () => (await a.status()).channel?.receiver === 'stopped');
      await rejoin(b);
      await until(async () => (await b.status()).channel?.receiver === 'stopped');
      const errors = `a ${await errorsOf(a)} b ${await errorsOf(b)}`;
      return { order, errors, a: await a.rows(), b: await b.rows(), position: (await a.positions()).binlog };
    },
    seen: {
      order: 'done',
      errors: 'a receiver 1236 applier  b receiver 1236 applier ',
      a: '2',
      b: '1',
      position: '0-1-10002',
    },
  },
  {
    name: 'a standby that lacks nothing follows over a gap in the numbers, and the writer follows it again once it has it',
    async run(lab) {
      const { a, b, until } = lab;
      await commitAt(a, 1, lab);
      await until(async () => (await b.rows()) === '1');
      await b.kill();
      await a.kill();
      await a.boot();
      await a.order({ semiSyncSource: false });
      await a.order('skipSequence');
      await a.order('openWrites');
      await commitAt(a, 2, lab);
      await a.order({ startChannel: 'keep' });
      await b.boot();
      await rejoin(b);
      await until(async () => (await b.rows()) === '1,2');
      await a.order({ startChannel: 'keep' });
      await until(async () => (await a.status()).channel?.receiver === 'running');
      await commitAt(a, 3, lab);
      await until(async () => (await a.positions()).slave === '0-1-10004');
      return { errors: `a ${await errorsOf(a)} b ${await errorsOf(b)}`, b: await b.rows() };
    },
    seen: { errors: 'a receiver  applier  b receiver  applier ', b: '1,2,3' },
  },
  {
    name: 'received transactions behind a gap in the numbers are applied with the writer dead',
    async run(lab) {
      const { a, b } = lab;
      await b.stopThreads('applier');
      const order = await a.order('skipSequence');
      await commitAt(a, 1, lab);
      await a.kill();
      await b.kill();
      await b.boot();
      await promote(lab);
      return { order, b: await b.rows() };
    },
    seen: { order: 'done', b: '1' },
  },
  {
    name: 'an errant server whose relay log holds transactions of the new writer applies none of them, and says so',
    async run(lab) {
      const { a, b, until } = lab;
      await b.order('stopReceiving');
      await a.write(1);
      await untilWaiting(lab);
      await promote(lab);
      for (const id of [2, 3]) await commitAt(b, id, lab);
      await until(async () => (await a.status()).channel?.applierError !== null);
      await until(async () => (await a.status()).channel?.receivedGtid === '0-2-3');
      await a.shutdown();
      await a.boot();
      const errant = await a.rows();
      const order = await rejoin(a);
      await until(async () => (await a.status()).channel?.receiver !== 'connecting');
      await lab.rest();
      return { errant, order, errors: await errorsOf(a), a: await a.rows(), b: await b.rows() };
    },
    seen: { errant: '1', order: 'applier-stopped', errors: 'receiver  applier ', a: '1', b: '2,3' },
  },
  ...(
    [
      ['gtid_slave_pos ahead of the log', false, true, '3'],
      ['the replica side off', true, false, '3'],
      ['the replica side on and a true gtid_slave_pos', true, true, '1,3'],
    ] as const
  ).map(
    ([how, ringCut, replicaSide, rows]): Case => ({
      name: `a former writer started bare with ${how} ${rows === '3' ? 'loses' : 'takes back'} what it rolled back`,
      async run(lab) {
        const { a, b, until } = lab;
        await rolledBack(lab, ringCut);
        await b.boot();
        await b.order('drain');
        await b.order({ semiSyncSource: false });
        await b.order('openWrites');
        await commitAt(b, 3, lab);
        await a.order({ semiSyncSource: false });
        await a.order({ semiSyncReplica: replicaSide });
        await a.startThreads('both');
        await until(async () => (await a.rows()).endsWith('3'));
        const errors = await errorsOf(a);
        return { errors, a: await a.rows(), position: (await a.positions()).binlog };
      },
      seen: { errors: 'receiver  applier ', a: rows, position: '0-2-3' },
    }),
  ),
];
