// What the doctor asks a server, as the agent's account or, which shows more, as an administrator. Changes nothing. What the
// account may not see is null in the facts, and named among the unseen.
import type { AccountFacts, ChannelFacts, GrantFact, ServerFacts } from '../../core/doctor/facts.ts';
import { kindOf, type ServerKind } from '../../core/family.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { type Endpoint, HeldConnection } from '../database/connection.ts';
import { checkGrants, grantsFor, heldPrivileges } from '../database/grants.ts';
import { rowsOf, text } from '../database/rows.ts';
import { accountsOf } from './accounts.ts';

const ASK_MS_MAX = 5_000;

type Ask = (sql: string) => Promise<readonly Record<string, unknown>[]>;

export interface ServerLogins {
  /** The agent's own account: its grants are checked. */
  readonly agent: Endpoint;
  /** Sees accounts and all tables; null: none was given. */
  readonly administrator: Endpoint | null;
}

/** Rejects with a DatabaseError when the server answers neither. */
export async function gatherServer(node: string, logins: ServerLogins, schema: string): Promise<ServerFacts> {
  const { agent, administrator } = logins;
  const open = (endpoint: Endpoint) => new HeldConnection({ endpoint, onTimeout: 'discard' });
  const own = open(agent);
  const other = administrator === null ? null : open(administrator);
  try {
    const asked = other ?? own;
    const ask: Ask = async (sql) => rowsOf(await asked.query(sql, ASK_MS_MAX));
    const facts = await look(node, ask, agent.user, schema);
    const grants = await grantFacts(own, facts.version, schema);
    const refused = typeof grants === 'string' ? [`the privileges of ${agent.user}: ${grants}`] : [];
    return {
      ...facts,
      missingGrants: typeof grants === 'string' ? null : grants,
      unseen: [...facts.unseen, ...refused],
    };
  } finally {
    own.close();
    other?.close();
  }
}

async function look(
  node: string,
  ask: Ask,
  agentUser: string,
  schema: string,
): Promise<Omit<ServerFacts, 'missingGrants'>> {
  const [{ version: said } = {}] = await ask('SELECT @@version AS version');
  const version = text(said);
  const kind = kindOf(version);
  if (kind === null) throw new DatabaseError('statement', `"${version.slice(0, 60)}" is no known version`);
  const clock = await clockOf(ask);
  const shown = await ask('SHOW GLOBAL VARIABLES');
  const variables = Object.fromEntries(
    shown.map((row) => [text(row['Variable_name']).toLowerCase(), text(row['Value'])]),
  );
  const unseen: string[] = [];
  const maybe = async <T>(what: string, work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code === 'down') throw error;
      unseen.push(`${what} (${error.message})`);
      return null;
    }
  };
  const channels = (await maybe('the replication channel', () => channelsOf(ask, kind))) ?? [];
  const seesAll = await seesEveryTable(ask);
  if (!seesAll) unseen.push('tables of engines that cannot roll back (the account does not see all tables)');
  return {
    node,
    version,
    variables,
    clock,
    readOnly: variables['read_only'] === 'ON',
    semiSync: ['master', 'source'].some((side) => `rpl_semi_sync_${side}_enabled` in variables),
    channel: channels.find(({ name }) => name === '')?.facts ?? null,
    otherChannels: channels.map(({ name }) => name).filter((name) => name !== ''),
    binlogFilters: await maybe('filters of the binary log', () => binlogFilters(ask, kind)),
    keylessTables: await maybe('tables without a primary key', () => keylessTables(ask, kind, schema)),
    unsafeTables: seesAll
      ? await maybe('tables of engines that cannot roll back', () => unsafeTables(ask, schema))
      : null,
    accounts: await maybe<AccountFacts>('accounts', () => accountsOf(ask, kind, agentUser)),
    unseen,
  };
}

async function clockOf(ask: Ask): Promise<ServerFacts['clock']> {
  const before = Date.now();
  const [row] = await ask('SELECT UTC_TIMESTAMP(6) AS now');
  const after = Date.now();
  const server = Date.parse(`${text(row?.['now']).replace(' ', 'T')}Z`);
  if (Number.isNaN(server)) return null;
  return { aheadMs: Math.round(server - (before + after) / 2), errorMs: Math.ceil((after - before) / 2) };
}

const FILTERS = [
  'Replicate_Do_DB',
  'Replicate_Ignore_DB',
  'Replicate_Do_Table',
  'Replicate_Ignore_Table',
  'Replicate_Wild_Do_Table',
  'Replicate_Wild_Ignore_Table',
  'Replicate_Rewrite_DB',
];

