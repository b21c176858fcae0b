// What a MariaDB 10.11 server of the pair must be set to, beyond what mycnf.ts sets on every family.
import {
  BECAUSE,
  type Group,
  receiverTimeoutS,
  SEMI_SYNC_TIMEOUT_MS_MAX,
  type Setting,
  set,
} from './mycnf-setting.ts';
import type { PairConfig } from './types.ts';

export function mariadbExtraPort(config: PairConfig): Setting[] {
  const { extraPort: port } = config.mysql;
  if (port === null) return [];
  return [
    set('extra_port', port, 'A way in for the agents when all connections are taken.'),
    set(
      'extra_max_connections',
      8,
      'Two agents with a few connections each; the default of 1 would let one lock out the other.',
    ),
  ];
}

const binaryLog = (): Setting[] => [
  set('log_bin', 'twinkeep-bin', BECAUSE.binaryLog),
  set('binlog_format', 'ROW', BECAUSE.row),
  set('binlog_row_image', 'FULL', BECAUSE.wholeRows),
  set('log_slave_updates', 'ON', BECAUSE.passOn),
  set('gtid_domain_id', 0, 'One domain for both nodes: there is one writer, so there is one history.'),
  set(
    'gtid_strict_mode',
    'ON',
    'An out-of-order GTID, the mark of a second writer, stops replication instead of mixing two histories.',
  ),
  set('sync_binlog', 1, BECAUSE.syncBinlog),
  set('binlog_expire_logs_seconds', 604_800, BECAUSE.keepLogs),
];

const applier = (config: PairConfig): Setting[] => [
  set('relay_log', 'twinkeep-relay', BECAUSE.relayLog),
  set(
    'skip_slave_start',
    'ON',
    'With both replication threads stopped, starting either throws the relay log away, with what is unapplied in it (seen on 10.11.19, also with relay_log_recovery=OFF). The agent applies what the relay log holds before it starts the channel.',
  ),
  set('relay_log_recovery', 'OFF', BECAUSE.relayLogRecovery),
  set('sync_relay_log', 1, BECAUSE.syncRelayLog),
  set(
    'slave_parallel_mode',
    'conservative',
    'Applies in parallel what the writer committed together, without roll-backs and retries, so that a drain takes a foreseeable time. A lossless writer commits in groups, or waits a round trip for each commit: both let the applier keep up.',
  ),
  set('slave_parallel_threads', 4, 'Enough for such groups.'),
  set('slave_net_timeout', receiverTimeoutS(config.failover.aloneAfterMs), BECAUSE.receiverTimeout),
  set('slave_exec_mode', 'STRICT', BECAUSE.strict),
];

const lossless = (): Setting[] => [
  set(
    'innodb_flush_log_at_trx_commit',
    3,
    "InnoDB's log is on the disk at the prepare and at the commit. With 1 the commit itself is not, so that after a crash init_rpl_role=SLAVE rolls the last acknowledged commits back (seen on 10.11.19 with the server killed).",
  ),
  set('rpl_semi_sync_master_enabled', 'ON', BECAUSE.sourceOn),
  set('rpl_semi_sync_master_timeout', SEMI_SYNC_TIMEOUT_MS_MAX, BECAUSE.endless),
  set('rpl_semi_sync_master_wait_point', 'AFTER_SYNC', BECAUSE.afterSync),
  set('rpl_semi_sync_master_wait_no_slave', 'ON', BECAUSE.waitForNone),
  set('rpl_semi_sync_slave_enabled', 'ON', BECAUSE.replicaOn),
  set(
    'rpl_semi_sync_slave_kill_conn_timeout',
    1,
    'Stopping the receiver connects to the writer once more, and a frozen one lets it wait for this many seconds. 0 sets no limit (still waiting after 20 s on 10.11.19).',
  ),
  set(
    'init_rpl_role',
    'SLAVE',
    'Crash recovery rolls back what no standby acknowledged, instead of committing it alone (MDEV-33465).',
  ),
];

const asynchronous = (): Setting[] => [
  set(
    'innodb_flush_log_at_trx_commit',
    1,
    "A commit is in InnoDB's log on this disk before it is acknowledged.",
  ),
  set('rpl_semi_sync_master_enabled', 'OFF', BECAUSE.async),
  set('rpl_semi_sync_slave_enabled', 'OFF', 'As above.'),
  set(
    'init_rpl_role',
    'MASTER',
    'Crash recovery keeps every commit in the binary log; nobody waited for an acknowledgement.',
  ),
];

export const mariadbGroups = (config: PairConfig): Group[] => [
  { title: 'binary log', settings: binaryLog() },
  { title: 'receiver and applier', settings: applier(config) },
  config.mysql.durability === 'lossless'
    ? { title: 'lossless: acknowledged by the other node', settings: lossless() }
    : { title: 'asynchronous', settings: asynchronous() },
];
