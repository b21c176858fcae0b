// Saved transactions on disk: one folder a salvage under the node's state folder, with an index that is replaced as a whole. What is
// written is on the disk before it counts. Only `forget` removes anything, on an operator's word. Nothing here waits for the disk
// in the manager's way: a manager that stands still for seconds is taken for frozen.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoggedTransaction } from '../../core/binlog/logged.ts';
import type { SalvageIndex } from '../../core/salvage/entry.ts';

export const SALVAGE_ID = /^\d{8}-\d{6}-[a-z0-9-]{1,40}$/;
const TRANSACTIONS = 'transactions.jsonl';
const SCAN_BYTES = 1 << 20;

/** A file's content, or a folder's entries, is on the disk when this resolves. */
export async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Replaced as a whole, and on the disk when this resolves. */
async function replaceDurably(folder: string, name: string, value: unknown): Promise<void> {
  const temporary = join(folder, `${name}.new`);
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(value, null, 1)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(folder, name));
  await sync(folder);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** Takes the transactions of a new salvage, in their order. */
export interface TransactionWriter {
  add(transaction: LoggedTransaction): Promise<void>;
  /** They are on the disk when this resolves. */
  close(): Promise<void>;
}

export interface SavedTransactions {
  /** By number, from 1; null: it cannot be read. */
  get(number: number): Promise<LoggedTransaction | null>;
  close(): Promise<void>;
}

export interface SalvageStore {
  readonly folder: string;
  /** Newest last. A folder without a readable index (saving was interrupted) is left out. */
  list(): readonly SalvageIndex[];
  read(id: string): SalvageIndex | null;
  folderOf(id: string): string;
  /** Makes the folder of a new salvage, with what it is called. */
  begin(at: Date, node: string): Promise<{ readonly id: string; readonly folder: string }>;
  saving(id: string): Promise<TransactionWriter>;
  transactions(id: string): Promise<SavedTransactions>;
  /** The index is written last: with it the salvage is there. */
  write(index: SalvageIndex): Promise<void>;
  forget(id: string): Promise<void>;
  /** The rewind that is under way; null: none. */
  readonly journal: unknown;
  writeJournal(value: unknown): Promise<void>;
  clearJournal(): Promise<void>;
}

async function writerOf(path: string): Promise<TransactionWriter> {
  const file = await open(path, 'w', 0o600);
  return {
    async add(transaction) {
      await file.writeFile(`${JSON.stringify(transaction)}\n`);
    },
    async close() {
      await file.sync();
      await file.close();
    },
  };
}

/** Where each line starts, and where the last one ends. */
async function lineStarts(file: FileHandle): Promise<number[]> {
  const starts = [0];
  const chunk = Buffer.alloc(SCAN_BYTES);
  for (let offset = 0; ; ) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, offset);
    if (bytesRead === 0) return starts;
    for (let at = chunk.indexOf(10); at >= 0 && at < bytesRead; at = chunk.indexOf(10, at + 1))
      starts.push(offset + at + 1);
    offset += bytesRead;
  }
}

async function readerOf(path: string): Promise<SavedTransactions> {
  const file = await open(path, 'r');
  const starts = await lineStarts(file);
  return {
    async get(number) {
      const from = starts[number - 1];
      const to = starts[number];
      if (from === undefined || to === undefined) return null;
      const line = Buffer.alloc(to - from);
      await file.read(line, 0, line.length, from);
      try {
        return JSON.parse(line.toString('utf8')) as LoggedTransaction;
      } catch {
        return null;
      }
    },
    close: () => file.close(),
  };
}

export function openSalvageStore(stateFolder: string): SalvageStore {
  const folder = join(stateFolder, 'salvage');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const folderOf = (id: string): string => join(folder, id);
  const known = new Map<string, SalvageIndex>();
  for (const id of readdirSync(folder).sort()) {
    const index = SALVAGE_ID.test(id)
      ? (readJson(join(folderOf(id), 'index.json')) as SalvageIndex | null)
      : null;
    if (index?.format === 1 && index.id === id) known.set(id, index);
  }
  let journal: unknown = readJson(join(folder, 'rewind.json'));

  return {
    folder,
    list: () => [...known.values()].sort((a, b) => a.id.localeCompare(b.id)),
    read: (id) => known.get(id) ?? null,
    folderOf,
    async begin(at, node) {
      for (let ms = at.getTime(); ; ms += 1000) {
        const stamp = new Date(ms).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
        const id = `${stamp}-${node}`;
        const there = await stat(folderOf(id)).then(
          () => true,
          () => false,
        );
        if (there) continue;
        await mkdir(folderOf(id), { mode: 0o700 });
        await sync(folder);
        return { id, folder: folderOf(id) };
      }
    },
    saving: (id) => writerOf(join(folderOf(id), TRANSACTIONS)),
    transactions: (id) => readerOf(join(folderOf(id), TRANSACTIONS)),
    async write(index) {
      await replaceDurably(folderOf(index.id), 'index.json', index);
      known.set(index.id, index);
    },
    async forget(id) {
      if (!SALVAGE_ID.test(id)) return;
      known.delete(id);
      await rm(folderOf(id), { recursive: true, force: true });
      await sync(folder);
    },
    get journal() {
      return journal;
    },
    async writeJournal(value) {
      await replaceDurably(folder, 'rewind.json', value);
      journal = value;
    },
    async clearJournal() {
      await rm(join(folder, 'rewind.json'), { force: true });
      await sync(folder);
      journal = null;
    },
  };
}
