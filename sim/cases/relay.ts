// Cases: what is received and not applied, the two threads, the ring.
import { promote, rejoin } from './crash.ts';
import type { Case, Lab } from './lab.ts';
import { untilWaiting } from './waiting.ts';

/** b has rows 1 and 2 in its relay log only, acknowledged; the writer is dead. */
async function unapplied({ a, b, until }: Lab): Promise<void> {
  await b.stopThreads('applier');
  for (const id of [1, 2]) {
    const commit = await a.write(id);
    await until(() => commit.fate() === 'ok');
  }
  await a.kill();
}

export const relayCases: readonly Case[] = [
  {
    name: 'the relay log survives the kill of the standby, and is applied with the writer dead',
    async run(lab) {
      const { b } = lab;
      await unapplied(lab);
      await b.kill();
      await b.boot();
      const before = await b.rows();
      await promote(lab);
      return { before, b: await b.rows(), position: (await b.positions()).binlog };
    },
    seen: { before: '', b: '1,2', position: '0-1-3' },
  },
  {
    name: 'receiving is stopped and the rest applied with the writer dead, the applier running or not',
    async run(lab) {
      const { b } = lab;
      await unapplied(lab);
      const orders = [await b.order('stopReceiving'), await b.order('drain'), await b.order('openWrites')];
      return { orders: orders.join(), b: await b.rows() };
    },
    seen: { orders: 'done,done,done', b: '1,2' },
  },
  {
    name: 'a channel that starts applies the relay log first, and nothing twice when the writer returns',
    async run(lab) {
      const { a, b, until } = lab;
      await unapplied(lab);
      await b.kill();
      await b.boot();
      await rejoin(b);
      const before = await b.rows();
      await a.boot();
      await a.order('openWrites');
      const commit = await a.write(3);
      await until(() => commit.fate() === 'ok');
      await until(async () => (await b.rows()) === '1,2,3');
      return { before, a: await a.rows(), error: String((await b.status()).channel?.applierError) };
    },
    seen: { before: '1,2', a: '1,2,3', error: 'null' },
  },
  {
    name: 'a thread that starts while both are stopped throws the relay log away',
    async run(lab) {
      const { b } = lab;
      await unapplied(lab);
      await b.stopThreads('both');
      await b.startThreads('applier');
      await b.order('stopReceiving');
      await b.order('drain');
      return { b: await b.rows() };
    },
    seen: { b: '' },
  },
  {
    name: 'one thread running keeps the relay log, whichever is started',
    async run(lab) {
      const { b, until } = lab;
      await unapplied(lab);
      await b.startThreads('applier');
      await until(async () => (await b.rows()) === '1,2');
      return { b: await b.rows() };
    },
    seen: { b: '1,2' },
  },
  {
    name: 'a channel that starts anew throws the relay log away, and the source sends it again',
    async run(lab) {
      const { a, b, until } = lab;
      await unapplied(lab);
      await b.stopThreads('both');
      const order = await b.order({ startChannel: 'discard' });
      const before = await b.rows();
      await a.boot();
      await until(async () => (await b.rows()) === '1,2');
      return { order, before, b: await b.rows() };
    },
    seen: { order: 'done', before: '', b: '1,2' },
  },
  {
    name: 'own transactions that come back are passed over and move gtid_slave_pos, also while they wait',
    async run(lab) {
      const { a, b, until } = lab;
      const commit = await a.write(1);
      await until(() => commit.fate() === 'ok');
      await until(async () => (await a.positions()).slave === '0-1-2');
      await b.order({ semiSyncReplica: false });
      await until(async () => (await b.status()).channel?.receiver === 'running');
      await a.write(2);
      await until(async () => (await a.positions()).slave === '0-1-3');
      await lab.rest();
      const { channel } = await a.status();
      return { a: await a.rows(), b: await b.rows(), error: String(channel?.applierError) };
    },
    seen: { a: '1', b: '1,2', error: 'null' },
  },
  {
    name: 'a stray write at the standby reaches the writer, and is acknowledged there like any other',
    async run(lab) {
      const { a, b, until } = lab;
      const stray = await b.writePrivileged(1);
      await until(() => stray.fate() === 'ok');
      await until(async () => (await a.rows()) === '1');
      const commit = await a.write(2);
      await until(() => commit.fate() === 'ok');
      await until(async () => (await b.rows()) === '1,2');
      return { a: await a.rows(), history: (await a.status()).history };
    },
    seen: { a: '1,2', history: '0-2-2,0-1-3' },
  },
  {
    name: 'the writer role moves: closed, caught up, opened; the next transaction counts on',
    async run(lab) {
      const { a, b, until } = lab;
      const commit = await a.write(1);
      await until(() => commit.fate() === 'ok');
      const orders = [
        await a.order('closeWrites'),
        await b.order({ waitFor: (await a.status()).executedGtid }),
        await a.order({ semiSyncSource: false }),
        await a.order({ semiSyncReplica: true }),
        await b.order({ semiSyncReplica: false }),
        await b.order({ semiSyncSource: true }),
        await b.order('openWrites'),
      ];
      const next = await b.write(2);
      await until(() => next.fate() === 'ok');
      await until(async () => (await a.rows()) === '1,2');
      return { orders: orders.join(), position: (await a.positions()).binlog };
    },
    seen: { orders: 'done,done,done,done,done,done,done', position: '0-2-3' },
  },
  {
    name: 'alone, commits need nobody; the standby fetches them when it is back',
    async run(lab) {
      const { a, b, until } = lab;
      await b.kill();
      const waiting = await a.write(1);
      await untilWaiting(lab);
      await a.order({ semiSyncSource: false });
      const commit = await a.write(2);
      await until(() => waiting.fate() === 'ok' && commit.fate() === 'ok');
      await b.boot();
      await rejoin(b);
      await until(async () => (await b.rows()) === '1,2');
      return { a: await a.rows(), b: await b.rows() };
    },
    seen: { a: '1,2', b: '1,2' },
  },
];
