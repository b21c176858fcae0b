// The port `Database` made real for MySQL 5.6 (and 5.7 before 5.7.8), over the connections of connections.ts: with GTIDs, or
// without by file and position. No super_read_only, and semi-sync only where its plugins are loaded: durability is async
// otherwise. What the server does, and why each statement is as it is: docs/MYSQL56.md.
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
  drain,
  setSemiSyncReplica,
  setSemiSyncSource,
  startChannel,
  startChannelAnew,
  stopReceiving,
} from './mysql-channel.ts';
import { type PlacesChannel, startByPlace, startByPlaceAnew } from './mysql-places-channel.ts';
import { semiSyncValues } from './mysql-statements.ts';
import { closeWrites56 } from './mysql56-close.ts';
import { MYSQL56, statusSql56 } from './mysql56-statements.ts';
import { type Mysql56Status, readStatus56 } from './mysql56-status.ts';
import { isOn, rowsOf, text } from './rows.ts';

export interface Mysql56Database extends Database {
  status(deadlineMs: number): Promise<Mysql56Status>;
}

const POLL_MS = 3;
/** Polls of waitFor between two looks at the applier. */
const APPLIER_EVERY = 20;

export function openMysql56(options: DatabaseOptions): Mysql56Database {
  let born: Born = bornHere();
  let receiverRan = false;
  const connections = openConnections(options, SESSION, () => {
    // The server may have fallen: its log and its receiver are looked at anew.
    born = bornHere();
    receiverRan = false;
  });
  const { where, table, probes, orders, keepUsers } = connections;

  async function statusBy(by: HeldConnection, deadlineMs: number): Promise<Mysql56Status> {
    const left = countdown(deadlineMs);
    const result = await by.query(statusSql56(MYSQL56), left());
    const status = readStatus56(result, { own: null, receiverRan });
    if (status.channel?.receiver === 'running') receiverRan = true;
    const { serverId, readOnly, logged } = status;
    if (status.gtids || logged === null) return status;
    const own = await born.seen({ serverId, readOnly, logged }, by, left());
    return readStatus56(result, { own, receiverRan });
  }
  const channel: PlacesChannel = {
    orders,
    statements: () => MYSQL56,
    status: (ms) => statusBy(orders, ms),
    receiverRan: () => receiverRan,
    // 5.6 answers while its source side is being switched off.
    withoutVariables: () => undefined,
    aside: () => connections.aside(),
  };

  async function hasPlugin(side: string, deadlineMs: number): Promise<boolean> {
    const rows = rowsOf(await orders.query(`SHOW GLOBAL VARIABLES LIKE '${side}\\_enabled'`, deadlineMs));
    return rows.length > 0;
  }

  return {
    ...connections.port,
    async connect(deadlineMs) {
      await connections.connect(deadlineMs);
    },
    status: (deadlineMs) => statusBy(probes, deadlineMs),
    async writeHeartbeat(beat, deadlineMs) {
      const [epoch, sequence] = [whole(beat.epoch), whole(beat.sequence)];
      // Our account has SUPER and could write; a heartbeat of a standby would be an errant transaction.
      await connections.writeBeat(
        `INSERT INTO ${table} (node_server_id, epoch, sequence)
         SELECT @@server_id, ${epoch}, ${sequence} FROM DUAL WHERE @@GLOBAL.read_only = 0
         ON DUPLICATE KEY UPDATE epoch = ${epoch}, sequence = ${sequence}`,
        deadlineMs,
      );
    },
    async openWrites(deadlineMs) {
      const left = countdown(deadlineMs);
      await orders.query('SET GLOBAL read_only = OFF', left());
      if (options.eventScheduler ?? true) await setEventScheduler(orders, true, left());
    },
    async skipSequence(deadlineMs) {
      // Neither a GTID nor a place in a log that was synced is given twice.
      const [row] = rowsOf(await orders.query('SELECT @@GLOBAL.sync_binlog AS every', deadlineMs));
      if (Number(row?.['every']) !== 1)
        throw new DatabaseError(
          'statement',
          `${where}: sync_binlog is ${text(row?.['every'])}; with anything but 1 a crash can take transactions out of the binary log that the other server has`,
        );
    },
    async closeWrites(deadlineMs) {
      const left = countdown(deadlineMs);
      await setEventScheduler(orders, false, left());
      const waitingCommits = async (ms: number): Promise<number> => {
        const [row] = rowsOf(
          await probes.query("SHOW GLOBAL STATUS LIKE 'Rpl\\_semi\\_sync\\_master\\_wait\\_sessions'", ms),
        );
        return Number(row?.['Value'] ?? 0);
      };
      await closeWrites56({ orders, probes, keepUsers, waitingCommits }, left());
      return (await statusBy(orders, left())).executedGtid;
    },
    async setSemiSyncSource(on, deadlineMs) {
      const left = countdown(deadlineMs);
      if (await hasPlugin(MYSQL56.semiSync.source, left())) return setSource(channel, on, left());
      if (on)
        throw new DatabaseError(
          'statement',
          `${where}: this server has no semi-sync (plugin rpl_semi_sync_master): load it, or set mysql.durability: async`,
        );
    },
    async setSemiSyncReplica(on, deadlineMs) {
      const left = countdown(deadlineMs);
      if (await hasPlugin(MYSQL56.semiSync.replica, left())) return setSemiSyncReplica(channel, on, left());
      if (on)
        throw new DatabaseError(
          'statement',
          `${where}: this server cannot acknowledge (plugin rpl_semi_sync_slave): load it, or set mysql.durability: async`,
        );
    },
    async startChannel(deadlineMs, discardReceived = false) {
      const left = countdown(deadlineMs);
      const { gtids } = await statusBy(orders, left());
      const start = gtids
        ? discardReceived
          ? startChannelAnew
          : startChannel
        : discardReceived
          ? startByPlaceAnew
          : startByPlace;
      await start(channel, left());
      // The last promotion may have used the spare up. Without one the next is only slower.
      await connections.warmSpare(deadlineMs).catch(() => undefined);
    },
    stopReceiving: (deadlineMs) => stopReceiving(channel, deadlineMs),
    drain: (deadlineMs) => drain(channel, deadlineMs),
    async waitFor(history, deadlineMs) {
      const left = countdown(deadlineMs);
      for (let polls = 1; ; polls += 1) {
        const status = await statusBy(orders, left());
        if (polls === 1) refuseOtherForm(where, history, status.gtids);
        if (contains(status.executedGtid, history)) return;
        if (polls % APPLIER_EVERY === 0 && status.channel?.applier === 'stopped')
          throw applierStopped(status);
        if (left() === 0) throw new DatabaseError('timeout', `${where}: ${history} is not executed yet`);
        await sleep(POLL_MS);
      }
    },
  };
}

