// The port `Database` made real for MySQL 8.0.26, 8.4 and 9.x (5.7 by its statements). Three held connections, as for
// MariaDB: one for probes and status, one for orders, one for the heartbeat's commit, which may wait for the standby.
// What the server does, and why each statement is as it is: docs/MYSQL.md.
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseGtidSet } from '../../core/gtid/mysql.ts';
import { type Database, DatabaseError, type Heartbeat } from '../../runtime/ports.ts';
import { type Endpoint, HeldConnection, whereOf } from './connection.ts';
import { countdown } from './deadline.ts';
import { fullDisk } from './disk.ts';
import {
  applierStopped,
  type Channel,
  drain,
  setSemiSyncReplica,
  setSemiSyncSource,
  startChannel,
  startChannelAnew,
  stopReceiving,
} from './mysql-channel.ts';
import { closeWrites } from './mysql-close.ts';
import { type Statements, statementsFor, statusSql } from './mysql-statements.ts';
import { type MysqlStatus, readStatus, variablesOf } from './mysql-status.ts';
import { killProcess, type ServerProcess, serverProcess } from './process.ts';
import { isOn, rowsOf, text } from './rows.ts';

export interface MysqlOptions extends Endpoint {
  readonly role: 'local' | 'peer';
  /** Holds the heartbeat table. */
  readonly schema: string;
  /** Other accounts of ours, whose sessions closeWrites leaves alone. */
  readonly keepUsers?: readonly string[];
  /** Whether scheduled events run while this server is open; default true. */
  readonly eventScheduler?: boolean;
}

export interface MysqlDatabase extends Database {
  status(deadlineMs: number): Promise<MysqlStatus>;
}

const POLL_MS = 2;
/** Relay log events between two syncs while a standby catches up: one sync an event allows some 250 transactions/s. */
const CATCHING_UP_SYNC = 10_000;
/** Polls of waitFor between two looks at the applier. */
const APPLIER_EVERY = 20;
/** What every version that can be steered understands; the rest is asked for by version. */
const SESSION = statementsFor('9.7.0').session;

