// The tail of a binary log: what is behind a position, cut out of raw files byte by byte as one small log, and applied to a server
// under its own GTIDs. From the archive, or from the files of a writer that fell.
import { execFile } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { EVENT, MAGIC } from '../../core/binlog/event.ts';
import { OperatorError } from '../../core/error.ts';
import { contains } from '../../core/gtid/gtid.ts';
import { eventsOf, type PlacedTransaction, transactionsOf } from '../binlog/logfile.ts';
import { binlogClient, type Family } from '../binlog/tool.ts';
import type { HeldConnection } from '../database/connection.ts';

export interface Tail {
  readonly transactions: number;
  /** A binary log: its head, and the events of these transactions. */
  readonly log: Buffer;
}

/** More than that is no tail: the node must be cloned. */
const TAIL_BYTES_MAX = 256 << 20;

async function head(path: string): Promise<Buffer | null> {
  for await (const { header, bytes } of eventsOf(path))
    return header.type === EVENT.formatDescription ? Buffer.concat([Buffer.from(MAGIC), bytes]) : null;
  return null;
}

/** The last file whose first transaction a server at `after` has, and those behind it. */
async function needed(paths: readonly string[], after: string): Promise<readonly string[]> {
  for (let at = paths.length - 1; at > 0; at -= 1) {
    for await (const { gtid } of transactionsOf([paths[at] as string])) {
      if (gtid !== '' && contains(after, gtid)) return paths.slice(at);
      break;
    }
  }
  return paths;
}

async function bytesOf({ file, from, to }: PlacedTransaction): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const bytes = Buffer.alloc(to - from);
    await handle.read(bytes, 0, bytes.length, from);
    return bytes;
  } finally {
    await handle.close();
  }
}

/** Null: the files hold nothing behind it. In a log without GTIDs nothing can be told apart: refused. */
export async function cutTail(paths: readonly string[], after: string): Promise<Tail | null> {
  const parts: Buffer[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for await (const transaction of transactionsOf(await needed(paths, after))) {
    const { gtid, file } = transaction;
    if (gtid === '')
      throw new OperatorError(
        'tail-without-gtids',
        `${file} was written without GTIDs: what is behind a position of another server cannot be told`,
        'show it with the binary log client, and replay by hand what is missing',
      );
    if (contains(after, gtid) || seen.has(gtid)) continue;
    seen.add(gtid);
    const part = await bytesOf(transaction);
    bytes += part.length;
    if (bytes > TAIL_BYTES_MAX)
      throw new OperatorError(
        'tail-too-long',
        `there are more than ${TAIL_BYTES_MAX >> 20} MiB behind ${after}`,
        'this is no tail: make the node a copy with `twinkeep clone`, or replay by hand',
      );
    if (parts.length === 0) {
      const format = await head(file);
      if (format === null) return null;
      parts.push(format);
    }
    parts.push(part);
  }
  return parts.length === 0 ? null : { transactions: seen.size, log: Buffer.concat(parts) };
}

const run = promisify(execFile);

/** The client's SQL: statements end with its own delimiter, which occurs in no data (they are base64). */
export function statementsOf(sql: string): string[] {
  return sql
    .split('\n')
    .filter((line) => !/^(DELIMITER |#)/.test(line))
    .join('\n')
    .split('/*!*/;')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '' && statement !== 'ROLLBACK');
}

/** Applies a tail; rejects at the first statement that fails: what was applied before it stays, whole transactions in order. */
export async function applyTail(
  family: Family,
  logFile: string,
  connection: HeldConnection,
  deadlineMs: number,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  const left = (): number => Math.max(1, Math.round(endMs - performance.now()));
  const [program, ...first] = binlogClient(family);
  const options = family === 'mariadb' ? ['--skip-gtid-strict-mode'] : [];
  const { stdout } = await run(program, [...first, '--no-defaults', ...options, logFile], {
    timeout: left(),
    killSignal: 'SIGKILL',
    maxBuffer: 4 * TAIL_BYTES_MAX,
    env: { ...process.env, LC_ALL: 'C' },
  });
  for (const statement of statementsOf(stdout)) await connection.query(statement, left());
}

/** The binary log files that a server's index file names, oldest first. */
export async function listedIn(indexFile: string): Promise<string[]> {
  const folder = indexFile.slice(0, indexFile.lastIndexOf('/') + 1);
  const names = (await readFile(indexFile, 'utf8')).split('\n').filter((line) => line !== '');
  return names.map((name) => (name.startsWith('/') ? name : `${folder}${name.replace(/^\.\//, '')}`));
}
