import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupState, heldInFault, type Member, mayTakeOver } from './groups.ts';
import { leaseSeconds } from './lease.ts';
import { interfaceContribution, standing } from './standing.ts';

const member = (name: string, fields: Partial<Member> = {}): Member => ({
  name,
  state: 'BACKUP',
  faulty: false,
  due: false,
  ...fields,
});

describe('the standing of an instance', () => {
  it('adds up what its trackers contribute, within 1 to 254', () => {
    const down = { fault: null, delta: -60 };
    expect(standing(100, [down])).toEqual({ faults: [], priority: 40 });
    expect(standing(100, [down, down]).priority).toBe(1);
    expect(standing(200, [{ fault: null, delta: 253 }]).priority).toBe(254);
  });

  it('never changes the priority of an owner', () => {
    expect(standing(255, [{ fault: null, delta: -60 }]).priority).toBe(255);
  });

  it('collects every fault', () => {
    const faults = standing(100, [
      { fault: 'script a failed', delta: 0 },
      { fault: null, delta: 0 },
      { fault: 'script b failed', delta: 0 },
    ]).faults;
    expect(faults).toEqual(['script a failed', 'script b failed']);
  });

  it('takes a lost interface for a fault, or for its weight', () => {
    const eth1 = { name: 'eth1', weight: 0, reverse: false };
    expect(interfaceContribution(eth1, true)).toEqual({ fault: null, delta: 0 });
    expect(interfaceContribution(eth1, false).fault).toContain('eth1 is down');
    expect(interfaceContribution({ ...eth1, reverse: true }, true).fault).toContain('reverse');
    expect(interfaceContribution({ ...eth1, weight: -20 }, false)).toEqual({ fault: null, delta: -20 });
    expect(interfaceContribution({ ...eth1, weight: -20 }, true).delta).toBe(0);
    expect(interfaceContribution({ ...eth1, weight: 20 }, true).delta).toBe(20);
    expect(interfaceContribution({ ...eth1, weight: 20 }, false).delta).toBe(0);
    expect(interfaceContribution({ ...eth1, weight: 20, reverse: true }, false).delta).toBe(20);
  });
});

describe('a sync group', () => {
  it('takes over when every member is master or due, and not before', () => {
    expect(mayTakeOver([member('a', { due: true }), member('b')])).toBe(false);
    expect(mayTakeOver([member('a', { due: true }), member('b', { due: true })])).toBe(true);
    expect(mayTakeOver([member('a', { due: true }), member('b', { state: 'MASTER' })])).toBe(true);
    expect(mayTakeOver([member('a', { due: true }), member('b', { state: 'FAULT' })])).toBe(false);
  });

  it('holds in FAULT the others of a faulty member, and with two faulty ones all', () => {
    const one = heldInFault([member('a', { faulty: true }), member('b'), member('c')]);
    expect([...one]).toEqual(['b', 'c']);
    const two = heldInFault([member('a', { faulty: true }), member('b', { faulty: true })]);
    expect([...two]).toEqual(['a', 'b']);
    expect(heldInFault([member('a'), member('b')]).size).toBe(0);
  });

  it('is in FAULT when one member is, and MASTER when all are', () => {
    const states = fc.constantFrom('INIT', 'BACKUP', 'MASTER', 'FAULT' as const);
    fc.assert(
      fc.property(fc.array(states, { minLength: 1, maxLength: 5 }), (list) => {
        const state = groupState(list.map((each) => ({ state: each as Member['state'] })));
        expect(state === 'FAULT').toBe(list.includes('FAULT'));
        expect(state === 'MASTER').toBe(list.every((each) => each === 'MASTER'));
      }),
    );
  });
});

describe('the lease of a VIP', () => {
  it('lasts about as long as another router needs to take over, in whole seconds', () => {
    expect(leaseSeconds(1000, 1)).toBe(3);
    expect(leaseSeconds(5000, 1)).toBe(15);
    expect(leaseSeconds(10, 1)).toBe(2);
    expect(leaseSeconds(255_000, 1)).toBe(60);
    expect(leaseSeconds(1000, 1000)).toBe(3);
    expect(leaseSeconds(1000, 20_000)).toBe(40);
  });
});
