// Steering the channel of a MySQL server without GTIDs. The receiver's place is not safe over a crash: it may be behind what is in
// the relay log, which the applier would then execute twice. The applier's place is (a table, one transaction with the rows). So a
// receiver that has not run since the server started begins where the applier stands, once that has applied the whole relay
// log: nothing is lost, nothing is executed twice.
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from '../../runtime/ports.ts';
import { countdown } from './deadline.ts';
import { type Channel, drain, sameHeartbeat, startChannel } from './mysql-channel.ts';
import type { PlacesStatus } from './mysql-places.ts';

export interface PlacesChannel extends Channel {
  readonly status: (deadlineMs: number) => Promise<PlacesStatus>;
  /** Whether the receiver was seen to run since the server started. */
  readonly receiverRan: () => boolean;
}

/** A source that is there has let the receiver in by then. */
const CONNECT_MS_MAX = 500;
const POLL_MS = 10;

export async function startByPlace(channel: PlacesChannel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const status = await channel.status(left());
  const stopped = status.channel?.receiver === 'stopped';
  if (!stopped || channel.receiverRan()) await startChannel(channel, left());
  else {
    await drain(channel, left());
    await fetchFromApplied(channel, left());
  }
  if (stopped && !status.sourceKnown) await keepSource(channel, left());
}

/** Throws the relay log away and fetches again what is not executed. */
export async function startByPlaceAnew(channel: PlacesChannel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const status = await channel.status(left());
  if (
    status.channel !== null &&
    status.channel.receiver !== 'stopped' &&
    status.channel.applier === 'running'
  )
    return;
  await fetchFromApplied(channel, left());
  if (!status.sourceKnown) await keepSource(channel, left());
}

/**
 * The source's uuid is learnt when the receiver connects, and written to the disk when it stops: a standby that falls before
 * would not know whose log it has applied. So it is stopped once. A source that does not answer is not waited for.
 */
async function keepSource(channel: PlacesChannel, deadlineMs: number): Promise<void> {
  const left = countdown(Math.min(deadlineMs, CONNECT_MS_MAX));
  while (!(await channel.status(deadlineMs)).sourceKnown) {
    if (left() === 0) return;
    await sleep(POLL_MS);
  }
  const { stopReceiver, startReceiver } = channel.statements();
  await channel.orders.query(stopReceiver, deadlineMs);
  await channel.orders.query(startReceiver, deadlineMs);
}

/** Empties the relay log, and fetches from where the applier stands. */
async function fetchFromApplied(channel: PlacesChannel, deadlineMs: number): Promise<void> {
  const left = countdown(deadlineMs);
  const { orders } = channel;
  const { stopReplica, startReplica, changeSource, source } = channel.statements();
  await orders.query(stopReplica, left());
  // The applier's place changes no more.
  const { channel: now, applied, unsafePlace } = await channel.status(left());
  if (now === null)
    throw new DatabaseError('statement', 'this server has no replication channel; twinkeep setup makes it');
  if (applied === null)
    throw new DatabaseError('statement', "the applier does not know its place in the source's log");
  if (unsafePlace !== null) throw new DatabaseError('statement', unsafePlace);
  const heartbeat = await sameHeartbeat(channel, left());
  const file = applied.file.replaceAll(/['\\]/g, '');
  await orders.query(
    `${changeSource} ${source}_LOG_FILE = '${file}', ${source}_LOG_POS = ${Number(applied.offset)}, ${heartbeat}`,
    left(),
  );
  await orders.query(startReplica, left());
}
