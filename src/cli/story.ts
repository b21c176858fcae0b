// Which events tell what was decided, and how each is told: what was done, what was not done and why, and what was seen.

import type { LogEvent } from '../io/http/events.ts';

export type Kind = 'done' | 'not done' | 'seen';

export interface Told {
  readonly kind: Kind;
  readonly text: string;
}

/** Codes whose sentence is not whole without these words before it. */
const DONE: Readonly<Record<string, string>> = {
  takeover: 'takes over: ',
  writer: '',
  handover: 'hands over: ',
  'handing-over': '',
  closed: '',
  alone: '',
  paired: '',
  left: '',
  record: 'takes up the record: ',
  reconciled: 'put right: ',
  starting: 'does not know its role: ',
  following: 'is the standby: ',
  writing: 'is the writer: ',
  'switchover-done': 'switchover: ',
  'promote-forced': 'promotion forced: ',
  'maintenance-on': '',
  'maintenance-off': '',
  withdrawn: '',
  'read-vips-held': '',
  'read-vips-left': '',
  stopping: 'stops: ',
  ending: 'ends: ',
};

const NOT_DONE: Readonly<Record<string, string>> = {
  'not-promoted': '',
  'no-handover': 'no handover: ',
  'switchover-refused': 'no switchover: ',
  'switchover-failed': 'no switchover: ',
  'promote-refused': 'not promoted: ',
  'vrrp-blocked': 'nothing moved: ',
  refused: '',
  'reopen-failed': '',
  'witness-conflict': '',
};

/** What set things going, though it is no fault that is warned of. */
const SEEN: readonly string[] = [
  'server-up',
  'agent-up',
  'manager-up',
  'vrrp-silent',
  'vrrp-heard-again',
  'witness-answers',
  'vip-true-again',
  'vip-leads-right',
  'reads-fit',
];

/** Null: not part of the story; `twinkeep events` shows it. */
export function tell({ code, level, because }: LogEvent): Told | null {
  const done = DONE[code];
  if (done !== undefined) return { kind: 'done', text: `${done}${because}` };
  const not = NOT_DONE[code];
  if (not !== undefined) return { kind: 'not done', text: `${not}${because}` };
  if (code.endsWith('-failed') || code.endsWith('-unclean')) return { kind: 'not done', text: because };
  if (SEEN.includes(code) || level !== 'info') return { kind: 'seen', text: because };
  return null;
}
