import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, note } from './machine.ts';
import {
  type Evidence,
  initialState,
  parseReadStatement,
  type ReadSettings,
  type ReadSituation,
  type ReadState,
  rankOf,
} from './state.ts';

const settings: ReadSettings = {
  self: 'b',
  peer: 'a',
  prefer: 'standby',
  maxLagMs: 5000,
  writerLagMsMax: 5000,
  returnAfterMs: 3000,
  handoverMs: 800,
  graceMs: 2000,
};

const standby: Omit<ReadSituation, 'nowMs'> = {
  role: 'following',
  health: 'up',
  healthBecause: 'it answers',
  fault: null,
  peer: null,
  wire: { holds: false, peerHeard: false },
};
const writer: typeof standby = { ...standby, role: 'writing' };

/** A node over time: each beat is heard, and seen to have arrived; decided on every 100 ms as the manager does. */
class Node {
  state: ReadState;
  nowMs = 0;
  beat = 0;

  constructor(more: Partial<ReadSettings> = {}) {
    this.state = initialState({ ...settings, ...more });
  }

  /** `arrives`: what the writer committed arrives here. */
  live(forMs: number, now: typeof standby, arrives: boolean, heard = true): this {
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; this.nowMs += 100) {
      const { nowMs } = this;
      if (nowMs % 500 === 0) {
        this.beat++;
        if (now.role === 'writing' && arrives) this.note({ kind: 'committed', heartbeat: this.beat, nowMs });
        if (now.role !== 'writing' && heard) this.note({ kind: 'heard', heartbeat: this.beat, nowMs });
        if (now.role !== 'writing' && arrives) this.note({ kind: 'lag', lagMs: 0, nowMs });
      }
      this.state = decide(this.state, { ...now, nowMs });
    }
    return this;
  }

  note(evidence: Evidence): void {
    this.state = note(this.state, evidence);
  }

  get grade(): string {
    return this.state.grant.grade;
  }
}

describe('a standby', () => {
  test('is preferred once it was proven fresh for some seconds, and serves until then where nobody else does', () => {
    const node = new Node().live(2000, standby, true);
    expect(node.grade).toBe('last-resort');
    expect(node.live(2000, standby, true).grade).toBe('preferred');
  });

  test('whose data are proven by nothing may not be read from', () => {
    expect(new Node().live(10_000, standby, false).grade).toBe('none');
    // Nothing was heard of: that nothing is missing says nothing.
    expect(new Node().live(10_000, standby, true, false).grade).toBe('none');
  });

  test('that falls behind first lets the other node take the VIPs, and then gives them up in any case', () => {
    const node = new Node().live(5000, standby, true);
    expect(node.live(4500, standby, false).grade).toBe('preferred');
    expect(node.live(600, standby, false).grade).toBe('last-resort');
    expect(node.live(800, standby, false).grade).toBe('none');
  });

  test('that is cut off from the writer gives them up though nothing is known to be missing', () => {
    const node = new Node().live(5000, standby, true);
    expect(node.live(6000, standby, true, false).grade).toBe('none');
  });

  test('comes back below half the limit, and only when it stays there', () => {
    const node = new Node().live(5000, standby, true).live(7000, standby, false);
    expect(node.grade).toBe('none');
    const behind = (lagMs: number, forMs: number): void => {
      for (const endMs = node.nowMs + forMs; node.nowMs < endMs; node.nowMs += 100) {
        node.note({ kind: 'lag', lagMs, nowMs: node.nowMs });
        node.state = decide(node.state, { ...standby, nowMs: node.nowMs });
      }
    };
    behind(3000, 10_000);
    expect(node.grade).toBe('last-resort');
    behind(2000, 2000);
    node.live(1000, standby, false);
    behind(2000, 2000);
    expect(node.grade).toBe('last-resort');
    behind(2000, 1200);
    expect(node.grade).toBe('preferred');
  });

  test('whose applier stays stopped lets the other node have them, and keeps them until the limit where there is none', () => {
    const broken = { ...standby, fault: 'its applier is stopped (Duplicate entry)' };
    const node = new Node().live(5000, standby, true).live(1000, broken, false);
    expect(node.grade).toBe('preferred');
    node.live(700, broken, false);
    expect(node.grade).toBe('last-resort');
    expect(node.state.grant.because).toContain('Duplicate entry');
    expect(node.live(7000, broken, false).grade).toBe('none');
  });

  test('whose server is not up may not hold them, whatever it proved before', () => {
    const down = { ...standby, health: 'down', healthBecause: 'refused' } as const;
    expect(new Node().live(5000, standby, true).live(100, down, true).grade).toBe('none');
  });

  test('keeps them over a restart of its manager: what it holds already it need not earn again', () => {
    const holding = { ...standby, wire: { holds: true, peerHeard: false } };
    const node = new Node();
    node.live(400, { ...holding, health: 'unknown', role: 'starting' }, false, false);
    expect(node.state.settled).toBe(false);
    expect(node.live(200, holding, true).grade).toBe('preferred');
    expect(node.state.settled).toBe(true);
  });

  test('stays fresh over its own promotion, and as the old writer over its demotion', () => {
    const node = new Node().live(5000, standby, true);
    expect(node.live(1000, { ...standby, role: 'promoting' }, false, false).grade).toBe('preferred');
    expect(node.live(1000, writer, true).grade).toBe('willing');
    expect(node.live(400, { ...standby, role: 'handing-over' }, false, false).grade).toBe('preferred');
    expect(node.live(400, standby, false, false).grade).toBe('preferred');
  });
});

