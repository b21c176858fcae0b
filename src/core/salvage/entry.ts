// What is kept of one salvage: an index beside the saved events. Written by io/salvage, shown by the API and the verbs.

/** What the configuration, or an operator, wants done with what was saved. */
export type SalvagePolicy = 'ask' | 'discard' | 'replay';

export type Outcome =
  /** At the writer, as a transaction of its own. */
  | 'replayed'
  /** The writer had the result already. */
  | 'there'
  /** Something else was there: left for the operator. */
  | 'conflict'
  /** It could not be done: see `because`. */
  | 'failed'
  | 'discarded';

export interface TransactionSummary {
  /** From 1, in the order of the log. */
  readonly number: number;
  readonly gtid: string;
  readonly at: string;
  /** "schema.table", each once. */
  readonly tables: readonly string[];
  readonly rows: number;
  /** Only rows of the program's own schema: undone with the others, never replayed. */
  readonly internal: boolean;
  /** Why its rows cannot be replayed or undone one by one; empty: they can. */
  readonly obstacles: readonly string[];
  readonly outcome: Outcome | null;
  readonly because: string | null;
}

export type SalvageState =
  /** Saved; the node still has them. */
  | 'saved'
  /** The node has them no more: undone, or replaced by a clone. */
  | 'undone'
  /** They are in the writer's history (a stray write in the ring), or were read from files: nothing is to be undone. */
  | 'elsewhere'
  /** The node had more of them later: all are in a newer salvage. */
  | 'superseded';

export interface SalvageIndex {
  readonly format: 1;
  readonly id: string;
  readonly pair: string;
  /** Whose transactions. */
  readonly node: string;
  readonly origin: string;
  readonly writer: string;
  readonly epoch: number;
  /** ISO 8601. */
  readonly at: string;
  readonly why: 'errant' | 'stray' | 'files';
  /** What the writer lacks, as `lacking` in core/gtid has it; empty when they came another way. */
  readonly errant: readonly string[];
  /** The histories when they were found. */
  readonly own: string;
  readonly writers: string;
  /** Files of raw events, in order, in the salvage's folder. */
  readonly raw: readonly string[];
  readonly state: SalvageState;
  /** Null: nobody has decided. */
  readonly decision: 'replay' | 'discard' | 'rewind' | null;
  /** Why the node cannot be rewound and must be cloned; empty: it can. */
  readonly unrewindable: readonly string[];
  readonly transactions: readonly TransactionSummary[];
}

export const OPEN_OUTCOMES: ReadonlySet<Outcome | null> = new Set([null, 'conflict', 'failed']);

/** Of the operator's data, not yet replayed, discarded or there. */
export const openTransactions = (index: SalvageIndex): readonly TransactionSummary[] =>
  index.transactions.filter((each) => !each.internal && OPEN_OUTCOMES.has(each.outcome));

export const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** "97 transactions (103 rows in shop.item, shop.t)". */
export function describeTransactions(transactions: readonly TransactionSummary[]): string {
  const rows = transactions.reduce((sum, each) => sum + each.rows, 0);
  const tables = [...new Set(transactions.flatMap((each) => each.tables))];
  const where =
    tables.length === 0 ? '' : ` in ${tables.slice(0, 5).join(', ')}${tables.length > 5 ? ', ...' : ''}`;
  return `${plural(transactions.length, 'transaction')} (${plural(rows, 'row')}${where})`;
}

export const ofUsers = (index: SalvageIndex): readonly TransactionSummary[] =>
  index.transactions.filter((each) => !each.internal);
