// All of keepalived.conf's keywords, by the block that they stand in.
import type { Schema, Status } from '../spec.ts';
import { DAEMON } from './global.ts';
import { LVS } from './lvs.ts';
import { VRRP } from './vrrp.ts';

export const TOP = { ...DAEMON, ...VRRP, ...LVS } as const;

/** These stand at the top and nowhere else: seen in a block, they say that a } is missing before them. */
export const TOP_ONLY: ReadonlySet<string> = new Set(
  Object.entries(TOP as Schema)
    .filter(([name, spec]) => spec.content !== 'none' && name !== 'track_file')
    .map(([name]) => name),
);

export interface KeywordEntry {
  /** `vrrp_instance > authentication`; empty for the top. */
  readonly block: string;
  readonly keyword: string;
  readonly status: Status;
}

/** Every keyword of every block, for documents and tests. */
export function listKeywords(schema: Schema = TOP, path: readonly string[] = []): KeywordEntry[] {
  return Object.entries(schema).flatMap(([keyword, spec]) => [
    { block: path.join(' > '), keyword, status: spec.status },
    ...(typeof spec.content === 'object' ? listKeywords(spec.content, [...path, keyword]) : []),
  ]);
}
