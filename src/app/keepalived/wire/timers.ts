// Which instance is due next: a binary heap, because a thousand instances that advertise every second move two thousand timers a second.

interface Entry<T> {
  atMs: number;
  readonly item: T;
  place: number;
}

export class TimerHeap<T> {
  readonly #heap: Entry<T>[] = [];
  readonly #entries = new Map<T, Entry<T>>();

  /** Infinity: takes it out. */
  set(item: T, atMs: number): void {
    const known = this.#entries.get(item);
    if (known === undefined) {
      if (atMs === Number.POSITIVE_INFINITY) return;
      const entry = { atMs, item, place: this.#heap.length };
      this.#entries.set(item, entry);
      this.#heap.push(entry);
      this.#up(entry);
      return;
    }
    if (atMs === Number.POSITIVE_INFINITY) {
      this.#remove(known);
      return;
    }
    const later = atMs > known.atMs;
    known.atMs = atMs;
    if (later) this.#down(known);
    else this.#up(known);
  }

  nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** The next item whose time has come, taken out; null when there is none. */
  takeDue(nowMs: number): T | null {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > nowMs) return null;
    this.#remove(first);
    return first.item;
  }

  #remove(entry: Entry<T>): void {
    this.#entries.delete(entry.item);
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    last.place = entry.place;
    this.#heap[last.place] = last;
    this.#up(last);
    this.#down(last);
  }

  #swap(a: Entry<T>, b: Entry<T>): void {
    [a.place, b.place] = [b.place, a.place];
    this.#heap[a.place] = a;
    this.#heap[b.place] = b;
  }

  #up(entry: Entry<T>): void {
    while (entry.place > 0) {
      const parent = this.#heap[(entry.place - 1) >> 1];
      if (parent === undefined || parent.atMs <= entry.atMs) return;
      this.#swap(parent, entry);
    }
  }

  #down(entry: Entry<T>): void {
    for (;;) {
      const left = this.#heap[2 * entry.place + 1];
      const right = this.#heap[2 * entry.place + 2];
      const least = right !== undefined && left !== undefined && right.atMs < left.atMs ? right : left;
      if (least === undefined || least.atMs >= entry.atMs) return;
      this.#swap(least, entry);
    }
  }
}
