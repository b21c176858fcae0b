// A transaction as it is shown, saved and replayed: plain data, every value as text or hexadecimal. Made by io/binlog.
import type { Image } from './definition.ts';

export interface LoggedRow {
  readonly schema: string;
  readonly table: string;
  readonly kind: 'insert' | 'update' | 'delete';
  /** By column; null: there was no such row before. */
  readonly before: Image | null;
  readonly after: Image | null;
}

export interface LoggedTransaction {
  /** Empty in a log without GTIDs. */
  readonly gtid: string;
  /** server_id of where it was born. */
  readonly server: number;
  /** ISO 8601, by that server's clock. */
  readonly at: string;
  /** Of its events in the log. */
  readonly bytes: number;
  /** DDL and statements that were logged as such. */
  readonly statements: readonly string[];
  /** The statements that made the rows, where the server annotates them. */
  readonly annotations: readonly string[];
  readonly rows: readonly LoggedRow[];
  /** What of it could not be read, a sentence each. */
  readonly unreadable: readonly string[];
}
