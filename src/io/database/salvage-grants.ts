// What salvage needs beyond the rest: the agent's account reads rows and table definitions, undoes rows at a standby without
// logging them, resets that server's log, and replays rows at the writer. An administrator may take these away: then finding and
// saving still work, by the replication account, and the verbs name what is missing.
import type { Grant } from './grants.ts';

/** `schema` is the program's own. */
export function salvageGrants(family: 'mariadb' | 'mysql' | 'mysql56', schema: string): readonly Grant[] {
  const rows: Grant = {
    privileges: 'SELECT, INSERT, UPDATE, DELETE',
    on: '*.*',
    because:
      'reads and undoes the rows of errant transactions, and replays them at the writer (`twinkeep salvage`)',
  };
  const own: Grant = {
    privileges: 'CREATE, DROP',
    on: `\`${schema}\`.*`,
    because: 'keeps what was undone and replayed beside the rows themselves (`twinkeep salvage`)',
  };
  const log: Grant = {
    privileges: family === 'mariadb' ? 'RELOAD, BINLOG MONITOR, BINLOG ADMIN' : 'RELOAD',
    on: '*.*',
    because: "sets a rewound standby's GTIDs back to what is left (`twinkeep salvage`)",
  };
  return [rows, own, log];
}
