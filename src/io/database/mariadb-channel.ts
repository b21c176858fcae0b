// Steering the replication channel so that no relay log with unapplied events is ever thrown away. MariaDB throws it
// away by itself whenever a thread starts while both are stopped (docs/MARIADB.md), so what is left is applied first,
// by position instead of by GTID.
import { setTimeout as sleep } from 'node:timers/promises';
import { backlog, lacking } from '../../core/gtid/mariadb.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import type { HeldConnection } from './connection.ts';
import { countdown } from './deadline.ts';
import type { MariadbStatus } from './mariadb-status.ts';
import { isOn, rowsOf, text } from './rows.ts';

export interface Channel {
  readonly orders: HeldConnection;
  /** For a statement that may hang while the others must go on. */
  readonly aside: () => HeldConnection;
  readonly status: (deadlineMs: number) => Promise<MariadbStatus>;
}

const POLL_MS = 3;
/** As rendered into my.cnf: what an interrupted start goes back to. */
const PARALLEL_THREADS = 4;
/** Relay log files looked into for unapplied events; more than are ever kept by a server that applies at all. */
const RELAY_FILES_MAX = 1000;
/** Event groups passed over because they are applied already; more mean that the position is not merely a little old. */
const SKIPS_MAX = 10_000;
const ER_OUT_OF_ORDER = 1950;
/** After this long in "Killing slave" the receiver has got the order to end: it reads no further event. */
const ORDERED_MS = 25;

/** Events that say nothing about data. */
const EMPTY_EVENTS = new Set([
  'Format_desc',
  'Rotate',
  'Gtid_list',
  'Stop',
  'Binlog_checkpoint',
  'Start_encryption',
]);

/** Where the first transaction stands in the relay log that is not executed yet. */
interface LeftOver {
  readonly file: string;
  readonly position: number;
  /** Empty when it is none of GTID's. */
  readonly gtid: string;
}

/** What skipSequence leaves between two numbers: more than two group commits hold, and so more than a crash can take back. */
export const SEQUENCE_GAP = 10_000;

/** Nothing is missing between the last executed transaction and the one that is this many numbers above. */
const follows = (numbers: number): boolean => numbers === 1 || numbers === SEQUENCE_GAP;

/**
 * A number that is reached here, and yet the transaction is none of this server's history: that went another way. Below
 * gtid_slave_pos the history may be a clone's, which starts empty.
 */
function isForeign(gtid: string, status: MariadbStatus): boolean {
  const reached = backlog(gtid, status.executedGtid) === 0;
  const isBehind = backlog(gtid, status.channelDetail?.slavePos ?? '') === 0;
  return reached && !isBehind && lacking(gtid, status.history)?.length !== 0;
}

function diverged(gtid: string, status: MariadbStatus): DatabaseError {
  return new DatabaseError(
    'applier-stopped',
    `${gtid} was received and is not in this server's own history, which went another way to ${status.executedGtid}`,
  );
}

const EVENTS_PER_PAGE = 2000;
/** The server's 1220, "Could not find target log": the file before was the last. */
const isEndOfFiles = (error: unknown): boolean =>
  error instanceof DatabaseError && error.code === 'statement';

/**
 * What the relay log still holds; null: nothing that is not executed. Both threads are stopped. The applier's own position
 * may be old (it is synced to the disk now and then), so what is executed already is passed over by its GTID.
 */
