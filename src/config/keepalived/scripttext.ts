// What can be seen in the text of a check or notify script without running it: that it ends keepalived, prints its verdict instead of
// exiting with it, or holds a password. Used by rules-scripts.ts; the import asks it as well.
import type { Command } from './commands.ts';
import type { Report } from './findings.ts';
import type { Place } from './text.ts';

const LINES_MAX = 2_000;
const LINE_CHARACTERS_MAX = 2_000;

const KILLS =
  /\b(?:pkill|killall5?|systemctl\s+(?:--\S+\s+)*(?:stop|restart|kill)|kill)\b[^#\n|]*keepalived|\bservice\s+keepalived\s+(?:stop|restart)|\/keepalived\s+(?:stop|restart)\b/;
/** `-psecret` of mysql and its kin, `--password=secret`; not -p3306 of ssh or `-p $port`. */
const CLIENT = /\b(?:mysql|mysqladmin|mysqldump|mariadb|mariadb-admin|mysqlslap)\b/i;
const WORD_PASSWORD = /^(?:-p(?!ort\b).+|--password=.+)$/;
const LINE_PASSWORD = /(?:^|\s)(?:-p(?!ort\b)[^\s]+|--password=[^\s]+)/;
const ASSIGNED =
  /^\s*(?:export\s+|my\s+|local\s+)?\$?(?:\w*_)?(?:pw|pass|passwd|password|mysql_pwd)\s*=\s*(?:"[^"$]+"|'[^'$]+'|[^\s"'$#]+)/i;

/** A password as a word of a command. */
export function hasPassword(command: readonly string[]): boolean {
  if (!command.some((word) => CLIENT.test(word) || /mysql|mariadb/i.test(word))) return false;
  return command.slice(1).some((word, i) => {
    if (WORD_PASSWORD.test(word)) return CLIENT.test(command[0] ?? '') || !/^-p[0-9]{1,5}$/.test(word);
    // `-p secret` is what scripts of their own take (mysql itself would ask); `-p 3306` is a port.
    const next = command[i + 2] ?? '';
    return (word === '-p' || word === '--password') && /^[^-]/.test(next) && !/^[0-9]{1,5}$/.test(next);
  });
}

export interface ScriptSight {
  readonly kind: 'kills' | 'prints' | 'password' | 'password-on-command-line';
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

const code = (line: string): string => (/^\s*#/.test(line) ? '' : line.slice(0, LINE_CHARACTERS_MAX));

export function sightsIn(text: string): ScriptSight[] {
  const lines = text.split('\n', LINES_MAX).map(code);
  const sights: ScriptSight[] = [];
  const see = (kind: ScriptSight['kind'], line: number, index: number) => {
    if (!sights.some((s) => s.kind === kind)) sights.push({ kind, line: line + 1, column: index + 1 });
  };
  lines.forEach((line, i) => {
    const kills = KILLS.exec(line);
    if (kills) see('kills', i, kills.index);
    const assigned = ASSIGNED.exec(line);
    if (assigned && !/\$\(|`|read\b/.test(line)) see('password', i, line.search(/\S/));
    if (CLIENT.test(line) || /\$\{?\w*mysql\w*/i.test(line)) {
      const found = LINE_PASSWORD.exec(line);
      if (found) see('password-on-command-line', i, found.index + (found[0].startsWith('-') ? 0 : 1));
    }
  });
  const exits = lines.some((line) =>
    /\b(?:exit|return)\b\s*\(?\s*(?:[1-9$"]|\$)|sys\.exit|os\._exit|\bexec\b|\bset\s+-\w*e|\bfalse\b|raise\s/.test(
      line,
    ),
  );
  if (!exits) {
    const at = lines.findIndex((line) => /\b(?:echo|print|printf)\b[\s("']*[01]["')\s]*(?:;|$)/.test(line));
    if (at >= 0) see('prints', at, (lines[at] ?? '').search(/\S/));
  }
  return sights;
}

/** Reports what stands in a script; `placeOf` says where a line of it is. */
export function looksAtScript(
  c: Command,
  text: string,
  placeOf: (line: number, column: number) => Place,
  report: Report,
): void {
  for (const { kind, line, column } of sightsIn(text)) {
    const at = placeOf(line, column);
    if (kind === 'kills')
      report(
        'warning',
        at,
        'script-kills',
        c.kind === 'check'
          ? `${c.owner} ends keepalived itself: nothing starts it again, and where the check also fails on the surviving host (its replication has lost the other one), that one is ended as well`
          : `${c.owner} ends keepalived itself, and nothing starts it again`,
        'exit 1 instead, in a vrrp_script without a weight: FAULT releases the address, and a repaired host takes part again by itself',
      );
    else if (kind === 'prints' && c.kind === 'check')
      report(
        'warning',
        at,
        'script-prints',
        `${c.owner} prints its verdict and does not exit with it: only the exit status counts, and this one is always 0`,
        'write exit 1 where the check fails',
      );
    else if (kind === 'password' && text.includes('\n'))
      report(
        'warning',
        at,
        'script-password',
        'a password stands in this script in plain text',
        'put it into a file of mode 0600 and give --defaults-extra-file=FILE; an account with REPLICATION CLIENT is enough for a check',
      );
    else if (kind === 'password-on-command-line' && text.includes('\n'))
      report(
        'warning',
        at,
        'script-password',
        'the password goes over the command line of a program here: every account of the host sees it in the list of processes',
        'give --defaults-extra-file=FILE instead',
      );
  }
}
