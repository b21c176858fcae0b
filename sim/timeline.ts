// Virtual time: what will happen, in order. A binary heap; what falls on the same instant happens in the order in which it
// was asked for.

export interface Timeline {
  nowMs(): number;
  at(delayMs: number, run: () => void): void;
  /** Runs what is next, and tells whether there was something before `endMs`. */
  advance(endMs: number): boolean;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

const before = (x: Due, y: Due): boolean => x.atMs < y.atMs || (x.atMs === y.atMs && x.order < y.order);

export function newTimeline(): Timeline {
  const heap: Due[] = [];
  let now = 0;
  let counter = 0;

  function push(due: Due): void {
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Due;
      if (!before(due, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = due;
  }

  function pop(): Due {
    const top = heap[0] as Due;
    const last = heap.pop() as Due;
    if (heap.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && before(heap[right] as Due, heap[child] as Due)) child = right;
      const below = heap[child] as Due;
      if (!before(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
    return top;
  }

  return {
    nowMs: () => now,
    at(delayMs, run) {
      push({ atMs: now + Math.max(0, delayMs), order: counter++, run });
    },
    advance(endMs) {
      const next = heap[0];
      if (next === undefined || next.atMs > endMs) {
        now = Math.max(now, endMs);
        return false;
      }
      pop();
      now = next.atMs;
      next.run();
      return true;
    },
  };
}
