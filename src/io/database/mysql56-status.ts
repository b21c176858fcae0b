// What a MySQL 5.6 server says about itself, read in one round trip and turned into a ServerStatus. With GTIDs its histories
// are sets as MySQL's are; without them they are places in binary logs (core/gtid/positions.ts).
import { contains } from '../../core/gtid/gtid.ts';
import { positionText } from '../../core/gtid/positions.ts';
import type { ChannelStatus } from '../../runtime/ports.ts';
import type { OwnLog, Place } from './mysql-born.ts';
import { capital } from './mysql-statements.ts';
import type { MysqlStatus } from './mysql-status.ts';
import { MYSQL56 } from './mysql56-statements.ts';
import { isOn, rowsAt, text } from './rows.ts';

export interface Mysql56Status extends MysqlStatus {
  /** False: it replicates by file and position. */
  readonly gtids: boolean;
  /** The source's uuid, without which nobody can say whose log it is that was applied. */
  readonly sourceKnown: boolean;
  /** What is to be known of this server's limits, as sentences. */
  readonly warnings: readonly string[];
  /** Where the applier stands in the source's log; null without a channel. */
  readonly applied: Place | null;
  /** The end of its own log. */
  readonly logged: Place | null;
}

const oneLine = (value: unknown): string => text(value).replaceAll(/\s/g, '');

const errorOf = (number: unknown, message: unknown): string | null =>
  Number(number ?? 0) === 0 ? null : `${text(message)} (error ${text(number)})`;

function receiverState(said: string): ChannelStatus['receiver'] {
  if (said === 'Yes') return 'running';
  return said === 'No' ? 'stopped' : 'connecting';
}

const placeOf = (file: unknown, offset: unknown): Place | null =>
  text(file) === '' ? null : { file: text(file), offset: Number(offset ?? 0) };

export function warningsOf(variables: Readonly<Record<string, unknown>>): string[] {
  const warnings = [
    'MySQL 5.6 has no super_read_only: accounts with SUPER write to a server that is closed (their sessions are cut when it is closed, and not kept out afterwards)',
  ];
  if (text(variables['relay_info']) !== 'TABLE')
    warnings.push(
      'relay_log_info_repository is not TABLE: after a crash the applier may repeat or miss transactions (my.cnf: relay_log_info_repository = TABLE)',
    );
  if (Number(variables['workers'] ?? 0) > 0 && text(variables['gtid_mode']) !== 'ON')
    warnings.push(
      'slave_parallel_workers is not 0 and there are no GTIDs: after a crash transactions between those applied may be missing (my.cnf: slave_parallel_workers = 0)',
    );
  return warnings;
}

export interface Known {
  /** Null: not looked at. */
  readonly own: OwnLog | null;
  /** The receiver has run since the server started: its place is what the relay log holds. */
  readonly receiverRan: boolean;
}

