// Set-up's words for MySQL 5.7.8 and newer.
import type { ServerKind } from '../../core/family.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { type HeldConnection, tlsFiles } from './connection.ts';
import { mysql57AdminGrants, mysqlAdminGrants, mysqlReplicationGrants } from './mysql-grants.ts';
import { type Statements, statementsOf } from './mysql-statements.ts';
import { isOn, rowsOf, text } from './rows.ts';
import {
  ASK_MS_MAX,
  type Ask,
  type ChannelWanted,
  quote,
  readsFile,
  type SetupFamily,
} from './setup-family.ts';
import { logPlaces, standsAt } from './setup-log-places.ts';

/** caching_sha2_password came with this one, and with it the need for the source's public key. */
const CACHING_SHA2 = 80_004;
/** An agent that finds its standby open closes it, and our session with it. */
const CHANGE_TRIES_MAX = 5;

const oneLine = (value: unknown): string => text(value).replaceAll(/\s/g, '');

async function channels(words: Statements, ask: Ask): ReturnType<SetupFamily['channels']> {
  const { columns } = words;
  const rows = await ask(words.showReplica);
  const ours = rows.find((row) => text(row['Channel_Name']) === '' && text(row[columns.host]) !== '');
  const [configured] = await ask(
    "SELECT HEARTBEAT_INTERVAL AS s FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = ''",
  );
  return {
    channel:
      ours === undefined
        ? null
        : {
            host: text(ours[columns.host]),
            port: Number(ours[columns.port]),
            user: text(ours[columns.user]),
            usingGtid: isOn(ours['Auto_Position']),
            heartbeatS: Number(configured?.['s'] ?? 0),
            connectRetryS: Number(ours['Connect_Retry'] ?? 0),
            running:
              text(ours[columns.receiverRunning]) === 'Yes' && text(ours[columns.applierRunning]) === 'Yes',
            ...readsFile(ours[columns.receivedFile]),
          },
    // Group replication's own are none that anybody made by hand.
    otherChannels: rows.map((row) => text(row['Channel_Name'])).filter((name) => name !== ''),
  };
}

/** super_read_only refuses administrators as well; read_only, which stays, refuses everybody else meanwhile. */
async function changeOnce(connection: HeldConnection, sql: string): Promise<void> {
  const [row] = rowsOf(await connection.query('SELECT @@GLOBAL.super_read_only AS closed', ASK_MS_MAX));
  const closed = isOn(row?.['closed']);
  if (closed) await connection.query('SET GLOBAL super_read_only = OFF', ASK_MS_MAX);
  try {
    await connection.query(`SET SESSION sql_log_bin = 0; ${sql}; SET SESSION sql_log_bin = 1`, ASK_MS_MAX);
  } finally {
    if (closed) await connection.query('SET GLOBAL super_read_only = ON', ASK_MS_MAX);
  }
}

async function change(connection: HeldConnection, sql: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await changeOnce(connection, sql);
      return;
    } catch (error) {
      const cut = error instanceof DatabaseError && (error.code === 'down' || / 1290\)/.test(error.message));
      if (!cut || tries === CHANGE_TRIES_MAX) throw error;
    }
  }
}

function makeChannel(
  words: Statements,
  { version }: ServerKind,
  { host, port, user, password, heartbeatS, tls, place }: ChannelWanted,
): string {
  const { source } = words;
  const { ca, verify } = tlsFiles(tls);
  const options = [
    `HOST = ${quote(host)}`,
    `PORT = ${port}`,
    `USER = ${quote(user)}`,
    `PASSWORD = ${quote(password)}`,
    `AUTO_POSITION = ${place === undefined ? 1 : 0}`,
    ...(place === undefined ? [] : [`LOG_FILE = ${quote(place.file)}`, `LOG_POS = ${place.offset}`]),
    `HEARTBEAT_PERIOD = ${heartbeatS}`,
    'CONNECT_RETRY = 1',
    `SSL = ${tls === null ? 0 : 1}`,
    `SSL_CA = ${quote(verify ? ca : '')}`,
  ].map((option) => `${source}_${option}`);
  const key = version >= CACHING_SHA2 ? [`GET_${source}_PUBLIC_KEY = ${tls === null ? 1 : 0}`] : [];
  return `${words.stopReplica}; ${words.changeSource} ${[...options, ...key].join(', ')}`;
}

export function mysqlSetup(kind: ServerKind): SetupFamily {
  const words = statementsOf(kind.version);
  return {
    adminGrants: kind.version < 80_000 ? mysql57AdminGrants : mysqlAdminGrants,
    replicationGrants: mysqlReplicationGrants,
    async facts(ask) {
      const [facts = {}] = await ask(
        `SELECT @@server_id AS id, @@server_uuid AS uuid, @@log_bin AS logged, @@GLOBAL.gtid_executed AS executed,
         @@GLOBAL.gtid_purged AS purged, @@GLOBAL.gtid_mode AS mode`,
      );
      const executed = oneLine(facts['executed']);
      const server = { serverId: Number(facts['id']), uuid: text(facts['uuid']) };
      const logBin = isOn(facts['logged']);
      return {
        ...server,
        logBin,
        rplStatus: '',
        executed,
        history: executed,
        fetchFrom: null,
        purged: oneLine(facts['purged']),
        ...(logBin && text(facts['mode']) === 'OFF' ? await logPlaces(ask, words, server) : {}),
      };
    },
    channels: (ask) => channels(words, ask),
    async accounts(ask, user) {
      const rows = await ask(
        `SELECT Host AS host, plugin, HEX(authentication_string) AS kept FROM mysql.user WHERE User = ${quote(user)}`,
      );
      return rows.map((row) => ({
        host: text(row['host']),
        ways: [{ plugin: text(row['plugin']), kept: Buffer.from(text(row['kept']), 'hex') }],
      }));
    },
    createUser: (name, password) => `CREATE USER IF NOT EXISTS ${name} IDENTIFIED BY ${quote(password)}`,
    setPassword: (name, plugin, password) =>
      `ALTER USER ${name} IDENTIFIED WITH ${plugin} BY ${quote(password)}`,
    // super_read_only lets nobody write.
    privileged: async () => [],
    change,
    makeChannel: (wanted) => makeChannel(words, kind, wanted),
    fetchFrom: () => 'DO 0',
    stopChannel: words.stopReplica,
    removeChannel: `${words.stopReplica}; ${words.removeChannel}`,
    standsAt: (ask) => standsAt(ask, words),
  };
}
