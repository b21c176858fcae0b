// The journal of a clone on disk, in the node's state folder: written by the command (as root), heeded by the manager. Replaced as a
// whole, and on the disk before the step that it names is begun.

import {
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type CloneJournal, parseJournal } from '../../core/clone/journal.ts';
import { OperatorError } from '../../core/error.ts';
import { syncFolder } from './disk.ts';

export interface CloneFile {
  readonly path: string;
  /** Null: no clone is under way. */
  read(): CloneJournal | null;
  write(journal: CloneJournal): void;
  remove(): void;
  /** Kept for whoever asks how far it is; not durable, and no decision rests on it. */
  writeProgress(progress: object): void;
  readProgress(): unknown;
}

/** `folder`: the state folder of the node. */
export function openCloneFile(folder: string): CloneFile {
  const path = join(folder, 'clone.json');
  const progress = join(folder, 'clone.progress.json');

  /** The manager may run under another account than the one who clones. */
  function ownedLikeFolder(file: string): void {
    const { uid, gid } = statSync(folder);
    if (process.getuid?.() === 0) chownSync(file, uid, gid);
  }

  return {
    path,
    read() {
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT') return null;
        throw new OperatorError(
          'clone-journal',
          `the journal of a clone, ${path}, cannot be read (${code})`,
          'run it as root; mend the file system if that is damaged',
        );
      }
      let journal: CloneJournal | null = null;
      try {
        journal = parseJournal(JSON.parse(text));
      } catch {
        // Said below.
      }
      if (journal !== null) return journal;
      throw new OperatorError(
        'clone-journal',
        `${path} is no journal of a clone that this version understands`,
        'use the version that wrote it; or look at the directories beside the data directory, put right by hand what is where, and remove the file',
      );
    },
    write(journal) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const temporary = `${path}.new`;
      const file = openSync(temporary, 'w', 0o600);
      try {
        writeSync(file, `${JSON.stringify(journal)}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      ownedLikeFolder(temporary);
      renameSync(temporary, path);
      syncFolder(folder);
    },
    remove() {
      rmSync(path, { force: true });
      rmSync(progress, { force: true });
      syncFolder(folder);
    },
    writeProgress(value) {
      const temporary = `${progress}.new`;
      const file = openSync(temporary, 'w', 0o600);
      writeSync(file, JSON.stringify(value));
      closeSync(file);
      ownedLikeFolder(temporary);
      renameSync(temporary, progress);
    },
    readProgress() {
      try {
        return JSON.parse(readFileSync(progress, 'utf8')) as unknown;
      } catch {
        return null;
      }
    },
  };
}
