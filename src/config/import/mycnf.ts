// A server's my.cnf as the import reads it: the settings of the server, each with its place, and what among them a pair cannot live
// with. Used by import.ts; what a pair needs instead is printed by `config render my.cnf`.
import type { Say, TextFile } from './types.ts';

export interface MySetting {
  /** With underscores, as SHOW VARIABLES has it. */
  readonly name: string;
  /** `ON` where the line has none. */
  readonly value: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface MyCnf {
  /** Whether a file was given at all. */
  readonly known: boolean;
  /** The last line of each counts. */
  readonly settings: ReadonlyMap<string, MySetting>;
  /** All, for those that may stand twice. */
  readonly all: readonly MySetting[];
}

const LINES_MAX = 20_000;
const SERVER_GROUP = /^(?:mysqld|mariadbd?|server|mysqld_safe|mysqld[0-9]*|mysqld-[0-9.]+|mariadb-[0-9.]+)$/;

/** Lines before the first [group] are taken for the server's: pieces of a my.cnf come like that. */
export function readMyCnf(files: readonly TextFile[]): MyCnf {
  const all: MySetting[] = [];
  for (const { file, text } of files) {
    let group = 'mysqld';
    text.split(/\r?\n/, LINES_MAX).forEach((typed, i) => {
      const opened = /^\s*\[([^\]]*)\]/.exec(typed);
      if (opened) group = (opened[1] ?? '').trim().toLowerCase();
      const found = /^\s*([A-Za-z][A-Za-z0-9_-]*)\s*(?:=\s*(.*))?$/.exec(typed.replace(/(^|\s)#.*$/, ''));
      if (opened || found === null || !SERVER_GROUP.test(group)) return;
      const name = (found[1] ?? '')
        .toLowerCase()
        .replaceAll('-', '_')
        .replace(/^loose_/, '');
      const value = (found[2] ?? 'ON').trim().replace(/^(["'])(.*)\1$/, '$2');
      all.push({ name, value, file, line: i + 1, column: typed.search(/\S/) + 1 });
    });
  }
  return { known: files.length > 0, settings: new Map(all.map((s) => [s.name, s])), all };
}

/** The first of several names for one setting that stands there. */
export const setting = (mycnf: MyCnf, ...names: readonly string[]): MySetting | undefined =>
  names.map((name) => mycnf.settings.get(name)).find((s) => s !== undefined);

export const isOn = (s: MySetting | undefined): boolean =>
  s !== undefined && /^(?:on|1|true|yes)$/i.test(s.value);
const isOff = (s: MySetting): boolean => /^(?:off|0|false|no)$/i.test(s.value);

interface Judgement {
  readonly names: readonly string[];
  readonly severity: 'error' | 'warning';
  readonly wrong: (s: MySetting) => boolean;
  readonly message: string;
  readonly hint: string;
}

const filter = (names: readonly string[], what: string): Judgement => ({
  names,
  severity: 'error',
  wrong: () => true,
  message: `${what}: the two masters differ from then on without a sign, and a failover loses what was left out`,
  hint: 'remove the line; compare the two servers with `twinkeep verify` afterwards',
});

const JUDGEMENTS: readonly Judgement[] = [
  {
    names: ['slave_skip_errors', 'replica_skip_errors'],
    severity: 'error',
    wrong: (s) => !isOff(s),
    message:
      'replication errors are skipped: each skipped one is a row that differs between the two masters from then on, without a trace; twinkeep refuses it',
    hint: 'remove the line; replication that stops is shown by `twinkeep status`, with the row; compare both servers with `twinkeep verify`',
  },
  filter(
    ['binlog_ignore_db', 'binlog_do_db'],
    'writes are kept out of the binary log by the default database of the session',
  ),
  filter(
    [
      'replicate_ignore_db',
      'replicate_do_db',
      'replicate_wild_ignore_table',
      'replicate_wild_do_table',
      'replicate_ignore_table',
      'replicate_do_table',
    ],
    'arriving writes are filtered',
  ),
  {
    names: ['log_slave_updates', 'log_replica_updates'],
    severity: 'error',
    wrong: isOff,
    message:
      'what arrives from the other master is not written to the binary log: a replica behind this server never gets it, and the two histories cannot be compared when a node returns',
    hint: 'write log_slave_updates = ON (log_replica_updates from MySQL 8.0.26 on)',
  },
  {
    names: ['skip_log_bin', 'disable_log_bin'],
    severity: 'error',
    wrong: (s) => !isOff(s),
    message: 'this server keeps no binary log, so the other one can get nothing from it',
    hint: 'remove the line',
  },
  {
    names: ['skip_networking'],
    severity: 'error',
    wrong: (s) => !isOff(s),
    message: 'this server listens on no network',
    hint: 'remove the line',
  },
  {
    names: ['bind_address'],
    severity: 'error',
    wrong: (s) => !['*', '0.0.0.0', '::', ''].includes(s.value),
    message: 'this server listens on one address, so nobody reaches it at a VIP',
    hint: 'write bind_address = *',
  },
  {
    names: ['slave_exec_mode', 'replica_exec_mode'],
    severity: 'error',
    wrong: (s) => /^idempotent$/i.test(s.value),
    message:
      'rows that are missing or there already are skipped over in silence: the masters differ without a trace',
    hint: 'write slave_exec_mode = STRICT',
  },
  {
    names: ['binlog_format'],
    severity: 'warning',
    wrong: (s) => !/^row$/i.test(s.value),
    message: 'statements in the binary log may have another result on the other host',
    hint: 'write binlog_format = ROW',
  },
  {
    names: ['sync_binlog'],
    severity: 'warning',
    wrong: (s) => s.value !== '1',
    message: 'a crash of this host loses commits that were acknowledged',
    hint: 'write sync_binlog = 1',
  },
  {
    names: ['innodb_flush_log_at_trx_commit'],
    severity: 'warning',
    wrong: (s) => !['1', '3'].includes(s.value),
    message: 'a crash of this host loses commits that were acknowledged',
    hint: 'write 1 (`twinkeep config render my.cnf` knows where MariaDB needs 3)',
  },
];

export function judgeMyCnf(mycnf: MyCnf, say: Say): void {
  for (const s of mycnf.all)
    for (const j of JUDGEMENTS)
      if (j.names.includes(s.name) && j.wrong(s))
        say(
          j.severity,
          s,
          `mycnf-${s.name.replaceAll('_', '-')}`,
          `${s.name} = ${s.value.slice(0, 60)}: ${j.message}`,
          j.hint,
        );
}

/** What must differ between the two servers, and what must not. */
export function compareMyCnf(a: MyCnf, b: MyCnf, say: Say): void {
  const differ = (name: string, message: string, hint: string) => {
    const [x, y] = [setting(a, name), setting(b, name)];
    if (x && y && x.value === y.value)
      say(
        'error',
        x,
        `mycnf-${name.replaceAll('_', '-')}`,
        `both servers have ${name} ${x.value} (${y.file}:${y.line}): ${message}`,
        hint,
      );
  };
  differ('server_id', "each drops the other's events as its own", 'give each server a number of its own');
  differ(
    'auto_increment_offset',
    'both give out the same ids, which collide when both were written to',
    'write 1 at one and 2 at the other, with auto_increment_increment = 2 at both',
  );
  for (const name of ['gtid_mode', 'port', 'binlog_format']) {
    const [x, y] = [setting(a, name), setting(b, name)];
    if (x && y && x.value.toLowerCase() !== y.value.toLowerCase())
      say(
        'error',
        x,
        `mycnf-${name.replaceAll('_', '-')}`,
        `${name} is ${x.value} here and ${y.value} in ${y.file}:${y.line}`,
        'a pair has one value for both',
      );
  }
}

/** MySQL with GTIDs off must be followed by file and position; MariaDB always has GTIDs. */
export function positioningOf(
  a: MyCnf,
  b: MyCnf,
): { readonly positioning: 'gtid' | 'binlog'; readonly because: string } | null {
  const both = [a, b].filter((m) => m.known);
  if (both.length === 0) return null;
  const gtid = both.map((m) => setting(m, 'gtid_mode'));
  const on = gtid.find((s) => isOn(s));
  if (on !== undefined)
    return { positioning: 'gtid', because: `${on.file}:${on.line}: gtid_mode = ${on.value}.` };
  const mariadb = both
    .flatMap((m) => m.all)
    .find((s) => /^(?:gtid_domain_id|gtid_strict_mode|wsrep_|init_rpl_role)/.test(s.name));
  if (mariadb !== undefined)
    return {
      positioning: 'gtid',
      because: `${mariadb.file}:${mariadb.line}: ${mariadb.name} is a setting of MariaDB, which always has GTIDs.`,
    };
  return {
    positioning: 'binlog',
    because:
      'No gtid_mode = ON in the my.cnf, so channels name their place by file and position. Where the server has GTIDs (MariaDB, or MySQL with gtid_mode = ON), gtid is the better word.',
  };
}
