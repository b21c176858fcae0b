// Closing a server to writes: read-only first, then the clients. In this order no client is told OK for a commit whose
// fate is in doubt: read_only=1 comes through only when no commit waits for an acknowledgement, and a session that is
// killed while it waits would be committed without one (docs/MARIADB.md).
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from '../../runtime/ports.ts';
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

/** Running statements may end by themselves for this long before they are killed. */
const GRACE_MS = 100;
/** Kept back from the deadline for taking read_only=1 back. */
const CANCEL_MS = 150;
const POLL_MS = 4;

const quoted = (name: string): string => `'${name.replaceAll(/['\\]/g, '')}'`;

/** Sessions of clients: not ours, not replication's, not the server's own threads. */
function clientsSql(closing: Closing): string {
  return `SELECT id, command, state, time_ms FROM information_schema.processlist
   WHERE user NOT IN ('system user', 'event_scheduler', ${closing.keepUsers.map(quoted).join(', ')})
   AND command NOT IN ('Binlog Dump', 'Slave_IO', 'Slave_SQL', 'Slave_worker', 'Daemon', 'Killed')`;
}

async function killSession(connection: HeldConnection, id: unknown, deadlineMs: number): Promise<void> {
  try {
    await connection.query(`KILL CONNECTION ${Number(id)}`, deadlineMs);
  } catch (error) {
    // 1094: it has ended by itself.
    if (!(error instanceof DatabaseError) || error.code !== 'statement') throw error;
  }
}

/** A commit may wait in these; such a session must not be killed. */
const COMMITTING = /semi-sync|commit|binlog/i;

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
  const before = await orders.query(
    `SET SESSION lock_wait_timeout = ${Math.ceil(deadlineMs / 1000) + 1}; SELECT @@GLOBAL.read_only AS ro`,
    left(),
  );
  if (isOn(rowsAt(before, 1)[0]?.['ro'])) return;
  const startedMs = performance.now();
  let ended: { readonly failure: unknown } | null = null;
  const setting = orders.query('SET GLOBAL read_only = ON', left() + 1000).then(
    () => {
      ended = { failure: null };
    },
    (failure: unknown) => {
      ended = { failure };
    },
  );
  const id = orders.threadId;
  let waiting = 0;
  await Promise.race([setting, sleep(POLL_MS)]);
  while (ended === null && left() > CANCEL_MS) {
    waiting = await waitingCommits(closing, left());
    if (waiting === 0 && performance.now() - startedMs > GRACE_MS) await killBlockers(closing, left());
    await Promise.race([setting, sleep(POLL_MS)]);
  }
  if (ended === null && id !== null) {
    await probes.query(`KILL QUERY ${id}`, Math.max(50, left())).catch(() => undefined);
    await Promise.race([setting, sleep(Math.max(50, left()))]);
  }
  const end = ended as { readonly failure: unknown } | null;
  if (end !== null && end.failure === null) return;
  if (waiting > 0) {
    throw new DatabaseError(
      'commits-in-doubt',
      `${waiting === 1 ? 'a commit waits' : `${waiting} commits wait`} for an acknowledgement that has not come within ${Math.round(deadlineMs)} ms; nothing was released`,
    );
  }
  if (end === null)
    throw new DatabaseError('timeout', `read_only=ON did not come through within ${deadlineMs} ms`);
  throw end.failure;
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
