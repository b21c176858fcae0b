// The privileges that twinkeep's two accounts need on MySQL 8.0 and newer, each with its reason; docs/MYSQL.md shows the
// same list. Granted by the tests against a real server, and no more, so that a missing one shows.
import type { Grant } from './grants.ts';
import { mysql56AdminGrants } from './mysql56-grants.ts';
import { salvageGrants } from './salvage-grants.ts';

export function mysqlAdminGrants(schema: string): readonly Grant[] {
  return [
    {
      privileges: 'SYSTEM_VARIABLES_ADMIN',
      on: '*.*',
      because:
        'opens and closes a server to writes, switches both sides of semi-sync, event_scheduler and sync_relay_log',
    },
    {
      privileges: 'CONNECTION_ADMIN',
      on: '*.*',
      because: 'closes client sessions; has one connection more than max_connections; sets super_read_only',
    },
    {
      privileges: 'SYSTEM_USER',
      on: '*.*',
      because:
        'ends sessions of administrators, and applier threads that hold the locks of half a transaction',
    },
    { privileges: 'PROCESS', on: '*.*', because: 'sees the client sessions to close' },
    {
      privileges: 'REPLICATION_SLAVE_ADMIN',
      on: '*.*',
      because: 'starts and stops the channel, throws away what a writer received',
    },
    { privileges: 'REPLICATION CLIENT', on: '*.*', because: "reads the channel's status" },
    {
      privileges: 'REPLICATION SLAVE',
      on: '*.*',
      because: 'reads the binary log for what was written here, where there are no GTIDs to tell',
    },
    {
      privileges: 'SERVICE_CONNECTION_ADMIN',
      on: '*.*',
      because: 'may use admin_port when connections run out',
    },
    {
      privileges: 'BACKUP_ADMIN, CLONE_ADMIN',
      on: '*.*',
      because:
        'gives the other node a copy of this one, and takes one (`twinkeep clone`; CLONE_ADMIN: from 8.0.17)',
    },
    {
      privileges: 'SELECT',
      on: '`performance_schema`.*',
      because: 'reads counters and the threads of the channel',
    },
    {
      privileges: 'SELECT, INSERT, UPDATE',
      on: `\`${schema}\`.*`,
      because: 'commits and reads the heartbeat',
    },
    {
      privileges: 'REPLICATION_APPLIER',
      on: '*.*',
      because:
        'applies what a fallen writer had committed alone, under its own GTIDs (`durability: async`; from 8.0.18)',
    },
    ...salvageGrants('mysql', schema),
  ];
}

/** 5.7 has none of the smaller privileges. */
export function mysql57AdminGrants(schema: string): readonly Grant[] {
  return [
    ...mysql56AdminGrants(schema),
    {
      privileges: 'SELECT',
      on: 'performance_schema.*',
      because: 'reads counters and the threads of the channel',
    },
  ];
}

export const mysqlReplicationGrants: readonly Grant[] = [
  { privileges: 'REPLICATION SLAVE', on: '*.*', because: "reads the source's binary log" },
];
