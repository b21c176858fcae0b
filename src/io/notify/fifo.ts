// A FIFO for state changes (notify_fifo): made when it is missing, written without ever blocking, removed at the end if it was made here.
// It is held open for reading too, so that lines wait in it when its reader comes late or starts anew.

import { chownSync, closeSync, constants, fstatSync, openSync, unlinkSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { errnoName, lastErrno } from '../linux/libc.ts';

const mkfifo = koffi.load(null).func('int mkfifo(const char *path, uint32_t mode)') as unknown as (
  path: string,
  mode: number,
) => number;

/** Lines that wait besides those in the pipe itself (64 KiB). The oldest go first: the latest state is what a reader needs. */
export const WAITING_LINES_MAX = 1000;
const RETRY_MS = 100;
const MODE = 0o600;

export interface FifoOwner {
  readonly uid: number;
  readonly gid: number;
}

export interface Fifo {
  readonly path: string;
  /** Without its line end. */
  write(line: string): void;
  /** What still fits is written; a reader sees the end of the file. */
  close(): void;
}

export type FifoResult =
  | { readonly ok: true; readonly fifo: Fifo }
  | { readonly ok: false; readonly reason: string };

function create(path: string, owner: FifoOwner | null): { made: boolean; refused: string | null } {
  if (mkfifo(path, MODE) < 0) {
    const name = errnoName(lastErrno());
    return { made: false, refused: name === 'EEXIST' ? null : name };
  }
  try {
    if (owner !== null) chownSync(path, owner.uid, owner.gid);
  } catch (error) {
    return { made: true, refused: (error as Error).message };
  }
  return { made: true, refused: null };
}

function open(path: string): number | string {
  const { O_RDWR, O_NONBLOCK, O_NOFOLLOW } = constants;
  try {
    const fd = openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
    if (fstatSync(fd).isFIFO()) return fd;
    closeSync(fd);
    return 'it exists, and is no FIFO';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** `dropped` hears of lost lines: once when it begins, and their number when it is over. */
export function openFifo(
  path: string,
  owner: FifoOwner | null,
  dropped: (count: number | 'begins') => void,
): FifoResult {
  const { made, refused } = create(path, owner);
  if (refused !== null) return { ok: false, reason: refused };
  const fd = open(path);
  if (typeof fd === 'string') return { ok: false, reason: fd };

  const waiting: string[] = [];
  let lost = 0;
  let timer: NodeJS.Timeout | undefined;

  /** A line is shorter than PIPE_BUF, so the kernel takes all of it or nothing. */
  const put = (line: string): boolean => {
    try {
      writeSync(fd, `${line}\n`);
      return true;
    } catch {
      return false;
    }
  };
  const drain = (): void => {
    timer = undefined;
    while (waiting.length > 0 && put(waiting[0] as string)) waiting.shift();
    if (waiting.length > 0) timer = setTimeout(drain, RETRY_MS);
    else if (lost > 0) {
      dropped(lost);
      lost = 0;
    }
  };

  return {
    ok: true,
    fifo: {
      path,
      write(line) {
        if (waiting.length === 0 && put(line)) return;
        waiting.push(line);
        if (waiting.length > WAITING_LINES_MAX) {
          waiting.shift();
          if (lost++ === 0) dropped('begins');
        }
        timer ??= setTimeout(drain, RETRY_MS);
      },
      close() {
        drain();
        clearTimeout(timer);
        closeSync(fd);
        if (!made) return;
        try {
          unlinkSync(path);
        } catch {
          // Somebody was faster.
        }
      },
    },
  };
}
