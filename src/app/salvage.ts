// Salvage as the manager starts it: the watch over what the writer's history lacks, and what operators order of it over the API.
import type { NodeConfig, PairConfig } from '../config/types.ts';
import type { LoggedTransaction } from '../core/binlog/logged.ts';
import { OperatorError } from '../core/error.ts';
import { lacking } from '../core/gtid/gtid.ts';
import type { PairState } from '../core/pair/state.ts';
import { ofUsers, openTransactions, type SalvageIndex } from '../core/salvage/entry.ts';
import { isErrant, positionOf, withoutErrant } from '../core/salvage/history.ts';
import { verdictOf } from '../core/salvage/judge.ts';
import type { SalvageAnswer, SalvageOrder, Salvages, TransactionView } from '../io/http/salvages.ts';
import { checkTransactions } from '../io/salvage/replay.ts';
import { openSalvageStore } from '../io/salvage/store.ts';
import { logFilesIn } from '../io/salvage/take.ts';
import { type Database, DatabaseError } from '../runtime/ports.ts';
import { discard, openWriter, replay } from './salvage-replay.ts';
import { rewind } from './salvage-rewind.ts';
import { save } from './salvage-save.ts';
import { sayReplayed, startSalvageWatch } from './salvage-watch.ts';
import { refusal, type SalvageWorld, STATUS_MS_MAX, unreadable, withSaved } from './salvage-world.ts';

/** Transactions shown at once, with their rows. */
const SHOWN_MAX = 200;

export interface SalvageOptions {
  readonly config: PairConfig;
  readonly self: NodeConfig;
  readonly peer: NodeConfig;
  /** The node's state folder. */
  readonly folder: string;
  readonly own: Database;
  readonly peerServer: Database;
  readonly schema: string;
  readonly state: () => PairState;
  readonly mending: (because: string | null) => void;
  readonly say: (level: 'info' | 'warn' | 'error', code: string, because: string) => void;
}

