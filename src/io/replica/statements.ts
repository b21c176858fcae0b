// What each family is told at a replica, as text, beyond what set-up tells it (io/database/setup-family.ts). server.ts sends it.
import type { ServerKind } from '../../core/family.ts';
import { statementsOf } from '../database/mysql-statements.ts';

export interface ReplicaStatements {
  readonly readOnly: string;
  /** Neither side of semi-sync; empty where the server has no such thing. */
  readonly noSemiSync: string;
  readonly start: string;
  readonly startReceiver: string;
}

const MARIADB: ReplicaStatements = {
  readOnly: 'SET GLOBAL read_only = ON',
  noSemiSync: 'SET GLOBAL rpl_semi_sync_slave_enabled = OFF; SET GLOBAL rpl_semi_sync_master_enabled = OFF',
  start: 'START SLAVE',
  startReceiver: 'START SLAVE IO_THREAD',
};

function mysql(kind: ServerKind): ReplicaStatements {
  const words = statementsOf(kind.version);
  const { semiSync } = words;
  return {
    // Each implies read_only; 5.6 has only that.
    readOnly: `SET GLOBAL ${kind.family === 'mysql' ? 'super_read_only' : 'read_only'} = ON`,
    noSemiSync:
      kind.family === 'mysql'
        ? `SET GLOBAL ${semiSync.replica}_enabled = OFF; SET GLOBAL ${semiSync.source}_enabled = OFF`
        : '',
    start: words.startReplica,
    startReceiver: words.startReceiver,
  };
}

export const replicaStatements = (kind: ServerKind): ReplicaStatements =>
  kind.family === 'mariadb' ? MARIADB : mysql(kind);
