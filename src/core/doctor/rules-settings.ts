// The table of settings that replication and the pair's safety rest on: what is wrong, why it matters, what mends it.
// One table for my.cnf (before any server runs) and for running servers.
import type { Finding, Severity } from './finding.ts';
import { isOnValue, type Settings, settingOf, settingsOf } from './settings.ts';

/** What of pair.yaml the judgement depends on. */
export interface Wanted {
  readonly durability: 'lossless' | 'async';
  readonly positioning: 'gtid' | 'binlog';
}

export interface SettingRule {
  readonly name: string;
  readonly code: string;
  readonly severity: Severity;
  /** What is wrong with this value; null: nothing. */
  readonly wrong: (value: string, settings: Settings, wanted: Wanted) => string | null;
  readonly why: string;
  readonly mend: string;
  /** In a file that does not set it: what the server then does. Null: its default is right. */
  readonly unset?: (settings: Settings, wanted: Wanted) => string | null;
  /** The agent changes it while the server runs. */
  readonly steered?: true;
  /** Each line adds one, and each is looked at. */
  readonly repeated?: true;
  readonly family?: 'mariadb' | 'mysql';
}

const off = (value: string): boolean => !isOnValue(value);
const number = (value: string): number => Number(value.trim());

const FILTER_WHY =
  'a filter decides by the current schema (USE), not by the table that is written: the two masters drift apart without an error, and neither may then replace the other';

const filter = (name: string): SettingRule => ({
  name,
  code: name.startsWith('binlog') ? 'binlog-filter' : 'replication-filter',
  severity: 'error',
  repeated: true,
  wrong: (value) => {
    if (value.trim() === '') return null;
    // A running server shows several lines as one list; in a file a list is one name.
    const list = value.includes(',')
      ? ' (in my.cnf a list with commas is taken for one name, which no schema has: what was meant is not even done)'
      : '';
    return `${name} = ${value}${list}`;
  },
  why: FILTER_WHY,
  mend: `take every ${name} line out of my.cnf and restart; what must stay local is written with SET SESSION sql_log_bin = 0`,
});

const FILTERS = [
  'binlog_do_db',
  'binlog_ignore_db',
  'slave_do_db',
  'replicate_do_db',
  'replicate_ignore_db',
  'replicate_do_table',
  'replicate_ignore_table',
  'replicate_wild_do_table',
  'replicate_wild_ignore_table',
  'replicate_rewrite_db',
];

const SKIPPING: readonly SettingRule[] = [
  {
    name: 'slave_skip_errors',
    code: 'slave-skip-errors',
    severity: 'error',
    wrong: (value) => (/^(OFF|0|)$/i.test(value.trim()) ? null : `slave_skip_errors = ${value}`),
    why: 'an error of the applier is the sign that the two masters differ already; passed over, each one lets them differ more, and nobody hears of it',
    mend: 'take slave_skip_errors out of my.cnf and restart; then compare the data (twinkeep verify)',
  },
  {
    name: 'sql_slave_skip_counter',
    code: 'skip-counter',
    severity: 'error',
    wrong: (value) => (number(value) > 0 ? `sql_slave_skip_counter = ${value}` : null),
    why: 'the applier will leave that many transactions out at its next start, whatever they hold',
    mend: 'SET GLOBAL sql_slave_skip_counter = 0;',
  },
  {
    name: 'slave_exec_mode',
    code: 'slave-exec-mode',
    severity: 'error',
    wrong: (value) => (/^IDEMPOTENT$/i.test(value.trim()) ? 'slave_exec_mode = IDEMPOTENT' : null),
    why: 'rows that are missing or there already are passed over in silence: slave_skip_errors under another name',
    mend: 'slave_exec_mode = STRICT',
  },
];

