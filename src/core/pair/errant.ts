// Errant transactions: what a node has and the writer's history lacks. Never skipped, and never let into the writer's history by
// its own channel: they are saved and shown first (`twinkeep salvage`).

import { lacking, originOf } from '../gtid/gtid.ts';
import type { Reason } from './reason.ts';
import { freshReport, type PairState } from './state.ts';

/**
 * What `own` has that the writer's history lacks, without what was born at the writer itself: that is on its way, or waits for its
 * acknowledgement there (MySQL names a commit only when it is acknowledged, and its standby names it before).
 */
function errantIn(own: string, writers: string, writersOrigin: string): readonly string[] {
  return (lacking(own, writers) ?? []).filter((gtid) => originOf(gtid) !== writersOrigin);
}

/** As the writer: what the standby has, by its last report, and this server lacks. */
export function errantAtPeer(state: PairState): readonly string[] {
  const report = freshReport(state);
  const { status } = state.own;
  if (report === null || status === null || state.role !== 'writing') return [];
  return errantIn(report.history, status.history, status.origin);
}

/** As the standby: what this server has and the writer, by its last report, lacks. */
export function errantHere(state: PairState): readonly string[] {
  const report = freshReport(state);
  const { status } = state.own;
  if (status === null || report === null || report.role !== 'writing' || report.server !== 'up') return [];
  return errantIn(status.history, report.history, report.origin);
}

const LISTED_MAX = 4;

/** As the writer: why the standby is not paired while it has them. */
export function errantReason(state: PairState): Reason | null {
  const gtids = errantAtPeer(state);
  if (gtids.length === 0) return null;
  const { self, peer } = state.settings;
  const more = gtids.length > LISTED_MAX ? ` and ${gtids.length - LISTED_MAX} more` : '';
  return {
    code: 'errant',
    because: `${peer} holds transactions that ${self} never had (errant: up to ${gtids.slice(0, LISTED_MAX).join(', ')}${more})`,
    lift: '`twinkeep salvage list` shows them, row by row; then `twinkeep salvage replay` or `discard`',
  };
}
