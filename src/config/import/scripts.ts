// What a check script of keepalived looks at, by its name, its words and its text: so that the import can say what does the same in
// twinkeep, and carry over the port, the account and the limit of lag. Nothing is run.
import { type Command, commandsOf } from '../keepalived/commands.ts';
import { hasPassword, sightsIn } from '../keepalived/scripttext.ts';
import type { KeepalivedConfig } from '../keepalived/types.ts';
import type { TextFile } from './types.ts';

export interface CheckMeaning {
  readonly command: Command;
  /** The file that the text was read from; null: only the command is known. */
  readonly file: string | null;
  readonly kind: 'mysql' | 'gateway' | 'other';
  /** In words: what it looks at. */
  readonly looksAt: readonly string[];
  readonly host: string | null;
  readonly port: number | null;
  readonly user: string | null;
  readonly socket: string | null;
  /** Seconds of lag from which on it fails. */
  readonly lagLimitS: number | null;
  readonly gateway: string | null;
  readonly hasPassword: boolean;
  readonly kills: boolean;
}

const LINES_MAX = 2_000;
const LINE_CHARACTERS_MAX = 1_000;
const basename = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Without comments, and cut where no script of a person goes on. */
const linesOf = (text: string): string =>
  text
    .split('\n', LINES_MAX)
    .map((line) => (/^\s*#/.test(line) ? '' : line.slice(0, LINE_CHARACTERS_MAX)))
    .join('\n');

const LOOKS: readonly (readonly [RegExp, string])[] = [
  [
    /mysqladmin\b[^\n]*\b(?:ping|status)|mariadb-admin\b[^\n]*\b(?:ping|status)|\bselect\s+1\b|\.connect\s*\(|\.ping\s*\(/i,
    'whether the server answers',
  ],
  [/(?:Slave|Replica)_(?:IO|SQL)_Running/i, 'whether both replication threads run'],
  [/Seconds_Behind_(?:Master|Source)/i, 'how far the server is behind'],
  [/\bread_only\b/i, 'whether the server is read-only'],
  [
    /(?:pidof|pgrep|killall\s+-0|\bps\b[^\n]*grep)[^\n]*(?:mysqld|mariadbd)/i,
    'whether the process of the server is there',
  ],
  [
    /(?:\bnc\b|netstat|\bss\b|lsof|\/dev\/tcp\/|telnet)[^\n]*(?:3306|port)/i,
    'whether the port of the server is open',
  ],
];

/** The word behind an option, in one word (-P3306, --port=3306) or two. */
function optionIn(words: readonly string[], short: string, long: string): string | null {
  for (const [i, word] of words.entries()) {
    if (word === short || word === long) return words[i + 1] ?? null;
    if (word.startsWith(`${long}=`)) return word.slice(long.length + 1);
    if (word.startsWith(short) && word.length > short.length && !word.startsWith('--'))
      return word.slice(short.length);
  }
  return null;
}

/** `name=value` or `name = "value"` at the start of a line. */
function assigned(text: string, names: string): string | null {
  const found = new RegExp(
    `^[ \\t]*(?:export |my |local )?\\$?(?:mysql_?|db_?)?(?:${names})[ \\t]*=[ \\t]*["']?([^"'\\s;#]+)`,
    'im',
  ).exec(text);
  return found?.[1] ?? null;
}

/** The number that a variable filled from Seconds_Behind_Master is compared with. */
function lagLimit(text: string): number | null {
  const filled = /^[ \t]*\$?(\w+)[ \t]*=[^\n]*Seconds_Behind_(?:Master|Source)/im.exec(text);
  const name = filled?.[1];
  if (name === undefined) return null;
  const compared = new RegExp(
    `\\$?\\{?\\b${name}\\b\\}?["']?[ \\t)]*(?:-g[te]|>=?)[ \\t]*["']?(?:\\$\\{?)?(\\w+)`,
  ).exec(text);
  const limit = compared?.[1];
  if (limit === undefined) return null;
  const number = /^[0-9]{1,7}$/.test(limit) ? limit : assigned(text, limit.replace(/[^\w]/g, ''));
  return number !== null && /^[0-9]{1,7}$/.test(number) ? Number(number) : null;
}

const portOf = (text: string | null): number | null => {
  const port = text !== null && /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : null;
};

function readCheck(command: Command, scripts: readonly TextFile[]): CheckMeaning {
  const words = command.script.command;
  const names = new Set(words.map(basename));
  const source = scripts.find((s) => names.has(basename(s.file)));
  const text = linesOf(source?.text ?? '');
  const all = `${words.join(' ')}\n${text}`;
  const sights = sightsIn(all);
  const isMysql = /mysql|mariadb/i.test(words.join(' ')) || /\bmysql|mariadb/i.test(text);
  const ping = /\bping6?\b[^\n|;&]*?\s((?:[0-9]{1,3}\.){3}[0-9]{1,3})\b/.exec(all)?.[1];
  const gateway = ping ?? assigned(text, 'gateway|gw|gateway_ip|router');
  const limit = lagLimit(text);
  const looksAt = LOOKS.filter(([pattern]) => pattern.test(all)).map(([, what]) => what);
  return {
    command,
    file: source?.file ?? null,
    kind: isMysql ? 'mysql' : gateway !== null ? 'gateway' : 'other',
    looksAt:
      limit === null
        ? looksAt
        : looksAt.map((what) => (what.startsWith('how far') ? `${what} (limit ${limit} s)` : what)),
    host: optionIn(words, '-h', '--host') ?? assigned(text, 'host|host_?name|ip'),
    port: portOf(optionIn(words, '-P', '--port') ?? assigned(text, 'port')),
    user: optionIn(words, '-u', '--user') ?? assigned(text, 'user|user_?name'),
    socket: optionIn(words, '-S', '--socket') ?? assigned(text, 'socket|sock'),
    lagLimitS: limit,
    gateway: gateway !== null && /^[0-9.]+$/.test(gateway) && !gateway.startsWith('127.') ? gateway : null,
    hasPassword: hasPassword(words) || sights.some((s) => s.kind.startsWith('password')),
    kills: sights.some((s) => s.kind === 'kills'),
  };
}

/** Of every command that the configuration runs, checks first. */
export function readChecks(config: KeepalivedConfig, scripts: readonly TextFile[]): CheckMeaning[] {
  return commandsOf(config).map((command) => readCheck(command, scripts));
}
