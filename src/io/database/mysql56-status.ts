// What a MySQL 5.6 server says about itself, read in one round trip and turned into a ServerStatus. With GTIDs its histories
// are sets as MySQL's are; without them they are places in binary logs (core/gtid/positions.ts).
import { contains } from '../../core/gtid/gtid.ts';
import type { ChannelStatus } from '../../runtime/ports.ts';
import type { OwnLog, Place } from './mysql-born.ts';
import { inPlaces, isIdle, type PlacesStatus, placeOf } from './mysql-places.ts';
import { capital } from './mysql-statements.ts';
import type { MysqlStatus } from './mysql-status.ts';
import { MYSQL56 } from './mysql56-statements.ts';
import { isOn, rowsAt, text } from './rows.ts';

export interface Mysql56Status extends PlacesStatus {
  /** False: it replicates by file and position. */
  readonly gtids: boolean;
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

export function limitsOf(variables: Readonly<Record<string, unknown>>): NonNullable<MysqlStatus['limits']> {
  const restart = (line: string): string => `my.cnf: ${line}, and a restart of the server`;
  const limits = [
    {
      because:
        'MySQL 5.6 has no super_read_only: accounts with SUPER may write to a server that is closed (their sessions are cut when it is closed, and not kept out afterwards)',
      lift: 'run MySQL 5.7.8 or newer, or MariaDB; let no application use an account with SUPER',
    },
  ];
  if (text(variables['relay_info']) !== 'TABLE')
    limits.push({
      because:
        'relay_log_info_repository is not TABLE: after a crash the applier may repeat or miss transactions',
      lift: restart('relay_log_info_repository = TABLE'),
    });
  if (Number(variables['workers'] ?? 0) > 0 && text(variables['gtid_mode']) !== 'ON')
    limits.push({
      because:
        'slave_parallel_workers is not 0 and there are no GTIDs: after a crash transactions between those applied may be missing',
      lift: restart('slave_parallel_workers = 0'),
    });
  return limits;
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
  const { semiSync, columns } = MYSQL56;
  const gtids = text(variables['gtid_mode']) === 'ON';
  const executedGtid = gtids ? oneLine(variables['executed']) : '';
  const acknowledging = isOn(counters.get(`${capital(semiSync.replica)}_status`));
  const channel = replica ? channelOf(replica, executedGtid, counters) : null;
  const sourceEnabled = isOn(plugins.get(`${semiSync.source}_enabled`));
  const logged = placeOf(master?.['File'], master?.['Position']);
  const status: MysqlStatus = {
    version: text(variables['version']),
    serverId: Number(variables['id']),
    readOnly: isOn(variables['ro']),
    executedGtid,
    history: executedGtid,
    origin: text(variables['uuid']),
    channel,
    channelDetail: replica
      ? {
          partlyRead: receivedOf(replica) !== appliedOf(replica),
          receivedBytes: receivedOf(replica),
          acknowledging,
        }
      : null,
    sourceEnabled,
    replicaRow: replica,
    semiSync: {
      source: sourceEnabled && isOn(counters.get(`${capital(semiSync.source)}_status`)),
      replica:
        channel?.receiver === 'running' ? acknowledging : isOn(plugins.get(`${semiSync.replica}_enabled`)),
      replicas: Number(counters.get(`${capital(semiSync.source)}_clients`) ?? 0),
      waitingSessions: Number(counters.get(`${capital(semiSync.source)}_wait_sessions`) ?? 0),
    },
    receivesDurably: Number(variables['sync_relay_log']) === 1,
    uptimeS: Number(counters.get('Uptime') ?? 0),
  };
  const repository = text(variables['relay_info']);
  const placed = inPlaces(status, { columns, replica, logged, own, receiverRan, repository });
  return { ...placed, ...(gtids ? status : {}), gtids, limits: limitsOf(variables), logged };
}

type Row = Readonly<Record<string, unknown>>;

const receivedOf = (replica: Row): string =>
  `${text(replica['Master_Log_File'])}:${text(replica['Read_Master_Log_Pos'])}`;
const appliedOf = (replica: Row): string =>
  `${text(replica['Relay_Master_Log_File'])}:${text(replica['Exec_Master_Log_Pos'])}`;

function channelOf(replica: Row, executedGtid: string, counters: ReadonlyMap<string, string>): ChannelStatus {
  const receivedGtid = oneLine(replica['Retrieved_Gtid_Set']);
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
    // Of half a transaction, which 5.6 counts as received, the rest may never come: an applier that waits for more has applied
    // all that there is.
    drained:
      contains(executedGtid, receivedGtid) ||
      (applier === 'running' && receiver !== 'running' && isIdle(replica)),
    heartbeats: Number(counters.get('Slave_received_heartbeats') ?? 0),
  };
}
