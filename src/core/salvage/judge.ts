// What a saved row would meet at the writer, and how it is put there: against the row that the writer has now under the same key.
// `safe`: the writer still has what the row was changed from. `there`: it has the result already. `conflict`: something else is there.
import { differing, type Image } from '../binlog/definition.ts';
import type { LoggedRow } from '../binlog/logged.ts';

export type Verdict = 'safe' | 'there' | 'conflict';

/** The columns that both name: a computed column may be missing in the log. */
function same(logged: Image, now: Image): boolean {
  return differing(logged, now).every((column) => logged[column] === undefined);
}

/** `now`: the row at the key that the row has before (update, delete) or after (insert); null: there is none. */
export function judge(row: LoggedRow, now: Image | null): Verdict {
  const { before, after } = row;
  if (row.kind === 'insert') {
    if (now === null) return 'safe';
    return after !== null && same(after, now) ? 'there' : 'conflict';
  }
  if (row.kind === 'delete') {
    if (now === null) return 'there';
    return before !== null && same(before, now) ? 'safe' : 'conflict';
  }
  if (now === null) return 'conflict';
  if (before !== null && same(before, now)) return 'safe';
  return after !== null && same(after, now) ? 'there' : 'conflict';
}

export type Change =
  | { readonly kind: 'insert'; readonly to: Image }
  | { readonly kind: 'update'; readonly at: Image; readonly to: Image }
  | { readonly kind: 'delete'; readonly at: Image }
  | { readonly kind: 'nothing' };

/** What is done at the writer; `force`: the saved row wins over what is there. */
export function changeFor(row: LoggedRow, now: Image | null, force: boolean): Change | null {
  const verdict = judge(row, now);
  if (verdict === 'there') return { kind: 'nothing' };
  if (verdict === 'conflict' && !force) return null;
  const { before, after } = row;
  if (row.kind === 'delete')
    return now === null || before === null ? { kind: 'nothing' } : { kind: 'delete', at: now };
  if (after === null) return null;
  return now === null ? { kind: 'insert', to: after } : { kind: 'update', at: now, to: after };
}

/** Undoes a row at the node that has it: what must be there now, exactly, and what is there afterwards. Null: nothing. */
export const undone = (
  row: LoggedRow,
): { readonly now: Image | null; readonly afterwards: Image | null } => ({
  now: row.after,
  afterwards: row.before,
});

/** A verdict for a whole transaction: one row in conflict is enough. */
export function verdictOf(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('conflict')) return 'conflict';
  return verdicts.length > 0 && verdicts.every((each) => each === 'there') ? 'there' : 'safe';
}
