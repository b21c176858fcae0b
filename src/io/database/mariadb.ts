// The port `Database` made real for MariaDB 10.11. Three held connections: one for probes and status, one for orders, so
// that an order that hangs never holds up a probe, and one for the heartbeat's commit, which may wait for the standby.
// What the server does, and why each statement is as it is: docs/MARIADB.md.
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { contains, executedPosition, parseGtids } from '../../core/gtid/mariadb.ts';
import { type Database, DatabaseError, type Heartbeat } from '../../runtime/ports.ts';
import { type Endpoint, HeldConnection, whereOf } from './connection.ts';
import { countdown } from './deadline.ts';
import { fullDisk } from './disk.ts';
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
import { killProcess, type ServerProcess, serverProcess } from './process.ts';
import { isOn, rowsOf, text } from './rows.ts';

export interface MariadbOptions extends Endpoint {
  readonly role: 'local' | 'peer';
  /** Holds the heartbeat table. */
  readonly schema: string;
  /** Other accounts of ours, whose sessions closeWrites leaves alone. */
  readonly keepUsers?: readonly string[];
  /** Whether scheduled events run while this server is open; default true. */
  readonly eventScheduler?: boolean;
}

export interface MariadbDatabase extends Database {
  status(deadlineMs: number): Promise<MariadbStatus>;
}

const POLL_MS = 2;
/** Relay log events between two syncs while a standby catches up: one sync an event allows some 250 transactions/s. */
const CATCHING_UP_SYNC = 10_000;
/** Polls of waitFor between two looks at the applier. */
const APPLIER_EVERY = 20;

export function openMariadb(options: MariadbOptions): MariadbDatabase {
  let listener: (because: string) => void = () => undefined;
  let lossTold = true;
  let server: ServerProcess | null = null;
  /** Of the local server: where it writes. */
  let folders: readonly string[] = [];
  const where = whereOf(options);

  function lost(because: string): void {
    if (lossTold) return;
    lossTold = true;
    listener(because);
  }
  const probes = new HeldConnection({ endpoint: options, onTimeout: 'keep', onClosed: lost });
  const orders = new HeldConnection({ endpoint: options, onTimeout: 'discard', onClosed: lost });
  // Never given up while it lives: each further one would wait behind the same commit.
  const beats = new HeldConnection({
    endpoint: options,
    onTimeout: 'keep',
    keptMsMax: Number.POSITIVE_INFINITY,
  });
  // Made ahead: a promotion must not wait for a log-in.
  const newSpare = (): HeldConnection => new HeldConnection({ endpoint: options, onTimeout: 'discard' });
  let spare: HeldConnection | null = null;
  async function warmSpare(deadlineMs: number): Promise<void> {
    if (options.role !== 'local') return;
    spare ??= newSpare();
    await spare.query('DO 1', deadlineMs);
  }
  const table = `\`${options.schema}\`.heartbeat`;

  const status = async (deadlineMs: number): Promise<MariadbStatus> =>
    readStatus(await probes.query(STATUS_SQL, deadlineMs));
  const channel: Channel = {
    orders,
    status: async (deadlineMs) => readStatus(await orders.query(STATUS_SQL, deadlineMs)),
    aside() {
      const taken = spare ?? newSpare();
      spare = null;
      return taken;
    },
  };

  async function executed(deadlineMs: number): Promise<string> {
    return (await channel.status(deadlineMs)).executedGtid;
  }

  async function writeBeat(sql: string, deadlineMs: number): Promise<unknown> {
    try {
      return await beats.query(sql, deadlineMs);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== 'timeout') throw error;
      const full = await fullDisk(folders);
      throw full === null ? error : new DatabaseError('unwritable', full);
    }
  }

  return {
    async connect(deadlineMs) {
      const left = countdown(deadlineMs);
      const [row = {}] = rowsOf(
        await probes.query(
          'SELECT @@pid_file AS pid_file, @@datadir AS data, @@log_bin_basename AS logs',
          left(),
        ),
      );
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
    status,
    async ping(deadlineMs) {
      await probes.query('DO 1', deadlineMs);
    },
    async writeHeartbeat(beat, deadlineMs) {
      // Our account may write under read_only; a heartbeat of a standby would be an errant transaction.
      const sql = `INSERT INTO ${table} (node_server_id, epoch, sequence)
       SELECT @@server_id, ${whole(beat.epoch)}, ${whole(beat.sequence)} FROM DUAL WHERE @@GLOBAL.read_only = 0
       ON DUPLICATE KEY UPDATE epoch = VALUES(epoch), sequence = VALUES(sequence)`;
      const result = (await writeBeat(sql, deadlineMs)) as { affectedRows?: unknown };
      if (Number(result.affectedRows) === 0)
        throw new DatabaseError('statement', `${where}: the server is read-only, no heartbeat was written`);
    },
    async readHeartbeat(deadlineMs): Promise<Heartbeat | null> {
      const rows = rowsOf(
        await probes.query(
          `SELECT epoch, sequence FROM ${table} ORDER BY epoch DESC, sequence DESC LIMIT 1`,
          deadlineMs,
        ),
      );
      const [row] = rows;
      return row === undefined ? null : { epoch: Number(row['epoch']), sequence: Number(row['sequence']) };
    },
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
      const keepUsers = [options.user, ...(options.keepUsers ?? [])];
      await closeWrites({ orders, probes, keepUsers }, left());
      return executed(left());
    },
    setSemiSyncSource: (on, deadlineMs) => setSemiSyncSource(channel, on, deadlineMs),
    async setReceivesDurably(on, deadlineMs) {
      await orders.query(`SET GLOBAL sync_relay_log = ${on ? 1 : CATCHING_UP_SYNC}`, deadlineMs);
    },
    setSemiSyncReplica: (on, deadlineMs) => setSemiSyncReplica(channel, on, deadlineMs),
    async startChannel(deadlineMs, discardReceived = false) {
      await (discardReceived ? startChannelAnew(channel, deadlineMs) : startChannel(channel, deadlineMs));
      // The last promotion may have used the spare up. Without one the next is only slower.
      await warmSpare(deadlineMs).catch(() => undefined);
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
    async killServer() {
      if (options.role !== 'local') throw new DatabaseError('statement', `${where} is not on this host`);
      if (server === null)
        throw new DatabaseError('statement', `${where}: the server's pid file named no process`);
      await killProcess(server);
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

const whole = (value: number): number => {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no whole number`);
  return value;
};

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
