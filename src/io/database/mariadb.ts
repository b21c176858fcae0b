// The port `Database` made real for MariaDB 10.11, over the connections of connections.ts.
// What the server does, and why each statement is as it is: docs/MARIADB.md.
import { setTimeout as sleep } from 'node:timers/promises';
import { contains, executedPosition, parseGtids } from '../../core/gtid/mariadb.ts';
import { type Database, DatabaseError } from '../../runtime/ports.ts';
import { type HeldConnection, SESSION } from './connection.ts';
import { type DatabaseOptions, openConnections, whole } from './connections.ts';
import { countdown } from './deadline.ts';
import {
  type Channel,
  drain,
  SEQUENCE_GAP,
  setSemiSyncReplica,
  setSemiSyncSource,
  startChannel,
  startChannelAnew,
  stopReceiving,
} from './mariadb-channel.ts';
import { closeWrites } from './mariadb-close.ts';
import { type MariadbStatus, readStatus, STATUS_SQL } from './mariadb-status.ts';
import { isOn, rowsOf, text } from './rows.ts';

export interface MariadbDatabase extends Database {
  status(deadlineMs: number): Promise<MariadbStatus>;
}

const POLL_MS = 2;
/** Polls of waitFor between two looks at the applier. */
const APPLIER_EVERY = 20;

export function openMariadb(options: DatabaseOptions): MariadbDatabase {
  const connections = openConnections(options, `${SESSION}, max_statement_time = 0`);
  const { where, table, probes, orders, keepUsers } = connections;

  const status = async (deadlineMs: number): Promise<MariadbStatus> =>
    readStatus(await probes.query(STATUS_SQL, deadlineMs));
  const channel: Channel = {
    orders,
    status: async (deadlineMs) => readStatus(await orders.query(STATUS_SQL, deadlineMs)),
    aside: () => connections.aside(),
  };

  async function executed(deadlineMs: number): Promise<string> {
    return (await channel.status(deadlineMs)).executedGtid;
  }

  return {
    ...connections.port,
    async connect(deadlineMs) {
      await connections.connect(deadlineMs);
    },
    status,
    // Our account may write under read_only; a heartbeat of a standby would be an errant transaction.
    writeHeartbeat: (beat, deadlineMs) =>
      connections.writeBeat(
        `INSERT INTO ${table} (node_server_id, epoch, sequence)
         SELECT @@server_id, ${whole(beat.epoch)}, ${whole(beat.sequence)} FROM DUAL WHERE @@GLOBAL.read_only = 0
         ON DUPLICATE KEY UPDATE epoch = VALUES(epoch), sequence = VALUES(sequence)`,
        deadlineMs,
      ),
    async openWrites(deadlineMs) {
      const left = countdown(deadlineMs);
      await orders.query('SET GLOBAL read_only = OFF', left());
      if (options.eventScheduler ?? true) await setEventScheduler(orders, true, left());
    },
    async skipSequence(deadlineMs) {
      const left = countdown(deadlineMs);
      await orders.query('STOP SLAVE', left());
      const [row = {}] = rowsOf(await orders.query('SELECT @@SESSION.gtid_domain_id AS d', left()));
      // Counted from what is here, not from gtid_slave_pos, which may name what a crash took back: a replica that has the same
      // sees by the size of the gap that nothing is missing.
      const last = lastSequence((await status(left())).executedGtid, BigInt(text(row['d'])));
      await orders.query(`SET SESSION gtid_seq_no = ${last + BigInt(SEQUENCE_GAP)}`, left());
      // A source takes a replica that stands at the source's own gtid_slave_pos for one of its kind, though its log lacks that
      // GTID: so it must name nothing that was taken back, neither now nor when it comes back over the channel. From here on
      // each of the two refuses the other's receiver until the gap is in both logs.
      await orders.query(
        `INSERT INTO ${table} (node_server_id, epoch, sequence) VALUES (@@server_id, 0, 0)
         ON DUPLICATE KEY UPDATE sequence = sequence + 1;
         SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_binlog_pos`,
        left(),
      );
    },
    async closeWrites(deadlineMs) {
      const left = countdown(deadlineMs);
      await setEventScheduler(orders, false, left());
      await closeWrites({ orders, probes, keepUsers }, left());
      return executed(left());
    },
    setSemiSyncSource: (on, deadlineMs) => setSemiSyncSource(channel, on, deadlineMs),
    setSemiSyncReplica: (on, deadlineMs) => setSemiSyncReplica(channel, on, deadlineMs),
    async startChannel(deadlineMs, discardReceived = false) {
      await (discardReceived ? startChannelAnew(channel, deadlineMs) : startChannel(channel, deadlineMs));
      // The last promotion may have used the spare up. Without one the next is only slower.
      await connections.warmSpare(deadlineMs).catch(() => undefined);
    },
    stopReceiving: (deadlineMs) => stopReceiving(channel, deadlineMs),
    drain: (deadlineMs) => drain(channel, deadlineMs),
    async waitFor(gtid, deadlineMs) {
      const left = countdown(deadlineMs);
      for (let polls = 1; !(await reached(orders, gtid, left())); polls += 1) {
        if (polls % APPLIER_EVERY === 0) await refuseIfApplierStopped(channel, left());
        if (left() === 0) throw new DatabaseError('timeout', `${where}: ${gtid} is not executed yet`);
        await sleep(POLL_MS);
      }
    },
  };
}

function lastSequence(position: string, domain: bigint): bigint {
  const parsed = parseGtids(position);
  if (!parsed.ok) throw new DatabaseError('statement', `no list of GTIDs: ${position}`);
  return parsed.gtids.reduce(
    (last, gtid) => (BigInt(gtid.domain) === domain && gtid.sequence > last ? gtid.sequence : last),
    0n,
  );
}

async function setEventScheduler(orders: HeldConnection, on: boolean, deadlineMs: number): Promise<void> {
  const now = rowsOf(await orders.query('SELECT @@GLOBAL.event_scheduler AS s', deadlineMs));
  const state = text(now[0]?.['s']);
  // DISABLED: switched off by the administrator for good.
  if (state === 'DISABLED' || isOn(state) === on) return;
  try {
    await orders.query(`SET GLOBAL event_scheduler = ${on ? 'ON' : 'OFF'}`, deadlineMs);
  } catch (error) {
    // An administrator who takes SUPER away from us sees to the events; the writer role must not fail over it.
    if (!(error instanceof DatabaseError) || error.code !== 'privilege') throw error;
  }
}

/** One cheap statement: a handover waits for it. */
async function reached(orders: HeldConnection, gtid: string, deadlineMs: number): Promise<boolean> {
  const [row] = rowsOf(
    await orders.query(
      'SELECT @@GLOBAL.gtid_slave_pos AS slave, @@GLOBAL.gtid_binlog_pos AS logged, @@server_id AS id',
      deadlineMs,
    ),
  );
  if (row === undefined) return false;
  return contains(executedPosition(text(row['slave']), text(row['logged']), Number(row['id'])), gtid);
}

async function refuseIfApplierStopped(channel: Channel, deadlineMs: number): Promise<void> {
  const status = await channel.status(deadlineMs);
  if (status.channel !== null && status.channel.applier === 'stopped') {
    const because = status.channel.applierError ?? 'it was stopped';
    throw new DatabaseError('applier-stopped', `the applier has stopped: ${because}`);
  }
}