export function openMysql(options: MysqlOptions): MysqlDatabase {
  let listener: (because: string) => void = () => undefined;
  let lossTold = true;
  let server: ServerProcess | null = null;
  let known: Statements | null = null;
  /** As last told, for the while in which the server does not tell. */
  let variables: Readonly<Record<string, unknown>> | null = null;
  let switching: Promise<void> | null = null;
  /** Of the local server: where it writes. */
  let folders: readonly string[] = [];
  const where = whereOf(options);
  const table = `\`${options.schema}\`.heartbeat`;

  function lost(because: string): void {
    // The next one may be of another version.
    known = null;
    if (lossTold) return;
    lossTold = true;
    listener(because);
  }
  const endpoint = { endpoint: options, session: SESSION };
  const probes = new HeldConnection({ ...endpoint, onTimeout: 'keep', onClosed: lost });
  const orders = new HeldConnection({ ...endpoint, onTimeout: 'discard', onClosed: lost });
  // Never given up while it lives: each further one would wait behind the same commit.
  const beats = new HeldConnection({ ...endpoint, onTimeout: 'keep', keptMsMax: Number.POSITIVE_INFINITY });
  // Made ahead: a promotion must not wait for a log-in.
  let spare: HeldConnection | null = null;
  const newSpare = (): HeldConnection => new HeldConnection({ ...endpoint, onTimeout: 'discard' });
  async function warmSpare(deadlineMs: number): Promise<void> {
    if (options.role !== 'local') return;
    spare ??= newSpare();
    await spare.query('DO 1', deadlineMs);
  }

  /** Asks the server for its version when it is not known. */
  async function statements(by: HeldConnection, deadlineMs: number): Promise<Statements> {
    if (known !== null) return known;
    const [row] = rowsOf(await by.query('SELECT @@version AS version', deadlineMs));
    known = statementsFor(text(row?.['version']));
    return known;
  }
  async function statusBy(by: HeldConnection, deadlineMs: number): Promise<MysqlStatus> {
    const left = countdown(deadlineMs);
    const words = await statements(by, left());
    if (switching !== null && variables !== null) {
      const result = await by.query(statusSql(words, false), left());
      return readStatus(words, result, variables);
    }
    const result = await by.query(statusSql(words), left());
    variables = variablesOf(result);
    return readStatus(words, result);
  }
  /** The channel's functions need the words at once. */
  async function channelFor(deadlineMs: number): Promise<Channel> {
    const words = await statements(orders, deadlineMs);
    return {
      orders,
      statements: () => words,
      status: (ms) => statusBy(orders, ms),
      withoutVariables(work) {
        switching = work;
        // What is being switched off; the rest is as it was.
        variables = { ...variables, source: 0 };
        void work.finally(() => {
          if (switching === work) switching = null;
        });
      },
      aside() {
        const taken = spare ?? newSpare();
        spare = null;
        return taken;
      },
    };
  }
  async function steer(
    deadlineMs: number,
    by: (channel: Channel, leftMs: number) => Promise<void>,
  ): Promise<void> {
    const left = countdown(deadlineMs);
    await by(await channelFor(left()), left());
  }

  return {
    async connect(deadlineMs) {
      const left = countdown(deadlineMs);
      const [row = {}] = rowsOf(
        await probes.query(
          'SELECT @@version AS version, @@pid_file AS pid_file, @@datadir AS data, @@log_bin_basename AS logs',
          left(),
        ),
      );
      known = statementsFor(text(row['version']));
      // Known ahead of need: a server that must be killed, or whose disk is full, may answer no more.
      if (options.role === 'local') {
        server = serverProcess(text(row['pid_file']));
        folders = [text(row['data']), dirname(text(row['logs']))];
      }
      await orders.query('DO 1', left());
      await warmSpare(left());
      lossTold = false;
    },
    onLost(next) {
      listener = next;
    },
    close() {
      lossTold = true;
      for (const connection of [probes, orders, beats, spare]) connection?.close();
    },
    status: (deadlineMs) => statusBy(probes, deadlineMs),
    async ping(deadlineMs) {
      await probes.query('DO 1', deadlineMs);
    },
    async writeHeartbeat(beat, deadlineMs) {
      const [epoch, sequence] = [whole(beat.epoch), whole(beat.sequence)];
      // With read_only alone our account could write; a heartbeat of a standby would be an errant transaction.
      const sql = `INSERT INTO ${table} (node_server_id, epoch, sequence)
       SELECT @@server_id, ${epoch}, ${sequence} FROM DUAL WHERE @@GLOBAL.read_only = 0
       ON DUPLICATE KEY UPDATE epoch = ${epoch}, sequence = ${sequence}`;
      const result = (await writeBeat(beats, folders, sql, deadlineMs)) as { affectedRows?: unknown };
      if (Number(result.affectedRows) === 0)
        throw new DatabaseError('statement', `${where}: the server is read-only, no heartbeat was written`);
    },
    async readHeartbeat(deadlineMs): Promise<Heartbeat | null> {
      const sql = `SELECT epoch, sequence FROM ${table} ORDER BY epoch DESC, sequence DESC LIMIT 1`;
      const [row] = rowsOf(await probes.query(sql, deadlineMs));
      return row === undefined ? null : { epoch: Number(row['epoch']), sequence: Number(row['sequence']) };
    },
    async openWrites(deadlineMs) {
      const left = countdown(deadlineMs);
      // Takes super_read_only with it.
      await orders.query('SET GLOBAL read_only = OFF', left());
      if (options.eventScheduler ?? true) await setEventScheduler(orders, true, left());
    },
    async skipSequence(deadlineMs) {
      // No crash takes a transaction back that was given a GTID, provided that the binary log is synced before it is sent.
      const [row] = rowsOf(await orders.query('SELECT @@GLOBAL.sync_binlog AS every', deadlineMs));
      if (Number(row?.['every']) !== 1)
        throw new DatabaseError(
          'statement',
          `${where}: sync_binlog is ${text(row?.['every'])}; with anything but 1 a crash can take GTIDs back, and MySQL gives them again`,
        );
    },
    async closeWrites(deadlineMs) {
      const left = countdown(deadlineMs);
      const words = await statements(orders, left());
      await setEventScheduler(orders, false, left());
      const keepUsers = [options.user, ...(options.keepUsers ?? [])];
      await closeWrites({ orders, probes, statements: words, keepUsers }, left());
      return (await statusBy(orders, left())).executedGtid;
    },
    setSemiSyncSource: (on, deadlineMs) =>
      steer(deadlineMs, (channel, leftMs) => setSemiSyncSource(channel, on, leftMs)),
    async setReceivesDurably(on, deadlineMs) {
      await orders.query(`SET GLOBAL sync_relay_log = ${on ? 1 : CATCHING_UP_SYNC}`, deadlineMs);
    },
    setSemiSyncReplica: (on, deadlineMs) =>
      steer(deadlineMs, (channel, leftMs) => setSemiSyncReplica(channel, on, leftMs)),
    async startChannel(deadlineMs, discardReceived = false) {
      await steer(deadlineMs, discardReceived ? startChannelAnew : startChannel);
      // The last promotion may have used the spare up. Without one the next is only slower.
      await warmSpare(deadlineMs).catch(() => undefined);
    },
    stopReceiving: (deadlineMs) => steer(deadlineMs, stopReceiving),
    drain: (deadlineMs) => steer(deadlineMs, drain),
    async waitFor(gtid, deadlineMs) {
      const left = countdown(deadlineMs);
      const parsed = parseGtidSet(gtid);
      if (!parsed.ok)
        throw new DatabaseError('statement', `${where}: no GTID set of MySQL: ${parsed.reason}`);
      for (let polls = 1; !(await reached(orders, gtid, left())); polls += 1) {
        if (polls % APPLIER_EVERY === 0) await refuseIfApplierStopped(await statusBy(orders, left()));
        if (left() === 0) throw new DatabaseError('timeout', `${where}: ${gtid} is not executed yet`);
        await sleep(POLL_MS);
      }
    },
    async killServer() {
      if (options.role !== 'local') throw new DatabaseError('statement', `${where} is not on this host`);
      if (server === null)
        throw new DatabaseError('statement', `${where}: the server's pid file named no process`);
      await killProcess(server);
    },
  };
}

