// Steering the replication channel of MySQL. Its relay log is kept by every way to start or stop a thread; only a CHANGE
// REPLICATION SOURCE with both threads stopped, RESET REPLICA and relay_log_recovery=ON throw it away (docs/MYSQL.md).
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from '../../runtime/ports.ts';
import type { HeldConnection } from './connection.ts';
import { countdown } from './deadline.ts';
import { type Statements, semiSyncValues } from './mysql-statements.ts';
import type { MysqlStatus } from './mysql-status.ts';
import { isOn, rowsOf, text } from './rows.ts';

export interface Channel {
  readonly orders: HeldConnection;
  /** For a statement that may hang while the others must go on. */
  readonly aside: () => HeldConnection;
  readonly statements: () => Statements;
  readonly status: (deadlineMs: number) => Promise<MysqlStatus>;
  /** While this is under way the server answers no question for a variable. */
  readonly withoutVariables: (work: Promise<void>) => void;
}

const POLL_MS = 3;
/** An order to stop is usually done by then. */
const ORDERED_MS = 20;
/** An applier that holds no half of a transaction has stopped by then. */
const STOPPED_MS = 100;
/** Several times as long as switching the source side off has been seen to take. */
const OFF_MS_MAX = 10_000;

type WithChannel = MysqlStatus & {
  readonly channel: NonNullable<MysqlStatus['channel']>;
  readonly channelDetail: NonNullable<MysqlStatus['channelDetail']>;
};

async function statusOf(channel: Channel, deadlineMs: number): Promise<WithChannel> {
  const status = await channel.status(deadlineMs);
  if (status.channel === null || status.channelDetail === null)
    throw new DatabaseError('statement', 'this server has no replication channel; twinkeep setup makes it');
  return { ...status, channel: status.channel, channelDetail: status.channelDetail };
}

export function applierStopped(status: MysqlStatus): DatabaseError {
  const because = status.channel?.applierError ?? 'it was stopped';
  return new DatabaseError('applier-stopped', `the applier has stopped: ${because}`);
}

/** Applying commits; with the source side on at a read-only server each commit would wait for nobody. */
async function relaxReadOnly(channel: Channel, status: MysqlStatus, deadlineMs: number): Promise<void> {
  if (!status.readOnly || !status.semiSync.source) return;
  if (status.semiSync.waitingSessions > 0) {
    throw new DatabaseError(
      'commits-in-doubt',
      `${status.semiSync.waitingSessions} commits wait for an acknowledgement: nothing can be applied behind them`,
    );
  }
  await setSemiSyncSource(channel, false, deadlineMs);
}

export async function startChannel(channel: Channel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const status = await statusOf(channel, left());
  if (status.channel.receiver !== 'stopped' && status.channel.applier === 'running') return;
  await relaxReadOnly(channel, status, left());
  await channel.orders.query(channel.statements().startReplica, left());
}

/** Throws the relay log away and fetches again what is not executed. */
export async function startChannelAnew(channel: Channel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const status = await statusOf(channel, left());
  if (status.channel.receiver !== 'stopped' && status.channel.applier === 'running') return;
  await relaxReadOnly(channel, status, left());
  const { stopReplica, discardReceived, startReplica } = channel.statements();
  await channel.orders.query(stopReplica, left());
  await channel.orders.query(`${discardReceived}, ${await sameHeartbeat(channel, left())}`, left());
  await channel.orders.query(startReplica, left());
}

/** For a CHANGE of the channel: 5.6 sets the period of heartbeats back to half of the receiver's timeout, 9.7 does not. */
export async function sameHeartbeat({ orders, statements }: Channel, deadlineMs: number): Promise<string> {
  const { heartbeatPeriod, source } = statements();
  const [row] = rowsOf(await orders.query(heartbeatPeriod, deadlineMs));
  return `${source}_HEARTBEAT_PERIOD = ${Number(row?.['s'] ?? 0)}`;
}

/**
 * Resolves once the receiver has ended, or has got the order to and reads no further: one that is connecting to a silent
 * source ends only when that attempt does.
 */
export async function stopReceiving(channel: Channel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const before = await channel.status(left());
  if (before.channel === null || before.channel.receiver === 'stopped') return;
  const aside = channel.aside();
  let failure: unknown = null;
  let done = false;
  const stopping = aside.query(channel.statements().stopReceiver, left()).then(
    () => {
      done = true;
    },
    (error: unknown) => {
      failure = error;
    },
  );
  void stopping.finally(() => aside.close());
  await Promise.race([stopping, sleep(ORDERED_MS)]);
  while (!done) {
    if (failure !== null) throw failure;
    if (
      (await ordered(channel, aside, left())) &&
      (await statusOf(channel, left())).channel.receiver !== 'running'
    )
      return;
    if (left() === 0) throw new DatabaseError('timeout', 'the receiver does not stop');
    await Promise.race([stopping, sleep(POLL_MS * 3)]);
  }
}

/** Whether the server has taken the order up. */
async function ordered(channel: Channel, aside: HeldConnection, deadlineMs: number): Promise<boolean> {
  const id = aside.threadId;
  if (id === null) return false;
  const { sessions, stopReceiver } = channel.statements();
  const rows = rowsOf(
    await channel.orders.query(`SELECT INFO AS info FROM ${sessions} WHERE ID = ${id}`, deadlineMs),
  );
  return text(rows[0]?.['info']) === stopReceiver;
}

