// The privileges that twinkeep's two accounts need, each with its reason; docs/MARIADB.md shows the same list. Read by
// set-up, which grants them, by the manager at each start, and by the doctor: checkGrants names a missing one with the
// statement that mends it. grantsFor has the lists of every family; the others' are in files of their own.
import type { ServerKind } from '../../core/family.ts';
import type { HeldConnection } from './connection.ts';
import { mysql57AdminGrants, mysqlAdminGrants, mysqlReplicationGrants } from './mysql-grants.ts';
import { mysql56AdminGrants } from './mysql56-grants.ts';
import { rowsOf } from './rows.ts';
import { salvageGrants } from './salvage-grants.ts';

export interface Grant {
  readonly privileges: string;
  /** "*.*", or the schema's tables. */
  readonly on: string;
  readonly because: string;
}

export function adminGrants(schema: string): readonly Grant[] {
  return [
    {
      privileges: 'READ_ONLY ADMIN',
      on: '*.*',
      because: 'opens and closes a server to writes, its own and, as a fence, the other one',
    },
    {
      privileges: 'CONNECTION ADMIN',
      on: '*.*',
      because: 'closes client sessions; has one connection more than max_connections',
    },
    { privileges: 'PROCESS', on: '*.*', because: 'sees the client sessions to close' },
    {
      privileges: 'REPLICATION SLAVE ADMIN',
      on: '*.*',
      because: 'starts and stops the channel, sets its GTID position, switches the replica side of semi-sync',
    },
    {
      privileges: 'REPLICATION MASTER ADMIN',
      on: '*.*',
      because: 'switches the source side of semi-sync',
    },
    { privileges: 'SLAVE MONITOR', on: '*.*', because: "reads the channel's status and the relay log" },
    {
      privileges: 'RELOAD, LOCK TABLES, BINLOG MONITOR',
      on: '*.*',
      because: 'gives the other node a copy of this one by mariadb-backup (`twinkeep clone`)',
    },
    {
      privileges: 'SUPER',
      on: '*.*',
      because:
        'switches event_scheduler, and passes over an event that is applied already; 10.11 has nothing smaller for these',
    },
    {
      privileges: 'SELECT, INSERT, UPDATE',
      on: `\`${schema}\`.*`,
      because: 'commits and reads the heartbeat',
    },
    {
      privileges: 'BINLOG REPLAY',
      on: '*.*',
      because: 'applies what a fallen writer had committed alone, under its own GTIDs (`durability: async`)',
    },
    ...salvageGrants('mariadb', schema),
  ];
}

export const replicationGrants: readonly Grant[] = [
  { privileges: 'REPLICATION SLAVE', on: '*.*', because: "reads the source's binary log" },
];

/** Not granted by set-up: each widens what the agent's account may see or do, for one feature. */
export interface OptionalGrant extends Grant {
  readonly optionalFor: string;
}

const READS_ROWS: readonly OptionalGrant[] = [
  {
    privileges: 'SELECT',
    on: '*.*',
    because:
      'reads the rows of the users, to compare both masters and to show what an error of the applier is about',
    optionalFor: '`twinkeep verify`, and the values in `twinkeep why` when the applier has stopped,',
  },
];
const CLONES: readonly OptionalGrant[] = [
  {
    privileges: 'BACKUP_ADMIN, CLONE_ADMIN',
    on: '*.*',
    because: "gives its data to, or takes them from, the other node with MySQL's clone plugin",
    optionalFor: '`twinkeep clone` by the clone plugin',
  },
];

export interface AccountGrants {
  readonly admin: readonly Grant[];
  readonly replication: readonly Grant[];
  readonly optional: readonly OptionalGrant[];
}

/** Of one feature only, which its reason names; an administrator may take it away, and the rest goes on. Null: needed. */
const featureOf = ({ because }: Grant): string | null =>
  /`(?:twinkeep (?:salvage|clone|verify|archive)|durability: async)[^`]*`/.exec(because)?.[0] ?? null;

/** What both accounts need on such a server, and what features beyond that need. */
export function grantsFor({ family, version }: ServerKind, schema: string): AccountGrants {
  const mysql = version < 80_000 ? mysql57AdminGrants : mysqlAdminGrants;
  const all = { mariadb: adminGrants, mysql, mysql56: mysql56AdminGrants }[family](schema);
  const features = all.flatMap((grant) => {
    const feature = featureOf(grant);
    return feature === null ? [] : [{ ...grant, optionalFor: feature }];
  });
  const clones = family === 'mysql' && version >= 80_017 ? CLONES : [];
  return {
    admin: all.filter((grant) => featureOf(grant) === null),
    replication: family === 'mysql' ? mysqlReplicationGrants : replicationGrants,
    optional: [...features, ...READS_ROWS, ...clones],
  };
}

export interface MissingGrant {
  readonly privilege: string;
  /** What an administrator types to mend it. */
  readonly statement: string;
  readonly because: string;
}

/** SHOW GRANTS names some privileges otherwise than GRANT takes them. */
const SHOWN_AS: Readonly<Record<string, string>> = {
  'SLAVE MONITOR': 'SLAVE MONITOR',
  'REPLICA MONITOR': 'SLAVE MONITOR',
  'REPLICATION REPLICA': 'REPLICATION SLAVE',
  'REPLICATION REPLICA ADMIN': 'REPLICATION SLAVE ADMIN',
};

/** Servers show `twinkeep`.*, and lists say it with quotes or without. */
const unquoted = (place: string): string => place.replaceAll('`', '');

/** The privileges of the lines of SHOW GRANTS, by what they are on. */
export function heldPrivileges(lines: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const held = new Map<string, Set<string>>();
  for (const line of lines) {
    const [, privileges = '', place = ''] = /^GRANT (.+?) ON (\S+) TO /.exec(line) ?? [];
    const on = unquoted(place);
    const set = held.get(on) ?? new Set<string>();
    for (const each of privileges.split(',')) {
      const name = each.trim();
      set.add(SHOWN_AS[name] ?? name);
    }
    held.set(on, set);
  }
  return held;
}

export function missingGrants(
  lines: readonly string[],
  wanted: readonly Grant[],
  account: string,
): readonly MissingGrant[] {
  const held = heldPrivileges(lines);
  const has = (on: string, privilege: string): boolean =>
    ['*.*', unquoted(on)].some(
      (place) => held.get(place)?.has(privilege) || held.get(place)?.has('ALL PRIVILEGES'),
    );
  return wanted.flatMap((grant) =>
    grant.privileges
      .split(', ')
      .filter((privilege) => !has(grant.on, privilege))
      .map((privilege) => ({
        privilege,
        statement: `GRANT ${privilege} ON ${grant.on} TO ${account};`,
        because: grant.because,
      })),
  );
}

/** What the account that is logged in lacks. */
export async function checkGrants(
  connection: HeldConnection,
  wanted: readonly Grant[],
  deadlineMs: number,
): Promise<readonly MissingGrant[]> {
  const [who] = rowsOf(await connection.query('SELECT CURRENT_USER() AS account', deadlineMs));
  const account = String(who?.['account'] ?? '')
    .split('@')
    .map((part) => `'${part}'`)
    .join('@');
  const grants = rowsOf(await connection.query('SHOW GRANTS', deadlineMs));
  return missingGrants(
    grants.map((row) => String(Object.values(row)[0] ?? '')),
    wanted,
    account,
  );
}
