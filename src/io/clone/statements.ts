// What is said to the servers about a copy: where its history stands, where it replicates from, and to the writer, from where
// on the copy's binary log is whole.

import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '../../core/error.ts';
import { contains } from '../../core/gtid/mariadb.ts';
import type { Endpoint, HeldConnection } from '../database/connection.ts';
import { rowsOf } from '../database/rows.ts';
import { FORMAT_SETTINGS, type Format } from './format.ts';
import { openPlain, rootLogin } from './login.ts';

const STATEMENT_MS_MAX = 10_000;
const HEARTBEAT_S = 0.2;
const ANSWER_POLL_MS = 100;
const TRIES_MAX = 50;

export interface Source {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

const quote = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

async function withConnection<T>(
  endpoint: Endpoint,
  work: (connection: HeldConnection) => Promise<T>,
): Promise<T> {
  const connection = openPlain(endpoint);
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}

/** Waits until the server answers; `limitMs` without a running process or an answer ends it. */
export async function waitForAnswer(
  endpoint: Endpoint,
  isThere: () => boolean,
  limitMs: number,
): Promise<void> {
  const end = performance.now() + limitMs;
  for (;;) {
    try {
      await withConnection(endpoint, (connection) => connection.query('DO 1', 1000));
      return;
    } catch (error) {
      if (performance.now() > end) {
        throw new OperatorError(
          'server-does-not-answer',
          `the server ${isThere() ? `does not answer after its start: ${(error as Error).message}` : 'ended again after its start'}`,
          "see the server's error log; `twinkeep clone` goes on when it is mended, `twinkeep clone --abort` puts the old data back",
        );
      }
    }
    await sleep(ANSWER_POLL_MS);
  }
}

/** What the data directory of this host's server was made with; nothing of a server that does not answer. */
export async function formatOf(admin: Endpoint): Promise<Format> {
  const names = FORMAT_SETTINGS.map((name) => `'${name}'`).join(', ');
  const sql = `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`;
  try {
    const rows = await withConnection(admin, (connection) => connection.query(sql, STATEMENT_MS_MAX));
    return Object.fromEntries(rowsOf(rows).map((row) => [row['Variable_name'], row['Value']])) as Format;
  } catch {
    return {};
  }
}

/** What a copy is told of its history and its source, in MariaDB. Safe to repeat. */
async function positionMariadb(
  admin: Endpoint,
  history: string,
  position: string,
  source: Source,
): Promise<void> {
  await withConnection(admin, async (connection) => {
    const ask = async (sql: string) => rowsOf(await connection.query(sql, STATEMENT_MS_MAX))[0] ?? {};
    const { state } = await ask('SELECT @@GLOBAL.gtid_binlog_state AS state');
    if (state === '')
      await connection.query(`SET GLOBAL gtid_binlog_state = ${quote(history)}`, STATEMENT_MS_MAX);
    else if (String(state).split(',').sort().join() !== history.split(',').sort().join()) {
      throw new OperatorError(
        'copy-written',
        `somebody wrote to the copy before it was positioned: its binary log is at ${state}, the copy at ${history}`,
        'give it up (`twinkeep clone --abort`) and begin anew; what writes at the start of the server (a script of the distribution, an init_file) must not',
      );
    }
    await connection.query(
      `STOP SLAVE; SET GLOBAL gtid_slave_pos = ${quote(position)};
       CHANGE MASTER TO MASTER_HOST = ${quote(source.host)}, MASTER_PORT = ${source.port},
       MASTER_USER = ${quote(source.user)}, MASTER_PASSWORD = ${quote(source.password)},
       MASTER_USE_GTID = slave_pos, MASTER_HEARTBEAT_PERIOD = ${HEARTBEAT_S}, MASTER_CONNECT_RETRY = 1`,
      STATEMENT_MS_MAX,
    );
  });
}

/** MySQL's copy knows its GTIDs; the channel that came with the data is the donor's own. Safe to repeat. */
async function positionMysql(admin: Endpoint, source: Source): Promise<void> {
  await withConnection(admin, async (connection) => {
    // Its relay log did not come along, and without it the channel does not start (13124).
    await connection.query('STOP REPLICA; RESET REPLICA ALL', STATEMENT_MS_MAX);
    await connection.query(
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST = ${quote(source.host)}, SOURCE_PORT = ${source.port},
       SOURCE_USER = ${quote(source.user)}, SOURCE_PASSWORD = ${quote(source.password)}, SOURCE_AUTO_POSITION = 1,
       SOURCE_HEARTBEAT_PERIOD = ${HEARTBEAT_S}, SOURCE_CONNECT_RETRY = 1, GET_SOURCE_PUBLIC_KEY = 1`,
      STATEMENT_MS_MAX,
    );
  });
}

/** `history` null: a family whose copies know their GTIDs. */
export async function positionCopy(
  admin: Endpoint,
  copy: { readonly history: string | null; readonly position: string | null },
  source: Source,
): Promise<void> {
  const { history, position } = copy;
  const take = (as: Endpoint): Promise<void> =>
    history === null || position === null
      ? positionMysql(as, source)
      : positionMariadb(as, history, position, source);
  try {
    await take(admin);
  } catch (error) {
    // The agent's account may do all of this in the pair; where it may not, root of this host does.
    if (admin.socketPath === undefined || process.getuid?.() !== 0 || error instanceof OperatorError)
      throw error;
    await take(rootLogin(admin.socketPath)).catch(() => Promise.reject(error));
  }
}

/**
 * The writer's own channel asks the copy for what follows the writer's gtid_slave_pos, and MariaDB refuses that for good (1236)
 * where the copy's binary log begins later, which it does when the old standby had not replicated for a while. All of it is the
 * writer's own history, so that it may ask from its own end on; its agent starts the channel when the copy has come that far
 * (paired). No smaller position is taken (1947), and with a commit in between not even this one: it is tried again.
 */
export async function repositionWriter(writer: Endpoint, position: string): Promise<void> {
  await withConnection(writer, async (connection) => {
    const rows = rowsOf(await connection.query('SHOW ALL SLAVES STATUS', STATEMENT_MS_MAX));
    if (!rows.some((row) => row['Connection_name'] === '')) return;
    const [now] = rowsOf(await connection.query('SELECT @@GLOBAL.gtid_slave_pos AS at', STATEMENT_MS_MAX));
    if (contains(String(now?.['at'] ?? ''), position)) return;
    for (let tries = 1; ; tries += 1) {
      try {
        await connection.query(
          'STOP SLAVE; SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_binlog_pos',
          STATEMENT_MS_MAX,
        );
        return;
      } catch (error) {
        if (tries >= TRIES_MAX) throw error;
        await sleep(ANSWER_POLL_MS);
      }
    }
  });
}