const BINARY_LOG: readonly SettingRule[] = [
  {
    name: 'log_bin',
    code: 'no-binary-log',
    severity: 'error',
    wrong: (value) => (/^(OFF|0)$/i.test(value.trim()) ? 'the binary log is off' : null),
    unset: () => 'log_bin is not set: the binary log is off by default in MariaDB, and in MySQL before 8.0',
    why: 'without a binary log the other master receives nothing of what is written here',
    mend: 'log_bin = mysql-bin',
  },
  {
    name: 'binlog_format',
    code: 'binlog-format',
    severity: 'error',
    wrong: (value) => (/^ROW$/i.test(value.trim()) ? null : `binlog_format = ${value.trim().toUpperCase()}`),
    unset: () =>
      'binlog_format is not set: the default is MIXED in MariaDB, and STATEMENT in MySQL before 5.7.7',
    why: 'a statement may do another thing on the other master (LIMIT, UUID(), triggers, auto-increments), so that their rows differ without an error; salvage and comparison need rows, too',
    mend: 'binlog_format = ROW',
  },
  {
    name: 'binlog_row_image',
    code: 'binlog-row-image',
    severity: 'warning',
    wrong: (value) => (/^(FULL|FULL_NODUP)$/i.test(value.trim()) ? null : `binlog_row_image = ${value}`),
    why: 'without the whole rows a transaction that must be taken back or replayed after a split cannot be',
    mend: 'binlog_row_image = FULL',
  },
  {
    name: 'log_slave_updates',
    code: 'no-log-slave-updates',
    severity: 'error',
    wrong: (value, settings) => {
      if (!off(value)) return null;
      const gtids = /^ON$/i.test(settingOf(settings, 'gtid_mode')?.value ?? '');
      return `log_slave_updates is off${gtids ? ' (with gtid_mode = ON, MySQL 5.6 does not even start so)' : ''}`;
    },
    unset: () => 'log_slave_updates is not set: off by default in MariaDB, and in MySQL before 8.0',
    why: 'what comes from the other master does not go on to the replicas behind this one, and is missing from the history that a rejoin compares',
    mend: 'log_slave_updates = ON',
  },
  {
    name: 'binlog_expire_logs_seconds',
    code: 'logs-expire-soon',
    severity: 'warning',
    wrong: (value, settings) => {
      const days = number(settingOf(settings, 'expire_logs_days')?.value ?? '0');
      const seconds = number(value) || days * 86_400;
      return seconds > 0 && seconds < 172_800 ? `the binary log is kept for ${hours(seconds)} only` : null;
    },
    why: "a master that was away for longer cannot catch up from the other's binary log: it must be copied anew",
    mend: 'binlog_expire_logs_seconds = 604800   # a week (expire_logs_days = 7 before MySQL 8.0 and MariaDB 10.6)',
  },
  {
    name: 'expire_logs_days',
    code: 'logs-expire-soon',
    severity: 'warning',
    wrong: (value, settings) => {
      if (settingOf(settings, 'binlog_expire_logs_seconds') !== null) return null;
      const days = number(value);
      return days > 0 && days < 2 ? `the binary log is kept for ${hours(days * 86_400)} only` : null;
    },
    why: "a master that was away for longer cannot catch up from the other's binary log: it must be copied anew",
    mend: 'expire_logs_days = 7',
  },
];

const hours = (seconds: number): string => `${Math.round(seconds / 360) / 10} h`;

const IDENTITY: readonly SettingRule[] = [
  {
    name: 'server_id',
    code: 'no-server-id',
    severity: 'error',
    wrong: (value) => (number(value) > 0 ? null : `server_id = ${value}`),
    unset: () => 'server_id is not set: 1 by default, on every server',
    why: "a server drops every transaction that bears its own id: with equal ids each drops the other's",
    mend: 'server_id = a number that no other server has   # twinkeep config render my.cnf gives one to each node',
  },
  {
    name: 'auto_increment_increment',
    code: 'auto-increment',
    severity: 'warning',
    wrong: (value) => (number(value) >= 2 ? null : `auto_increment_increment = ${value}`),
    unset: () => 'auto_increment_increment is not set: 1 by default',
    why: 'if both masters ever take writes, they give out the same ids, and what must then be brought together collides',
    mend: 'auto_increment_increment = 2, with auto_increment_offset = 1 on one node and 2 on the other',
  },
  {
    name: 'bind_address',
    code: 'listens-locally',
    severity: 'error',
    wrong: (value) =>
      /^(127\.|::1$|localhost$)/.test(value.trim()) ? `bind_address = ${value}: this host only` : null,
    why: 'neither the other master, nor clients on the VIP, reach a server that listens on its own host only',
    mend: 'bind_address = *',
  },
  {
    name: 'skip_networking',
    code: 'listens-locally',
    severity: 'error',
    wrong: (value) => (isOnValue(value) ? 'skip_networking is on' : null),
    why: 'neither the other master, nor clients on the VIP, reach a server without TCP',
    mend: 'take skip_networking out of my.cnf and restart',
  },
  {
    name: 'skip_grant_tables',
    code: 'no-accounts',
    severity: 'error',
    wrong: (value) => (isOnValue(value) ? 'skip_grant_tables is on' : null),
    why: 'everybody may do everything, read_only included',
    mend: 'take skip_grant_tables out of my.cnf and restart',
  },
];

