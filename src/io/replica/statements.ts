// What each family is told at a replica, as text. server.ts sends it.
import type { ServerKind } from '../../core/family.ts';
import { statementsOf } from '../database/mysql-statements.ts';

export interface Source {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export interface ReplicaStatements {
  readonly readOnly: string;
  /** Neither side of semi-sync; empty where the server has no such thing. */
  readonly noSemiSync: string;
  readonly start: string;
  readonly startReceiver: string;
  readonly stop: string;
  point(source: Source): string;
}

/** Seconds between two heartbeats of the source: its silence shows soon. */
const HEARTBEAT_S = 0.2;
const CONNECT_RETRY_S = 1;

const quote = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const MARIADB: ReplicaStatements = {
  readOnly: 'SET GLOBAL read_only = ON',
  noSemiSync: 'SET GLOBAL rpl_semi_sync_slave_enabled = OFF; SET GLOBAL rpl_semi_sync_master_enabled = OFF',
  start: 'START SLAVE',
  startReceiver: 'START SLAVE IO_THREAD',
  stop: 'STOP SLAVE',
  point: ({ host, port, user, password }) =>
    `CHANGE MASTER TO MASTER_HOST = ${quote(host)}, MASTER_PORT = ${port}, MASTER_USER = ${quote(user)},
     MASTER_PASSWORD = ${quote(password)}, MASTER_USE_GTID = slave_pos, MASTER_HEARTBEAT_PERIOD = ${HEARTBEAT_S},
     MASTER_CONNECT_RETRY = ${CONNECT_RETRY_S}`,
};

/** The public key of the source is asked for since 8.0.3, where the default plugin wants it on a connection without TLS. */
const PUBLIC_KEY = 80_003;

function mysql(kind: ServerKind): ReplicaStatements {
  const words = statementsOf(kind.version);
  const { source, semiSync } = words;
  const key = kind.version >= PUBLIC_KEY ? `, GET_${source}_PUBLIC_KEY = 1` : '';
  return {
    // Each implies read_only; 5.6 has only that.
    readOnly: `SET GLOBAL ${kind.family === 'mysql' ? 'super_read_only' : 'read_only'} = ON`,
    noSemiSync:
      kind.family === 'mysql'
        ? `SET GLOBAL ${semiSync.replica}_enabled = OFF; SET GLOBAL ${semiSync.source}_enabled = OFF`
        : '',
    start: words.startReplica,
    startReceiver: words.startReceiver,
    stop: words.stopReplica,
    point: ({ host, port, user, password }) =>
      `${words.changeSource} ${source}_HOST = ${quote(host)}, ${source}_PORT = ${port}, ${source}_USER = ${quote(user)},
       ${source}_PASSWORD = ${quote(password)}, ${source}_AUTO_POSITION = 1, ${source}_HEARTBEAT_PERIOD = ${HEARTBEAT_S},
       ${source}_CONNECT_RETRY = ${CONNECT_RETRY_S}${key}`,
  };
}

export const replicaStatements = (kind: ServerKind): ReplicaStatements =>
  kind.family === 'mariadb' ? MARIADB : mysql(kind);
