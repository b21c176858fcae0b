// What the errors of replication mean, and what to do: one table by the server's error number. Rows are told in rows.ts

export interface Meaning {
  /** Kebab-case, stable. */
  readonly code: string;
  /** What happened, as the end of a sentence about this node. */
  readonly what: string;
  /** What to do. */
  readonly lift: string;
}

export interface Names {
  readonly self: string;
  readonly peer: string;
  /** super_read_only stops administrators as well, so that it must be lifted for a statement. */
  readonly superReadOnly?: boolean;
}

type Told = (names: Names, text: string, table: string) => Meaning;

const meaning =
  (
    code: string,
    what: (names: Names, table: string) => string,
    lift: (names: Names, table: string) => string,
  ): Told =>
  (names, _, table) => ({ code, what: what(names, table), lift: lift(names, table) });

const AGAIN = 'the applier is started again by itself within ten seconds';

const cannotConnect = meaning(
  'source-unreachable',
  ({ self, peer }) => `${self} cannot connect to the server of ${peer}`,
  ({ peer }) => `by itself, when the server of ${peer} runs and TCP mysql.port is open between the hosts`,
);
const refused = meaning(
  'replication-account-refused',
  ({ peer }) => `the server of ${peer} refuses the replication account, or its password`,
  () =>
    'run `twinkeep setup` (it mends accounts, passwords and channels), or `twinkeep rotate replication` again if one was broken off',
);
const schemaDiffers = (what: (table: string) => string): Told =>
  meaning(
    'schema-differs',
    ({ self, peer }, table) => `${what(table)}: the definitions on ${self} and ${peer} differ`,
    ({ self }, table) =>
      `compare SHOW CREATE TABLE ${table} on both; make it the same on ${self} with SET SESSION sql_log_bin = 0; ${AGAIN}`,
  );
const busy = meaning(
  'row-locked',
  ({ self }) => `another session on ${self} holds locks that the applier needs, longer than it may wait`,
  ({ self }) => `${AGAIN}; if it stays: SHOW FULL PROCESSLIST on ${self} shows who holds them`,
);
const crashedTable = meaning(
  'table-crashed',
  ({ self }, table) =>
    `${table} is damaged on ${self} (a table of an engine that a crash leaves half written)`,
  (_, table) => `REPAIR TABLE ${table}; then ALTER TABLE ${table} ENGINE = InnoDB; ${AGAIN}`,
);
const relayLog = meaning(
  'relay-log-unreadable',
  ({ self }) => `the relay log of ${self} cannot be read (a crash, or the disk)`,
  ({ peer }) => `by itself: what was received is fetched again from ${peer} where nothing can be lost by it`,
);
const diskFull = meaning(
  'disk-full',
  ({ self }) => `${self} cannot write: its disk is full, or fails`,
  ({ self }) => `free some space on ${self}; ${AGAIN}`,
);

