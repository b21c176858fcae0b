// Closing a server to writes: read-only first, then the clients. In this order no client is told OK for a commit whose
// fate is in doubt: read_only=1 comes through only when no commit waits for an acknowledgement, and a session that is
// killed while it waits would be committed without one (docs/MARIADB.md).
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from '../../runtime/ports.ts';
import { COMMITTING, GRACE_MS, killSession, lockWaitSql, orderReadOnly, POLL_MS, quoted } from './close.ts';
import type { HeldConnection } from './connection.ts';
import { countdown } from './deadline.ts';
import { isOn, rowsAt, rowsOf, text } from './rows.ts';

export interface Closing {
  readonly orders: HeldConnection;
  /** Answers while an order hangs. */
  readonly probes: HeldConnection;
  /** Our own accounts: their sessions are left alone. */
  readonly keepUsers: readonly string[];
}

/** Sessions of clients: not ours, not replication's, not the server's own threads. */
function clientsSql(closing: Closing): string {
  return `SELECT id, command, state, time_ms FROM information_schema.processlist
   WHERE user NOT IN ('system user', 'event_scheduler', ${closing.keepUsers.map(quoted).join(', ')})
   AND command NOT IN ('Binlog Dump', 'Slave_IO', 'Slave_SQL', 'Slave_worker', 'Daemon', 'Killed')`;
}

/** While read_only=1 hangs: new writes stand behind it already; what holds it up ends, unless a commit waits. */
async function killBlockers(closing: Closing, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  for (const session of rowsOf(await closing.probes.query(clientsSql(closing), left()))) {
    const young = text(session['command']) !== 'Sleep' && Number(session['time_ms']) < GRACE_MS;
    if (young || COMMITTING.test(text(session['state']))) continue;
    await killSession(closing.probes, session['id'], left());
  }
}

async function waitingCommits({ probes }: Closing, deadlineMs: number): Promise<number> {
  const rows = rowsOf(
    await probes.query("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master_wait_sessions'", deadlineMs),
  );
  return Number(rows[0]?.['Value'] ?? 0);
}

/** SET GLOBAL read_only=1 that can be taken back; rejects with 'commits-in-doubt' or 'timeout', the server open as before. */
async function becomeReadOnly(closing: Closing, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const { orders, probes } = closing;
  const before = await orders.query(`${lockWaitSql(deadlineMs)}; SELECT @@GLOBAL.read_only AS ro`, left());
  if (isOn(rowsAt(before, 1)[0]?.['ro'])) return;
  const order = {
    orders,
    probes,
    variable: 'read_only' as const,
    waitingCommits: (ms: number) => waitingCommits(closing, ms),
    killBlockers: (ms: number) => killBlockers(closing, ms),
  };
  await orderReadOnly(order, left());
}

/** Resolves with the server's position after the last commit. */
export async function closeWrites(closing: Closing, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const { orders } = closing;
  await becomeReadOnly(closing, left());
  for (;;) {
    const sessions = rowsOf(await orders.query(clientsSql(closing), left()));
    if (sessions.length === 0) return;
    for (const session of sessions) await killSession(orders, session['id'], left());
    if (left() === 0)
      throw new DatabaseError('timeout', `client sessions did not end within ${deadlineMs} ms`);
    await sleep(POLL_MS);
  }
}
