// The privileges that twinkeep's accounts need on MySQL 5.6, each with its reason. 5.6 has nothing smaller than SUPER for
// most of them.
import type { Grant } from './grants.ts';
import { salvageGrants } from './salvage-grants.ts';

export function mysql56AdminGrants(schema: string): readonly Grant[] {
  return [
    {
      privileges: 'SUPER',
      on: '*.*',
      because:
        'opens and closes a server to writes, ends client sessions, steers the channel; has one connection more than max_connections',
    },
    { privileges: 'PROCESS', on: '*.*', because: 'sees the client sessions to close' },
    { privileges: 'REPLICATION CLIENT', on: '*.*', because: "reads the channel's status and the log's end" },
    {
      privileges: 'REPLICATION SLAVE',
      on: '*.*',
      because: 'reads the binary log for what was written here, where there are no GTIDs to tell',
    },
    {
      privileges: 'SELECT, INSERT, UPDATE',
      on: `\`${schema}\`.*`,
      because: 'commits and reads the heartbeat',
    },
    ...salvageGrants('mysql56', schema),
  ];
}