async function leftOver(
  { orders }: Channel,
  status: MariadbStatus,
  deadlineMs: number,
): Promise<LeftOver | null> {
  const left = countdown(deadlineMs);
  const detail = status.channelDetail;
  const numbered = /^(.*\.)(\d+)$/.exec(detail?.relayLogFile ?? '');
  if (detail === null || numbered === null) return null;
  const [, stem = '', digits = ''] = numbered;
  let from = Math.max(4, detail.relayLogPos);
  let passed = false;
  for (let number = Number(digits); number < Number(digits) + RELAY_FILES_MAX; number += 1) {
    const file = stem + String(number).padStart(digits.length, '0');
    for (;;) {
      let events: readonly Record<string, unknown>[];
      try {
        const sql = `SHOW RELAYLOG EVENTS IN '${file}' FROM ${from} LIMIT ${EVENTS_PER_PAGE}`;
        events = rowsOf(await orders.query(sql, left()));
      } catch (error) {
        if (isEndOfFiles(error)) return null;
        throw error;
      }
      for (const event of events) {
        const position = Number(event['Pos']);
        const type = text(event['Event_type']);
        if (type === 'Gtid') {
          const gtid = /GTID (\d+-\d+-\d+)/.exec(text(event['Info']))?.[1] ?? '';
          if (backlog(gtid, status.executedGtid) > 0) return { file, position, gtid };
          if (isForeign(gtid, status)) throw diverged(gtid, status);
          passed = true;
        } else if (!EMPTY_EVENTS.has(type) && !passed) return { file, position, gtid: '' };
      }
      // The last event of a full page is read again as the first of the next.
      const next = Number(events.at(-1)?.['Pos'] ?? 0);
      if (events.length < EVENTS_PER_PAGE || next <= from) break;
      from = next;
    }
    from = 4;
  }
  return null;
}

function applierStopped(status: MariadbStatus): DatabaseError {
  const because = status.channel?.applierError ?? 'it was stopped';
  return new DatabaseError('applier-stopped', `the applier has stopped: ${because}`);
}

/** The group at the position is applied already, as its number in a strict history shows: pass it over. */
async function passOverApplied(channel: Channel, status: MariadbStatus, deadlineMs: number): Promise<void> {
  const [, gtid = ''] =
    /GTID (\d+-\d+-\d+) .* existing GTID \d/.exec(status.channel?.applierError ?? '') ?? [];
  if (gtid === '' || backlog(gtid, status.executedGtid) > 0) throw applierStopped(status);
  if (isForeign(gtid, status)) throw diverged(gtid, status);
  await channel.orders.query('SET GLOBAL sql_slave_skip_counter = 1; START SLAVE SQL_THREAD', deadlineMs);
}

/** Both threads are stopped: applies what the relay log still holds, by position. Resumes itself when it was interrupted. */
async function applyLeftOver(channel: Channel, status: MariadbStatus, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const detail = status.channelDetail;
  if (detail === null) return;
  const { orders } = channel;
  const found = await leftOver(channel, status, left());
  // A former writer's receiver passes over its own transactions. When crash recovery has rolled some of them back, what it
  // received behind them must not be applied without them: the receiver fetches all of it again.
  const gap = found !== null && found.gtid !== '' && !follows(backlog(found.gtid, status.executedGtid));
  if (found === null || gap) {
    if (!detail.usingGtid) await orders.query('CHANGE MASTER TO MASTER_USE_GTID = slave_pos', left());
    return;
  }
  // One applier thread: after a restart the parallel one crashes the server here (10.11.19, compare_log_name of no name).
  const [threads] = rowsOf(await orders.query('SELECT @@GLOBAL.slave_parallel_threads AS n', left()));
  // Naming the relay log file keeps the relay log.
  await orders.query(
    `SET GLOBAL slave_parallel_threads = 0;
     CHANGE MASTER TO MASTER_USE_GTID = no, RELAY_LOG_FILE = '${found.file}', RELAY_LOG_POS = ${found.position};
     START SLAVE SQL_THREAD`,
    left(),
  );
  await finishLeftOver(channel, Number(threads?.['n'] ?? 0), left());
}

/** Waits until the applier, started by position, has applied all, and goes back to GTIDs. */
async function finishLeftOver(channel: Channel, parallelThreads: number, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  for (let skips = 0; ; ) {
    const now = await channel.status(left());
    if (now.channel?.applier === 'stopped' && now.channelDetail?.applierErrno === ER_OUT_OF_ORDER) {
      skips += 1;
      if (skips > SKIPS_MAX) throw applierStopped(now);
      await passOverApplied(channel, now, left());
    } else if (now.channel?.applier === 'stopped') throw applierStopped(now);
    else if (now.channelDetail?.idle === true) break;
    if (left() === 0) throw new DatabaseError('timeout', 'the relay log is not applied yet');
    await sleep(POLL_MS);
  }
  await channel.orders.query(
    `STOP SLAVE SQL_THREAD; CHANGE MASTER TO MASTER_USE_GTID = slave_pos;
     SET GLOBAL slave_parallel_threads = ${parallelThreads}`,
    left(),
  );
}

