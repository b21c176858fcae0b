// The settings that decide what a crash, or the loss of a host, may take: the second half of the table in rules-settings.ts.
import type { SettingRule } from './rules-settings.ts';
import { isOnValue, type Settings, settingOf } from './settings.ts';

const off = (value: string): boolean => !isOnValue(value);
const inMariadb = (settings: Settings): boolean => settings.family === 'mariadb';

const DISKS: readonly SettingRule[] = [
  {
    name: 'sync_binlog',
    code: 'sync-binlog',
    severity: 'error',
    wrong: (value) => (Number(value) === 1 ? null : `sync_binlog = ${value}`),
    unset: () => 'sync_binlog is not set: 0 by default in MariaDB, and in MySQL before 5.7.7',
    why: 'after a power failure the binary log lacks commits that clients were told of: the other master never gets them',
    mend: 'sync_binlog = 1',
  },
  {
    name: 'innodb_flush_log_at_trx_commit',
    code: 'flush-log-at-commit',
    severity: 'error',
    wrong: (value, settings, { durability }) => {
      const level = Number(value);
      if (level === 0 || level === 2) return `innodb_flush_log_at_trx_commit = ${value}`;
      const rolledBack = inMariadb(settings) && durability === 'lossless' && level !== 3;
      return rolledBack
        ? 'innodb_flush_log_at_trx_commit = 1: with init_rpl_role = SLAVE a crash takes the last acknowledged commits back (MariaDB 10.11)'
        : null;
    },
    unset: (settings, { durability }) =>
      inMariadb(settings) && durability === 'lossless'
        ? 'innodb_flush_log_at_trx_commit is not set: 1 by default'
        : null,
    why: 'a commit that a client was told of is not on the disk yet, and a crash loses it',
    mend: 'innodb_flush_log_at_trx_commit = 1   # 3 on MariaDB with durability: lossless',
  },
  {
    name: 'innodb_doublewrite',
    code: 'doublewrite-off',
    severity: 'error',
    wrong: (value) => (/^(OFF|0|DETECT_ONLY)$/i.test(value.trim()) ? `innodb_doublewrite = ${value}` : null),
    why: 'a page that was half written at a power failure cannot be repaired: the table is lost',
    mend: 'innodb_doublewrite = ON',
  },
  {
    name: 'sync_relay_log',
    code: 'sync-relay-log',
    severity: 'error',
    steered: true,
    wrong: (value) => (Number(value) === 1 ? null : `sync_relay_log = ${value}`),
    unset: (_, { durability }) =>
      durability === 'lossless' ? 'sync_relay_log is not set: every 10000 events by default' : null,
    why: 'the standby acknowledges commits that are not on its disk: with both hosts lost at once (power), they are gone',
    mend: 'sync_relay_log = 1',
  },
  {
    name: 'relay_log_recovery',
    code: 'relay-log-recovery',
    severity: 'error',
    wrong: (value) => (isOnValue(value) ? 'relay_log_recovery is on' : null),
    why: 'at a restart the relay log is thrown away and asked for again: the source may be gone, and its acknowledged commits be nowhere else',
    mend: 'relay_log_recovery = OFF',
  },
  {
    name: 'relay_log_purge',
    code: 'relay-log-purge',
    severity: 'note',
    wrong: (value) => (off(value) ? 'relay_log_purge is off' : null),
    why: 'relay logs that are applied stay until the disk is full',
    mend: 'relay_log_purge = ON',
  },
  ...(['master_info_repository', 'relay_log_info_repository'] as const).map(
    (name): SettingRule => ({
      name,
      code: 'channel-in-files',
      severity: 'warning',
      family: 'mysql',
      wrong: (value) => (/^FILE$/i.test(value.trim()) ? `${name} = FILE` : null),
      why: 'after a crash the channel goes on from an old place: transactions are applied twice, or the applier stops at one that is there already',
      mend: `${name} = TABLE`,
    }),
  ),
];

const LOSSLESS_WHY =
  'a commit is told to the client before the other master has it: a failover then loses it (durability: lossless promises that it does not)';

