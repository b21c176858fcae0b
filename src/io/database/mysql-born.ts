// Of a server without GTIDs that is closed: where in its own binary log the last transaction ends that was born at it. What
// follows is what it applied. An open server's log is taken for its own to the end; a closed one's is looked through from
// there on, some events at each status, since the server holds its commits up while it reads them out.
import { countdown } from './deadline.ts';
import { rowsOf, text } from './rows.ts';

/** Behind the event that ends there. */
export interface Place {
  readonly file: string;
  readonly offset: number;
}

/** A connection, as far as it is needed here. */
interface Asked {
  query(sql: string, deadlineMs: number): Promise<unknown>;
}

export interface OwnLog {
  /** The end of what was born here; null while it is not known: then nothing but the end of the log is safe to say. */
  readonly born: Place | null;
  /** Where the last of its files that are closed end: one that a crash cut short is shorter than others know it. */
  readonly closed: readonly Place[];
}

export interface Born {
  /** Told at each status. */
  seen(server: Seen, by: Asked, deadlineMs: number): Promise<OwnLog>;
}

interface Seen {
  readonly serverId: number;
  readonly readOnly: boolean;
  readonly logged: Place;
}

/** Read in one statement; a server reads some 200 000 a second. */
const EVENTS_AT_ONCE = 4000;
/** No more of a status' deadline than this goes into looking. */
const SHARE_OF_DEADLINE = 0.5;
const LOOK_MS_MAX = 300;
/** A server that fell as the writer has its own transactions in one of its last files. Of older files all counts as its own. */
const FILES_BACK = 3;
const CLOSED_TOLD = 4;
/** Where the events of every file begin. */
const FIRST_EVENT = 4;
/** Of the server itself, not of a transaction. */
const OF_THE_FILE = new Set(['Format_desc', 'Rotate', 'Stop', 'Previous_gtids', 'Anonymous_Gtid', 'Gtid']);

interface Look {
  /** Not looked through: this file from here on, and those after it. */
  at: Place;
  /** The last found so far. */
  born: Place;
}

export function bornHere(): Born {
  let look: Look | null = null;
  let files: { readonly current: string; readonly all: readonly Place[] } | null = null;

  async function born(server: Seen, by: Asked, deadlineMs: number): Promise<Place | null> {
    const { readOnly, logged, serverId } = server;
    if (!readOnly) {
      look = { at: logged, born: logged };
      return logged;
    }
    const left = countdown(Math.min(LOOK_MS_MAX, deadlineMs * SHARE_OF_DEADLINE));
    // RESET MASTER: the log began anew.
    if (look !== null && isBefore(logged, look.at)) look = null;
    look ??= startOf(files?.all ?? [], logged);
    while (isBefore(look.at, logged)) {
      if (left() === 0) return null;
      await lookOn(look, { serverId, logged, files: files?.all ?? [] }, by, deadlineMs);
    }
    return look.born;
  }

  return {
    async seen(server, by, deadlineMs) {
      const current = server.logged.file;
      if (files?.current !== current) files = { current, all: await filesOf(by, deadlineMs) };
      const closed = files.all.filter((each) => each.file !== current).slice(-CLOSED_TOLD);
      return { born: await born(server, by, deadlineMs), closed };
    },
  };
}

const numberOf = (file: string): number => Number(/\.(\d+)$/.exec(file)?.[1] ?? 0);

function isBefore(x: Place, y: Place): boolean {
  const [a, b] = [numberOf(x.file), numberOf(y.file)];
  return a < b || (a === b && x.offset < y.offset);
}

async function filesOf(by: Asked, deadlineMs: number): Promise<Place[]> {
  const rows = rowsOf(await by.query('SHOW BINARY LOGS', deadlineMs));
  return rows.map((row) => ({ file: text(row['Log_name']), offset: Number(row['File_size']) }));
}

/** What is older is not looked at, or is no longer there: all of it counts as born here. 0: there never was anything older. */
function startOf(files: readonly Place[], logged: Place): Look {
  const { file } = files.at(-FILES_BACK) ?? files[0] ?? logged;
  const at = { file, offset: FIRST_EVENT };
  return { at, born: numberOf(file) === 1 ? { file, offset: 0 } : at };
}

async function lookOn(
  look: Look,
  log: { readonly serverId: number; readonly logged: Place; readonly files: readonly Place[] },
  by: Asked,
  deadlineMs: number,
): Promise<void> {
  const { file, offset } = look.at;
  const events = rowsOf(
    await by.query(
      `SHOW BINLOG EVENTS IN '${file.replaceAll(/['\\]/g, '')}' FROM ${offset} LIMIT ${EVENTS_AT_ONCE}`,
      deadlineMs,
    ),
  );
  for (const event of events) {
    const end = { file, offset: Number(event['End_log_pos']) };
    if (Number(event['Server_id']) === log.serverId && !OF_THE_FILE.has(text(event['Event_type'])))
      look.born = end;
    look.at = end;
  }
  if (events.length === EVENTS_AT_ONCE) return;
  const next = log.files.find((each) => numberOf(each.file) > numberOf(file));
  if (next !== undefined) look.at = { file: next.file, offset: FIRST_EVENT };
  else if (events.length === 0) look.at = log.logged;
}
