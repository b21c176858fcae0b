// Saved transactions on disk: one folder a salvage under the node's state folder, with an index that is replaced as a whole. What is
// written is on the disk before it counts. Only `forget` removes anything, on an operator's word.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { LoggedTransaction } from '../../core/binlog/logged.ts';
import type { SalvageIndex } from '../../core/salvage/entry.ts';

export const SALVAGE_ID = /^\d{8}-\d{6}-[a-z0-9-]{1,40}$/;

function syncFolder(folder: string): void {
  const directory = openSync(folder, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

export function syncFile(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Replaced as a whole, and on the disk when this returns. */
export function writeDurably(folder: string, name: string, value: unknown): void {
  const temporary = join(folder, `${name}.new`);
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(value, null, 1)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, join(folder, name));
  syncFolder(folder);
}

const fileOf = (number: number): string => `${String(number).padStart(6, '0')}.json`;

export interface SalvageStore {
  readonly folder: string;
  /** Newest last. A folder without a readable index (saving was interrupted) is left out. */
  list(): readonly SalvageIndex[];
  read(id: string): SalvageIndex | null;
  transaction(id: string, number: number): LoggedTransaction | null;
  folderOf(id: string): string;
  /** Makes the folder of a new salvage, with what it is called. */
  begin(at: Date, node: string): { readonly id: string; readonly folder: string };
  /** On the disk once the index is. */
  saveTransaction(id: string, number: number, transaction: LoggedTransaction): void;
  /** The index is written last: with it the salvage is there. */
  write(index: SalvageIndex): void;
  forget(id: string): void;
  /** The rewind that is under way; null: none. */
  readJournal(): unknown;
  writeJournal(value: unknown): void;
  clearJournal(): void;
}

export function openSalvageStore(stateFolder: string): SalvageStore {
  const folder = join(stateFolder, 'salvage');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const folderOf = (id: string): string => join(folder, id);

  function readJson(path: string): unknown {
    try {
      return JSON.parse(readFileSync(path, 'utf8'));
    } catch {
      return null;
    }
  }

  function read(id: string): SalvageIndex | null {
    if (!SALVAGE_ID.test(id)) return null;
    const index = readJson(join(folderOf(id), 'index.json')) as SalvageIndex | null;
    return index?.format === 1 && index.id === id ? index : null;
  }

  return {
    folder,
    list: () =>
      readdirSync(folder)
        .filter((name) => SALVAGE_ID.test(name))
        .sort()
        .flatMap((id) => read(id) ?? []),
    read,
    transaction: (id, number) =>
      SALVAGE_ID.test(id)
        ? (readJson(join(folderOf(id), 'transactions', fileOf(number))) as LoggedTransaction | null)
        : null,
    folderOf,
    begin(at, node) {
      for (let ms = at.getTime(); ; ms += 1000) {
        const stamp = new Date(ms).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
        const id = `${stamp}-${node}`;
        if (existsSync(folderOf(id))) continue;
        mkdirSync(join(folderOf(id), 'transactions'), { recursive: true, mode: 0o700 });
        syncFolder(folder);
        return { id, folder: folderOf(id) };
      }
    },
    saveTransaction(id, number, transaction) {
      const path = join(folderOf(id), 'transactions', fileOf(number));
      writeFileSync(path, `${JSON.stringify(transaction, null, 1)}\n`, { mode: 0o600 });
      syncFile(path);
    },
    write(index) {
      syncFolder(join(folderOf(index.id), 'transactions'));
      writeDurably(folderOf(index.id), 'index.json', index);
    },
    forget(id) {
      if (!SALVAGE_ID.test(id)) return;
      rmSync(folderOf(id), { recursive: true, force: true });
      syncFolder(folder);
    },
    readJournal: () => readJson(join(folder, 'rewind.json')),
    writeJournal(value) {
      writeDurably(folder, 'rewind.json', value);
    },
    clearJournal() {
      rmSync(join(folder, 'rewind.json'), { force: true });
      syncFolder(folder);
    },
  };
}
