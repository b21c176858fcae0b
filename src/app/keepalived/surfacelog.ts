// The log of the keepalived mode: the C daemon's lines under the C daemon's names, to syslog, to standard error, to files.

import { appendFileSync, writeSync } from 'node:fs';
import { openSyslog, type Syslog } from '../../io/linux/syslog.ts';
import type { Outlets } from './outlets.ts';

export type LogLevel = Parameters<Outlets['log']>[0];
/** The C daemon's processes; log watchers know them by name. */
export type LogPart = 'main' | 'vrrp' | 'checkers';

/** What goes to standard error. `problems`: while it starts, for whoever started it. */
export type ConsoleLevel = 'all' | 'problems' | 'nothing';

export interface LogOptions {
  readonly console: ConsoleLevel;
  /** null: not to syslog. */
  readonly facility: number | null;
  readonly file: string | null;
  readonly detail: boolean;
}

export interface DaemonLog {
  say(part: LogPart, level: LogLevel, text: string): void;
  /** The same for one part, as the other parts of the mode take it. */
  of(part: LogPart): Outlets['log'];
  /** `_NAME` behind the names: the network namespace and the instance, known only once the file is read. */
  suffix(suffix: string): void;
  console(level: ConsoleLevel): void;
}

const NAMES: Readonly<Record<LogPart, string>> = {
  main: 'Keepalived',
  vrrp: 'Keepalived_vrrp',
  checkers: 'Keepalived_healthcheckers',
};
const FILE_PARTS: Readonly<Record<LogPart, string>> = {
  main: '',
  vrrp: '_vrrp',
  checkers: '_healthcheckers',
};
const STDERR = 2;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

const two = (n: number): string => String(n).padStart(2, '0');

/** `Sat Nov 21 19:42:17 2026`, as ctime(3), in the local zone. */
export function timeText(ms: number, fraction = ''): string {
  const t = new Date(ms);
  const clock = `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}${fraction}`;
  return `${DAYS[t.getDay()]} ${MONTHS[t.getMonth()]} ${String(t.getDate()).padStart(2)} ${clock} ${t.getFullYear()}`;
}

/** `/var/log/ka.log` of the VRRP part: `/var/log/ka_vrrp.log`. */
export function logFileOf(file: string, part: LogPart): string {
  const dot = file.lastIndexOf('.');
  const at = dot > file.lastIndexOf('/') ? dot : file.length;
  return `${file.slice(0, at)}${FILE_PARTS[part]}${file.slice(at)}`;
}

function quietly(write: () => void): void {
  try {
    write();
  } catch {
    // A full disk or a closed terminal must not end what is being logged.
  }
}

export function openDaemonLog(options: LogOptions): DaemonLog {
  const syslog: Syslog | null = options.facility === null ? null : openSyslog(options.facility);
  let suffix = '';
  let onConsole = options.console;
  const say = (part: LogPart, level: LogLevel, text: string): void => {
    if (level === 'detail' && !options.detail) return;
    // One entry, one line: what is quoted from a file or from the wire cannot forge another.
    const line = text.replace(/[\r\n]+/g, ' ');
    const stamped = `${timeText(Date.now())}: ${line}\n`;
    syslog?.write(`${NAMES[part]}${suffix}`, level, line);
    const problem = level === 'warn' || level === 'error';
    if (onConsole === 'all' || (onConsole === 'problems' && problem))
      quietly(() => writeSync(STDERR, stamped));
    const { file } = options;
    // Opened for each line, so that a rotated file is simply made anew.
    if (file !== null) quietly(() => appendFileSync(logFileOf(file, part), stamped));
  };
  return {
    say,
    of: (part) => (level, text) => say(part, level, text),
    suffix(text) {
      suffix = text;
    },
    console(level) {
      onConsole = level;
    },
  };
}