/** Its wait point is after the commit: what nobody acknowledged is seen by others, and stays after a crash. */
async function setSource(channel: PlacesChannel, on: boolean, deadlineMs: number): Promise<void> {
  if (!on) return setSemiSyncSource(channel, on, deadlineMs);
  const left = countdown(deadlineMs);
  const { source } = MYSQL56.semiSync;
  for (const [name, value] of semiSyncValues(MYSQL56))
    if (/^\d+$/.test(value)) await channel.orders.query(`SET GLOBAL ${name} = ${value}`, left());
  await channel.orders.query(`SET GLOBAL ${source}_enabled = ON`, left());
}

function refuseOtherForm(where: string, history: string, gtids: boolean): void {
  const parsed = gtids ? parseGtidSet(history) : parsePositions(history);
  if (!parsed.ok)
    throw new DatabaseError(
      'statement',
      `${where}: ${gtids ? 'no GTID set of MySQL' : 'this server has no GTIDs'}: ${parsed.reason}`,
    );
}

async function setEventScheduler(orders: HeldConnection, on: boolean, deadlineMs: number): Promise<void> {
  const now = rowsOf(await orders.query('SELECT @@GLOBAL.event_scheduler AS s', deadlineMs));
  const state = text(now[0]?.['s']);
  // DISABLED: switched off by the administrator for good.
  if (state === 'DISABLED' || isOn(state) === on) return;
  await orders.query(`SET GLOBAL event_scheduler = ${on ? 'ON' : 'OFF'}`, deadlineMs);
}
