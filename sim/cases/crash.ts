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
export const errorsOf = async (node: LabNode): Promise<string> => {
  const { channel } = await node.status();
  return `receiver ${errorNumber(channel?.receiverError)} applier ${errorNumber(channel?.applierError)}`;
};

export async function commitAt(node: LabNode, id: number, { until }: Lab): Promise<void> {
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
        history: (await a.status()).history,
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
      return { recovered, a: await a.rows(), history: (await a.status()).history };
    },
    seen: { recovered: '', a: '1', history: '0-1-2' },
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
    seen: { fate: 'lost', errant: '1', errors: 'receiver 1236 applier ', a: '1', b: '2' },
  },
  {
    name: 'SIGTERM commits those too that stand behind a waiting one',
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
    seen: { a: '1,2,3', position: '0-1-4' },
  },
];