/** Applying commits; with the source side on at a read-only server each commit would wait for nobody. */
async function relaxReadOnly(channel: Channel, status: MariadbStatus, deadlineMs: number): Promise<void> {
  if (!status.readOnly || !status.semiSync.source) return;
  if (status.semiSync.waitingSessions > 0) {
    throw new DatabaseError(
      'commits-in-doubt',
      `${status.semiSync.waitingSessions} commits wait for an acknowledgement: nothing can be applied behind them`,
    );
  }
  await channel.orders.query('SET GLOBAL rpl_semi_sync_master_enabled = OFF', deadlineMs);
}

function requireChannel(status: MariadbStatus): asserts status is MariadbStatus & {
  channel: NonNullable<MariadbStatus['channel']>;
  channelDetail: NonNullable<MariadbStatus['channelDetail']>;
} {
  if (status.channel === null || status.channelDetail === null)
    throw new DatabaseError('statement', 'this server has no replication channel: run `twinkeep setup`');
}

export async function startChannel(channel: Channel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const status = await channel.status(left());
  requireChannel(status);
  const { receiver, applier } = status.channel;
  const { orders } = channel;
  if (!status.channelDetail.usingGtid && receiver === 'stopped' && applier === 'running') {
    // An earlier start ran out of time while the rest of the relay log was applied by position.
    await finishLeftOver(channel, PARALLEL_THREADS, left());
    await startBoth(channel, left());
    return;
  }
  if (receiver !== 'stopped' && applier === 'running') return;
  // With one thread running the relay log is kept, whichever is started.
  if (receiver !== 'stopped') {
    await relaxReadOnly(channel, status, left());
    await orders.query('START SLAVE SQL_THREAD', left());
    return;
  }
  if (applier === 'running') {
    await orders.query('START SLAVE IO_THREAD', left());
    return;
  }
  await relaxReadOnly(channel, status, left());
  await applyLeftOver(channel, status, left());
  await startBoth(channel, left());
}

/**
 * Starts both threads from where this server really is. gtid_slave_pos may be ahead of the binary log (a former writer's own
 * transactions that crash recovery rolled back) or behind it (groups passed over); the log tells the truth. At an open server
 * the log moves on while we look, so only what is ahead is set back there. What was rolled back comes back only over an
 * acknowledging connection, in strict mode.
 */
async function startBoth(channel: Channel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const status = await channel.status(left());
  requireChannel(status);
  const { rewound, slavePos } = status.channelDetail;
  const position = status.readOnly ? status.executedGtid : rewound;
  const set =
    position === null || position === slavePos
      ? ''
      : `SET GLOBAL gtid_slave_pos = '${position}'; SET GLOBAL rpl_semi_sync_slave_enabled = ON;`;
  await channel.orders.query(`${set} START SLAVE`, left());
}

/** Throws the relay log away and fetches again. */
export async function startChannelAnew(channel: Channel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const status = await channel.status(left());
  requireChannel(status);
  if (status.channel.receiver !== 'stopped' && status.channel.applier === 'running') return;
  // What is applied must not wait for an acknowledgement of nobody.
  if (status.readOnly) await relaxReadOnly(channel, status, left());
  await channel.orders.query('STOP SLAVE', left());
  if (!status.channelDetail.usingGtid) {
    await channel.orders.query('CHANGE MASTER TO MASTER_USE_GTID = slave_pos', left());
  }
  await startBoth(channel, left());
}

/**
 * Stopping the receiver waits for a source that is silent, for rpl_semi_sync_slave_kill_conn_timeout. The receiver reads no
 * more by then: so this resolves once it has got the order and reads no further.
 */
