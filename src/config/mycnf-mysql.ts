// What a MySQL server of the pair (5.7.8 to 9.x) must be set to, beyond what mycnf.ts sets on every family. 8.0.26 renamed what
// had been called master and slave; what older versions lack a good default for is set there.
import type { ServerKind } from '../core/family.ts';
import {
  BECAUSE,
  type Group,
  receiverTimeoutS,
  SEMI_SYNC_TIMEOUT_MS_MAX,
  type Setting,
  set,
} from './mycnf-setting.ts';
import type { PairConfig } from './types.ts';

/** Words and defaults change at these versions. */
const TABLES_BY_DEFAULT = 80_000;
const ADMIN_PORT = 80_014;
const CLONE = 80_017;
const RENAMED = 80_026;
const PARALLEL_BY_DEFAULT = 80_027;

interface Words {
  readonly source: string;
  readonly replica: string;
  /** Of rpl_semi_sync_*_wait_no_*. */
  readonly none: string;
  readonly plugins: readonly [string, string];
}

const wordsOf = ({ version }: ServerKind): Words =>
  version >= RENAMED
    ? {
        source: 'source',
        replica: 'replica',
        none: 'replica',
        plugins: ['semisync_source.so', 'semisync_replica.so'],
      }
    : {
        source: 'master',
        replica: 'slave',
        none: 'slave',
        plugins: ['semisync_master.so', 'semisync_slave.so'],
      };

export function mysqlExtraPort(config: PairConfig, nodeName: string, { version }: ServerKind): Setting[] {
  const { extraPort: port } = config.mysql;
  const node = config.nodes.find((each) => each.name === nodeName);
  if (port === null || node === undefined || version < ADMIN_PORT) return [];
  return [
    set(
      'admin_address',
      node.address,
      'A way in for the agents of both nodes when all connections are taken. It takes one address, no wildcard.',
    ),
    set('admin_port', port, 'As mysql.extraPort in pair.yaml.'),
    set(
      'create_admin_listener_thread',
      'ON',
      'Answered by a thread of its own, also when the others are busy.',
    ),
  ];
}

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

const binaryLog = (config: PairConfig, { version }: ServerKind, { replica }: Words): Setting[] => [
  set('log_bin', 'twinkeep-bin', BECAUSE.binaryLog),
  set('binlog_format', 'ROW', BECAUSE.row),
  set('binlog_row_image', 'FULL', BECAUSE.wholeRows),
  set(`log_${replica}_updates`, 'ON', BECAUSE.passOn),
  ...(config.mysql.replication.positioning === 'gtid' ? gtids() : []),
  set('sync_binlog', 1, BECAUSE.syncBinlog),
  version >= TABLES_BY_DEFAULT
    ? set('binlog_expire_logs_seconds', 604_800, BECAUSE.keepLogs)
    : set('expire_logs_days', 7, BECAUSE.keepLogs),
];

const applier = (config: PairConfig, { version }: ServerKind, { replica }: Words): Setting[] => [
  set('relay_log', 'twinkeep-relay', BECAUSE.relayLog),
  set(
    `skip_${replica}_start`,
    'ON',
    'The agent starts the channel, once it knows which node is the writer: a server that fell as the writer may hold commits that the other node has never seen, and a running channel would spread them.',
  ),
  set('relay_log_recovery', 'OFF', BECAUSE.relayLogRecovery),
  set('sync_relay_log', 1, BECAUSE.syncRelayLog),
  ...(version < TABLES_BY_DEFAULT
    ? [
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
      ]
    : []),
  ...(version < PARALLEL_BY_DEFAULT
    ? [
        set(
          `${replica}_parallel_type`,
          'LOGICAL_CLOCK',
          'Applies in parallel what the writer committed together; the default of this version is one thread a schema.',
        ),
      ]
    : []),
  set(
    `${replica}_parallel_workers`,
    4,
    'Enough for what the writer commits together: both nodes keep up, and a drain takes a foreseeable time.',
  ),
  set(
    `${replica}_preserve_commit_order`,
    'ON',
    'Commits in the order of the writer, so that a standby never shows, and never stops with, a later transaction without an earlier one.',
  ),
  set(`${replica}_net_timeout`, receiverTimeoutS(config.failover.aloneAfterMs), BECAUSE.receiverTimeout),
  set(`${replica}_exec_mode`, 'STRICT', BECAUSE.strict),
];

const plugins = ({ version }: ServerKind, words: Words): Setting =>
  set(
    'plugin_load_add',
    `"${[...words.plugins, ...(version >= CLONE ? ['mysql_clone.so'] : [])].join(';')}"`,
    `Semi-synchronous replication${version >= CLONE ? ' and CLONE, by which a node is made anew from the other,' : ''} come as plugins; loaded here, they are there from the first moment on.`,
  );

const lossless = (kind: ServerKind, words: Words): Setting[] => [
  plugins(kind, words),
  set(
    'innodb_flush_log_at_trx_commit',
    1,
    "A commit is in InnoDB's log on this disk before it is acknowledged.",
  ),
  set(`rpl_semi_sync_${words.source}_enabled`, 'ON', BECAUSE.sourceOn),
  set(`rpl_semi_sync_${words.source}_timeout`, SEMI_SYNC_TIMEOUT_MS_MAX, BECAUSE.endless),
  set(`rpl_semi_sync_${words.source}_wait_point`, 'AFTER_SYNC', BECAUSE.afterSync),
  set(`rpl_semi_sync_${words.source}_wait_no_${words.none}`, 'ON', BECAUSE.waitForNone),
  set(`rpl_semi_sync_${words.replica}_enabled`, 'ON', BECAUSE.replicaOn),
];

const asynchronous = (kind: ServerKind, words: Words): Setting[] => [
  plugins(kind, words),
  set(
    'innodb_flush_log_at_trx_commit',
    1,
    "A commit is in InnoDB's log on this disk before it is acknowledged.",
  ),
  set(`rpl_semi_sync_${words.source}_enabled`, 'OFF', BECAUSE.async),
  set(`rpl_semi_sync_${words.replica}_enabled`, 'OFF', 'As above.'),
];

export function mysqlGroups(config: PairConfig, kind: ServerKind): Group[] {
  const words = wordsOf(kind);
  return [
    { title: 'binary log', settings: binaryLog(config, kind, words) },
    { title: 'receiver and applier', settings: applier(config, kind, words) },
    config.mysql.durability === 'lossless'
      ? { title: 'lossless: acknowledged by the other node', settings: lossless(kind, words) }
      : { title: 'asynchronous', settings: asynchronous(kind, words) },
  ];
}
