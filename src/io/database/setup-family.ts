// What set-up asks of a server and tells it, as far as the families differ; one file each (setup-mariadb.ts, setup-mysql.ts),
// chosen in setup-known.ts.
import type { SeenServer } from '../../core/pair/setup-facts.ts';
import type { LogPlace } from '../../core/pair/setup-places.ts';
import type { HeldConnection, TlsOptions } from './connection.ts';
import type { Grant } from './grants.ts';
import { rowsOf, text } from './rows.ts';

export const ASK_MS_MAX = 10_000;

export type Row = Readonly<Record<string, unknown>>;
export type Ask = (sql: string) => Promise<readonly Row[]>;

export const askerOf =
  (connection: HeldConnection): Ask =>
  async (sql) =>
    rowsOf(await connection.query(sql, ASK_MS_MAX));

export const quote = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
export const named = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** An account on one host, as the server keeps it. */
/** Empty before a channel has read anything. */
export function readsFile(name: unknown): { readonly readsFile?: string } {
  const file = text(name);
  return file === '' ? {} : { readsFile: file };
}

export interface KeptAccount {
  readonly host: string;
  /** Each way in that it has: the plugin, and what that keeps of the password. */
  readonly ways: readonly { readonly plugin: string; readonly kept: Buffer }[];
}

/** The channel that a node is to have. */
export interface ChannelWanted {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly heartbeatS: number;
  readonly tls: TlsOptions | null;
  /** Without GTIDs: where it begins, or goes on, in the source's log. A CHANGE that names a host and no place begins anew. */
  readonly place?: LogPlace;
}

export type Facts = Pick<
  SeenServer,
  'serverId' | 'uuid' | 'logBin' | 'rplStatus' | 'executed' | 'history' | 'fetchFrom' | 'purged' | 'places'
>;

export interface SetupFamily {
  readonly adminGrants: (schema: string) => readonly Grant[];
  readonly replicationGrants: readonly Grant[];
  facts(ask: Ask): Promise<Facts>;
  channels(ask: Ask): Promise<Pick<SeenServer, 'channel' | 'otherChannels'>>;
  accounts(ask: Ask, user: string): Promise<readonly KeptAccount[]>;
  createUser(name: string, password: string): string;
  /** Keeps the account's plugin. */
  setPassword(name: string, plugin: string, password: string): string;
  /** Accounts that may write to a server which is closed as the agent closes it. */
  privileged(ask: Ask): Promise<readonly string[]>;
  /** Statements that belong to no history, also on a server that is closed. */
  change(connection: HeldConnection, sql: string): Promise<void>;
  /** Makes or corrects the channel; both threads have nothing left to do. */
  makeChannel(wanted: ChannelWanted): string;
  /** Says from where to fetch, in a family that keeps this apart; see SeenServer.fetchFrom. */
  fetchFrom(gtid: string): string;
  readonly stopChannel: string;
  readonly removeChannel: string;
  /** Without GTIDs: where the applier stands in the source's log. */
  standsAt?(ask: Ask): Promise<LogPlace>;
}
