// Closing a MySQL 5.6 server to writes: read_only first, then every client session, those of administrators among them. There is
// no super_read_only: an administrator's session may write until it is cut, so the position is read only when the last one is gone.
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from '../../runtime/ports.ts';
import type { HeldConnection } from './connection.ts';
import { countdown } from './deadline.ts';
import { isOn, rowsAt, rowsOf, text } from './rows.ts';

export interface Closing56 {
  readonly orders: HeldConnection;
  /** Answers while an order hangs. */
  readonly probes: HeldConnection;
  /** Our own accounts: their sessions are left alone. */
  readonly keepUsers: readonly string[];
  /** Commits that wait for an acknowledgement; 0 without semi-sync. */
  readonly waitingCommits: (deadlineMs: number) => Promise<number>;
}

/** Running statements may end by themselves for this long before they are killed. */
const GRACE_MS = 100;
/** Kept back from the deadline for taking read_only back. */
const CANCEL_MS = 150;
const POLL_MS = 4;
/** A commit may wait in these; such a session is not killed while read_only hangs. */
const COMMITTING = /semi-sync|commit|binlog/i;

const quoted = (name: string): string => `'${name.replaceAll(/['\\]/g, '')}'`;

/** Sessions of clients: not ours, not replication's. A killed one is listed until it has rolled back. */
function clientsSql({ keepUsers }: Closing56): string {
  return `SELECT ID AS id, STATE AS state FROM information_schema.processlist
   WHERE USER NOT IN ('system user', 'event_scheduler', ${keepUsers.map(quoted).join(', ')})
   AND COMMAND NOT IN ('Binlog Dump', 'Binlog Dump GTID', 'Daemon')`;
}

async function killSession(connection: HeldConnection, id: unknown, deadlineMs: number): Promise<void> {
  try {
    await connection.query(`KILL CONNECTION ${Number(id)}`, deadlineMs);
  } catch (error) {
    // 1094: it has ended by itself.
    if (!(error instanceof DatabaseError) || error.code !== 'statement') throw error;
  }
}

async function killBlockers(closing: Closing56, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  for (const session of rowsOf(await closing.probes.query(clientsSql(closing), left()))) {
    if (COMMITTING.test(text(session['state']))) continue;
    await killSession(closing.probes, session['id'], left());
  }
}

/** Rejects with 'commits-in-doubt' or 'timeout', the server open as before. */
async function becomeReadOnly(closing: Closing56, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const { orders, probes } = closing;
  const before = await orders.query(
    `SET SESSION lock_wait_timeout = ${Math.ceil(deadlineMs / 1000) + 1}; SELECT @@GLOBAL.read_only AS ro`,
    left(),
  );
  if (isOn(rowsAt(before, 1)[0]?.['ro'])) return;
  const startedMs = performance.now();
  const end: { done: boolean; failure: unknown } = { done: false, failure: null };
  const setting = orders.query('SET GLOBAL read_only = ON', left() + 1000).then(
    () => {
      end.done = true;
    },
    (failure: unknown) => {
      end.done = true;
      end.failure = failure;
    },
  );
  const id = orders.threadId;
  let waiting = 0;
  await Promise.race([setting, sleep(POLL_MS)]);
  while (!end.done && left() > CANCEL_MS) {
    waiting = await closing.waitingCommits(left());
    if (waiting === 0 && performance.now() - startedMs > GRACE_MS) await killBlockers(closing, left());
    await Promise.race([setting, sleep(POLL_MS)]);
  }
  if (!end.done && id !== null) {
    await probes.query(`KILL QUERY ${id}`, Math.max(50, left())).catch(() => undefined);
    await Promise.race([setting, sleep(Math.max(50, left()))]);
  }
  if (end.done && end.failure === null) return;
  if (waiting > 0) {
    throw new DatabaseError(
      'commits-in-doubt',
      `${waiting === 1 ? 'a commit waits' : `${waiting} commits wait`} for an acknowledgement that has not come within ${Math.round(deadlineMs)} ms; nothing was released`,
    );
  }
  if (!end.done)
    throw new DatabaseError('timeout', `read_only=ON did not come through within ${deadlineMs} ms`);
  throw end.failure;
}

/** Resolves when the server is closed and every client session has ended. */
export async function closeWrites56(closing: Closing56, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  await becomeReadOnly(closing, left());
  for (;;) {
    const sessions = rowsOf(await closing.orders.query(clientsSql(closing), left()));
    if (sessions.length === 0) return;
    for (const session of sessions) await killSession(closing.orders, session['id'], left());
    if (left() === 0)
      throw new DatabaseError('timeout', `client sessions did not end within ${deadlineMs} ms`);
    await sleep(POLL_MS);
  }
}
