// What one running server shows beyond its settings: data that cannot be replicated safely, accounts, grants, the channel.
import type { Facts, ServerFacts } from './facts.ts';
import { type Finding, type Severity, someOf } from './finding.ts';

interface ServerRule {
  readonly code: string;
  readonly severity: Severity;
  /** What is so; null: nothing to say. Several: one finding each. */
  readonly found: (server: ServerFacts, facts: Facts) => string | null;
  readonly why: string;
  readonly mend: string | ((server: ServerFacts) => string);
}

const named = (table: string): string => table.replace(/ \(.*$/, '');

const SERVER_RULES: readonly ServerRule[] = [
  {
    code: 'tables-without-key',
    severity: 'warning',
    found: ({ keylessTables: tables }) =>
      tables === null || tables.length === 0
        ? null
        : `${tables.length} ${tables.length === 1 ? 'table has' : 'tables have'} no primary key: ${someOf(tables)}`,
    why: 'the applier looks each changed row up by reading the whole table: one large UPDATE can hold it up for hours, and rows cannot be compared or repaired one by one',
    mend: ({ keylessTables }) =>
      `ALTER TABLE ${named(keylessTables?.[0] ?? '')
        .replace('.', '`.`')
        .replace(/^|$/g, '`')} ADD COLUMN id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY;`,
  },
  {
    code: 'tables-not-transactional',
    severity: 'warning',
    found: ({ unsafeTables: tables }) =>
      tables === null || tables.length === 0
        ? null
        : `${tables.length} ${tables.length === 1 ? 'table cannot' : 'tables cannot'} be rolled back: ${someOf(tables)}`,
    why: 'what a crash leaves half done stays half done, and a write that no standby acknowledged cannot be taken back',
    mend: ({ unsafeTables }) =>
      `ALTER TABLE ${named(unsafeTables?.[0] ?? '')
        .replace('.', '`.`')
        .replace(/^|$/g, '`')} ENGINE = InnoDB;`,
  },
  {
    code: 'anonymous-accounts',
    severity: 'error',
    found: ({ accounts }) =>
      accounts === null || accounts.anonymous.length === 0
        ? null
        : `anybody may log in: ${someOf(accounts.anonymous)}`,
    why: 'an account without a name takes whoever comes from that host, and hides accounts of the same host that have one',
    mend: ({ accounts }) => `DROP USER ${accounts?.anonymous[0] ?? ''};`,
  },
  {
    code: 'accounts-without-password',
    severity: 'error',
    found: ({ accounts }) =>
      accounts === null || accounts.passwordless.length === 0
        ? null
        : `accounts without a password: ${someOf(accounts.passwordless)}`,
    why: 'whoever reaches the port is in',
    mend: ({ accounts }) => `ALTER USER ${accounts?.passwordless[0] ?? ''} IDENTIFIED BY '...';`,
  },
  {
    code: 'accounts-write-read-only',
    severity: 'error',
    found: ({ accounts }) =>
      accounts === null || accounts.writeReadOnly.length === 0
        ? null
        : `accounts that may write to the standby: ${someOf(accounts.writeReadOnly)}`,
    why: 'read_only does not stop them: one stray write at the standby makes the two masters differ, and travels to the writer',
    mend: ({ accounts, version }) =>
      /mariadb/i.test(version)
        ? `REVOKE READ_ONLY ADMIN ON *.* FROM ${accounts?.writeReadOnly[0] ?? ''};`
        : `REVOKE SUPER ON *.* FROM ${accounts?.writeReadOnly[0] ?? ''};`,
  },
  {
    code: 'semi-sync-missing',
    severity: 'error',
    found: ({ semiSync, version }, { pair }) =>
      semiSync || pair.durability === 'async'
        ? null
        : `${version} has no semi-sync (no plugin is loaded), and pair.yaml asks for durability: lossless`,
    why: 'without it a commit is told to the client before the other master has it: a failover may lose the last ones',
    mend: 'INSTALL SONAME/INSTALL PLUGIN both sides of it (plugin_load_add in my.cnf); a server that has no such plugin: mysql.durability: async, and know what it costs',
  },
  {
    code: 'semi-sync-missing',
    severity: 'note',
    found: ({ semiSync, version }, { pair }) =>
      semiSync || pair.durability === 'lossless' ? null : `${version} has no semi-sync (no plugin is loaded)`,
    why: 'replication is asynchronous: a failover may lose the last commits, which salvage or a binlog archive may bring back',
    mend: 'a MySQL 5.7 or newer, or MariaDB 10.3 or newer, has it',
  },
  {
    code: 'event-scheduler-at-standby',
    severity: 'warning',
    found: ({ readOnly, variables }) =>
      readOnly && variables['event_scheduler'] === 'ON'
        ? 'the event scheduler runs at a read-only server'
        : null,
    why: 'an event of an account that read_only does not stop writes at the standby',
    mend: 'SET GLOBAL event_scheduler = OFF;   # the agent turns it on at the writer',
  },
  {
    code: 'other-channels',
    severity: 'warning',
    found: ({ otherChannels: names }) =>
      names.length === 0 ? null : `further replication channels: ${someOf(names)}`,
    why: 'what comes in by them is neither compared nor watched, and makes the two masters differ if only one receives it',
    mend: ({ otherChannels: [name = ''], version }) =>
      /mariadb/i.test(version)
        ? `STOP SLAVE '${name}'; RESET SLAVE '${name}' ALL;   # if it is no longer wanted`
        : `STOP REPLICA FOR CHANNEL '${name}'; RESET REPLICA ALL FOR CHANNEL '${name}';   # if it is no longer wanted`,
  },
  {
    code: 'no-channel',
    severity: 'warning',
    found: ({ channel }) => (channel === null ? 'it has no replication channel' : null),
    why: 'it does not receive what the other master writes: it cannot take over',
    mend: 'twinkeep setup',
  },
];

export function judgeServer(server: ServerFacts, facts: Facts): Finding[] {
  const about = server.node;
  const found = SERVER_RULES.flatMap(({ found: look, mend, ...rule }): Finding[] => {
    const what = look(server, facts);
    if (what === null) return [];
    return [{ ...rule, about, what, mend: typeof mend === 'string' ? mend : mend(server) }];
  });
  return [...found, ...judgeChannel(server), ...judgeFilters(server), ...judgeGrants(server)];
}

function judgeChannel({ node, channel }: ServerFacts): Finding[] {
  const why = 'this node falls behind, and cannot take over until it is mended; nothing is skipped by itself';
  const found: Finding[] = [];
  const say = (code: string, what: string): void => {
    const mend = `twinkeep why ${node} names the row and what to do`;
    found.push({ code, severity: 'error', about: node, what, why, mend });
  };
  if (channel?.applierError != null)
    say('applier-stopped', `the applier has stopped: ${channel.applierError}`);
  if (channel?.receiverError != null) say('receiver-error', `the receiver: ${channel.receiverError}`);
  return found;
}

/** Of a running server: where a filter is set without any my.cnf saying so. */
function judgeFilters({ node, channel, binlogFilters }: ServerFacts): Finding[] {
  const all = { ...binlogFilters, ...channel?.filters };
  return Object.entries(all)
    .filter(([, list]) => list !== '')
    .map(([name, list]) => ({
      code: name.toLowerCase().startsWith('binlog') ? 'binlog-filter' : 'replication-filter',
      severity: 'error',
      about: node,
      what: `${name.toLowerCase()} = ${list}`,
      why: 'a filter decides by the current schema (USE), not by the table that is written: the two masters drift apart without an error, and neither may then replace the other',
      mend: 'take it out of my.cnf (or CHANGE REPLICATION FILTER, SET GLOBAL, where it was set so) and restart the channel; what must stay local is written with SET SESSION sql_log_bin = 0',
    }));
}

function judgeGrants({ node, missingGrants }: ServerFacts): Finding[] {
  return (missingGrants ?? []).map(({ statement, because, optionalFor }) => ({
    code: optionalFor === null ? 'grant-missing' : 'grant-optional',
    severity: optionalFor === null ? 'error' : 'note',
    about: node,
    what: `the agent's account lacks a privilege${optionalFor === null ? '' : ` that ${optionalFor} needs`}`,
    why: because,
    mend: statement,
  }));
}