export function startSalvage(options: SalvageOptions): { readonly salvages: Salvages; stop(): void } {
  const { folder, ...rest } = options;
  const world: SalvageWorld = { ...rest, store: openSalvageStore(folder) };
  const watch = startSalvageWatch(world);

  function named(id: string): SalvageIndex {
    const index = world.store.read(id);
    if (index !== null) return index;
    throw refusal(
      'unknown-salvage',
      `${world.self.name} has no salvage ${id}`,
      '`twinkeep salvage list` names them',
    );
  }

  /** The operator's word is kept first, so that an interruption does not forget it. */
  async function decided(index: SalvageIndex, decision: SalvageIndex['decision']): Promise<SalvageIndex> {
    const next = { ...index, decision };
    await world.store.write(next);
    return next;
  }

  async function undone(index: SalvageIndex): Promise<SalvageIndex> {
    return index.state === 'saved' ? await rewind(world, index) : index;
  }

  async function order(id: string, { action, transactions, force }: SalvageOrder): Promise<SalvageAnswer> {
    const index = named(id);
    const numbers = numbersOf(index, transactions);
    if (index.state === 'superseded')
      throw refusal(
        'salvage-superseded',
        `${id} is part of a newer salvage`,
        '`twinkeep salvage list` shows it',
      );
    if (action === 'rewind') {
      const done = await undone(await decided(index, 'rewind'));
      return { ok: true, because: `${done.node} has these transactions no more`, index: done };
    }
    if (action === 'discard') {
      const done = await discard(
        world,
        await undone(numbers === null ? await decided(index, 'discard') : index),
        numbers,
      );
      const because = `${id}: discarded; the files are kept until \`twinkeep salvage forget ${id}\``;
      world.say('info', 'salvage-discarded', `${because} (ordered by an operator)`);
      return { ok: true, because, index: done };
    }
    const open = openTransactions(index).map((each) => each.number);
    const done = await replay(world, await undone(index), numbers, force);
    return { ok: true, because: sayReplayed(world, done, numbers ?? open), index: done };
  }

  /** The log of a dead server, or of one whose agent is gone, against this pair's writer. */
  async function take(files: string | null): Promise<SalvageAnswer> {
    const { peer, self, state } = world;
    const writing = state().role === 'writing';
    if (!writing && files === null) {
      const against = unreadable(world);
      if (against !== null) throw against;
      throw refusal(
        'salvage-watched',
        `${self.name} is watched all the time: what it has beyond the writer is saved by itself`,
        '`twinkeep salvage list` shows it',
      );
    }
    const writers = (
      writing ? await world.own.status(STATUS_MS_MAX) : await world.peerServer.status(STATUS_MS_MAX)
    ).history;
    const node = writing ? peer : self;
    const paths = files === null ? null : await logFilesIn(files);
    const status = files === null ? await world.peerServer.status(STATUS_MS_MAX) : null;
    const own = status?.history ?? '';
    const index = await save(world, {
      node,
      at: writing ? (files === null ? peer : self) : peer,
      why: 'files',
      found: {
        errant: status === null ? [] : (lacking(own, writers) ?? []),
        own,
        writers,
        origin: status?.origin ?? '',
      },
      wanted: (gtid) => gtid !== '' && isErrant(gtid, writers),
      behind: positionOf(withoutErrant(own, writers) ?? '') ?? '',
      files: paths,
    });
    if (index === null)
      return {
        ok: true,
        because: `the writer has all that is in ${files ?? `the log of ${peer.name}`}`,
        index: null,
      };
    return { ok: true, because: `${ofUsers(index).length} transactions saved as ${index.id}`, index };
  }

  async function show(id: string, wanted: readonly number[] | null, check: boolean): Promise<SalvageAnswer> {
    const index = named(id);
    const numbers = numbersOf(index, wanted) ?? ofUsers(index).map((each) => each.number);
    const shown = numbers.slice(0, SHOWN_MAX);
    const logged = await withSaved(world.store, index, (get) => Promise.all(shown.map(get)));
    const checks = check ? await checked(logged) : [];
    const transactions = shown.flatMap((number, i): TransactionView[] => {
      const transaction = logged[i];
      if (transaction === undefined) return [];
      const rows = checks[i] ?? [];
      const verdict = check ? verdictOf(rows.map((each) => each.verdict)) : null;
      return [{ number, logged: transaction, verdict, checks: rows }];
    });
    return { ok: true, because: '', index, transactions, folder: world.store.folderOf(id) };
  }

  async function checked(logged: readonly LoggedTransaction[]) {
    const writer = await openWriter(world);
    try {
      return await checkTransactions(writer, logged);
    } finally {
      writer.close();
    }
  }

  async function forget(id: string): Promise<SalvageAnswer> {
    const index = named(id);
    const open = openTransactions(index).length;
    if (index.state === 'saved' || (open > 0 && index.state !== 'superseded' && index.why !== 'stray')) {
      const message = `${id} holds ${open} transactions that are neither replayed nor discarded`;
      throw refusal('salvage-open', message, `\`twinkeep salvage discard ${id}\` first`);
    }
    await world.store.forget(id);
    return { ok: true, because: `${id}: its files are removed`, index: null };
  }

  const salvages: Salvages = {
    list: () => world.store.list(),
    show: (id, numbers, check) => answered(() => show(id, numbers, check)),
    order: (id, given) => answered(() => watch.alone(() => order(id, given))),
    take: (files) => answered(() => watch.alone(() => take(files))),
    forget: (id) => answered(() => watch.alone(() => forget(id))),
  };
  return { salvages, stop: () => watch.stop() };
}

function numbersOf(index: SalvageIndex, numbers: readonly number[] | null): readonly number[] | null {
  const unknown = numbers?.find((number) => !index.transactions.some((each) => each.number === number));
  if (unknown === undefined) return numbers;
  const hint = `it has 1 to ${index.transactions.length}: \`twinkeep salvage show ${index.id}\``;
  throw refusal('unknown-transaction', `${index.id} has no transaction ${unknown}`, hint);
}

/** What is expected to go wrong becomes an answer. */
async function answered(work: () => Promise<SalvageAnswer>): Promise<SalvageAnswer> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OperatorError) {
      const { code, message, hint } = error;
      const status = code.startsWith('unknown-') ? 404 : 409;
      return { ok: false, status, error: { code, message, hint } };
    }
    if (!(error instanceof DatabaseError)) throw error;
    const hint =
      error.code === 'privilege'
        ? 'run `twinkeep setup` again: it grants what is missing'
        : 'order it again when the server answers';
    return { ok: false, status: 409, error: { code: 'salvage-server', message: error.message, hint } };
  }
}
