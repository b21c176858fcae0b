// Small parts that several blocks have in common: the value that counts, weights, accounts, notify scripts, tracked things. Used
// by config.ts, instance.ts and servers.ts.

import type { TrackEntry } from './entries.ts';
import { quote, type Report } from './findings.ts';
import type { Placed, Script } from './spec.ts';
import type { Account, Notify, Tracked } from './types.ts';

/** The value that counts, or undefined when the keyword does not stand there. */
export function last<V>(placed: readonly Placed<V>[] | undefined): V | undefined {
  return placed?.at(-1)?.value;
}

export function account(words: readonly string[] | undefined): Account | null {
  return words === undefined ? null : { user: words[0] ?? '', group: words[1] ?? null };
}

export function weightOf(
  typed: Placed<readonly string[]> | undefined,
  max: number,
  report: Report,
): { weight: number; reverse: boolean } {
  if (typed === undefined) return { weight: 0, reverse: false };
  const [text = '', reverse] = typed.value;
  const weight = /^[+-]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (Math.abs(weight) <= max && (reverse === undefined || reverse === 'reverse'))
    return { weight, reverse: reverse === 'reverse' };
  const found = quote(typed.value.join(' '));
  report(
    'error',
    typed.at,
    'value',
    `a weight cannot be "${found}"`,
    `write a whole number from -${max} to ${max}, then perhaps reverse`,
  );
  return { weight: 0, reverse: false };
}

type Scripts = {
  readonly [K in `notify${'' | '_master' | '_backup' | '_fault' | '_stop'}`]?: readonly Placed<Script>[];
};

export function notifyOf(v: Scripts): Notify {
  return {
    any: last(v.notify) ?? null,
    master: last(v.notify_master) ?? null,
    backup: last(v.notify_backup) ?? null,
    fault: last(v.notify_fault) ?? null,
    stop: last(v.notify_stop) ?? null,
  };
}

type Lists = {
  readonly [K in `track_${'interface' | 'script' | 'file' | 'process'}`]?: readonly Placed<
    readonly Placed<TrackEntry>[]
  >[];
};

/** Several blocks of one kind add up. */
export function trackedOf(v: Lists): Tracked {
  const all = (placed: Lists[keyof Lists]) => (placed ?? []).flatMap((each) => each.value);
  return {
    interfaces: all(v.track_interface),
    scripts: all(v.track_script),
    files: all(v.track_file),
    processes: all(v.track_process),
  };
}
