// The part of closing a server to writes that is the same in every family with semi-sync: the order to be read-only, which may
// hang behind a commit or a lock, and is taken back in time. The families' own parts: mariadb-close.ts, mysql-close.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from '../../runtime/ports.ts';
import type { HeldConnection } from './connection.ts';
import { countdown } from './deadline.ts';

export interface ReadOnlyOrder {
  readonly orders: HeldConnection;
  /** Answers while an order hangs. */
  readonly probes: HeldConnection;
  /** The variable that closes the server. */
  readonly variable: 'read_only' | 'super_read_only';
  /** How many commits wait for an acknowledgement. */
  readonly waitingCommits: (deadlineMs: number) => Promise<number>;
  /** Ends what holds the order up, unless it commits. */
  readonly killBlockers: (deadlineMs: number) => Promise<void>;
  /** Undoes what a cancelled order has done on its way. */
  readonly takenBack?: (deadlineMs: number) => Promise<void>;
}

/** Running statements may end by themselves for this long before they are killed. */
export const GRACE_MS = 100;
/** Kept back from the deadline for taking the order back. */
const CANCEL_MS = 150;
/** Between two looks at what hangs. */
export const POLL_MS = 4;
/** A commit may wait in these; such a session must not be killed while the order hangs. */
export const COMMITTING = /semi-sync|commit|binlog/i;

export const quoted = (name: string): string => `'${name.replaceAll(/['\\]/g, '')}'`;

export async function killSession(
  connection: HeldConnection,
  id: unknown,
  deadlineMs: number,
): Promise<void> {
  try {
    await connection.query(`KILL CONNECTION ${Number(id)}`, deadlineMs);
  } catch (error) {
    // 1094: it has ended by itself. 1095: an administrator's with MySQL's SYSTEM_USER, who cannot write either.
    if (!(error instanceof DatabaseError) || error.code !== 'statement') throw error;
  }
}

/** Longer than the order may hang: it is ended by us, not by the server. */
export const lockWaitSql = (deadlineMs: number): string =>
  `SET SESSION lock_wait_timeout = ${Math.ceil(deadlineMs / 1000) + 1}`;

/** Closes a server that is open; rejects with 'commits-in-doubt' or 'timeout', the server open as before. */
export async function orderReadOnly(order: ReadOnlyOrder, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const { orders, probes, variable } = order;
  const startedMs = performance.now();
  let ended: { readonly failure: unknown } | null = null;
  const setting = orders.query(`SET GLOBAL ${variable} = ON`, left() + 1000).then(
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
    waiting = await order.waitingCommits(left());
    if (waiting === 0 && performance.now() - startedMs > GRACE_MS) await order.killBlockers(left());
    await Promise.race([setting, sleep(POLL_MS)]);
  }
  if (ended === null && id !== null) {
    await probes.query(`KILL QUERY ${id}`, Math.max(50, left())).catch(() => undefined);
    await Promise.race([setting, sleep(Math.max(50, left()))]);
  }
  const end = ended as { readonly failure: unknown } | null;
  if (end !== null && end.failure === null) return;
  await order.takenBack?.(Math.max(50, left()));
  if (waiting > 0) {
    throw new DatabaseError(
      'commits-in-doubt',
      `${waiting === 1 ? 'a commit waits' : `${waiting} commits wait`} for an acknowledgement that has not come within ${Math.round(deadlineMs)} ms; nothing was released`,
    );
  }
  if (end === null)
    throw new DatabaseError('timeout', `${variable}=ON did not come through within ${deadlineMs} ms`);
  throw end.failure;
}