async function channelsOf(ask: Ask, { family, version }: ServerKind) {
  const sql =
    family === 'mariadb'
      ? 'SHOW ALL SLAVES STATUS'
      : version >= 80_022
        ? 'SHOW REPLICA STATUS'
        : 'SHOW SLAVE STATUS';
  return (await ask(sql)).map((row) => {
    const of = (name: string): string =>
      text(row[name] ?? row[name.replace('Slave', 'Replica').replace('Master', 'Source')]);
    const error = (number: string, message: string): string | null =>
      of(number) === '' || of(number) === '0' ? null : `${of(message)} (error ${of(number)})`;
    const facts: ChannelFacts = {
      sourceHost: of('Master_Host'),
      receiver: of('Slave_IO_Running'),
      applier: of('Slave_SQL_Running'),
      receiverError: error('Last_IO_Errno', 'Last_IO_Error'),
      applierError: error('Last_SQL_Errno', 'Last_SQL_Error'),
      filters: Object.fromEntries(FILTERS.map((name) => [name, of(name)])),
    };
    return { name: text(row['Connection_name'] ?? row['Channel_Name']), facts };
  });
}

async function binlogFilters(ask: Ask, { family, version }: ServerKind): Promise<Record<string, string>> {
  const sql = family === 'mysql' && version >= 80_200 ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
  const [row] = await ask(sql);
  return {
    Binlog_Do_DB: text(row?.['Binlog_Do_DB']),
    Binlog_Ignore_DB: text(row?.['Binlog_Ignore_DB']),
  };
}

const SYSTEM_SCHEMAS = ['mysql', 'sys', 'information_schema', 'performance_schema'];
const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');

/** From InnoDB's own dictionary, which needs PROCESS and no right on the tables: those that it had to make a key for. */
async function keylessTables(ask: Ask, { family, version }: ServerKind, schema: string): Promise<string[]> {
  const before8 = family === 'mariadb' || version < 80_000;
  const [indexes, tables] = before8
    ? ['innodb_sys_indexes', 'innodb_sys_tables']
    : ['innodb_indexes', 'innodb_tables'];
  const rows = await ask(
    `SELECT t.NAME AS name FROM information_schema.${indexes} i
     JOIN information_schema.${tables} t ON t.TABLE_ID = i.TABLE_ID
     WHERE i.NAME = 'GEN_CLUST_INDEX' ORDER BY 1 LIMIT 1000`,
  );
  const names = rows.map((row) =>
    text(row['name'])
      .replace(/#p#.*$/i, '')
      .replace('/', '.'),
  );
  const ours = [...SYSTEM_SCHEMAS, schema].map((each) => `${each}.`);
  return [...new Set(names)].filter(
    (name) => name.includes('.') && !ours.some((each) => name.startsWith(each)),
  );
}

async function seesEveryTable(ask: Ask): Promise<boolean> {
  const lines = (await ask('SHOW GRANTS')).map((row) => text(Object.values(row)[0]));
  const everywhere = heldPrivileges(lines).get('*.*');
  return everywhere?.has('SELECT') === true || everywhere?.has('ALL PRIVILEGES') === true;
}

async function unsafeTables(ask: Ask, schema: string): Promise<string[]> {
  const rows = await ask(
    `SELECT CONCAT(t.table_schema, '.', t.table_name, ' (', t.engine, ')') AS name
     FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine
     WHERE t.table_type = 'BASE TABLE' AND e.transactions <> 'YES'
     AND t.table_schema NOT IN (${quoted([...SYSTEM_SCHEMAS, schema])}) ORDER BY 1 LIMIT 1000`,
  );
  return rows.map((row) => text(row['name']));
}

/** A sentence when they cannot be read. */
async function grantFacts(
  connection: HeldConnection,
  version: string,
  schema: string,
): Promise<GrantFact[] | string> {
  const kind = kindOf(version);
  if (kind === null) return `"${version}" is no known version`;
  const { admin, optional } = grantsFor(kind, schema);
  try {
    const missing = await checkGrants(connection, admin, ASK_MS_MAX);
    const wished = await Promise.all(
      optional.map(async (grant) => ({
        grant,
        missing: await checkGrants(connection, [grant], ASK_MS_MAX),
      })),
    );
    return [
      ...missing.map(({ statement, because }) => ({ statement, because, optionalFor: null })),
      ...wished.flatMap(({ grant, missing: lacks }) =>
        lacks.map(({ statement }) => ({
          statement,
          because: `it ${grant.because}`,
          optionalFor: grant.optionalFor,
        })),
      ),
    ];
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return error.message;
  }
}
