// Cases: commits that wait for an acknowledgement, and what releases them.
import type { Case, Lab } from './lab.ts';

/** b goes on receiving and applying, and acknowledges nothing. */
export async function loseAcknowledgements({ b, until }: Lab): Promise<void> {
  await b.order({ semiSyncReplica: false });
  await until(async () => (await b.status()).channel?.receiver === 'running');
}

export async function untilWaiting({ a, until }: Lab): Promise<void> {
  await until(async () => (await a.status()).semiSync.waitingSessions === 1);
}

export const waitingCases: readonly Case[] = [
  {
    name: 'a commit that waits is in the log, visible to nobody, and released when the standby has it',
    async run(lab) {
      const { a, b, until } = lab;
      await b.order('stopReceiving');
      const commit = await a.write(1);
      await untilWaiting(lab);
      await lab.rest();
      const before = `${await a.rows()}|${(await a.positions()).binlog}|${commit.fate()}`;
      await b.order({ startChannel: 'keep' });
      await until(() => commit.fate() === 'ok');
      await until(async () => (await b.rows()) === '1');
      return { before, a: await a.rows(), b: await b.rows() };
    },
    seen: { before: '|0-1-2|pending', a: '1', b: '1' },
  },
  {
    name: 'at most two groups are in the log uncommitted; all are released in order',
    async run(lab) {
      const { a, b, until } = lab;
      await b.order('stopReceiving');
      const first = await a.write(1);
      await untilWaiting(lab);
      const second = await a.write(2);
      await until(async () => (await a.positions()).binlog === '0-1-3');
      const third = await a.write(3);
      await lab.rest();
      const before = `${(await a.positions()).binlog}|${(await a.status()).semiSync.waitingSessions}|${await a.rows()}`;
      await b.order({ startChannel: 'keep' });
      const all = [first, second, third];
      await until(() => all.every((commit) => commit.fate() === 'ok'));
      return { before, a: await a.rows(), position: (await a.positions()).binlog };
    },
    seen: { before: '0-1-3|1|', a: '1,2,3', position: '0-1-4' },
  },
  {
    name: 'switching the source side off releases every waiting commit with OK, though the standby lacks them',
    async run(lab) {
      const { a, b, until } = lab;
      await b.order('stopReceiving');
      const first = await a.write(1);
      await untilWaiting(lab);
      const second = await a.write(2);
      await until(async () => (await a.positions()).binlog === '0-1-3');
      const order = await a.order({ semiSyncSource: false });
      await until(() => first.fate() === 'ok' && second.fate() === 'ok');
      return { order, a: await a.rows(), b: await b.rows() };
    },
    seen: { order: 'done', a: '1,2', b: '' },
  },
  {
    name: 'KILL QUERY of a waiting session commits it with OK, KILL CONNECTION commits it and its client learns nothing',
    async run(lab) {
      const { a, b, until } = lab;
      await b.order('stopReceiving');
      const query = await a.write(1);
      await untilWaiting(lab);
      await a.killSession(query, 'query');
      await until(() => query.fate() !== 'pending');
      const connection = await a.write(2);
      await untilWaiting(lab);
      await a.killSession(connection, 'connection');
      await until(() => connection.fate() !== 'pending');
      await until(async () => (await a.rows()) === '1,2');
      return { fates: `${query.fate()},${connection.fate()}`, a: await a.rows(), b: await b.rows() };
    },
    seen: { fates: 'ok,lost', a: '1,2', b: '' },
  },
  {
    name: 'closing writes with a commit in doubt is refused, releases nothing, and comes through once the standby has it',
    async run(lab) {
      const { a, b, until } = lab;
      await b.order('stopReceiving');
      const commit = await a.write(1);
      await untilWaiting(lab);
      const first = await a.order('closeWrites');
      const between = `${commit.fate()}|${await a.rows()}|${(await a.status()).readOnly}`;
      await b.order({ startChannel: 'keep' });
      await until(() => commit.fate() === 'ok');
      const second = await a.order('closeWrites');
      const after = await a.write(2);
      await until(() => after.fate() !== 'pending');
      return { first, between, second, after: after.fate(), a: await a.rows() };
    },
    seen: { first: 'commits-in-doubt', between: 'pending||false', second: 'done', after: 'refused', a: '1' },
  },
  {
    name: 'a group whose acknowledgement was lost is released by the next commit, not by the new connection',
    async run(lab) {
      const { a, b, until } = lab;
      await loseAcknowledgements(lab);
      const first = await a.write(1);
      await until(async () => (await b.rows()) === '1');
      await b.order({ semiSyncReplica: true });
      await until(async () => (await b.status()).channel?.receiver === 'running');
      await lab.rest();
      const before = first.fate();
      const second = await a.write(2);
      await until(() => first.fate() === 'ok' && second.fate() === 'ok');
      return { before, a: await a.rows() };
    },
    seen: { before: 'pending', a: '1,2' },
  },
  {
    name: 'two groups whose acknowledgements were lost wait for good, and a third is not even sent',
    async run(lab) {
      const { a, b, until } = lab;
      await loseAcknowledgements(lab);
      const first = await a.write(1);
      await until(async () => (await b.rows()) === '1');
      const second = await a.write(2);
      await until(async () => (await b.rows()) === '1,2');
      await b.order({ semiSyncReplica: true });
      await until(async () => (await b.status()).channel?.receiver === 'running');
      const third = await a.write(3);
      await lab.rest();
      const fates = [first, second, third].map((commit) => commit.fate()).join();
      return { fates, a: await a.rows(), b: await b.rows(), position: (await a.positions()).binlog };
    },
    seen: { fates: 'pending,pending,pending', a: '', b: '1,2', position: '0-1-3' },
  },
  {
    name: 'the replica side counts from the next connection: a commit waits once it was switched off',
    async run(lab) {
      const { a, b, until } = lab;
      const acknowledged = await a.write(1);
      await until(() => acknowledged.fate() === 'ok');
      await loseAcknowledgements(lab);
      const commit = await a.write(2);
      await until(async () => (await b.rows()) === '1,2');
      await lab.rest();
      const { semiSync } = await b.status();
      return { replica: String(semiSync.replica), fate: commit.fate(), a: await a.rows() };
    },
    seen: { replica: 'false', fate: 'pending', a: '1' },
  },
  {
    name: 'a read-only server refuses clients',
    async run({ b, until }) {
      const commit = await b.write(1);
      await until(() => commit.fate() !== 'pending');
      return { fate: commit.fate(), b: await b.rows() };
    },
    seen: { fate: 'refused', b: '' },
  },
  {
    name: 'a killed session behind a waiting group stays until it is its turn, and is then released without waiting',
    async run(lab) {
      const { a, b, until } = lab;
      await b.order('stopReceiving');
      const first = await a.write(1);
      await untilWaiting(lab);
      const second = await a.write(2);
      await until(async () => (await a.positions()).binlog === '0-1-3');
      await a.killSession(second, 'connection');
      await lab.rest();
      const before = `${first.fate()},${second.fate()}|${await a.rows()}`;
      await a.killSession(first, 'query');
      await until(async () => (await a.rows()) === '1,2');
      await until(() => first.fate() !== 'pending' && second.fate() !== 'pending');
      return { before, after: `${first.fate()},${second.fate()}` };
    },
    seen: { before: 'pending,lost|', after: 'ok,lost' },
  },
  {
    name: 'the source side switched on while a replica is connected has commits acknowledged at once',
    async run(lab) {
      const { a, b, until } = lab;
      await a.order({ semiSyncSource: false });
      const alone = await a.write(1);
      await until(() => alone.fate() === 'ok');
      await a.order({ semiSyncSource: true });
      const paired = await a.write(2);
      await until(() => paired.fate() === 'ok');
      await until(async () => (await b.rows()) === '1,2');
      return { a: await a.rows() };
    },
    seen: { a: '1,2' },
  },
];
