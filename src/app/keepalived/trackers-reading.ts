// The blocks track_file and vrrp_track_process of a keepalived.conf, with the defaults of 2.2.7. Used by trackers-config.ts.

import type { TOP } from '../../config/keepalived/schema/index.ts';
import type { Reading } from '../../config/keepalived/spec.ts';
import { last } from '../../config/keepalived/values.ts';
import type { Weighing } from '../../core/keepalived/tracking.ts';
import type { ProcessPattern, QuorumSettings } from '../../core/keepalived/tracking-process.ts';

export interface TrackedFile extends Weighing {
  readonly name: string;
  readonly path: string;
  readonly init: { readonly value: number; readonly overwrite: boolean } | null;
}

export interface TrackedProcess extends Weighing, QuorumSettings {
  readonly name: string;
  readonly pattern: ProcessPattern;
}

type Top = Reading<typeof TOP>;

/** Of two with one name the first counts. */
function distinct<T extends { readonly name: string }>(things: readonly T[]): T[] {
  return things.filter((thing, i) => things.findIndex((other) => other.name === thing.name) === i);
}

function weightOf(words: readonly string[] | undefined, byDefault: number): Weighing {
  const weight = words === undefined ? byDefault : Number(words[0]);
  return { weight: Number.isInteger(weight) ? weight : byDefault, reverse: words?.[1] === 'reverse' };
}

function initOf(words: readonly string[] | undefined): TrackedFile['init'] {
  if (words === undefined) return null;
  const number = words.find((word) => /^[+-]?[0-9]+$/.test(word));
  return { value: number === undefined ? 0 : Number(number), overwrite: words.includes('overwrite') };
}

export function readTrackedFiles({ values }: Top): TrackedFile[] {
  const blocks = [...(values.track_file ?? []), ...(values.vrrp_track_file ?? [])];
  const files = blocks.flatMap(({ value: { args, values: v } }): TrackedFile[] => {
    const path = last(v.file);
    const name = args[0]?.text;
    if (path === undefined || name === undefined) return [];
    return [{ name, path, init: initOf(last(v.init_file)), ...weightOf(last(v.weight), 1) }];
  });
  return distinct(files);
}

export function readTrackedProcesses({ values }: Top): TrackedProcess[] {
  const processes = (values.vrrp_track_process ?? []).flatMap(({ value: { args, values: v } }) => {
    const [command, ...parameters] = last(v.process) ?? [];
    const name = args[0]?.text;
    if (command === undefined || name === undefined) return [];
    const delayMs = last(v.delay) ?? 0;
    const pattern: ProcessPattern = {
      command,
      parameters,
      match: last(v.param_match) ?? null,
      fullCommand: v.full_command !== undefined,
    };
    const process: TrackedProcess = {
      name,
      pattern,
      // The manual says 1; what 2.2.7 does is 0: without quorum the instance is in FAULT.
      ...weightOf(last(v.weight), 0),
      quorum: last(v.quorum) ?? 1,
      quorumMax: last(v.quorum_max) ?? null,
      forkDelayMs: last(v.fork_delay) ?? delayMs,
      terminateDelayMs: last(v.terminate_delay) ?? delayMs,
    };
    return [process];
  });
  return distinct(processes);
}
