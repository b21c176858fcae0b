// The words of MySQL by version: 8.0.26 renamed what had been called master and slave, 8.4 took most of the old words away.
// One table; mysql.ts and its neighbours never ask which version it is.
import { versionNumber } from '../../core/family.ts';
import { DatabaseError } from '../../runtime/ports.ts';

export interface Statements {
  readonly startReplica: string;
  readonly startReceiver: string;
  readonly startApplier: string;
  readonly stopReplica: string;
  readonly stopReceiver: string;
  readonly stopApplier: string;
  readonly showReplica: string;
  /** The end of the server's own binary log. */
  readonly showLogEnd: string;
  /** Begins a statement that makes or changes the channel; its options begin with `source`. */
  readonly changeSource: string;
  readonly source: 'SOURCE' | 'MASTER';
  readonly removeChannel: string;
  /** Asks how often the source sends a heartbeat; a CHANGE that does not say it may set it back. */
  readonly heartbeatPeriod: string;
  /** With both threads stopped this throws the relay log away, and fetches again what is not executed. */
  readonly discardReceived: string;
  readonly semiSync: SemiSyncNames;
  readonly columns: ReplicaColumns;
  /** The table of sessions. */
  readonly sessions: string;
  /** What a server that sends its binary log, or receives one, does in that table. */
  readonly replicationCommands: readonly string[];
  /** Asks for the id of the applier's session. */
  readonly applierSession: string;
}

interface SemiSyncNames {
  /** The start of the names of variables and, with a capital, of counters. */
  readonly source: string;
  readonly replica: string;
  readonly waitNoReplica: string;
}

/** Columns of SHOW REPLICA STATUS that are named otherwise in older versions; the rest are the same in all. */
interface ReplicaColumns {
  readonly host: string;
  readonly port: string;
  readonly user: string;
  readonly receiverRunning: string;
  readonly applierRunning: string;
  readonly receivedFile: string;
  readonly receivedPos: string;
  readonly appliedFile: string;
  readonly appliedPos: string;
}

const applierNamed = (name: string): string =>
  `SELECT PROCESSLIST_ID AS id FROM performance_schema.threads WHERE NAME LIKE 'thread/sql/${name}\\_sql'`;

const HEARTBEAT_PERIOD =
  "SELECT HEARTBEAT_INTERVAL AS s FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = ''";

const SINCE_8_0_26: Statements = {
  startReplica: 'START REPLICA',
  startReceiver: 'START REPLICA IO_THREAD',
  startApplier: 'START REPLICA SQL_THREAD',
  stopReplica: 'STOP REPLICA',
  stopReceiver: 'STOP REPLICA IO_THREAD',
  stopApplier: 'STOP REPLICA SQL_THREAD',
  showReplica: 'SHOW REPLICA STATUS',
  showLogEnd: 'SHOW BINARY LOG STATUS',
  changeSource: 'CHANGE REPLICATION SOURCE TO',
  source: 'SOURCE',
  removeChannel: 'RESET REPLICA ALL',
  heartbeatPeriod: HEARTBEAT_PERIOD,
  discardReceived: 'CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 1',
  semiSync: {
    source: 'rpl_semi_sync_source',
    replica: 'rpl_semi_sync_replica',
    waitNoReplica: 'rpl_semi_sync_source_wait_no_replica',
  },
  columns: {
    host: 'Source_Host',
    port: 'Source_Port',
    user: 'Source_User',
    receiverRunning: 'Replica_IO_Running',
    applierRunning: 'Replica_SQL_Running',
    receivedFile: 'Source_Log_File',
    receivedPos: 'Read_Source_Log_Pos',
    appliedFile: 'Relay_Source_Log_File',
    appliedPos: 'Exec_Source_Log_Pos',
  },
  sessions: 'performance_schema.processlist',
  replicationCommands: ['Binlog Dump', 'Binlog Dump GTID', 'Daemon', 'Killed'],
  applierSession: applierNamed('replica'),
};