/** 1236, and 13114 since MySQL 8.0: the source has something against what is asked of it. Its text tells what. */
const sourceRefuses: Told = ({ self, peer }, text) => {
  const copied = `copy the data of ${peer} over to ${self} (\`twinkeep clone --from ${peer}\`)`;
  if (/purged|Could not find first log|not find next log|missing GTIDs/i.test(text))
    return {
      code: 'log-purged',
      what: `${peer} no longer has the binary logs that ${self} needs`,
      lift: copied,
    };
  if (/slave has diverged|not in the master's binlog|more GTIDs than the|errant/i.test(text))
    return {
      code: 'errant',
      what: `${self} holds transactions that ${peer} never had`,
      lift: '`twinkeep salvage list` shows them; they are replayed or discarded from there',
    };
  if (/max_allowed_packet/i.test(text))
    return {
      code: 'event-too-large',
      what: `a transaction of ${peer} is larger than max_allowed_packet`,
      lift: `SET GLOBAL slave_max_allowed_packet = 1073741824 on ${self}, max_allowed_packet on ${peer}; and in both my.cnf`,
    };
  if (/impossible position|position > file size|bogus data|log event entry exceeded|corrupt/i.test(text))
    return {
      code: 'log-cut',
      what: `the binary log of ${peer} ends before the place that ${self} asks for: a crash cut it (sync_binlog was not 1), or it is damaged`,
      lift: `compare the data (\`twinkeep verify\`); if they differ, ${copied}`,
    };
  return {
    code: 'source-refuses',
    what: `${peer} refuses to send its binary log`,
    lift: `read what it says; if it stays, ${copied}`,
  };
};

/** 1593, and 13117: "fatal error", of several kinds. */
const fatal: Told = ({ self, peer }, text) => {
  if (/equal MySQL server UUID/i.test(text))
    return {
      code: 'equal-server-uuids',
      what: `${self} and ${peer} have the same server_uuid: one data directory is a copy of the other's`,
      lift: `stop the server of ${self}, remove auto.cnf from its data directory, start it`,
    };
  if (/equal MySQL server ids|equal MariaDB server ids|same server.id/i.test(text))
    return {
      code: 'equal-server-ids',
      what: `${self} and ${peer} have the same server_id`,
      lift: 'give each its own (`twinkeep config render my.cnf`), and restart',
    };
  if (/GTID_MODE|gtid_mode/.test(text))
    return {
      code: 'gtid-modes-differ',
      what: `gtid_mode differs between ${self} and ${peer}`,
      lift: 'set gtid_mode to the same value on both (`twinkeep doctor` shows what else differs)',
    };
  return {
    code: 'receiver-stopped',
    what: `the receiver of ${self} ended with an error`,
    lift: 'by itself: it is started again within ten seconds',
  };
};

const TABLE: ReadonlyMap<number, Told> = new Map([
  ...each([2002, 2003, 2005, 2006, 2013, 1053, 1158, 1159, 1160, 1161, 1429], cannotConnect),
  ...each([1045, 1130, 1129, 1698, 1251, 1275, 3118, 2059, 2061], refused),
  ...each(
    [1040, 1203, 1226],
    meaning(
      'source-full',
      ({ peer }) => `the server of ${peer} has no connection left`,
      () => 'by itself, when one is free; raise max_connections if it happens often',
    ),
  ),
  ...each(
    [1142, 1227, 1044],
    meaning(
      'replication-privilege',
      ({ peer }) => `the replication account lacks a privilege on ${peer}`,
      () => 'run `twinkeep setup`, which grants REPLICATION SLAVE',
    ),
  ),
  ...each([1236, 13114], sourceRefuses),
  ...each([1593, 13117], fatal),
  ...each([1594, 13121, 1595, 13122, 1371, 1805], relayLog),
  ...each([1205, 1213, 1206, 3572, 3058], busy),
  ...each(
    [1146, 1051, 1109],
    schemaDiffers((table) => `the table ${table} is not there`),
  ),
  ...each(
    [1054, 1072, 1091, 1136, 1364],
    schemaDiffers((table) => `a column of ${table} is not there`),
  ),
  ...each(
    [1677, 1535, 13146],
    schemaDiffers((table) => `a column of ${table} has another type`),
  ),
  ...each(
    [1050, 1060, 1061, 1007, 1008, 1304, 1359, 1537, 1826],
    schemaDiffers((table) => `what shall be made, or dropped, is (or is not) there already: ${table}`),
  ),
  ...each(
    [1406, 1264, 1366, 1292, 3819, 4025],
    schemaDiffers((table) => `a value does not fit into ${table}`),
  ),
  ...each([126, 127, 144, 145, 1034, 1194, 1195, 1932], crashedTable),
  ...each([3, 28, 1021, 1026, 1030, 1114], diskFull),
  [
    1396,
    meaning(
      'accounts-differ',
      ({ self, peer }) => `an account that ${peer} makes, changes or drops is (or is not) there on ${self}`,
      ({ self }) =>
        `make it on ${self} what the statement expects, with SET SESSION sql_log_bin = 0; ${AGAIN}`,
    ),
  ],
  ...each(
    [1451, 1452, 1216, 1217],
    meaning(
      'foreign-key',
      ({ self }, table) => `a row of ${table} refers to one that ${self} does not have, or is referred to`,
      ({ self }, table) =>
        `rows are missing on ${self}: \`twinkeep verify --table ${table}\` shows them; ${AGAIN}`,
    ),
  ),
  [
    1590,
    meaning(
      'incident',
      ({ peer }) => `${peer} lost events of its own binary log (an "incident")`,
      ({ self, peer }) => `copy the data of ${peer} over to ${self} (\`twinkeep clone --from ${peer}\`)`,
    ),
  ],
  ...each(
    [1950, 1951],
    meaning(
      'errant',
      ({ self, peer }) =>
        `a transaction came with a GTID that ${self} has passed already: both servers took writes, or ${self} was written to beside ${peer}`,
      () => '`twinkeep salvage list` shows what is errant; nothing is skipped by itself',
    ),
  ),
  [
    1290,
    meaning(
      'read-only',
      ({ self }) => `${self} is read-only for the applier as well`,
      ({ self }) => `\`twinkeep doctor --node ${self}\` shows what set it so`,
    ),
  ],
  [
    1756,
    meaning(
      'workers-stopped',
      ({ self }) => `a worker of the parallel applier of ${self} failed`,
      () => AGAIN,
    ),
  ],
]);

function each(numbers: readonly number[], told: Told): [number, Told][] {
  return numbers.map((number) => [number, told]);
}

/** Null: a number that this table does not have. */
export function meaningOf(number: number, names: Names, text: string, table: string | null): Meaning | null {
  return TABLE.get(number)?.(names, text, table ?? 'the table') ?? null;
}