/** `result`: the answers to statusSql56. */
export function readStatus56(result: unknown, { own, receiverRan }: Known): Mysql56Status {
  const variables = rowsAt(result, 0)[0] ?? {};
  const pairs = (index: number) =>
    new Map(rowsAt(result, index).map((row) => [text(row['Variable_name']), text(row['Value'])]));
  const counters = pairs(1);
  const plugins = pairs(2);
  const replica = rowsAt(result, 3)[0] ?? null;
  const master = rowsAt(result, 4)[0];
  const { semiSync } = MYSQL56;
  const gtids = text(variables['gtid_mode']) === 'ON';
  const origin = text(variables['uuid']);
  const logged = placeOf(master?.['File'], master?.['Position']);
  const executedGtid = gtids ? oneLine(variables['executed']) : executedPlaces(origin, logged, own, replica);
  const acknowledging = isOn(counters.get(`${capital(semiSync.replica)}_status`));
  const channel = replica ? channelOf(replica, { executedGtid, gtids, counters, receiverRan }) : null;
  const sourceEnabled = isOn(plugins.get(`${semiSync.source}_enabled`));
  return {
    version: text(variables['version']),
    serverId: Number(variables['id']),
    readOnly: isOn(variables['ro']),
    executedGtid,
    history: executedGtid,
    origin,
    channel,
    channelDetail: replica
      ? {
          partlyRead: receivedOf(replica) !== appliedOf(replica),
          receivedBytes: receivedOf(replica),
          acknowledging,
        }
      : null,
    sourceEnabled,
    semiSync: {
      source: sourceEnabled && isOn(counters.get(`${capital(semiSync.source)}_status`)),
      replica:
        channel?.receiver === 'running' ? acknowledging : isOn(plugins.get(`${semiSync.replica}_enabled`)),
      replicas: Number(counters.get(`${capital(semiSync.source)}_clients`) ?? 0),
      waitingSessions: Number(counters.get(`${capital(semiSync.source)}_wait_sessions`) ?? 0),
    },
    receivesDurably: Number(variables['sync_relay_log']) === 1,
    uptimeS: Number(counters.get('Uptime') ?? 0),
    gtids,
    sourceKnown: text(replica?.['Master_UUID']) !== '',
    warnings: warningsOf(variables),
    applied: replica ? placeOf(replica['Relay_Master_Log_File'], replica['Exec_Master_Log_Pos']) : null,
    logged,
  };
}

type Row = Readonly<Record<string, unknown>>;

const receivedOf = (replica: Row): string =>
  `${text(replica['Master_Log_File'])}:${text(replica['Read_Master_Log_Pos'])}`;
const appliedOf = (replica: Row): string =>
  `${text(replica['Relay_Master_Log_File'])}:${text(replica['Exec_Master_Log_Pos'])}`;

/** The source's uuid is known once the receiver has connected to it. */
function sourcePlace(replica: Row, file: string, offset: string): string {
  const place = placeOf(replica[file], replica[offset]);
  const source = text(replica['Master_UUID']);
  return place === null || source === '' ? '' : positionText(source, place);
}

function executedPlaces(
  origin: string,
  logged: Place | null,
  log: OwnLog | null,
  replica: Row | null,
): string {
  const own = logged === null ? '' : positionText(origin, logged, log?.born ?? logged, log?.closed);
  const source = replica ? sourcePlace(replica, 'Relay_Master_Log_File', 'Exec_Master_Log_Pos') : '';
  return [own, source].filter((each) => each !== '').join(',');
}

function channelOf(
  replica: Row,
  beside: {
    readonly executedGtid: string;
    readonly gtids: boolean;
    readonly counters: ReadonlyMap<string, string>;
    readonly receiverRan: boolean;
  },
): ChannelStatus {
  const { executedGtid, gtids, counters, receiverRan } = beside;
  const receivedGtid = gtids
    ? oneLine(replica['Retrieved_Gtid_Set'])
    : sourcePlace(replica, 'Master_Log_File', 'Read_Master_Log_Pos');
  const applier = text(replica['Slave_SQL_Running']) === 'Yes' ? 'running' : 'stopped';
  const receiver = receiverState(text(replica['Slave_IO_Running']));
  return {
    sourceHost: text(replica['Master_Host']),
    sourcePort: Number(replica['Master_Port']),
    receiver,
    applier,
    receiverError: errorOf(replica['Last_IO_Errno'], replica['Last_IO_Error']),
    applierError: errorOf(replica['Last_SQL_Errno'], replica['Last_SQL_Error']),
    receivedGtid,
    appliedGtid: executedGtid,
    // After a start the receiver's place may be older than the relay log. Of half a transaction, which 5.6 counts as received,
    // the rest may never come: an applier that waits for more has applied all that there is.
    drained:
      (gtids
        ? contains(executedGtid, receivedGtid)
        : receiverRan && receivedOf(replica) === appliedOf(replica)) ||
      (applier === 'running' && receiver !== 'running' && isIdle(replica)),
    heartbeats: Number(counters.get('Slave_received_heartbeats') ?? 0),
  };
}

const isIdle = (replica: Row): boolean =>
  text(replica['Slave_SQL_Running_State']).startsWith('Slave has read all relay log');
