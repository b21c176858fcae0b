// The receiver's side of a line: asks the donor, and makes of its stream a data directory beside the old one. Nothing here
// touches the server or its data.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DonorFacts } from '../../core/clone/plan.ts';
import { positionOfBackup } from '../../core/clone/position.ts';
import { OperatorError } from '../../core/error.ts';
import { dialDonor, type Line, type LineKey } from './channel.ts';
import type { Ask } from './donor.ts';
import { BACKUP, findTool, MBSTREAM } from './tools.ts';

export interface DonorAt {
  readonly key: LineKey;
  readonly address: string;
  readonly localAddress: string;
  readonly port: number;
}

/** One given by hand (`--donate`) goes before the manager's. */
async function dial(at: DonorAt): Promise<Line> {
  const { key } = at;
  const line = (await dialDonor(key, { ...at, port: at.port + 1 })) ?? (await dialDonor(key, at));
  if (line !== null) return line;
  throw new OperatorError(
    'donor-silent',
    `nobody gives copies at ${at.address}:${at.port}`,
    `is the agent of ${key.peer} running, in a version that gives clones? Or run \`twinkeep clone --donate\` on its host`,
  );
}

function raise(word: Record<string, unknown>): never {
  const { code, message, hint } = word as { code?: string; message?: string; hint?: string };
  throw new OperatorError(code ?? 'donor-failed', message ?? 'the donor failed', hint ?? 'see its log');
}

export async function askFacts(at: DonorAt): Promise<DonorFacts> {
  const line = await dial(at);
  try {
    line.send({ kind: 'facts', bytesPerS: null } satisfies Ask);
    for await (const each of line.received()) {
      if (each.kind !== 'word') continue;
      if (each.word['kind'] === 'facts') return each.word['facts'] as DonorFacts;
      raise(each.word);
    }
    throw new OperatorError('donor-silent', `${at.key.peer} told nothing of itself`, 'run it again');
  } finally {
    line.destroy();
  }
}

export interface ReceivedCopy {
  readonly bytes: number;
  /** The donor's history before and after; of one that tells none, empty. */
  readonly before: string;
  readonly after: string;
  readonly lockedMs: number | null;
}

export interface Watcher {
  readonly begun: (bytesTotal: number | null) => void;
  readonly bytes: (bytes: number) => void;
  readonly stage: (stage: string) => void;
}

/** Passes the donor's stream to `take`, to its end. Throws when it is not whole. */
export async function receive(
  at: DonorAt,
  ask: Ask,
  take: (bytes: Uint8Array) => Promise<void>,
  watch: Watcher,
): Promise<ReceivedCopy> {
  const line = await dial(at);
  let before = '';
  let bytes = 0;
  try {
    line.send(ask);
    for await (const each of line.received()) {
      if (each.kind === 'data') {
        bytes += each.bytes.length;
        await take(each.bytes);
        watch.bytes(bytes);
        continue;
      }
      const { word } = each;
      if (word['kind'] === 'failed') raise(word);
      if (word['kind'] === 'begin') {
        before = String(word['history'] ?? '');
        watch.begun(typeof word['bytesTotal'] === 'number' ? word['bytesTotal'] : null);
      } else if (word['kind'] === 'stage') watch.stage(String(word['stage']));
      else if (word['kind'] === 'end') {
        if (word['bytes'] !== bytes) break;
        const lockedMs = typeof word['lockedMs'] === 'number' ? word['lockedMs'] : null;
        return { bytes, before, after: String(word['history'] ?? ''), lockedMs };
      }
    }
    const hint = 'run `twinkeep clone` again: the copy begins anew, what was finished before it stays';
    throw new OperatorError('copy-not-whole', `${at.key.peer} ended before the copy was whole`, hint);
  } finally {
    line.destroy();
  }
}

export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when all was taken; throws what the program said when it failed. */
  finish(): Promise<void>;
  kill(): void;
}

const SAID_MAX = 4000;

/** A program that takes the stream at its standard input. */
export function programSink(argv: readonly string[], code: string, hint: string): Sink {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said = (said + text.toString()).slice(-SAID_MAX);
  });
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('error', (error) => {
      said = error.message;
      resolve('an error');
    });
    child.once('close', (exit, signal) => resolve(signal ?? exit));
  });
  // Its end tells why.
  child.stdin.on('error', () => undefined);
  const failure = async (): Promise<OperatorError> => {
    const end = await ended;
    const last = said.trim().split('\n').at(-1) ?? '';
    return new OperatorError(code, `${command} ended with ${end}: ${last}`, hint);
  };
  return {
    async write(bytes) {
      if (child.stdin.destroyed) throw await failure();
      if (child.stdin.write(bytes)) return;
      await new Promise<void>((resolve) => {
        const go = (): void => {
          child.stdin.off('drain', go);
          child.stdin.off('close', go);
          resolve();
        };
        child.stdin.on('drain', go);
        child.stdin.on('close', go);
      });
    },
    async finish() {
      child.stdin.end();
      if ((await ended) !== 0) throw await failure();
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

/** mariadb-backup's stream, unpacked into `fresh`, which is made anew. */
export async function receiveBackup(
  at: DonorAt,
  bytesPerS: number | null,
  fresh: string,
  watch: Watcher,
): Promise<ReceivedCopy> {
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  const argv = [findTool(MBSTREAM) ?? 'mbstream', '-x', '-C', fresh];
  const sink = programSink(argv, 'unpack-failed', 'is the disk full? Then run it again');
  try {
    const copy = await receive(at, { kind: 'backup', bytesPerS }, (bytes) => sink.write(bytes), watch);
    await sink.finish();
    return copy;
  } catch (error) {
    sink.kill();
    throw error;
  }
}

/** Brings what was received to one moment. Safe to repeat. */
export async function prepareBackup(fresh: string): Promise<void> {
  const argv = [findTool(BACKUP) ?? 'mariadb-backup', '--prepare', `--target-dir=${fresh}`];
  const hint = 'give the clone up (`twinkeep clone --abort`) and begin it anew';
  await programSink(argv, 'prepare-failed', hint).finish();
}

/** The position that the backup's own info file names; null: none. */
export function backupPosition(fresh: string): string | null {
  for (const name of ['mariadb_backup_binlog_info', 'xtrabackup_binlog_info']) {
    try {
      return positionOfBackup(readFileSync(join(fresh, name), 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return null;
}
