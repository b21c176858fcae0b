// What a rule between keys of pair.yaml is. The rules stand in address-rules.ts and time-rules.ts; rules.ts runs them.
import type { PairValues } from './schema.ts';

/** Places a finding at the first of the keys that stands in the file; where none does, at the section around the first. */
export type Report = (path: string | readonly string[], code: string, message: string, hint: string) => void;
export type Rule = (values: PairValues, report: Report) => void;
