// What a MariaDB server says about itself, read in one round trip and turned into a ServerStatus.
import { contains, executedPosition, rewoundSlavePosition } from '../../core/gtid/mariadb.ts';
import type { ChannelStatus, ServerStatus } from '../../runtime/ports.ts';
import { isOn, rowsAt, text } from './rows.ts';

/** The server's own words, beyond what every family has. */
export interface MariadbStatus extends ServerStatus {
  readonly channelDetail: ChannelDetail | null;
}

/** What steering the channel needs, and no decision. */
export interface ChannelDetail {
  readonly usingGtid: boolean;
  readonly relayLogFile: string;
  readonly relayLogPos: number;
  /** The receiver has read more of the source's log than the applier has finished. */
  readonly partlyRead: boolean;
  readonly receivedBytes: string;
  /** The applier waits for more; with a parallel applier its workers may still be busy. */
  readonly idle: boolean;
  readonly applierErrno: number;
  /** gtid_slave_pos as the server has it, and as it must be before the receiver starts (null: it is right). */
  readonly slavePos: string;
  readonly rewound: string | null;
  /** The present connection to the source acknowledges. */
  readonly acknowledging: boolean;
}

export const STATUS_SQL = `SELECT @@version AS version, @@server_id AS id, @@GLOBAL.read_only AS ro,
 @@GLOBAL.gtid_binlog_pos AS logged, @@GLOBAL.gtid_binlog_state AS history, @@GLOBAL.gtid_slave_pos AS slave,
 @@GLOBAL.sync_relay_log AS sync_relay_log, @@GLOBAL.rpl_semi_sync_master_enabled AS source, @@GLOBAL.rpl_semi_sync_slave_enabled AS replica;
SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Rpl_semi_sync_master_clients',
 'Rpl_semi_sync_master_wait_sessions', 'Rpl_semi_sync_slave_status');
SHOW ALL SLAVES STATUS`;

function receiverState(said: string): ChannelStatus['receiver'] {
  if (said === 'Yes') return 'running';
  // "Connecting", and "Preparing" while the thread starts.
  return said === 'No' ? 'stopped' : 'connecting';
}

const errorOf = (number: unknown, message: unknown): string | null =>
  Number(number ?? 0) === 0 ? null : `${text(message)} (error ${text(number)})`;

export function readStatus(result: unknown): MariadbStatus {
  const variables = rowsAt(result, 0)[0] ?? {};
  const counters = new Map(rowsAt(result, 1).map((row) => [text(row['Variable_name']), text(row['Value'])]));
  // The unnamed channel is the one that this program makes.
  const slave = rowsAt(result, 2).find((row) => text(row['Connection_name']) === '');
  const serverId = Number(variables['id']);
  const slavePos = text(variables['slave']);
  const logged = text(variables['logged']);
  const rewound = rewoundSlavePosition(slavePos, logged, serverId);
  const acknowledging = isOn(counters.get('Rpl_semi_sync_slave_status'));
  const applied = rewound ?? slavePos;
  const channel = slave ? channelOf(slave, applied) : null;
  const enabled = isOn(variables['replica']);
  return {
    version: text(variables['version']),
    serverId,
    readOnly: isOn(variables['ro']),
    executedGtid: executedPosition(slavePos, logged, serverId),
    history: text(variables['history']),
    origin: text(variables['id']),
    channel,
    channelDetail: slave ? { ...detailOf(slave), slavePos, rewound, acknowledging } : null,
    semiSync: {
      source: isOn(variables['source']),
      // The variable counts from the next connection on; the present one goes on as it was made.
      replica: channel?.receiver === 'running' ? acknowledging : enabled,
      replicas: Number(counters.get('Rpl_semi_sync_master_clients') ?? 0),
      waitingSessions: Number(counters.get('Rpl_semi_sync_master_wait_sessions') ?? 0),
    },
    receivesDurably: Number(variables['sync_relay_log']) === 1,
    uptimeS: Number(counters.get('Uptime') ?? 0),
  };
}

function channelOf(slave: Record<string, unknown>, applied: string): ChannelStatus {
  const received = text(slave['Gtid_IO_Pos']);
  return {
    sourceHost: text(slave['Master_Host']),
    sourcePort: Number(slave['Master_Port']),
    receiver: receiverState(text(slave['Slave_IO_Running'])),
    applier: text(slave['Slave_SQL_Running']) === 'Yes' ? 'running' : 'stopped',
    receiverError: errorOf(slave['Last_IO_Errno'], slave['Last_IO_Error']),
    applierError: errorOf(slave['Last_SQL_Errno'], slave['Last_SQL_Error']),
    receivedGtid: received,
    appliedGtid: applied,
    drained: isIdle(slave) && contains(applied, received),
    heartbeats: Number(slave['Slave_received_heartbeats'] ?? 0),
  };
}

const isIdle = (slave: Record<string, unknown>): boolean =>
  text(slave['Slave_SQL_Running_State']).startsWith('Slave has read all relay log');

function detailOf(slave: Record<string, unknown>) {
  return {
    usingGtid: text(slave['Using_Gtid']) !== 'No',
    relayLogFile: text(slave['Relay_Log_File']),
    relayLogPos: Number(slave['Relay_Log_Pos']),
    partlyRead:
      text(slave['Master_Log_File']) !== text(slave['Relay_Master_Log_File']) ||
      text(slave['Read_Master_Log_Pos']) !== text(slave['Exec_Master_Log_Pos']),
    receivedBytes: `${text(slave['Master_Log_File'])}:${text(slave['Read_Master_Log_Pos'])}`,
    idle: isIdle(slave),
    applierErrno: Number(slave['Last_SQL_Errno'] ?? 0),
  };
}