async function writeBeat(
  beats: HeldConnection,
  folders: readonly string[],
  sql: string,
  deadlineMs: number,
): Promise<unknown> {
  try {
    return await beats.query(sql, deadlineMs);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== 'timeout') throw error;
    const full = await fullDisk(folders);
    throw full === null ? error : new DatabaseError('unwritable', full);
  }
}

const whole = (value: number): number => {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no whole number`);
  return value;
};

async function setEventScheduler(orders: HeldConnection, on: boolean, deadlineMs: number): Promise<void> {
  const now = rowsOf(await orders.query('SELECT @@GLOBAL.event_scheduler AS s', deadlineMs));
  const state = text(now[0]?.['s']);
  // DISABLED: switched off by the administrator for good.
  if (state === 'DISABLED' || isOn(state) === on) return;
  await orders.query(`SET GLOBAL event_scheduler = ${on ? 'ON' : 'OFF'}`, deadlineMs);
}

/** One cheap statement: a handover waits for it. The text was read as a GTID set before. */
async function reached(orders: HeldConnection, gtid: string, deadlineMs: number): Promise<boolean> {
  const sql = `SELECT GTID_SUBSET('${gtid}', @@GLOBAL.gtid_executed) AS reached`;
  return isOn(rowsOf(await orders.query(sql, deadlineMs))[0]?.['reached']);
}

function refuseIfApplierStopped(status: MysqlStatus): void {
  if (status.channel !== null && status.channel.applier === 'stopped') throw applierStopped(status);
}
