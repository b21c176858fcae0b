// The replica's own server, steered: carries out the orders of core/replica over the port Database and a connection of its own.
// No relay log with unapplied events is thrown away: whatever was received is applied before a channel is changed or started.
import { statSync } from 'node:fs';
import { OperatorError } from '../../core/error.ts';
import { kindOf } from '../../core/family.ts';
import type { ServerStatus } from '../../core/pair/server.ts';
import type { OrderOutcome, ReplicaOrder } from '../../core/replica/state.ts';
import { type Database, DatabaseError } from '../../runtime/ports.ts';
import { type Endpoint, HeldConnection } from '../database/connection.ts';
import { countdown } from '../database/deadline.ts';
import { rowsOf, text } from '../database/rows.ts';
import type { ChannelWanted } from '../database/setup-family.ts';
import { knownServer } from '../database/setup-known.ts';
import { type ReplicaStatements, replicaStatements } from './statements.ts';

const ORDER_MS_MAX = 10_000;
/** Applying what was received may take long where the replica was behind; tried again after it. */
const DRAIN_MS_MAX = 60_000;

export interface ReplicaServer {
  perform(order: ReplicaOrder): Promise<OrderOutcome>;
  /** Which data folder the server runs on, as its file system knows it; empty: not to be told from here. */
  place(deadlineMs: number): Promise<string>;
  close(): void;
}

export interface ReplicaServerOptions {
  readonly database: Database;
  readonly endpoint: Endpoint;
  readonly channel: () => Omit<ChannelWanted, 'host'>;
}

type Channel = NonNullable<ServerStatus['channel']>;

export function openReplicaServer({
  database,
  endpoint,
  channel: wanted,
}: ReplicaServerOptions): ReplicaServer {
  const orders = new HeldConnection({ endpoint, onTimeout: 'discard' });
  const tell = async (sql: string, deadlineMs: number): Promise<void> => {
    if (sql !== '') await orders.query(sql, deadlineMs);
  };

  async function known(deadlineMs: number): Promise<{ status: ServerStatus; words: ReplicaStatements }> {
    const status = await database.status(deadlineMs);
    const kind = kindOf(status.version);
    if (kind === null) throw new DatabaseError('statement', `"${status.version}" is no known version`);
    return { status, words: replicaStatements(kind) };
  }

  const requireChannel = (status: ServerStatus): Channel => {
    if (status.channel !== null) return status.channel;
    throw new DatabaseError('statement', 'this server has no replication channel: run `twinkeep setup`');
  };

  /** Whatever was received is applied, and the applier holds no half of a transaction. */
  async function applyReceived(status: ServerStatus): Promise<void> {
    if (status.channel === null) return;
    await database.drain(DRAIN_MS_MAX);
  }

  async function start(): Promise<void> {
    const left = countdown(ORDER_MS_MAX);
    const { status, words } = await known(left());
    const { receiver, applier, applierError } = requireChannel(status);
    await tell(words.noSemiSync, left());
    if (applier === 'stopped' && applierError !== null)
      throw new DatabaseError('applier-stopped', `the applier has stopped: ${applierError}`);
    // With both stopped, a start throws away what a MariaDB has not applied yet.
    if (receiver === 'stopped' && applier === 'stopped') await applyReceived(status);
    await tell(words.start, ORDER_MS_MAX);
  }

  async function freeze(): Promise<void> {
    await database.stopReceiving(ORDER_MS_MAX);
    await applyReceived(await database.status(ORDER_MS_MAX));
  }

  async function point(host: string): Promise<void> {
    const left = countdown(ORDER_MS_MAX);
    const { status, words } = await known(left());
    if (status.channel !== null && status.channel.receiver !== 'stopped')
      throw new DatabaseError('statement', 'the receiver was started meanwhile: nothing was changed');
    await tell(words.noSemiSync, left());
    const { family } = await knownServer(orders);
    await tell(family.makeChannel({ ...wanted(), host }), left());
    await tell(words.start, left());
  }

  async function stopAcknowledging(): Promise<void> {
    const left = countdown(ORDER_MS_MAX);
    const { status, words } = await known(left());
    await tell(words.noSemiSync, left());
    // The connection that is there goes on acknowledging until it is made anew.
    if (!status.semiSync.replica || status.channel === null || status.channel.receiver === 'stopped') return;
    await database.stopReceiving(left());
    const { channel } = await database.status(left());
    // With the applier stopped as well, a start would throw the relay log away: that is another order's.
    if (channel?.applier === 'running') await tell(words.startReceiver, left());
  }

  async function carryOut(order: ReplicaOrder): Promise<void> {
    switch (order.kind) {
      case 'close-writes': {
        const { words } = await known(ORDER_MS_MAX);
        await tell(words.readOnly, ORDER_MS_MAX);
        return;
      }
      case 'stop-acknowledging':
        return stopAcknowledging();
      case 'start':
        return start();
      case 'freeze':
        return freeze();
      case 'stop-receiving':
        return database.stopReceiving(ORDER_MS_MAX);
      case 'point':
        return point(order.host);
    }
  }

  return {
    async perform(order) {
      try {
        await carryOut(order);
        return { ok: true, status: await database.status(ORDER_MS_MAX) };
      } catch (error) {
        if (!(error instanceof DatabaseError || error instanceof OperatorError)) throw error;
        return { ok: false, because: error.message };
      }
    },
    async place(deadlineMs) {
      const [row] = rowsOf(await orders.query('SELECT @@datadir AS folder', deadlineMs));
      try {
        const { dev, ino } = statSync(text(row?.['folder']));
        return `${dev}:${ino}`;
      } catch {
        return '';
      }
    },
    close: () => orders.close(),
  };
}
