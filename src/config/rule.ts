// What a rule between keys of pair.yaml is. The rules stand in address-rules.ts, time-rules.ts and witness-rules.ts; rules.ts runs them.
import type { PairValues } from './schema.ts';

/** Places a finding at the first of the keys that stands in the file; where none does, at the section around the first. */
export type Report = (path: string | readonly string[], code: string, message: string, hint: string) => void;
/** `warn` is for what may stay as it is. */
export type Rule = (values: PairValues, report: Report, warn: Report) => void;
