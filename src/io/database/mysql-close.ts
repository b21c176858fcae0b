// Closing a MySQL server to writes: super_read_only first, then the clients. In this order no client is told OK for a commit
// whose fate is in doubt: super_read_only comes through only when no commit waits for an acknowledgement (docs/MYSQL.md).
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from '../../runtime/ports.ts';
import { COMMITTING, killSession, lockWaitSql, orderReadOnly, POLL_MS, quoted } from './close.ts';
import type { HeldConnection } from './connection.ts';
import { countdown } from './deadline.ts';
import { capital, type Statements } from './mysql-statements.ts';
import { isOn, rowsAt, rowsOf, text } from './rows.ts';

export interface Closing {
  readonly orders: HeldConnection;
  /** Answers while an order hangs. */
  readonly probes: HeldConnection;
  readonly statements: Statements;
  /** Our own accounts: their sessions are left alone. */
  readonly keepUsers: readonly string[];
}

/** Sessions of clients: not ours, not replication's, not the server's own threads. */
function clientsSql({ statements, keepUsers }: Closing): string {
  return `SELECT ID AS id, STATE AS state FROM ${statements.sessions}
   WHERE USER NOT IN ('system user', 'event_scheduler', ${keepUsers.map(quoted).join(', ')})
   AND COMMAND NOT IN (${statements.replicationCommands.map(quoted).join(', ')})`;
}

/** While super_read_only hangs: new writes stand behind it already; what holds it up ends, unless a commit waits. */
async function killBlockers(closing: Closing, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  for (const session of rowsOf(await closing.probes.query(clientsSql(closing), left()))) {
    if (COMMITTING.test(text(session['state']))) continue;
    await killSession(closing.probes, session['id'], left());
  }
}

async function waitingCommits({ probes, statements }: Closing, deadlineMs: number): Promise<number> {
  const name = `${capital(statements.semiSync.source)}_wait_sessions`;
  const rows = rowsOf(
    await probes.query(
      `SELECT VARIABLE_VALUE AS n FROM performance_schema.global_status WHERE VARIABLE_NAME = '${name}'`,
      deadlineMs,
    ),
  );
  return Number(rows[0]?.['n'] ?? 0);
}

/** Rejects with 'commits-in-doubt' or 'timeout', the server open as before. */
async function becomeReadOnly(closing: Closing, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const { orders, probes } = closing;
  const before = await orders.query(
    `${lockWaitSql(deadlineMs)};
     SELECT @@GLOBAL.super_read_only AS super_ro, @@GLOBAL.read_only AS ro`,
    left(),
  );
  const was = rowsAt(before, 1)[0];
  if (isOn(was?.['super_ro'])) return;
  await orderReadOnly(
    {
      orders,
      probes,
      variable: 'super_read_only',
      waitingCommits: (ms) => waitingCommits(closing, ms),
      killBlockers: (ms) => killBlockers(closing, ms),
      // It sets read_only on its way, and may have been stopped between the two.
      takenBack: async (ms) => {
        if (!isOn(was?.['ro'])) await reopen(closing, ms);
      },
    },
    left(),
  );
}

async function reopen({ probes }: Closing, deadlineMs: number): Promise<void> {
  await probes
    .query('SELECT @@GLOBAL.read_only AS ro, @@GLOBAL.super_read_only AS super_ro', deadlineMs)
    .then(async (rows) => {
      const [now] = rowsOf(rows);
      if (isOn(now?.['ro']) && !isOn(now?.['super_ro']))
        await probes.query('SET GLOBAL read_only = OFF', deadlineMs);
    })
    // The failure that led here is the one to tell.
    .catch(() => undefined);
}

/** Resolves when the server is closed and every client session has got its end. */
export async function closeWrites(closing: Closing, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const { orders } = closing;
  await becomeReadOnly(closing, left());
  // performance_schema.processlist does not tell which were killed and are still rolling back.
  const killed = new Set<unknown>();
  for (;;) {
    const sessions = rowsOf(await orders.query(clientsSql(closing), left())).filter(
      (session) => !killed.has(session['id']),
    );
    if (sessions.length === 0) return;
    for (const session of sessions) {
      await killSession(orders, session['id'], left());
      killed.add(session['id']);
    }
    if (left() === 0)
      throw new DatabaseError('timeout', `client sessions did not end within ${deadlineMs} ms`);
    await sleep(POLL_MS);
  }
}