const BEFORE_8_0_26: Statements = {
  startReplica: 'START SLAVE',
  startReceiver: 'START SLAVE IO_THREAD',
  startApplier: 'START SLAVE SQL_THREAD',
  stopReplica: 'STOP SLAVE',
  stopReceiver: 'STOP SLAVE IO_THREAD',
  stopApplier: 'STOP SLAVE SQL_THREAD',
  showReplica: 'SHOW SLAVE STATUS',
  showLogEnd: 'SHOW MASTER STATUS',
  changeSource: 'CHANGE MASTER TO',
  source: 'MASTER',
  removeChannel: 'RESET SLAVE ALL',
  heartbeatPeriod: HEARTBEAT_PERIOD,
  discardReceived: 'CHANGE MASTER TO MASTER_AUTO_POSITION = 1',
  semiSync: {
    source: 'rpl_semi_sync_master',
    replica: 'rpl_semi_sync_slave',
    waitNoReplica: 'rpl_semi_sync_master_wait_no_slave',
  },
  columns: {
    host: 'Master_Host',
    port: 'Master_Port',
    user: 'Master_User',
    receiverRunning: 'Slave_IO_Running',
    applierRunning: 'Slave_SQL_Running',
    receivedFile: 'Master_Log_File',
    receivedPos: 'Read_Master_Log_Pos',
    appliedFile: 'Relay_Master_Log_File',
    appliedPos: 'Exec_Master_Log_Pos',
  },
  sessions: 'information_schema.processlist',
  replicationCommands: ['Binlog Dump', 'Binlog Dump GTID', 'Daemon', 'Killed'],
  applierSession: applierNamed('slave'),
};

/** `version` as the server says it, like "8.0.36-28" or "9.7.4-2". */
export function statementsFor(version: string): Statements {
  const number = versionNumber(version);
  if (number === null || /mariadb/i.test(version))
    throw new DatabaseError('statement', `"${version.slice(0, 60)}" is no version of MySQL`);
  // super_read_only came with 5.7.8; without it whoever has SUPER writes to a standby.
  if (number < 50_708)
    throw new DatabaseError(
      'statement',
      `MySQL ${version} cannot be closed to writes: 5.7.8 or newer is needed`,
    );
  return statementsOf(number);
}

/** `version` as versionNumber has it. */
export function statementsOf(version: number): Statements {
  if (version < 80_026) return BEFORE_8_0_26;
  // 8.2 has the new words, and 8.4 no longer the old ones.
  const { showLogEnd } = version >= 80_200 ? SINCE_8_0_26 : BEFORE_8_0_26;
  return { ...SINCE_8_0_26, showLogEnd };
}

/**
 * The facts that a status is made of, in one round trip; read by mysql-status.ts in this order. `variables` false: without
 * those, which the server does not tell while the source side is being switched off.
 */
export function statusSql({ semiSync, showReplica }: Statements, variables = true): string {
  const counters = [
    'Uptime',
    `${capital(semiSync.source)}_status`,
    `${capital(semiSync.source)}_clients`,
    `${capital(semiSync.source)}_wait_sessions`,
    `${capital(semiSync.replica)}_status`,
  ];
  const asked = `SELECT @@version AS version, @@server_id AS id, @@server_uuid AS uuid, @@GLOBAL.super_read_only AS super_ro,
   @@GLOBAL.gtid_executed AS executed, @@GLOBAL.sync_relay_log AS sync_relay_log, @@GLOBAL.gtid_mode AS gtid_mode,
   @@GLOBAL.${semiSync.source}_enabled AS source, @@GLOBAL.${semiSync.replica}_enabled AS replica`;
  return `${variables ? asked : 'DO 0'};
  SELECT VARIABLE_NAME AS name, VARIABLE_VALUE AS value FROM performance_schema.global_status
   WHERE VARIABLE_NAME IN (${counters.map((name) => `'${name}'`).join(', ')});
  ${showReplica};
  SELECT COUNT_RECEIVED_HEARTBEATS AS heartbeats FROM performance_schema.replication_connection_status
   WHERE CHANNEL_NAME = '';
  SELECT LAST_ERROR_NUMBER AS number, LAST_ERROR_MESSAGE AS message
   FROM performance_schema.replication_applier_status_by_worker
   WHERE CHANNEL_NAME = '' AND LAST_ERROR_NUMBER <> 0 LIMIT 1`;
}

export const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** The source side, on: every value that safety rests on is set with it, each only when it differs. */
export const semiSyncValues = ({ semiSync }: Statements): readonly (readonly [string, string])[] => [
  [`${semiSync.source}_timeout`, '18446744073709551615'],
  [semiSync.waitNoReplica, '1'],
  [`${semiSync.source}_wait_point`, 'AFTER_SYNC'],
];