export async function stopReceiving(channel: Channel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const before = await channel.status(left());
  if (before.channel === null || before.channel.receiver === 'stopped') return;
  const aside = channel.aside();
  let failure: unknown = null;
  let done = false;
  const stopping = aside.query('STOP SLAVE IO_THREAD', left()).then(
    () => {
      done = true;
    },
    (error: unknown) => {
      failure = error;
    },
  );
  void stopping.finally(() => aside.close());
  await Promise.race([stopping, sleep(20)]);
  let ordered = { bytes: '', sinceMs: performance.now() };
  while (!done) {
    if (failure !== null) throw failure;
    const bytes = await orderedToStop(channel, aside, left());
    if (bytes === null || bytes !== ordered.bytes) {
      ordered = { bytes: bytes ?? '', sinceMs: performance.now() };
    } else if (performance.now() - ordered.sinceMs >= ORDERED_MS) return;
    if (left() === 0) throw new DatabaseError('timeout', 'the receiver does not stop');
    await Promise.race([stopping, sleep(POLL_MS * 3)]);
  }
}

/** How far the receiver has read, once it has got the order to end; else null. */
async function orderedToStop(
  channel: Channel,
  aside: HeldConnection,
  deadlineMs: number,
): Promise<string | null> {
  const left = countdown(deadlineMs);
  const id = aside.threadId;
  if (id === null) return null;
  const rows = rowsOf(
    await channel.orders.query(`SELECT state FROM information_schema.processlist WHERE id = ${id}`, left()),
  );
  if (text(rows[0]?.['state']) !== 'Killing slave') return null;
  return (await channel.status(left())).channelDetail?.receivedBytes ?? null;
}

export async function drain(channel: Channel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  let status = await channel.status(left());
  if (status.channel === null) return;
  if (status.channel.applier === 'stopped' && status.channel.applierError !== null)
    throw applierStopped(status);
  if (status.channel.applier === 'stopped') {
    await relaxReadOnly(channel, status, left());
    if (status.channel.receiver === 'stopped') {
      await applyLeftOver(channel, status, left());
      return;
    }
    await channel.orders.query('START SLAVE SQL_THREAD', left());
  }
  for (;;) {
    status = await channel.status(left());
    if (status.channel?.drained === true) break;
    if (status.channel?.applier !== 'running') throw applierStopped(status);
    if (left() === 0) throw new DatabaseError('timeout', 'received transactions are not applied yet');
    await sleep(POLL_MS);
  }
  await dropPartialGroup(channel, status, left());
}

/**
 * The source died while it sent a transaction: the applier holds the row locks of its first part and waits for the rest.
 * It was never acknowledged, so it is rolled back, or it would block the clients of the new writer.
 */
async function dropPartialGroup(channel: Channel, status: MariadbStatus, deadlineMs: number): Promise<void> {
  const stopped = status.channel?.receiver !== 'running';
  if (!stopped || status.channelDetail?.partlyRead !== true) return;
  await channel.orders.query('STOP SLAVE SQL_THREAD', deadlineMs);
}

export async function setSemiSyncReplica(channel: Channel, on: boolean, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  await channel.orders.query(`SET GLOBAL rpl_semi_sync_slave_enabled = ${on ? 'ON' : 'OFF'}`, left());
  const status = await channel.status(left());
  if (status.channel === null || status.channelDetail === null || status.channel.receiver !== 'running')
    return;
  if (status.channelDetail.acknowledging === on) return;
  // With the applier stopped too, starting the receiver would throw the relay log away.
  if (status.channel.applier !== 'running') throw applierStopped(status);
  await channel.orders.query('STOP SLAVE IO_THREAD; START SLAVE IO_THREAD', left());
}

export async function setSemiSyncSource(channel: Channel, on: boolean, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const now = rowsOf(await channel.orders.query('SELECT @@GLOBAL.rpl_semi_sync_master_enabled AS s', left()));
  if (isOn(now[0]?.['s']) === on) return;
  await channel.orders.query(`SET GLOBAL rpl_semi_sync_master_enabled = ${on ? 'ON' : 'OFF'}`, left());
}