export async function drain(channel: Channel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  let status = await channel.status(left());
  if (status.channel === null) return;
  if (status.channel.applier === 'stopped' && !status.channel.drained) {
    if (status.channel.applierError !== null) throw applierStopped(status);
    await relaxReadOnly(channel, status, left());
    await channel.orders.query(channel.statements().startApplier, left());
  }
  for (;;) {
    status = await channel.status(left());
    if (status.channel?.drained === true) break;
    if (status.channel?.applier !== 'running') throw applierStopped(status);
    if (left() === 0) throw new DatabaseError('timeout', 'received transactions are not applied yet');
    await sleep(POLL_MS);
  }
  await dropPartialTransaction(channel, status, left());
}

/**
 * The source died while it sent a transaction: the applier holds the row locks of its first part and waits for the rest.
 * It was never acknowledged, so it is rolled back, or it would block the clients of the new writer. An order to stop waits
 * a minute for the rest; the coordinator is killed before that.
 */
async function dropPartialTransaction(
  channel: Channel,
  status: MysqlStatus,
  deadlineMs: number,
): Promise<void> {
  const left = countdown(deadlineMs);
  const stopped = status.channel?.receiver !== 'running' && status.channel?.applier === 'running';
  if (!stopped || status.channelDetail?.partlyRead !== true) return;
  const { stopApplier, applierSession } = channel.statements();
  const aside = channel.aside();
  let done = false;
  const stopping = aside.query(stopApplier, left()).then(
    () => {
      done = true;
    },
    // Told by what is polled below.
    () => undefined,
  );
  void stopping.finally(() => aside.close());
  await Promise.race([stopping, sleep(STOPPED_MS)]);
  if (!done) {
    const threads = await channel.orders.query(applierSession, left());
    for (const { id } of rowsOf(threads)) await killThread(channel, id, left());
  }
  while ((await channel.status(left())).channel?.applier === 'running') {
    if (left() === 0) throw new DatabaseError('timeout', 'the applier does not let go of half a transaction');
    await sleep(POLL_MS * 3);
  }
}

async function killThread({ orders }: Channel, id: unknown, deadlineMs: number): Promise<void> {
  try {
    await orders.query(`KILL CONNECTION ${Number(id)}`, deadlineMs);
  } catch (error) {
    // 1094: it has ended by itself.
    if (!(error instanceof DatabaseError) || !error.message.includes('1094')) throw error;
  }
}

export async function setSemiSyncReplica(channel: Channel, on: boolean, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const { semiSync, stopReceiver, startReceiver } = channel.statements();
  await channel.orders.query(`SET GLOBAL ${semiSync.replica}_enabled = ${on ? 'ON' : 'OFF'}`, left());
  const status = await channel.status(left());
  if (status.channel?.receiver !== 'running' || status.channelDetail?.acknowledging === on) return;
  await channel.orders.query(stopReceiver, left());
  await channel.orders.query(startReceiver, left());
}

export async function setSemiSyncSource(channel: Channel, on: boolean, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const statements = channel.statements();
  const enabled = `${statements.semiSync.source}_enabled`;
  if (!on) {
    await switchSourceOff(channel, left());
    return;
  }
  const values = semiSyncValues(statements);
  const names = [enabled, ...values.map(([name]) => name)];
  const [now = {}] = rowsOf(
    await channel.orders.query(
      `SELECT ${names.map((name) => `CAST(@@GLOBAL.${name} AS CHAR) AS ${name}`).join(', ')}`,
      left(),
    ),
  );
  for (const [name, wanted] of values) {
    if (text(now[name]) === wanted) continue;
    const literal = /^\d+$/.test(wanted) ? wanted : `'${wanted}'`;
    await channel.orders.query(`SET GLOBAL ${name} = ${literal}`, left());
  }
  if (!isOn(now[enabled])) await channel.orders.query(`SET GLOBAL ${enabled} = ON`, left());
  // Given up after a timeout, with nobody waiting: on again from the start.
  else if (!(await channel.status(left())).semiSync.source) {
    await channel.orders.query(`SET GLOBAL ${enabled} = OFF`, left());
    await channel.orders.query(`SET GLOBAL ${enabled} = ON`, left());
  }
}

/**
 * Commits wait no more from the beginning of this statement on, but it ends only when the thread that reads acknowledgements
 * next looks up from the standby's connection: after up to a second. (Ending that connection would wake it, and stop the
 * standby's receiver with an error for good.)
 */
async function switchSourceOff(channel: Channel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const before = await channel.status(left());
  if (!before.sourceEnabled) return;
  const { source } = channel.statements().semiSync;
  const aside = channel.aside();
  const ended: { failure: unknown; done: boolean } = { failure: null, done: false };
  const setting = aside.query(`SET GLOBAL ${source}_enabled = OFF`, OFF_MS_MAX).then(
    () => {
      ended.done = true;
    },
    (failure: unknown) => {
      ended.failure = failure;
    },
  );
  channel.withoutVariables(setting.finally(() => aside.close()));
  await Promise.race([setting, sleep(ORDERED_MS)]);
  while (!ended.done) {
    if (ended.failure !== null) throw ended.failure;
    if (!(await channel.status(left())).semiSync.source) return;
    if (left() === 0) throw new DatabaseError('timeout', 'the source side of semi-sync is not off yet');
    await Promise.race([setting, sleep(POLL_MS * 3)]);
  }
}
