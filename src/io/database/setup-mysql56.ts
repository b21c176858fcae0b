// Set-up's words for MySQL 5.6 (and 5.7 before 5.7.8), with GTIDs or by file and position.
import { type HeldConnection, tlsFiles } from './connection.ts';
import { replicationGrants } from './grants.ts';
import { mysql56AdminGrants } from './mysql56-grants.ts';
import { MYSQL56 } from './mysql56-statements.ts';
import { isOn, text } from './rows.ts';
import {
  ASK_MS_MAX,
  type Ask,
  type ChannelWanted,
  type Facts,
  quote,
  readsFile,
  type SetupFamily,
} from './setup-family.ts';
import { logPlaces, standsAt } from './setup-log-places.ts';

const oneLine = (value: unknown): string => text(value).replaceAll(/\s/g, '');

async function facts(ask: Ask): Promise<Facts> {
  const [row = {}] = await ask(
    `SELECT @@server_id AS id, @@server_uuid AS uuid, @@log_bin AS logged, @@GLOBAL.gtid_mode AS mode,
     @@GLOBAL.gtid_executed AS executed, @@GLOBAL.gtid_purged AS purged`,
  );
  const executed = oneLine(row['executed']);
  const logBin = isOn(row['logged']);
  const byPlaces = logBin && text(row['mode']) !== 'ON';
  return {
    serverId: Number(row['id']),
    uuid: text(row['uuid']),
    logBin,
    rplStatus: '',
    executed,
    history: executed,
    fetchFrom: null,
    purged: oneLine(row['purged']),
    ...(byPlaces
      ? await logPlaces(ask, MYSQL56, { serverId: Number(row['id']), uuid: text(row['uuid']) })
      : {}),
  };
}

function makeChannel(wanted: ChannelWanted): string {
  const { host, port, user, password, heartbeatS, tls, place } = wanted;
  const { ca, verify } = tlsFiles(tls);
  const from =
    place === undefined
      ? 'MASTER_AUTO_POSITION = 1'
      : `MASTER_AUTO_POSITION = 0, MASTER_LOG_FILE = ${quote(place.file)}, MASTER_LOG_POS = ${place.offset}`;
  return `STOP SLAVE; CHANGE MASTER TO MASTER_HOST = ${quote(host)}, MASTER_PORT = ${port},
   MASTER_USER = ${quote(user)}, MASTER_PASSWORD = ${quote(password)}, ${from},
   MASTER_HEARTBEAT_PERIOD = ${heartbeatS}, MASTER_CONNECT_RETRY = 1,
   MASTER_SSL = ${tls === null ? 0 : 1}, MASTER_SSL_CA = ${quote(verify ? ca : '')}`;
}

export const mysql56Setup: SetupFamily = {
  adminGrants: mysql56AdminGrants,
  replicationGrants,
  facts,
  async channels(ask) {
    const [ours] = await ask(MYSQL56.showReplica);
    const [heartbeat] = await ask("SHOW GLOBAL STATUS LIKE 'Slave_heartbeat_period'");
    return {
      channel:
        ours === undefined || text(ours['Master_Host']) === ''
          ? null
          : {
              host: text(ours['Master_Host']),
              port: Number(ours['Master_Port']),
              user: text(ours['Master_User']),
              usingGtid: isOn(ours['Auto_Position']),
              heartbeatS: Number(heartbeat?.['Value'] ?? 0),
              connectRetryS: Number(ours['Connect_Retry'] ?? 0),
              running: text(ours['Slave_IO_Running']) === 'Yes' && text(ours['Slave_SQL_Running']) === 'Yes',
              ...readsFile(ours['Master_Log_File']),
            },
      otherChannels: [],
    };
  },
  async accounts(ask, user) {
    const rows = await ask(
      `SELECT Host AS host, plugin, IF(Password = '', authentication_string, Password) AS kept FROM mysql.user
       WHERE User = ${quote(user)}`,
    );
    return rows.map((row) => ({
      host: text(row['host']),
      ways: [
        { plugin: text(row['plugin']) || 'mysql_native_password', kept: Buffer.from(text(row['kept'])) },
      ],
    }));
  },
  createUser: (name, password) => `CREATE USER ${name} IDENTIFIED BY ${quote(password)}`,
  setPassword: (name, _plugin, password) => `SET PASSWORD FOR ${name} = PASSWORD(${quote(password)})`,
  async privileged(ask) {
    const rows = await ask(
      `SELECT DISTINCT grantee FROM information_schema.user_privileges WHERE privilege_type = 'SUPER'`,
    );
    return rows.map((row) => text(row['grantee']));
  },
  async change(connection: HeldConnection, sql: string) {
    await connection.query(`SET SESSION sql_log_bin = 0; ${sql}; SET SESSION sql_log_bin = 1`, ASK_MS_MAX);
  },
  makeChannel,
  fetchFrom: () => 'DO 0',
  stopChannel: 'STOP SLAVE',
  removeChannel: 'STOP SLAVE; RESET SLAVE ALL',
  standsAt: (ask) => standsAt(ask, MYSQL56),
};
