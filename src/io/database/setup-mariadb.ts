// Set-up's words for MariaDB.
import { executedPosition } from '../../core/gtid/mariadb.ts';
import { type HeldConnection, tlsFiles } from './connection.ts';
import { adminGrants, replicationGrants } from './grants.ts';
import { isOn, text } from './rows.ts';
import {
  ASK_MS_MAX,
  type Ask,
  type ChannelWanted,
  type KeptAccount,
  quote,
  readsFile,
  type SetupFamily,
} from './setup-family.ts';

/** The GTID position at which the oldest binary log that is kept begins. */
async function oldestPosition(ask: Ask): Promise<string> {
  const [first] = await ask('SHOW BINARY LOGS');
  if (first === undefined) return '';
  const [row] = await ask(`SELECT BINLOG_GTID_POS(${quote(text(first['Log_name']))}, 4) AS pos`);
  return text(row?.['pos']);
}

/** What `mysql.global_priv` holds of one account; auth_or lists further ways in, an empty one standing for the first. */
interface Privileges {
  readonly plugin?: string;
  readonly authentication_string?: string;
  readonly auth_or?: readonly Privileges[];
}

function waysIn(json: string): KeptAccount['ways'] {
  const main = JSON.parse(json) as Privileges;
  return [main, ...(main.auth_or ?? [])]
    .filter((way) => way.plugin !== undefined)
    .map((way) => ({ plugin: way.plugin ?? '', kept: Buffer.from(way.authentication_string ?? '') }));
}

export const mariadbSetup: SetupFamily = {
  adminGrants,
  replicationGrants,
  async facts(ask) {
    const [facts = {}] = await ask(
      `SELECT @@server_id AS id, @@log_bin AS logged, @@GLOBAL.gtid_binlog_pos AS pos,
       @@GLOBAL.gtid_binlog_state AS state, @@GLOBAL.gtid_slave_pos AS slave`,
    );
    const [role = {}] = await ask("SHOW GLOBAL STATUS LIKE 'Rpl_status'");
    const serverId = Number(facts['id']);
    const slavePos = text(facts['slave']);
    const logBin = isOn(facts['logged']);
    return {
      serverId,
      uuid: '',
      logBin,
      rplStatus: text(role['Value']),
      executed: executedPosition(slavePos, text(facts['pos']), serverId),
      history: text(facts['state']),
      fetchFrom: slavePos,
      purged: logBin ? await oldestPosition(ask) : '',
    };
  },
  async channels(ask) {
    const rows = await ask('SHOW ALL SLAVES STATUS');
    const ours = rows.find((row) => text(row['Connection_name']) === '' && text(row['Master_Host']) !== '');
    return {
      channel:
        ours === undefined
          ? null
          : {
              host: text(ours['Master_Host']),
              port: Number(ours['Master_Port']),
              user: text(ours['Master_User']),
              usingGtid: text(ours['Using_Gtid']) === 'Slave_Pos',
              heartbeatS: Number(ours['Slave_heartbeat_period'] ?? 0),
              connectRetryS: Number(ours['Connect_Retry'] ?? 0),
              running: text(ours['Slave_IO_Running']) === 'Yes' && text(ours['Slave_SQL_Running']) === 'Yes',
              ...readsFile(ours['Master_Log_File']),
            },
      otherChannels: rows.map((row) => text(row['Connection_name'])).filter((name) => name !== ''),
    };
  },
  async accounts(ask, user) {
    const rows = await ask(
      `SELECT Host AS host, CONCAT(Priv, '') AS priv FROM mysql.global_priv WHERE User = ${quote(user)}`,
    );
    return rows.map((row) => ({ host: text(row['host']), ways: waysIn(text(row['priv'])) }));
  },
  createUser: (name, password) => `CREATE USER ${name} IDENTIFIED BY ${quote(password)}`,
  setPassword: (name, plugin, password) =>
    plugin === 'ed25519'
      ? `ALTER USER ${name} IDENTIFIED VIA ed25519 USING PASSWORD(${quote(password)})`
      : `ALTER USER ${name} IDENTIFIED BY ${quote(password)}`,
  async privileged(ask) {
    const rows = await ask(
      `SELECT DISTINCT grantee FROM information_schema.user_privileges WHERE privilege_type IN ('READ_ONLY ADMIN', 'READ ONLY ADMIN')`,
    );
    return rows.map((row) => text(row['grantee']));
  },
  async change(connection: HeldConnection, sql: string) {
    await connection.query(`SET SESSION sql_log_bin = 0; ${sql}; SET SESSION sql_log_bin = 1`, ASK_MS_MAX);
  },
  makeChannel({ host, port, user, password, heartbeatS, tls }: ChannelWanted) {
    const { ca, verify } = tlsFiles(tls);
    return `STOP SLAVE; CHANGE MASTER TO MASTER_HOST = ${quote(host)}, MASTER_PORT = ${port},
     MASTER_USER = ${quote(user)}, MASTER_PASSWORD = ${quote(password)},
     MASTER_USE_GTID = slave_pos, MASTER_HEARTBEAT_PERIOD = ${heartbeatS}, MASTER_CONNECT_RETRY = 1,
     MASTER_SSL = ${tls === null ? 0 : 1}, MASTER_SSL_CA = ${quote(verify ? ca : '')}`;
  },
  fetchFrom: (gtid) => `SET GLOBAL gtid_slave_pos = ${quote(gtid)}`,
  stopChannel: 'STOP SLAVE',
  removeChannel: 'STOP SLAVE; RESET SLAVE ALL',
};
