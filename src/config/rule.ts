// What a rule between keys of pair.yaml is. The rules stand in address-rules.ts and time-rules.ts; rules.ts runs them.
import type { PairValues } from './schema.ts';

/** Places a finding at a key; where the key is absent, at the section around it. */
export type Report = (path: string, code: string, message: string, hint: string) => void;
export type Rule = (values: PairValues, report: Report) => void;
