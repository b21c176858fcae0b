// Cases: a server that crashes or is stopped while a commit waits, and comes back.
import type { Case, Lab, LabNode } from './lab.ts';
import { loseAcknowledgements, untilWaiting } from './waiting.ts';

/** As the agents bring a server back as standby. */
export async function rejoin(node: LabNode): Promise<string> {
  await node.order({ semiSyncSource: false });
  await node.order({ semiSyncReplica: true });
  return await node.order({ startChannel: 'keep' });
}

/** The standby takes over from a writer that is dead. */
export async function promote({ b }: Lab): Promise<void> {
  await b.order('stopReceiving');
  await b.order('drain');
  await b.order({ semiSyncSource: false });
  await b.order('openWrites');
}

const errorNumber = (error: string | null | undefined): string =>
  /error (\d+)\)/.exec(error ?? '')?.[1] ?? '';
const errorsOf = async (node: LabNode): Promise<string> => {
  const { channel } = await node.status();
  return `receiver ${errorNumber(channel?.receiverError)} applier ${errorNumber(channel?.applierError)}`;
};

async function commitAt(node: LabNode, id: number, { until }: Lab): Promise<void> {
  const commit = await node.write(id);
  await until(() => commit.fate() !== 'pending');
}

/** Row 1 is on both; 2 was received by b, 3 was not; a's log has both, and both wait. */
async function twoWaiting(lab: Lab): Promise<void> {
  const { a, b, until } = lab;
  await commitAt(a, 1, lab);
  await loseAcknowledgements(lab);
  await a.write(2);
  await until(async () => (await b.rows()) === '1,2');
  await until(async () => (await a.positions()).slave === '0-1-3');
  await b.order('stopReceiving');
  await a.write(3);
  await until(async () => (await a.positions()).binlog === '0-1-4');
}

export const crashCases: readonly Case[] = [
  {
    name: 'an acknowledged commit survives the kill of the writer',
    async run(lab) {
      await commitAt(lab.a, 1, lab);
      await lab.a.kill();
      await lab.a.boot();
      const { readOnly, semiSync, channel } = await lab.a.status();
      return {
        a: await lab.a.rows(),
        boots: `${readOnly} ${semiSync.source} ${semiSync.replica} ${channel?.receiver} ${channel?.applier}`,
      };
    },
    seen: { a: '1', boots: 'true true true stopped stopped' },
  },
  {
    name: 'crash recovery rolls back a waiting commit that no standby has',
    async run(lab) {
      const { a, b, until } = lab;
      await b.order('stopReceiving');
      const commit = await a.write(1);
      await untilWaiting(lab);
      await a.kill();
      await until(() => commit.fate() !== 'pending');
      await a.boot();
      return { fate: commit.fate(), a: await a.rows(), position: (await a.positions()).binlog };
    },
    seen: { fate: 'lost', a: '', position: '0-1-1' },
  },
  {
    name: 'a former writer takes its rolled-back transaction back from the promoted standby that had received it',
    async run(lab) {
      const { a, b, until } = lab;
      await twoWaiting(lab);
      await a.kill();
      await b.order('drain');
      await b.order('openWrites');
      await commitAt(b, 4, lab);
      await a.boot();
      const recovered = `${await a.rows()}|${(await a.positions()).binlog}|${(await a.positions()).slave}`;
      await rejoin(a);
      await until(async () => (await a.rows()) === '1,2,4');
      return {
        recovered,
        b: await b.rows(),
        history: (await a.status()).historyGtid,
        errors: await errorsOf(a),
      };
    },
    seen: {
      recovered: '1|0-1-2|0-1-3',
      b: '1,2,4',
      history: '0-1-3,0-2-4',
      errors: 'receiver  applier ',
    },
  },
  {
    name: 'a former writer that heard the new one before it was killed does not skip its own rolled-back transaction',
    async run(lab) {
      const { a, b, until } = lab;
      await twoWaiting(lab);
      await b.order('drain');
      await b.order('openWrites');
      await commitAt(b, 4, lab);
      await commitAt(b, 5, lab);
      await until(async () => (await a.status()).channel?.applierError !== null);
      const heard = await errorsOf(a);
      await a.kill();
      await a.boot();
      const recovered = await a.rows();
      await rejoin(a);
      await until(async () => (await a.rows()) === '1,2,4,5');
      return { heard, recovered, b: await b.rows(), errors: await errorsOf(a) };
    },
    seen: {
      heard: 'receiver  applier 1950',
      recovered: '1',
      b: '1,2,4,5',
      errors: 'receiver  applier ',
    },
  },
  {
    name: 'a writer that stays the writer takes its transaction back from a standby that has it',
    async run(lab) {
      const { a, b, until } = lab;
      await loseAcknowledgements(lab);
      await a.write(1);
      await until(async () => (await b.rows()) === '1');
      await a.kill();
      await a.boot();
      const recovered = await a.rows();
      await a.order({ startChannel: 'keep' });
      await until(async () => (await a.rows()) === '1');
      return { recovered, a: await a.rows(), history: (await a.status()).historyGtid };
    },
    seen: { recovered: '', a: '1', history: '0-1-2' },
  },
  {
    name: 'a standby that holds what the writer rolled back and did not take back',
    async run(lab) {
      const { a, b, until } = lab;
      await loseAcknowledgements(lab);
      await a.write(1);
      await until(async () => (await b.rows()) === '1');
      await until(async () => (await a.positions()).slave === '0-1-2');
      await a.kill();
      await a.boot();
      await a.order({ semiSyncSource: false });
      await a.order('openWrites');
      await commitAt(a, 2, lab);
      await until(async () => (await b.status()).channel?.receiver !== 'connecting');
      return {
        errors: await errorsOf(b),
        a: await a.rows(),
        b: await b.rows(),
        history: (await a.status()).historyGtid,
      };
    },
    seen: { errors: '', a: '2', b: '1', history: '' },
  },
  {
    name: 'SIGTERM commits what waits, and strict mode keeps the errant server from following the new writer',
    async run(lab) {
      const { a, b, until } = lab;
      await b.order('stopReceiving');
      const commit = await a.write(1);
      await untilWaiting(lab);
      await a.shutdown();
      await until(() => commit.fate() !== 'pending');
      await promote(lab);
      await commitAt(b, 2, lab);
      await a.boot();
      const errant = await a.rows();
      await rejoin(a);
      await until(async () => (await errorsOf(a)) !== 'receiver  applier ');
      return { fate: commit.fate(), errant, errors: await errorsOf(a), a: await a.rows(), b: await b.rows() };
    },
    seen: { fate: 'lost', errant: '1', errors: '', a: '1', b: '2' },
  },
  {
    name: 'SIGTERM with three waiting commits',
    async run(lab) {
      const { a, b, until } = lab;
      await b.order('stopReceiving');
      const commits = [await a.write(1)];
      await untilWaiting(lab);
      commits.push(await a.write(2));
      await until(async () => (await a.positions()).binlog === '0-1-3');
      commits.push(await a.write(3));
      await lab.rest();
      await a.shutdown();
      await until(() => commits.every((commit) => commit.fate() !== 'pending'));
      await a.boot();
      return { a: await a.rows(), position: (await a.positions()).binlog };
    },
    seen: { a: '', position: '' },
  },
  {
    name: 'an errant server whose relay log holds later transactions of the new writer',
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
    seen: { errant: '', order: '', errors: '', a: '', b: '' },
  },
];
