// What a MySQL 5.6 server of the pair (5.6, and 5.7 before 5.7.8) must be set to, beyond what mycnf.ts sets on every family. Its
// packages are without the semi-sync plugin as often as not: it is run with durability: async.
import { OperatorError } from '../core/error.ts';
import { BECAUSE, type Group, receiverTimeoutS, type Setting, set } from './mycnf-setting.ts';
import type { PairConfig } from './types.ts';

const gtids = (): Setting[] => [
  set(
    'gtid_mode',
    'ON',
    'Each transaction has a name, by which the two histories are compared and channels find their place.',
  ),
  set(
    'enforce_gtid_consistency',
    'ON',
    'gtid_mode needs it: statements that cannot be one transaction are refused.',
  ),
];

const binaryLog = (config: PairConfig): Setting[] => [
  set('log_bin', 'twinkeep-bin', BECAUSE.binaryLog),
  set('binlog_format', 'ROW', BECAUSE.row),
  set('binlog_row_image', 'FULL', BECAUSE.wholeRows),
  set('log_slave_updates', 'ON', BECAUSE.passOn),
  ...(config.mysql.replication.positioning === 'gtid' ? gtids() : []),
  set('sync_binlog', 1, BECAUSE.syncBinlog),
  set('expire_logs_days', 7, BECAUSE.keepLogs),
];

const applier = (config: PairConfig): Setting[] => [
  set('relay_log', 'twinkeep-relay', BECAUSE.relayLog),
  set('skip_slave_start', 'ON', 'The agent starts the channel, once it knows which node is the writer.'),
  set('relay_log_recovery', 'OFF', BECAUSE.relayLogRecovery),
  set('sync_relay_log', 1, BECAUSE.syncRelayLog),
  set(
    'master_info_repository',
    'TABLE',
    'Kept in a table, which a crash does not tear. After a crash it may be old all the same: the agent goes by where the applier stands.',
  ),
  set(
    'relay_log_info_repository',
    'TABLE',
    'The same of what is applied: nothing is applied twice after a crash.',
  ),
  set(
    'slave_parallel_workers',
    0,
    'Its parallel applier commits out of order, and leaves gaps when it is stopped.',
  ),
  set('slave_net_timeout', receiverTimeoutS(config.failover.aloneAfterMs), BECAUSE.receiverTimeout),
  set('slave_exec_mode', 'STRICT', BECAUSE.strict),
];

/** Throws OperatorError for durability: lossless. */
export function mysql56Groups(config: PairConfig): Group[] {
  if (config.mysql.durability === 'lossless') {
    throw new OperatorError(
      'no-semi-sync',
      'MySQL 5.6 cannot serve durability: lossless: before 5.7 a commit shows to others before the standby has it (there is no AFTER_SYNC), and its packages often lack the semi-sync plugin',
      'write `mysql: { durability: async }` into pair.yaml, which says that a failover may lose the last commits, or run MySQL 5.7.8 or newer, or MariaDB 10.11',
    );
  }
  return [
    { title: 'binary log', settings: binaryLog(config) },
    { title: 'receiver and applier', settings: applier(config) },
    {
      title: 'asynchronous',
      settings: [
        set(
          'innodb_flush_log_at_trx_commit',
          1,
          "A commit is in InnoDB's log on this disk before it is acknowledged. A failover may lose the last commits all the same: durability is async.",
        ),
      ],
    },
  ];
}
