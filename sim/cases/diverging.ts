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
    name: 'a gap in the numbers, with gtid_slave_pos set back and the receiver stopped, stops the standby that holds what was rolled back',
    async run(lab) {
      await rolledBack(lab, false);
      await lab.a.order({ semiSyncSource: false });
      await lab.a.order({ startChannel: 'keep' });
      const { slave } = await lab.a.positions();
      await lab.a.order('stopReceiving');
      const order = await lab.a.order('skipSequence');
      return { slave, order, ...(await goOnAlone(lab)) };
    },
    seen: {
      slave: '0-1-1',
      order: 'done',
      errors: 'receiver 1236 applier ',
      a: '2',
      b: '1',
      position: '0-1-10002',
    },
  },
  {
    name: 'a gap in the numbers stops nobody once the writer has heard its lost transaction from the standby: it is passed over, and moves gtid_slave_pos',
    async run(lab) {
      const { a, b, until } = lab;
      await rolledBack(lab, false);
      await a.order({ semiSyncSource: false });
      await a.order({ startChannel: 'keep' });
      await a.order('skipSequence');
      await a.order('openWrites');
      await commitAt(a, 2, lab);
      await b.boot();
      await until(async () => {
        const { channel } = await a.status();
        return (
          channel?.receivedGtid === '0-1-2' ||
          channel?.receiver === 'stopped' ||
          channel?.applierError !== null
        );
      });
      await lab.rest();
      const atA = `${await errorsOf(a)} ${(await a.positions()).slave}`;
      await rejoin(b);
      await until(async () => (await b.status()).channel?.receiver !== 'connecting');
      await lab.rest();
      return { atA, errors: await errorsOf(b), a: await a.rows(), b: await b.rows() };
    },
    seen: { atA: 'receiver  applier  0-1-2', errors: 'receiver  applier ', a: '2', b: '1,2' },
  },
  {
    name: 'a gap in the numbers stops nobody while gtid_slave_pos is not set back',
    async run(lab) {
      await rolledBack(lab, false);
      await lab.a.order({ semiSyncSource: false });
      const { slave } = await lab.a.positions();
      const order = await lab.a.order('skipSequence');
      return { slave, order, ...(await goOnAlone(lab)) };
    },
    seen: {
      slave: '0-1-2',
      order: 'done',
      errors: 'receiver  applier ',
      a: '2',
      b: '1,2',
      position: '0-1-10003',
    },
  },
  {
    // A hole of the adapter, not of MariaDB: applyLeftOver takes the gap for own transactions that were rolled back.
    name: 'KNOWN HOLE: received transactions behind a gap in the numbers are thrown away with the writer dead',
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
    seen: { order: 'done', b: '' },
  },
  {
    // A hole of the adapter: applyLeftOver takes 0-2-2 for applied, because 0-1-2 has the same number.
    name: 'KNOWN HOLE: an errant server skips the first of the new writer and applies the next, if its relay log holds both',
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
    seen: { errant: '1', order: 'done', errors: 'receiver  applier ', a: '1,3', b: '2,3' },
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
