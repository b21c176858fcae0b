// The record on disk: replaced as a whole, and on the disk (not only in the page cache) before `write` returns.

import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../../core/error.ts';
import { parseStored, type Stored } from '../../core/pair/stored.ts';

export interface RecordFile {
  /** Null when this node never had a record. */
  read(): Stored | null;
  write(stored: Stored): void;
  readonly path: string;
}

function replaceDurably(folder: string, name: string, text: string): void {
  const temporary = join(folder, `${name}.new`);
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, join(folder, name));
  const directory = openSync(folder, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** The state folder of a node, made if it is missing. */
export function openStateFolder(stateDir: string, pair: string, node: string): string {
  const folder = join(stateDir, `${pair}.${node}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new OperatorError(
      'state-folder',
      `the state folder ${folder} cannot be made: ${(error as Error).message}`,
      'make it writable for the account that runs the agent, or set stateDir in pair.yaml',
    );
  }
  return folder;
}

export function openRecordFile(folder: string, pair: string, node: string): RecordFile {
  const path = join(folder, 'record.json');
  return {
    path,
    read() {
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw new OperatorError(
          'record-unreadable',
          `the record ${path} cannot be read: ${(error as Error).message}`,
          'mend the file system; do not delete the file',
        );
      }
      const refuse = (what: string): never => {
        throw new OperatorError(
          'record-damaged',
          `the record ${path} ${what}`,
          'stop here: without its record a node cannot know whether its data are current. Move the file away only if the peer is up and is the writer: this node then takes the record over from it',
        );
      };
      let value: { pair?: unknown; node?: unknown };
      try {
        value = JSON.parse(text) as typeof value;
      } catch {
        return refuse('is not readable as JSON');
      }
      if (value.pair !== pair || value.node !== node)
        return refuse(`belongs to node ${value.node} of pair ${value.pair}`);
      return parseStored(value) ?? refuse('holds no record');
    },
    write(stored) {
      replaceDurably(folder, 'record.json', `${JSON.stringify({ format: 1, pair, node, ...stored })}\n`);
    },
  };
}
