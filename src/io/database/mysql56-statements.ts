// The words of MySQL 5.6, which are those of 5.7 but for what 5.6 does not have: super_read_only, the lossless wait point of
// semi-sync, and tables of replication in performance_schema. Its semi-sync plugins are optional: Oracle's packages have
// them, others do not.
import { capital, type Statements, statementsFor } from './mysql-statements.ts';

export const MYSQL56: Statements = {
  ...statementsFor('5.7.8'),
  heartbeatPeriod:
    "SELECT VARIABLE_VALUE AS s FROM information_schema.global_status WHERE VARIABLE_NAME = 'SLAVE_HEARTBEAT_PERIOD'",
  // By what it says while it waits for the rest of a transaction: performance_schema may be off, and names it otherwise.
  applierSession: `SELECT ID AS id FROM information_schema.processlist WHERE USER = 'system user'
   AND STATE LIKE 'Slave has read all relay log%'`,
};

/** The facts that a status is made of, in one round trip; read by mysql56-status.ts in this order. */
export function statusSql56({ semiSync, showReplica }: Statements): string {
  const counters = [
    'Uptime',
    'Slave_received_heartbeats',
    `${capital(semiSync.source)}_status`,
    `${capital(semiSync.source)}_clients`,
    `${capital(semiSync.source)}_wait_sessions`,
    `${capital(semiSync.replica)}_status`,
  ];
  const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');
  return `SELECT @@version AS version, @@server_id AS id, @@server_uuid AS uuid, @@GLOBAL.read_only AS ro,
   @@GLOBAL.gtid_mode AS gtid_mode, @@GLOBAL.gtid_executed AS executed, @@GLOBAL.sync_relay_log AS sync_relay_log,
   @@GLOBAL.relay_log_info_repository AS relay_info, @@GLOBAL.slave_parallel_workers AS workers;
  SHOW GLOBAL STATUS WHERE Variable_name IN (${quoted(counters)});
  SHOW GLOBAL VARIABLES WHERE Variable_name IN (${quoted([`${semiSync.source}_enabled`, `${semiSync.replica}_enabled`])});
  ${showReplica};
  SHOW MASTER STATUS`;
}