const SEMI_SYNC: readonly SettingRule[] = [
  {
    name: 'rpl_semi_sync_master_enabled',
    code: 'semi-sync-off',
    severity: 'error',
    steered: true,
    wrong: (value, _, { durability }) =>
      durability === 'lossless' && off(value) ? 'the source side of semi-sync is off' : null,
    unset: (_, { durability }) =>
      durability === 'lossless' ? 'semi-sync is not set up: replication is asynchronous by default' : null,
    why: LOSSLESS_WHY,
    mend: 'rpl_semi_sync_master_enabled = ON and rpl_semi_sync_slave_enabled = ON (source, replica in MySQL 8.0.26 and newer, whose plugins plugin_load_add names)',
  },
  {
    name: 'rpl_semi_sync_master_timeout',
    code: 'semi-sync-timeout',
    severity: 'error',
    wrong: (value, _, { durability }) =>
      durability === 'lossless' && Number(value) < 1e15
        ? `semi-sync gives up after ${Number(value) / 1000} s`
        : null,
    why: 'after that time the server goes on without the other master, and nobody decided it: what it acknowledges from then on is lost with it',
    mend: 'rpl_semi_sync_master_timeout = 18446744073709551615',
  },
  {
    name: 'rpl_semi_sync_master_wait_point',
    code: 'semi-sync-wait-point',
    severity: 'error',
    wrong: (value, _, { durability }) =>
      durability === 'lossless' && /^AFTER_COMMIT$/i.test(value.trim())
        ? 'semi-sync waits AFTER_COMMIT'
        : null,
    unset: (settings, { durability }) =>
      durability === 'lossless' && settings.family === 'mariadb'
        ? 'rpl_semi_sync_master_wait_point is not set: AFTER_COMMIT by default in MariaDB'
        : null,
    why: 'other clients read rows that a failover then takes back',
    mend: 'rpl_semi_sync_master_wait_point = AFTER_SYNC',
  },
  {
    name: 'rpl_semi_sync_master_wait_no_slave',
    code: 'semi-sync-wait-no-replica',
    severity: 'error',
    wrong: (value, _, { durability }) =>
      durability === 'lossless' && off(value)
        ? 'semi-sync does not wait while no replica is connected'
        : null,
    why: LOSSLESS_WHY,
    mend: 'rpl_semi_sync_master_wait_no_slave = ON',
  },
];

const START: readonly SettingRule[] = [
  {
    name: 'read_only',
    code: 'starts-open',
    severity: 'error',
    steered: true,
    // A running server's value is its agent's, or an operator's: what counts is the file.
    wrong: (value, settings) =>
      settings.source === 'file' && /^(OFF|0)$/i.test(value.trim()) ? 'read_only is off' : null,
    unset: (settings) =>
      isOnValue(settingOf(settings, 'super_read_only')?.value ?? 'OFF')
        ? null
        : 'read_only is not set: the server starts open to writes',
    why: 'a server that comes back after a failover takes writes beside the new writer before anybody can stop it',
    mend: 'read_only = ON   # super_read_only = ON on MySQL 5.7.8 and newer; the agent opens the writer',
  },
  {
    name: 'skip_slave_start',
    code: 'channel-starts-itself',
    severity: 'error',
    family: 'mariadb',
    wrong: (value) => (off(value) ? 'skip_slave_start is off' : null),
    unset: (settings) =>
      inMariadb(settings) ? 'skip_slave_start is not set: the channel starts by itself' : null,
    why: 'MariaDB throws the relay log away when a thread starts while both are stopped, with commits that may be nowhere else',
    mend: 'skip_slave_start = ON',
  },
  {
    name: 'event_scheduler',
    code: 'event-scheduler',
    severity: 'warning',
    steered: true,
    wrong: (value, settings) =>
      settings.source === 'file' && isOnValue(value) ? 'event_scheduler is on from the start' : null,
    why: 'scheduled events run at the standby, too, and write there what the writer writes as well',
    mend: 'event_scheduler = OFF   # the agent turns it on at the writer',
  },
  {
    name: 'foreign_key_checks',
    code: 'checks-off',
    severity: 'error',
    wrong: (value) => (off(value) ? 'foreign_key_checks is off for every session' : null),
    why: 'rows that belong to nothing are taken in on one master, and refused on the other, or after the next restart',
    mend: 'SET GLOBAL foreign_key_checks = ON;   # and out of my.cnf',
  },
  {
    name: 'unique_checks',
    code: 'checks-off',
    severity: 'error',
    wrong: (value) => (off(value) ? 'unique_checks is off for every session' : null),
    why: 'InnoDB may take in a key twice',
    mend: 'SET GLOBAL unique_checks = ON;   # and out of my.cnf',
  },
  {
    name: 'slave_net_timeout',
    code: 'slow-to-notice',
    severity: 'note',
    wrong: (value) => (Number(value) > 60 ? `slave_net_timeout = ${value} s` : null),
    why: 'so long a receiver does not notice that its source is gone',
    mend: 'slave_net_timeout = 4',
  },
];

export const DURABILITY_RULES: readonly SettingRule[] = [...DISKS, ...SEMI_SYNC, ...START];
