// The settings of one server, whether read from its my.cnf or asked of it while it runs: rules-settings.ts judges both by the
// same table.
import { canonicalName, type OptionFile, type Setting } from './optionfile.ts';

export type Family = 'mariadb' | 'mysql';

export interface Settings {
  /** "file": only what is written there is known, and the rest is the server's default. */
  readonly source: 'file' | 'server';
  /** The node's name, or the file's. */
  readonly about: string;
  /** Null: not known, as with a file. */
  readonly family: Family | null;
  /** "10.11.19", or "" when not known. */
  readonly version: string;
  /** The agent runs and steers what it steers: read_only, the sides of semi-sync, sync_relay_log, event_scheduler. */
  readonly steered: boolean;
  readonly all: readonly Setting[];
}

/** The one that counts: the last. */
export function settingOf(settings: Settings, name: string): Setting | null {
  return settings.all.findLast((each) => each.name === name) ?? null;
}

/** Options of which each line adds one. */
export const settingsOf = (settings: Settings, name: string): readonly Setting[] =>
  settings.all.filter((each) => each.name === name);

export const isOnValue = (value: string): boolean => /^(1|ON|TRUE|YES)$/i.test(value.trim());

/** Only one family has these: enough to tell whose file it is. */
const MARIADB_ONLY = /^(gtid_strict_mode|gtid_domain_id|init_rpl_role|extra_port|slave_parallel_mode)$/;
const MYSQL_ONLY =
  /^(gtid_mode|enforce_gtid_consistency|super_read_only|admin_port|slave_preserve_commit_order)$/;

export function settingsOfFile(name: string, file: OptionFile): Settings {
  const names = file.settings.map((each) => each.name);
  const family = names.some((each) => MARIADB_ONLY.test(each))
    ? 'mariadb'
    : names.some((each) => MYSQL_ONLY.test(each))
      ? 'mysql'
      : null;
  return { source: 'file', about: name, family, version: '', steered: false, all: file.settings };
}

export function settingsOfServer(
  node: string,
  version: string,
  variables: Readonly<Record<string, string>>,
  steered: boolean,
): Settings {
  const family = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
  const all = Object.entries(variables).map(([name, value]) => ({
    name: canonicalName(name),
    value,
    place: null,
  }));
  return { source: 'server', about: node, family, version, steered, all };
}
