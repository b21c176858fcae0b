// The port `Database` for whoever does not ask which server it is: finds the family at the first call and after each loss, and
// passes everything on to that family's adapter. One adapter lives at a time.
import { familyOf, type ServerFamily } from '../../core/family.ts';
import { type Database, DatabaseError } from '../../runtime/ports.ts';
import { HeldConnection, whereOf, within } from './connection.ts';
import type { DatabaseOptions } from './connections.ts';
import { countdown } from './deadline.ts';
import { openMariadb } from './mariadb.ts';
import { openMysql } from './mysql.ts';
import { openMysql56 } from './mysql56.ts';
import { rowsOf, text } from './rows.ts';

export type { DatabaseOptions } from './connections.ts';

const ADAPTERS: Readonly<Partial<Record<ServerFamily, (options: DatabaseOptions) => Database>>> = {
  mariadb: openMariadb,
  mysql: openMysql,
  mysql56: openMysql56,
};

/** Asks a server which family it is of, over a connection of its own. */
export async function serverFamilyAt(options: DatabaseOptions, deadlineMs: number): Promise<ServerFamily> {
  const connection = new HeldConnection({ endpoint: options, onTimeout: 'discard' });
  try {
    const [row] = rowsOf(await connection.query('SELECT @@version AS version', deadlineMs));
    const version = text(row?.['version']);
    const family = familyOf(version);
    if (family !== null) return family;
    throw new DatabaseError(
      'statement',
      `${whereOf(options)}: "${version.slice(0, 60)}" is no known version`,
    );
  } finally {
    connection.close();
  }
}

export function openDatabase(options: DatabaseOptions): Database {
  let listener: (because: string) => void = () => undefined;
  let adapter: { readonly family: ServerFamily; readonly database: Database } | null = null;
  /** Whether the server at the end of the adapter's connections is known to be of its family. */
  let sure = false;
  let finding: Promise<Database> | null = null;
  let closed = false;

  function adapterFor(family: ServerFamily): Database {
    if (adapter?.family === family) return adapter.database;
    const open = ADAPTERS[family];
    if (open === undefined)
      throw new DatabaseError('statement', `${whereOf(options)}: this version does not steer such a server`);
    adapter?.database.close();
    const database = open(options);
    database.onLost((because) => {
      if (adapter?.database !== database) return;
      sure = false;
      listener(because);
    });
    adapter = { family, database };
    return database;
  }

  async function find(deadlineMs: number): Promise<Database> {
    const family = await serverFamilyAt(options, deadlineMs);
    if (closed) throw new DatabaseError('down', 'the connection was closed by us');
    const database = adapterFor(family);
    sure = true;
    return database;
  }

  async function found(deadlineMs: number): Promise<Database> {
    if (closed) throw new DatabaseError('down', 'the connection was closed by us');
    if (sure && adapter !== null) return adapter.database;
    finding ??= find(deadlineMs).finally(() => {
      finding = null;
    });
    return within(finding, deadlineMs, () => `${whereOf(options)}: no answer within ${deadlineMs} ms`);
  }

  async function pass<T>(
    deadlineMs: number,
    call: (database: Database, leftMs: number) => Promise<T>,
  ): Promise<T> {
    const left = countdown(deadlineMs);
    const database = await found(deadlineMs);
    try {
      return await call(database, left());
    } catch (error) {
      // A loss before the first connect is told to nobody.
      if (error instanceof DatabaseError && error.code === 'down') sure = false;
      throw error;
    }
  }

  return {
    connect: (deadlineMs) => pass(deadlineMs, (db, ms) => db.connect(ms)),
    onLost(next) {
      listener = next;
    },
    close() {
      closed = true;
      adapter?.database.close();
    },
    status: (deadlineMs) => pass(deadlineMs, (db, ms) => db.status(ms)),
    ping: (deadlineMs) => pass(deadlineMs, (db, ms) => db.ping(ms)),
    writeHeartbeat: (beat, deadlineMs) => pass(deadlineMs, (db, ms) => db.writeHeartbeat(beat, ms)),
    readHeartbeat: (deadlineMs) => pass(deadlineMs, (db, ms) => db.readHeartbeat(ms)),
    openWrites: (deadlineMs) => pass(deadlineMs, (db, ms) => db.openWrites(ms)),
    skipSequence: (deadlineMs) => pass(deadlineMs, (db, ms) => db.skipSequence(ms)),
    closeWrites: (deadlineMs) => pass(deadlineMs, (db, ms) => db.closeWrites(ms)),
    setSemiSyncSource: (on, deadlineMs) => pass(deadlineMs, (db, ms) => db.setSemiSyncSource(on, ms)),
    setReceivesDurably: (on, deadlineMs) => pass(deadlineMs, (db, ms) => db.setReceivesDurably(on, ms)),
    setSemiSyncReplica: (on, deadlineMs) => pass(deadlineMs, (db, ms) => db.setSemiSyncReplica(on, ms)),
    startChannel: (deadlineMs, discardReceived) =>
      pass(deadlineMs, (db, ms) => db.startChannel(ms, discardReceived)),
    stopReceiving: (deadlineMs) => pass(deadlineMs, (db, ms) => db.stopReceiving(ms)),
    drain: (deadlineMs) => pass(deadlineMs, (db, ms) => db.drain(ms)),
    waitFor: (gtid, deadlineMs) => pass(deadlineMs, (db, ms) => db.waitFor(gtid, ms)),
    // Needs no answer of the server, only the process that was known while it answered.
    async killServer() {
      if (adapter === null)
        throw new DatabaseError('statement', `${whereOf(options)}: the server has not answered yet`);
      await adapter.database.killServer();
    },
  };
}
