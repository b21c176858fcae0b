// A status of a MySQL server without GTIDs: its histories as places in binary logs (core/gtid/positions.ts) instead of sets.
import { positionText } from '../../core/gtid/positions.ts';
import type { OwnLog, Place } from './mysql-born.ts';
import type { Statements } from './mysql-statements.ts';
import type { MysqlStatus } from './mysql-status.ts';
import { text } from './rows.ts';

export interface PlacesStatus extends MysqlStatus {
  /** The source's uuid, without which nobody can say whose log it is that was applied. */
  readonly sourceKnown: boolean;
  /** Where the applier stands in the source's log; null without a channel. */
  readonly applied: Place | null;
  /** Why that may be wrong after a crash. */
  readonly unsafePlace: string | null;
}

type Row = Readonly<Record<string, unknown>>;

export interface PlaceFacts {
  readonly columns: Statements['columns'];
  /** The channel's row; null without one. */
  readonly replica: Row | null;
  /** The end of the server's own log; null without one. */
  readonly logged: Place | null;
  readonly own: OwnLog | null;
  /** The receiver has run since the server started: its place is what the relay log holds. */
  readonly receiverRan: boolean;
  /** relay_log_info_repository; null where it is a table always. */
  readonly repository: string | null;
}

export const placeOf = (file: unknown, offset: unknown): Place | null =>
  text(file) === '' ? null : { file: text(file), offset: Number(offset ?? 0) };

export function inPlaces(status: MysqlStatus, facts: PlaceFacts): PlacesStatus {
  const { columns, replica, logged, own, receiverRan, repository } = facts;
  // Known once the receiver has connected to it. 8.0.26 renamed the column.
  const source = text(replica?.['Source_UUID'] ?? replica?.['Master_UUID']);
  const received = replica ? placeOf(replica[columns.receivedFile], replica[columns.receivedPos]) : null;
  const applied = replica ? placeOf(replica[columns.appliedFile], replica[columns.appliedPos]) : null;
  const ofSource = (place: Place | null): string =>
    place === null || source === '' ? '' : positionText(source, place);
  const mine =
    logged === null ? '' : positionText(status.origin, logged, own?.born ?? logged, own?.closed ?? []);
  const executed = [mine, ofSource(applied)].filter((each) => each !== '').join(',');
  const allRead = received?.file === applied?.file && received?.offset === applied?.offset;
  const { channel } = status;
  return {
    ...status,
    executedGtid: executed,
    history: executed,
    channel: channel && {
      ...channel,
      receivedGtid: ofSource(received),
      appliedGtid: executed,
      // After a start the receiver's place may be older than the relay log; and of half a transaction the rest may never come.
      drained:
        (receiverRan && allRead) ||
        (channel.applier === 'running' &&
          channel.receiver !== 'running' &&
          replica !== null &&
          isIdle(replica)),
    },
    sourceKnown: source !== '',
    applied,
    unsafePlace:
      repository === null || repository === 'TABLE'
        ? null
        : 'relay_log_info_repository is not TABLE: after a crash the applier may repeat or miss transactions (my.cnf: relay_log_info_repository = TABLE)',
  };
}

/** "Slave has read all relay log; waiting for ...", with Replica since 8.0.26. */
export const isIdle = (replica: Row): boolean =>
  /^(Slave|Replica) has read all relay log/.test(
    text(replica['Replica_SQL_Running_State'] ?? replica['Slave_SQL_Running_State']),
  );