describe('a writer', () => {
  test('is willing, and preferred where reads.prefer names it', () => {
    expect(new Node().live(1000, writer, true).grade).toBe('willing');
    expect(new Node({ prefer: 'b' }).live(1000, writer, true).grade).toBe('preferred');
    expect(new Node({ prefer: 'a' }).live(1000, writer, true).grade).toBe('willing');
  });

  test('that commits nothing any more may have been replaced, and gives them up', () => {
    const node = new Node({ writerLagMsMax: 7000 }).live(1000, writer, true).live(6000, writer, false);
    expect(node.grade).toBe('willing');
    expect(node.live(2000, writer, false).grade).toBe('none');
  });
});

describe('hosts between which VRRP is blocked', () => {
  const told = (grade: 'preferred' | 'willing') =>
    ({ peer: { kind: 'reads', grade, holds: true }, wire: { holds: true, peerHeard: false } }) as const;

  test('hold them at one of the two, as they tell each other', () => {
    const lesser = new Node().live(1000, writer, true).live(400, { ...writer, ...told('preferred') }, true);
    expect(lesser.grade).toBe('willing');
    expect(lesser.live(400, { ...writer, ...told('preferred') }, true).grade).toBe('none');
    expect(lesser.state.grant.because).toContain('112');
    const better = new Node().live(5000, standby, true).live(2000, { ...standby, ...told('willing') }, true);
    expect(better.grade).toBe('preferred');
  });

  test('between equals one has the right, by either account', () => {
    const equals = (self: string, peer: string, prefer: string) =>
      new Node({ self, peer, prefer })
        .live(1000, writer, true)
        .live(1000, { ...writer, ...told('willing') }, true).grade;
    expect([equals('a', 'b', 'standby'), equals('b', 'a', 'standby')].sort()).toEqual(['none', 'willing']);
  });

  test('a peer that is heard is left to VRRP', () => {
    const heard = { ...writer, ...told('preferred'), wire: { holds: false, peerHeard: true } };
    expect(new Node().live(1000, writer, true).live(2000, heard, true).grade).toBe('willing');
  });
});

test('no grant outlives the limit of the data, nor by more than its grace a manager that says nothing more', () => {
  const roles = ['following', 'writing', 'promoting', 'starting', 'handing-over'] as const;
  const turn = fc.record({
    stepMs: fc.integer({ min: 1, max: 3000 }),
    role: fc.constantFrom(...roles),
    health: fc.constantFrom('up', 'down', 'unknown'),
    fault: fc.constantFrom(null, 'stopped'),
    lagMs: fc.option(fc.integer({ min: 0, max: 20_000 })),
    heard: fc.integer({ min: 0, max: 50 }),
    committed: fc.integer({ min: 0, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 40 }), (turns) => {
      let state = initialState(settings);
      let nowMs = 0;
      for (const { stepMs, role, health, fault, lagMs, heard, committed } of turns) {
        nowMs += stepMs;
        state = note(state, { kind: 'heard', heartbeat: heard, nowMs });
        state = note(state, { kind: 'lag', lagMs, nowMs });
        if (role === 'writing') state = note(state, { kind: 'committed', heartbeat: committed, nowMs });
        const situation = { ...standby, role, health, fault, nowMs } as const;
        state = decide(state, situation);
        const { grade, untilMs } = state.grant;
        if (rankOf(grade) === 0) continue;
        expect(health).toBe('up');
        expect(untilMs).toBeLessThanOrEqual(nowMs + settings.graceMs);
        expect(untilMs).toBeLessThanOrEqual(
          (state.freshAtMs ?? Number.NEGATIVE_INFINITY) + settings.maxLagMs + settings.handoverMs,
        );
        expect(untilMs).toBeGreaterThan(nowMs - 1);
      }
    }),
  );
});

test.each([
  null,
  'reads',
  { kind: 'reads' },
  { kind: 'reads', grade: 'best', holds: true },
  { kind: 'report' },
])('what is no statement is none: %j', (value) => {
  expect(parseReadStatement(value)).toBeNull();
});
