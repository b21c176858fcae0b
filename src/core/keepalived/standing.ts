// What everything that is tracked makes of one instance: its reasons to be in FAULT, and its effective priority.
// In the flow: trackers (scripts, files, processes: main thread; interfaces: wire thread) -> standing -> the VRRP machine's events.

export interface Contributed {
  /** Not null: a reason to be in FAULT. */
  readonly fault: string | null;
  /** Added to the priority. */
  readonly delta: number;
}

export interface Standing {
  readonly faults: readonly string[];
  /** 1 to 254; an owner's is 255 whatever is tracked (RFC 9568 6.1). */
  readonly priority: number;
}

const OWNER = 255;

export function standing(base: number, contributions: Iterable<Contributed>): Standing {
  const faults: string[] = [];
  let priority = base;
  for (const { fault, delta } of contributions) {
    if (fault !== null) faults.push(fault);
    priority += delta;
  }
  return { faults, priority: base === OWNER ? OWNER : Math.min(254, Math.max(1, priority)) };
}

/**
 * What a tracked interface contributes. Weight 0: its loss is a FAULT; above 0: counts while it is up; below 0: while it is down.
 * `reverse` turns up and down around (keepalived.conf(5), track_interface).
 */
export function interfaceContribution(
  tracked: { readonly name: string; readonly weight: number; readonly reverse: boolean },
  up: boolean,
): Contributed {
  const good = up !== tracked.reverse;
  if (tracked.weight === 0) {
    const state = up ? 'up, and tracked in reverse' : 'down';
    return { fault: good ? null : `the tracked interface ${tracked.name} is ${state}`, delta: 0 };
  }
  const counts = tracked.weight > 0 ? good : !good;
  return { fault: null, delta: counts ? tracked.weight : 0 };
}
