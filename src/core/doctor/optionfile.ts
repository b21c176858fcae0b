// Reads a server's option file (my.cnf) into settings with their lines, as the server itself would: groups, comments, dashes
// for underscores, loose- and skip- prefixes, new names for old. No file is opened here: !include lines are handed back.
import type { Place } from './finding.ts';

export interface Setting {
  /** With underscores, and the name that MariaDB and MySQL before 8.0.26 know. */
  readonly name: string;
  readonly value: string;
  readonly place: Place | null;
}

export interface OptionFile {
  /** In the order of the file; the last one of a name counts, except for filters. */
  readonly settings: readonly Setting[];
  /** Settings above the first [group]: the server refuses such a file. */
  readonly ungrouped: readonly Place[];
  readonly includes: readonly { readonly kind: 'file' | 'folder'; readonly path: string }[];
}

/** Groups that a server reads; the rest are for clients and tools. */
const SERVER_GROUP = /^(mysqld|mariadbd|mariadb|server|galera)(-[\d.]+)?$/;

/** Lines like [mysqld1] of mysqld_multi are instances of their own, and not looked at. */
const isServers = (group: string): boolean => SERVER_GROUP.test(group);

/** 8.0.26 renamed these; one word for one thing from here on. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^log_replica_updates$/, 'log_slave_updates'],
  [/^skip_replica_start$/, 'skip_slave_start'],
  [/^rpl_semi_sync_source_wait_for_replica_count$/, 'rpl_semi_sync_master_wait_for_slave_count'],
  [/^rpl_semi_sync_source_wait_no_replica$/, 'rpl_semi_sync_master_wait_no_slave'],
  [/^rpl_semi_sync_source_/, 'rpl_semi_sync_master_'],
  [/^rpl_semi_sync_replica_/, 'rpl_semi_sync_slave_'],
  [/^replica_/, 'slave_'],
  [/^source_/, 'master_'],
  [/^tx_isolation$/, 'transaction_isolation'],
  [/^default_character_set$/, 'character_set_server'],
  [/^default_time_zone$/, 'time_zone'],
];

export function canonicalName(given: string): string {
  const name = given.trim().toLowerCase().replaceAll('-', '_');
  const found = RENAMED.find(([pattern]) => pattern.test(name));
  return found === undefined ? name : name.replace(found[0], found[1]);
}

/** Names that begin with skip_ and are options of their own. */
const OWN_SKIP = new Set(['skip_slave_start', 'skip_networking', 'skip_name_resolve', 'skip_grant_tables']);
const TRUTH: Readonly<Record<string, string>> = { TRUE: 'ON', FALSE: 'OFF', YES: 'ON', NO: 'OFF' };

function setting(option: string, value: string | null, place: Place): Setting {
  let name = canonicalName(option).replace(/^(loose|maximum)_/, '');
  let said = value ?? 'ON';
  const prefix = /^(skip|disable|enable)_(.+)$/.exec(name);
  if (prefix !== null && !OWN_SKIP.has(name)) {
    const [, kind, rest = ''] = prefix;
    name = canonicalName(rest);
    const off = kind !== 'enable';
    said = off === /^(0|OFF|FALSE|NO)$/i.test(said) ? 'ON' : 'OFF';
  }
  name = canonicalName(name);
  return { name, value: TRUTH[said.toUpperCase()] ?? said, place };
}

/** A value without its quotes; outside of them a # that follows white space begins a comment. */
function plainValue(text: string): string {
  const quoted = /^\s*(["'])(.*?)\1\s*(#.*)?$/.exec(text);
  if (quoted !== null) return quoted[2] ?? '';
  return text.replace(/(^|\s)#.*$/, '').trim();
}

export function readOptionFile(file: string, text: string): OptionFile {
  const settings: Setting[] = [];
  const ungrouped: Place[] = [];
  const includes: { kind: 'file' | 'folder'; path: string }[] = [];
  let group: string | null = null;
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trim();
    const place = { file, line: index + 1 };
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const include = /^!include(dir)?\s+(.+)$/.exec(line);
    if (include !== null) {
      includes.push({ kind: include[1] === undefined ? 'file' : 'folder', path: (include[2] ?? '').trim() });
      continue;
    }
    const header = /^\[([^\]]*)\]/.exec(line);
    if (header !== null) {
      group = (header[1] ?? '').trim().toLowerCase();
      continue;
    }
    if (group === null) ungrouped.push(place);
    else if (!isServers(group)) continue;
    const at = line.indexOf('=');
    const option = at < 0 ? plainValue(line) : line.slice(0, at);
    const value = at < 0 ? null : plainValue(line.slice(at + 1));
    settings.push(setting(option, value, place));
  }
  return { settings, ungrouped, includes };
}
