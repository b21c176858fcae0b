// The port `Database` made real for MySQL 8.0.26, 8.4 and 9.x (5.7 by its statements), over the connections of
// connections.ts; with gtid_mode = OFF by file and position (mysql-places.ts, docs/MYSQL56.md).
// What the server does, and why each statement is as it is: docs/MYSQL.md.
import { setTimeout as sleep } from 'node:timers/promises';
import { contains } from '../../core/gtid/gtid.ts';
import { parseGtidSet } from '../../core/gtid/mysql.ts';
import { parsePositions } from '../../core/gtid/positions.ts';
import { type Database, DatabaseError } from '../../runtime/ports.ts';
import { type HeldConnection, SESSION } from './connection.ts';
import { type DatabaseOptions, openConnections, whole } from './connections.ts';
import { countdown } from './deadline.ts';
import { type Born, bornHere } from './mysql-born.ts';
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
import { inPlaces, type PlacesStatus, placeOf } from './mysql-places.ts';
import { startByPlace, startByPlaceAnew } from './mysql-places-channel.ts';
import { type Statements, statementsFor, statusSql } from './mysql-statements.ts';
import { type MysqlStatus, readStatus, variablesOf } from './mysql-status.ts';
import { isOn, rowsOf, text } from './rows.ts';

export interface MysqlDatabase extends Database {
  status(deadlineMs: number): Promise<MysqlStatus>;
}

const POLL_MS = 2;
/** Polls of waitFor between two looks at the applier. */
const APPLIER_EVERY = 20;

export function openMysql(options: DatabaseOptions): MysqlDatabase {
  let known: Statements | null = null;
  /** As last told, for the while in which the server does not tell. */
  let variables: Readonly<Record<string, unknown>> | null = null;
  let switching: Promise<void> | null = null;
  let born: Born = bornHere();
  let receiverRan = false;
  const connections = openConnections(options, `${SESSION}, max_execution_time = 0`, () => {
    // The next one may be of another version, and its log and its receiver are looked at anew.
    known = null;
    born = bornHere();
    receiverRan = false;
  });
  const { where, table, probes, orders, keepUsers } = connections;

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
    const without = switching !== null && variables !== null;
    const result = await by.query(statusSql(words, !without), left());
    if (!without) variables = variablesOf(result);
    const status = readStatus(words, result, variables ?? {});
    return isWithoutGtids(variables) ? await placesBy(by, status, left()) : status;
  }
  async function placesBy(
    by: HeldConnection,
    status: MysqlStatus,
    deadlineMs: number,
  ): Promise<PlacesStatus> {
    const left = countdown(deadlineMs);
    const { columns, showLogEnd } = await statements(by, left());
    if (status.channel?.receiver === 'running') receiverRan = true;
    const [end] = rowsOf(await by.query(showLogEnd, left()));
    const logged = placeOf(end?.['File'], end?.['Position']);
    const { serverId, readOnly, replicaRow: replica } = status;
    const own = logged === null ? null : await born.seen({ serverId, readOnly, logged }, by, left());
    // 8.0 and later keep it in a table, as rendered for 5.7.
    return inPlaces(status, { columns, replica, logged, own, receiverRan, repository: null });
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
      aside: () => connections.aside(),
    };
  }
  async function steer(
    deadlineMs: number,
    by: (channel: Channel, leftMs: number) => Promise<void>,
  ): Promise<void> {
    const left = countdown(deadlineMs);
    await by(await channelFor(left()), left());
  }

  async function waitForPlace(history: string, deadlineMs: number): Promise<void> {
    const left = countdown(deadlineMs);
    const parsed = parsePositions(history);
    if (!parsed.ok)
      throw new DatabaseError('statement', `${where}: this server has no GTIDs: ${parsed.reason}`);
    for (;;) {
      const status = await statusBy(orders, left());
      if (contains(status.executedGtid, history)) return;
      refuseIfApplierStopped(status);
      if (left() === 0) throw new DatabaseError('timeout', `${where}: ${history} is not executed yet`);
      await sleep(POLL_MS);
    }
  }

  return {
    ...connections.port,
    async connect(deadlineMs) {
      known = statementsFor(await connections.connect(deadlineMs));
    },
    status: (deadlineMs) => statusBy(probes, deadlineMs),
    async writeHeartbeat(beat, deadlineMs) {
      const [epoch, sequence] = [whole(beat.epoch), whole(beat.sequence)];
      // With read_only alone our account could write; a heartbeat of a standby would be an errant transaction.
      await connections.writeBeat(
        `INSERT INTO ${table} (node_server_id, epoch, sequence)
         SELECT @@server_id, ${epoch}, ${sequence} FROM DUAL WHERE @@GLOBAL.read_only = 0
         ON DUPLICATE KEY UPDATE epoch = ${epoch}, sequence = ${sequence}`,
        deadlineMs,
      );
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
      await closeWrites({ orders, probes, statements: words, keepUsers }, left());
      return (await statusBy(orders, left())).executedGtid;
    },
    setSemiSyncSource: (on, deadlineMs) =>
      steer(deadlineMs, (channel, leftMs) => setSemiSyncSource(channel, on, leftMs)),
    setSemiSyncReplica: (on, deadlineMs) =>
      steer(deadlineMs, (channel, leftMs) => setSemiSyncReplica(channel, on, leftMs)),
    async startChannel(deadlineMs, discardReceived = false) {
      await steer(deadlineMs, async (channel, leftMs) => {
        const left = countdown(leftMs);
        const status = await channel.status(left());
        if (!isWithoutGtids(variables))
          return (discardReceived ? startChannelAnew : startChannel)(channel, left());
        const placed = {
          ...channel,
          status: async (ms: number) => await placesBy(orders, await statusBy(orders, ms), ms),
          receiverRan: () => receiverRan,
        };
        if (status.channel !== null)
          await (discardReceived ? startByPlaceAnew : startByPlace)(placed, left());
      });
      // The last promotion may have used the spare up. Without one the next is only slower.
      await connections.warmSpare(deadlineMs).catch(() => undefined);
    },
    stopReceiving: (deadlineMs) => steer(deadlineMs, stopReceiving),
    drain: (deadlineMs) => steer(deadlineMs, drain),
    async waitFor(gtid, deadlineMs) {
      const left = countdown(deadlineMs);
      if (variables === null) await statusBy(orders, left());
      if (isWithoutGtids(variables)) return await waitForPlace(gtid, left());
      const parsed = parseGtidSet(gtid);
      if (!parsed.ok)
        throw new DatabaseError('statement', `${where}: no GTID set of MySQL: ${parsed.reason}`);
      for (let polls = 1; !(await reached(orders, gtid, left())); polls += 1) {
        if (polls % APPLIER_EVERY === 0) await refuseIfApplierStopped(await statusBy(orders, left()));
        if (left() === 0) throw new DatabaseError('timeout', `${where}: ${gtid} is not executed yet`);
        await sleep(POLL_MS);
      }
    },
  };
}

const isWithoutGtids = (variables: Readonly<Record<string, unknown>> | null): boolean =>
  variables !== null && text(variables['gtid_mode']) === 'OFF';

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
