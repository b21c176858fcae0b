// syslog(3) through glibc: the keepalived mode logs where its users' log watchers look. A line goes to /dev/log at once, on the
// calling thread; a log daemon that takes none holds that thread up, so the wire thread never calls this.

import { existsSync } from 'node:fs';
import koffi from 'koffi';
import { addressOf } from './libc.ts';

const library = koffi.load(null);
const openlog = library.func('void openlog(const void *ident, int option, int facility)') as unknown as (
  ident: bigint,
  option: number,
  facility: number,
) => void;
const syslog = library.func('void syslog(int priority, const char *format, ...)') as unknown as (
  priority: number,
  format: string,
  type: string,
  text: string,
) => void;

const LOG_PID = 1;
const LOG_NDELAY = 8;
const PRIORITY = { error: 3, warn: 4, info: 6, detail: 6 } as const;
export type SyslogLevel = keyof typeof PRIORITY;

/** The facility's name as in syslog.conf, to the number that syslog(3) takes. */
export const FACILITIES: Readonly<Record<string, number>> = {
  user: 1 << 3,
  daemon: 3 << 3,
  ...Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`local${n}`, (16 + n) << 3])),
};

export interface Syslog {
  write(ident: string, level: SyslogLevel, text: string): void;
}

/** glibc keeps the pointer that openlog was given: the bytes live as long as the process. */
const idents = new Map<string, { readonly bytes: ArrayBuffer; readonly address: bigint }>();

function identAddress(ident: string): bigint {
  const known = idents.get(ident);
  if (known !== undefined) return known.address;
  const text = new TextEncoder().encode(`${ident}\0`);
  const bytes = new ArrayBuffer(text.length);
  new Uint8Array(bytes).set(text);
  const made = { bytes, address: addressOf(bytes) };
  idents.set(ident, made);
  return made.address;
}

/** Whether anyone listens where syslog(3) writes to; without, its lines are lost. */
export const syslogListens = (): boolean => existsSync('/dev/log');

export function openSyslog(facility: number): Syslog {
  let current = '';
  return {
    write(ident, level, text) {
      if (ident !== current) openlog(identAddress(ident), LOG_PID | LOG_NDELAY, facility);
      current = ident;
      // The text is an argument and never the format: it may hold a %.
      syslog(PRIORITY[level] | facility, '%s', 'str', text);
    },
  };
}
