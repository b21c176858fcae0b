// What must be different on the two servers of a pair, and what must be the same.
import type { Finding, Severity } from './finding.ts';
import { type Settings, settingOf } from './settings.ts';

interface SameRule {
  readonly name: string;
  readonly severity: Severity;
  readonly why: string;
}

const TEXT_WHY =
  'tables and columns that are made without naming one get another on the other master: texts compare and sort differently there, and unique keys differ';

/** Equal on both, or the rows do not stay equal. */
const SAME: readonly SameRule[] = [
  { name: 'character_set_server', severity: 'error', why: TEXT_WHY },
  { name: 'collation_server', severity: 'error', why: TEXT_WHY },
  {
    name: 'sql_mode',
    severity: 'warning',
    why: 'after a switchover the same statement is refused, or its values are cut off, where it was not before',
  },
  {
    name: 'time_zone',
    severity: 'warning',
    why: 'NOW() and TIMESTAMP columns show another time after a switchover, and scheduled events run at another one',
  },
  {
    name: 'system_time_zone',
    severity: 'warning',
    why: 'with time_zone = SYSTEM, NOW() and TIMESTAMP columns show another time after a switchover',
  },
  {
    name: 'lower_case_table_names',
    severity: 'error',
    why: 'a table that one master finds does not exist on the other: the applier stops (error 1146)',
  },
  {
    name: 'default_storage_engine',
    severity: 'warning',
    why: 'a table that is made without naming one has another engine on the other master',
  },
  {
    name: 'explicit_defaults_for_timestamp',
    severity: 'warning',
    why: 'the same CREATE TABLE makes another table on the other master',
  },
  {
    name: 'max_allowed_packet',
    severity: 'warning',
    why: 'a row that the writer takes may be too large for the other one, later as the writer',
  },
  {
    name: 'gtid_domain_id',
    severity: 'error',
    why: 'one writer has one history: with two domains a second writer is not noticed',
  },
  {
    name: 'auto_increment_increment',
    severity: 'warning',
    why: 'with different steps the two sequences meet: both masters give out the same ids after a split',
  },
  {
    name: 'innodb_page_size',
    severity: 'warning',
    why: 'a table definition that fits on one master is refused on the other',
  },
  {
    name: 'binlog_checksum',
    severity: 'note',
    why: 'it works; events are checked in one direction only',
  },
];

interface DifferentRule {
  readonly name: string;
  readonly code: string;
  readonly severity: Severity;
  readonly why: string;
  readonly mend: string;
}

const DIFFERENT: readonly DifferentRule[] = [
  {
    name: 'server_id',
    code: 'equal-server-ids',
    severity: 'error',
    why: "a server drops every transaction that bears its own id: each would drop the other's, or refuse to connect (error 1593)",
    mend: 'give each its own server_id (twinkeep config render my.cnf --node NODE), and restart',
  },
  {
    name: 'server_uuid',
    code: 'equal-server-uuids',
    severity: 'error',
    why: 'GTIDs bear the uuid: with equal ones two transactions have one GTID, and the second is passed over (or the channel stops: error 1593)',
    mend: 'stop one server, remove auto.cnf from its data directory (it was copied with it), and start it',
  },
  {
    name: 'auto_increment_offset',
    code: 'equal-auto-increment-offsets',
    severity: 'warning',
    why: 'if both masters ever take writes, they give out the same ids, and what must then be brought together collides (error 1062)',
    mend: 'auto_increment_offset = 1 on one node, 2 on the other, with auto_increment_increment = 2 on both',
  },
];

const place = (settings: Settings, name: string) => {
  const found = settingOf(settings, name)?.place ?? null;
  return found === null ? {} : { place: found };
};

export function compareServers(one: Settings, other: Settings): Finding[] {
  const value = (settings: Settings, name: string): string | null =>
    settingOf(settings, name)?.value.trim() ?? null;
  const about = 'pair';
  const equal = DIFFERENT.flatMap(({ name, ...rule }): Finding[] => {
    const [mine, its] = [value(one, name), value(other, name)];
    if (mine === null || mine !== its) return [];
    return [{ ...rule, about, what: `${name} is ${mine} on both`, ...place(other, name) }];
  });
  const unequal = SAME.flatMap(({ name, severity, why }): Finding[] => {
    const [mine, its] = [value(one, name), value(other, name)];
    if (mine === null || its === null || mine.toUpperCase() === its.toUpperCase()) return [];
    return [
      {
        code: `differs-${name.replaceAll('_', '-')}`,
        severity,
        about,
        what: `${name} is ${shown(mine)} on ${one.about}, ${shown(its)} on ${other.about}`,
        why,
        mend: `set ${name} to the same value in both my.cnf, and restart the standby first`,
        ...place(other, name),
      },
    ];
  });
  return [...equal, ...unequal, ...compareVersions(one, other)];
}

const shown = (value: string): string => (value === '' ? 'empty' : value);
const series = (version: string): string => /^\d+\.\d+/.exec(version)?.[0] ?? version;
const release = (version: string): string => /^\d+\.\d+\.\d+/.exec(version)?.[0] ?? version;

function compareVersions(one: Settings, other: Settings): Finding[] {
  if (one.version === '' || other.version === '') return [];
  const what = `${one.about} runs ${one.version}, ${other.about} ${other.version}`;
  if (one.family !== other.family) {
    return [
      {
        code: 'differs-family',
        severity: 'error',
        about: 'pair',
        what,
        why: 'GTIDs of MariaDB and of MySQL cannot be compared: neither can tell what the other has',
        mend: 'run the same server on both nodes',
      },
    ];
  }
  if (release(one.version) === release(other.version)) return [];
  const same = series(one.version) === series(other.version);
  return [
    {
      code: 'differs-version',
      severity: same ? 'note' : 'warning',
      about: 'pair',
      what,
      why: same
        ? 'it works; a fault may show on one of them only'
        : 'an older server may not understand what a newer writer sends: upgrade the standby first, then switch over, then the other',
      mend: 'install the same version on both nodes, the standby first',
    },
  ];
}