const GTIDS: readonly SettingRule[] = [
  {
    name: 'gtid_mode',
    code: 'gtid-mode',
    severity: 'error',
    family: 'mysql',
    wrong: (value, _, { positioning }) =>
      positioning === 'binlog' || /^ON$/i.test(value.trim()) ? null : `gtid_mode = ${value}`,
    unset: (settings, { positioning }) =>
      positioning === 'gtid' && settings.family === 'mysql' ? 'gtid_mode is not set: off by default' : null,
    why: 'without GTIDs a position of one master says nothing on the other: after a failover it is found by hand, or not at all',
    mend: 'gtid_mode = ON, with enforce_gtid_consistency = ON',
  },
  {
    name: 'enforce_gtid_consistency',
    code: 'gtid-consistency',
    severity: 'error',
    family: 'mysql',
    wrong: (value, settings) =>
      /^(ON|1)$/i.test(value.trim()) || settingOf(settings, 'gtid_mode')?.value !== 'ON'
        ? null
        : `enforce_gtid_consistency = ${value}`,
    why: 'gtid_mode = ON needs it: the server does not start without',
    mend: 'enforce_gtid_consistency = ON',
  },
  {
    name: 'gtid_strict_mode',
    code: 'gtid-strict-mode',
    severity: 'error',
    family: 'mariadb',
    wrong: (value) => (off(value) ? 'gtid_strict_mode is off' : null),
    unset: (settings) =>
      settings.family === 'mariadb' ? 'gtid_strict_mode is not set: off by default' : null,
    why: 'the mark of a second writer, a GTID out of order, is then mixed into the history instead of stopping it',
    mend: 'gtid_strict_mode = ON',
  },
];

export const SETTING_RULES: readonly SettingRule[] = [
  ...SKIPPING,
  ...FILTERS.map(filter),
  ...BINARY_LOG,
  ...IDENTITY,
  ...GTIDS,
];

const MADE_BY = 'twinkeep config render my.cnf';

/** The findings of one table about one server's settings. */
export function judge(rules: readonly SettingRule[], settings: Settings, wanted: Wanted): Finding[] {
  return rules.flatMap((rule): Finding[] => {
    const { name, code, severity, why, mend } = rule;
    if (rule.family !== undefined && settings.family !== null && rule.family !== settings.family) return [];
    if (rule.steered && settings.steered) return [];
    const finding = { code, severity, about: settings.about, why, mend };
    const found = settingOf(settings, name);
    if (found === null) {
      if (settings.source === 'server') return [];
      const what = rule.unset?.(settings, wanted) ?? null;
      // What a default does depends on the version, which a file does not tell.
      const mild = severity === 'error' ? 'warning' : 'note';
      return what === null
        ? []
        : [{ ...finding, severity: mild, what, mend: `${mend} (${MADE_BY} prints all)` }];
    }
    const lines = rule.repeated ? settingsOf(settings, name) : [found];
    return lines.flatMap((line) => {
      const what = rule.wrong(line.value, settings, wanted);
      if (what === null) return [];
      return [{ ...finding, what, ...(line.place === null ? {} : { place: line.place }) }];
    });
  });
}
