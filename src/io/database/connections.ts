// The connections that each family's adapter holds, and what all families do alike with them. One for probes and status, one
// for orders, so that an order that hangs never holds up a probe, and one for the heartbeat's commit, which may wait for the
// standby.
import { dirname } from 'node:path';
import { type Database, DatabaseError } from '../../runtime/ports.ts';
import { type Endpoint, HeldConnection, whereOf } from './connection.ts';
import { countdown } from './deadline.ts';
import { fullDisk } from './disk.ts';
import { killProcess, type ServerProcess, serverProcess } from './process.ts';
import { rowsOf, text } from './rows.ts';

export interface DatabaseOptions extends Endpoint {
  readonly role: 'local' | 'peer';
  /** Holds the heartbeat table. */
  readonly schema: string;
  /** Other accounts of ours, whose sessions closeWrites leaves alone. */
  readonly keepUsers?: readonly string[];
  /** Whether scheduled events run while this server is open; default true. */
  readonly eventScheduler?: boolean;
}

export interface Connections {
  readonly where: string;
  /** The heartbeat table, quoted. */
  readonly table: string;
  readonly keepUsers: readonly string[];
  readonly probes: HeldConnection;
  readonly orders: HeldConnection;
  /** A connection for one statement that may hang; its taker closes it. Made ahead where a promotion may need it. */
  aside(): HeldConnection;
  warmSpare(deadlineMs: number): Promise<void>;
  /** Opens the connections; resolves with @@version. */
  connect(deadlineMs: number): Promise<string>;
  /** Commits one heartbeat by this statement, which changes no row where the server is read-only. */
  writeBeat(sql: string, deadlineMs: number): Promise<void>;
  /** The parts of the port that are the same in every family. */
  readonly port: Pick<
    Database,
    'onLost' | 'close' | 'ping' | 'readHeartbeat' | 'setReceivesDurably' | 'killServer'
  >;
}

/** Relay log events between two syncs while a standby catches up: one sync an event allows some 250 transactions/s. */
const CATCHING_UP_SYNC = 10_000;

/** `session`: the settings of each session. `onLoss`: a connection closed; the next may lead to another server. */
export function openConnections(
  options: DatabaseOptions,
  session: string,
  onLoss: () => void = () => undefined,
): Connections {
  let listener: (because: string) => void = () => undefined;
  let lossTold = true;
  let server: ServerProcess | null = null;
  /** Of the local server: where it writes. */
  let folders: readonly string[] = [];
  const where = whereOf(options);
  const table = `\`${options.schema}\`.heartbeat`;
  const made = { endpoint: options, session };

  function lost(because: string): void {
    onLoss();
    // A server that shuts down in order may wait for these for ten seconds (MySQL 9.7).
    for (const connection of [probes, orders, beats, spare]) connection?.discardIdle();
    if (lossTold) return;
    lossTold = true;
    listener(because);
  }
  const probes = new HeldConnection({ ...made, onTimeout: 'keep', onClosed: lost });
  const orders = new HeldConnection({ ...made, onTimeout: 'discard', onClosed: lost });
  // Never given up while it lives: each further one would wait behind the same commit.
  const beats = new HeldConnection({ ...made, onTimeout: 'keep', keptMsMax: Number.POSITIVE_INFINITY });
  // Made ahead: a promotion must not wait for a log-in.
  const newSpare = (): HeldConnection => new HeldConnection({ ...made, onTimeout: 'discard' });
  let spare: HeldConnection | null = null;
  async function warmSpare(deadlineMs: number): Promise<void> {
    if (options.role !== 'local') return;
    spare ??= newSpare();
    await spare.query('DO 1', deadlineMs);
  }

  async function commitBeat(sql: string, deadlineMs: number): Promise<unknown> {
    try {
      return await beats.query(sql, deadlineMs);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== 'timeout') throw error;
      const full = await fullDisk(folders);
      throw full === null ? error : new DatabaseError('unwritable', full);
    }
  }

  return {
    where,
    table,
    keepUsers: [options.user, ...(options.keepUsers ?? [])],
    probes,
    orders,
    aside() {
      const taken = spare ?? newSpare();
      spare = null;
      return taken;
    },
    warmSpare,
    async connect(deadlineMs) {
      const left = countdown(deadlineMs);
      const [row = {}] = rowsOf(
        await probes.query(
          'SELECT @@version AS version, @@pid_file AS pid_file, @@datadir AS data, @@log_bin_basename AS logs',
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
      return text(row['version']);
    },
    async writeBeat(sql, deadlineMs) {
      const result = (await commitBeat(sql, deadlineMs)) as { affectedRows?: unknown };
      if (Number(result.affectedRows) === 0)
        throw new DatabaseError('statement', `${where}: the server is read-only, no heartbeat was written`);
    },
    port: {
      onLost(next) {
        listener = next;
      },
      close() {
        lossTold = true;
        for (const connection of [probes, orders, beats, spare]) connection?.close();
      },
      async ping(deadlineMs) {
        await probes.query('DO 1', deadlineMs);
      },
      async readHeartbeat(deadlineMs) {
        const sql = `SELECT epoch, sequence FROM ${table} ORDER BY epoch DESC, sequence DESC LIMIT 1`;
        const [row] = rowsOf(await probes.query(sql, deadlineMs));
        return row === undefined ? null : { epoch: Number(row['epoch']), sequence: Number(row['sequence']) };
      },
      async setReceivesDurably(on, deadlineMs) {
        await orders.query(`SET GLOBAL sync_relay_log = ${on ? 1 : CATCHING_UP_SYNC}`, deadlineMs);
      },
      async killServer() {
        if (options.role !== 'local') throw new DatabaseError('statement', `${where} is not on this host`);
        if (server === null)
          throw new DatabaseError('statement', `${where}: the server's pid file named no process`);
        await killProcess(server);
      },
    },
  };
}

/** A number of ours, as it stands in a statement. */
export const whole = (value: number): number => {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no whole number`);
  return value;
};
