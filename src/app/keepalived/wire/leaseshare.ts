// What the wire thread and the lease thread share. The wire thread sets and removes addresses; the lease thread renews them, because a
// renewal waits for a lock of the whole kernel (RTNL) and would hold up adverts. Neither may act on an address while the other does: a
// renewal that comes after a removal would bring the address back.

import type { NewAddress } from '../../../core/netlink/address.ts';

const LOCK = 0;
const TURNS = 1;
const FIRST_SLOT = 2;
/** Addresses that can be held at once. */
export const SLOTS_MAX = 65_536;
/** A holder of the lock that does not let go for so long is stuck in the kernel, or gone. */
const LOCK_MS_MAX = 2000;

/** From the wire thread to the lease thread. */
export interface LeaseOrder {
  readonly slot: number;
  /** Of this holding; the slot holds it while it is held. */
  readonly generation: number;
  readonly leaseS: number;
  readonly wanted: NewAddress;
  /** The instance, for messages. */
  readonly who: string;
}

export class LeaseShare {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer = new SharedArrayBuffer(4 * (FIRST_SLOT + SLOTS_MAX))) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** The wire thread moves: only for one that does are leases renewed. */
  turn(): void {
    Atomics.add(this.#words, TURNS, 1);
  }

  turns(): number {
    return Atomics.load(this.#words, TURNS);
  }

  hold(slot: number, generation: number): void {
    Atomics.store(this.#words, FIRST_SLOT + slot, generation);
  }

  release(slot: number): void {
    Atomics.store(this.#words, FIRST_SLOT + slot, 0);
  }

  isHeld(slot: number, generation: number): boolean {
    return Atomics.load(this.#words, FIRST_SLOT + slot) === generation;
  }

  /** Runs `work` while the other thread does not. One that is stuck is not waited for any longer than LOCK_MS_MAX. */
  alone<T>(work: () => T): T {
    const mine = this.#lock();
    try {
      return work();
    } finally {
      if (mine) this.#unlock();
    }
  }

  #lock(): boolean {
    const end = performance.now() + LOCK_MS_MAX;
    while (Atomics.compareExchange(this.#words, LOCK, 0, 1) !== 0) {
      const left = end - performance.now();
      if (left <= 0) return false;
      Atomics.wait(this.#words, LOCK, 1, left);
    }
    return true;
  }

  #unlock(): void {
    Atomics.store(this.#words, LOCK, 0);
    Atomics.notify(this.#words, LOCK, 1);
  }
}
