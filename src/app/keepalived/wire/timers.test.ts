import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TimerHeap } from './timers.ts';

it('hands out what is due in the order of the last times that were set', () => {
  const order = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.oneof(fc.nat(100), fc.constant(null))));
  fc.assert(
    fc.property(order, (sets) => {
      const heap = new TimerHeap<number>();
      const model = new Map<number, number>();
      for (const [item, atMs] of sets) {
        heap.set(item, atMs ?? Number.POSITIVE_INFINITY);
        if (atMs === null) model.delete(item);
        else model.set(item, atMs);
        expect(heap.nextMs()).toBe(Math.min(Number.POSITIVE_INFINITY, ...model.values()));
      }
      for (let nowMs = 0; nowMs <= 100; nowMs += 10) {
        for (let item = heap.takeDue(nowMs); item !== null; item = heap.takeDue(nowMs)) {
          expect(model.get(item)).toBe(Math.min(...model.values()));
          expect(model.get(item)).toBeLessThanOrEqual(nowMs);
          model.delete(item);
        }
        expect([...model.values()].every((atMs) => atMs > nowMs)).toBe(true);
      }
    }),
  );
});
