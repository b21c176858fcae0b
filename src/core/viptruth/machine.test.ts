import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { step } from './machine.ts';
import {
  dueMs,
  initialState,
  VIP_TRUTH_TIMES,
  type VipTruthAction,
  type VipTruthEvent,
  type VipTruthState,
} from './state.ts';

const VIP = '192.0.2.100';
const OWN = '02:00:00:00:00:0a';
const PEER = '02:00:00:00:00:0b';
const STRANGER = '02:00:00:00:00:99';

type WithoutTime<E> = E extends VipTruthEvent ? Omit<E, 'nowMs'> : never;

/** One host whose segment answers as `segment` says; time passes from one due timer to the next. */
class Host {
  state: VipTruthState;
  nowMs = 0;
  /** The MACs that answer a question. */
  segment: string[] = [];
  readonly asked: number[] = [];
  readonly announced: { atMs: number; because: string }[] = [];
  readonly said: string[] = [];

  constructor() {
    this.state = initialState({ vip: VIP, ownMac: OWN, times: VIP_TRUTH_TIMES }, 0);
  }

  feed(event: WithoutTime<VipTruthEvent>): void {
    const [next, actions] = step(this.state, { ...event, nowMs: this.nowMs } as VipTruthEvent);
    this.state = next;
    for (const action of actions) this.perform(action);
  }

  private perform(action: VipTruthAction): void {
    if (action.kind === 'announce') this.announced.push({ atMs: this.nowMs, because: action.because });
    if (action.kind === 'say' && action.code !== 'vip-announced') this.said.push(action.code);
    if (action.kind !== 'ask') return;
    this.asked.push(this.nowMs);
    for (const mac of this.segment) this.feed({ kind: 'vip-frame', mac, as: 'answer' });
  }

  pass(ms: number): void {
    const end = this.nowMs + ms;
    while (dueMs(this.state) <= end) {
      this.nowMs = Math.max(this.nowMs, dueMs(this.state));
      this.feed({ kind: 'timer' });
    }
    this.nowMs = end;
  }

  get verdict(): string {
    return this.state.standing.verdict;
  }
}

function holder(): Host {
  const host = new Host();
  host.feed({ kind: 'link', up: true });
  host.feed({ kind: 'peer-frame', mac: PEER, asksForVip: false });
  host.feed({ kind: 'held', held: true });
  host.pass(4000);
  return host;
}

function standby(): Host {
  const host = new Host();
  host.segment = [PEER];
  host.feed({ kind: 'link', up: true });
  host.feed({ kind: 'peer-frame', mac: PEER, asksForVip: false });
  host.feed({ kind: 'peer-holds', holds: true });
  host.pass(5000);
  return host;
}

describe('asking', () => {
  test('asks once every two seconds while all is well', () => {
    const host = standby();
    const before = host.asked.length;
    host.pass(20_000);
    expect(host.asked.length - before).toBe(10);
    expect(host.verdict).toBe('true');
    expect(host.said).toEqual([]);
  });

  test('asks nothing while the link is down, and soon after it is up again', () => {
    const host = standby();
    host.feed({ kind: 'link', up: false });
    const before = host.asked.length;
    host.pass(10_000);
    expect(host.asked.length).toBe(before);
    expect(host.verdict).toBe('unknown');
    host.feed({ kind: 'link', up: true });
    host.pass(VIP_TRUTH_TIMES.settleMs);
    expect(host.asked.length).toBe(before + 1);
  });

  test('asks soon when a frame of somebody unexpected says that it has the VIP', () => {
    const host = standby();
    host.pass(dueMs(host.state) - host.nowMs);
    host.pass(host.state.askedMs + VIP_TRUTH_TIMES.gapMs - host.nowMs);
    const before = host.asked.length;
    host.feed({ kind: 'vip-frame', mac: STRANGER, as: 'announcement' });
    host.pass(0);
    expect(host.asked.length).toBe(before + 1);
  });

  test('remembers eight answers of a flood', () => {
    const host = standby();
    host.segment = Array.from({ length: 500 }, (_, i) => `02:00:00:00:${(i >> 8) + 10}:${i & 255}`);
    host.pass(2000);
    expect(host.state.question?.answers.length ?? 0).toBeLessThanOrEqual(8);
    host.pass(2000);
    expect(host.verdict).toBe('duplicate');
  });
});

describe('as the holder', () => {
  test('says a duplicate once with its MAC, announces against it, and says its end once', () => {
    const host = holder();
    host.segment = [STRANGER];
    host.pass(10_000);
    expect(host.said).toEqual(['vip-duplicate']);
    expect(host.state.standing.because).toContain(STRANGER);
    expect(host.announced.length).toBeGreaterThanOrEqual(5);
    host.segment = [];
    host.pass(10_000);
    expect(host.said).toEqual(['vip-duplicate', 'vip-true-again']);
  });

  test('says nothing of a single odd answer', () => {
    const host = holder();
    host.pass(dueMs(host.state) - host.nowMs);
    expect(host.state.question).not.toBeNull();
    host.feed({ kind: 'vip-frame', mac: STRANGER, as: 'answer' });
    host.pass(10_000);
    expect(host.said).toEqual([]);
    expect(host.verdict).toBe('true');
  });

  test('names the peer when it is the peer that answers, too', () => {
    const host = holder();
    host.segment = [PEER];
    host.pass(5000);
    expect(host.state.standing.because).toContain(`${PEER} (the peer)`);
  });

  test('leaves a rivalry to the epochs, and announces when the peer is gone', () => {
    const host = holder();
    host.segment = [PEER];
    host.feed({ kind: 'peer-holds', holds: true });
    host.pass(10_000);
    expect(host.verdict).toBe('duplicate');
    expect(host.announced).toEqual([]);
    host.segment = [];
    host.feed({ kind: 'peer-holds', holds: false });
    expect(host.announced.map((each) => each.because)).toEqual(['the peer claims it no longer']);
  });

  test('announces when the peer is heard again after a split, not when it was heard all the time', () => {
    const host = holder();
    for (let i = 0; i < 5; i++) {
      host.feed({ kind: 'peer-frame', mac: PEER, asksForVip: true });
      host.pass(2000);
    }
    expect(host.announced).toEqual([]);
    host.pass(8000);
    host.feed({ kind: 'peer-frame', mac: PEER, asksForVip: true });
    expect(host.announced).toHaveLength(1);
    expect(host.announced[0]?.because).toContain('a split healed');
  });

  test('frames of the peer that waited while this process was frozen are no healed split', () => {
    const host = holder();
    host.nowMs += 10_000;
    host.feed({ kind: 'stalled' });
    host.feed({ kind: 'peer-frame', mac: PEER, asksForVip: true });
    expect(host.announced).toEqual([]);
  });

  test('announces when the peer had to ask twice', () => {
    const host = holder();
    host.feed({ kind: 'peer-frame', mac: PEER, asksForVip: true });
    host.pass(VIP_TRUTH_TIMES.collectMs);
    host.feed({ kind: 'peer-frame', mac: PEER, asksForVip: true });
    expect(host.announced).toHaveLength(1);
  });

  test('announces when the link came back, and when another host announced the VIP as its own', () => {
    const host = holder();
    host.feed({ kind: 'link', up: false });
    host.feed({ kind: 'link', up: true });
    expect(host.announced).toHaveLength(1);
    host.pass(5000);
    host.feed({ kind: 'vip-frame', mac: STRANGER, as: 'announcement' });
    expect(host.announced).toHaveLength(2);
  });

  test('its own frames, heard again through a loop, are nobody else', () => {
    const host = holder();
    host.segment = [OWN];
    host.pass(10_000);
    expect(host.verdict).toBe('true');
  });
});

describe('as the other', () => {
  test('says silence when the peer claims the VIP and nobody answers', () => {
    const host = standby();
    host.segment = [];
    host.pass(5000);
    expect(host.said).toEqual(['vip-silent']);
    host.segment = [PEER];
    host.pass(5000);
    expect(host.said).toEqual(['vip-silent', 'vip-true-again']);
  });

  test('an announcement is no answer: a holder that only announces itself is silent', () => {
    const host = standby();
    host.segment = [];
    for (let i = 0; i < 50; i++) {
      host.feed({ kind: 'vip-frame', mac: PEER, as: 'announcement' });
      host.feed({ kind: 'vip-frame', mac: PEER, as: 'use' });
      host.pass(100);
    }
    expect(host.said).toEqual(['vip-silent']);
  });

  test('silence is nothing odd when nobody claims the VIP', () => {
    const host = standby();
    host.segment = [];
    host.feed({ kind: 'peer-holds', holds: false });
    host.pass(5000);
    expect(host.verdict).toBe('unheld');
    expect(host.said).toEqual([]);
  });

  test('a single answer of neither host is a stranger, named by its MAC', () => {
    const host = standby();
    host.segment = [STRANGER];
    host.pass(5000);
    expect(host.said).toEqual(['vip-stranger']);
    expect(host.state.standing.because).toContain(STRANGER);
    expect(host.state.standing.because).toContain(PEER);
  });

  test('two answers are a duplicate, and nothing is announced from here', () => {
    const host = standby();
    host.segment = [PEER, STRANGER];
    host.pass(5000);
    expect(host.said).toEqual(['vip-duplicate']);
    expect(host.announced).toEqual([]);
  });

  test('the peer answering while its adverts are blocked is the truth', () => {
    const host = standby();
    host.feed({ kind: 'peer-holds', holds: false });
    host.pass(5000);
    expect(host.verdict).toBe('true');
    expect(host.said).toEqual([]);
  });

  test('while the peer has not shown its own MAC, the first that answered is remembered', () => {
    const host = new Host();
    host.segment = [PEER];
    host.feed({ kind: 'link', up: true });
    host.feed({ kind: 'peer-holds', holds: true });
    host.pass(5000);
    expect(host.verdict).toBe('true');
    host.segment = [STRANGER];
    host.pass(5000);
    expect(host.said).toEqual(['vip-stranger']);
  });

  test('a peer with a new network card is no stranger', () => {
    const host = standby();
    const card = '02:00:00:00:00:1b';
    host.segment = [card];
    host.feed({ kind: 'peer-frame', mac: card, asksForVip: true });
    host.pass(5000);
    expect(host.said).toEqual([]);
  });

  test('a hand-over under way is no duplicate and no silence', () => {
    const host = standby();
    host.pass(dueMs(host.state) - host.nowMs);
    host.segment = [];
    host.feed({ kind: 'peer-holds', holds: false });
    host.pass(60);
    host.feed({ kind: 'held', held: true });
    host.pass(10_000);
    expect(host.said).toEqual([]);
    expect(host.verdict).toBe('true');
  });
});

const MACS = fc.constantFrom(OWN, PEER, STRANGER, '02:00:00:00:00:77');
const EVENTS = fc.oneof(
  fc.record({ kind: fc.constantFrom('timer' as const, 'stalled' as const) }),
  fc.record({ kind: fc.constant('link' as const), up: fc.boolean() }),
  fc.record({ kind: fc.constant('held' as const), held: fc.boolean() }),
  fc.record({ kind: fc.constant('peer-holds' as const), holds: fc.boolean() }),
  fc.record({
    kind: fc.constant('vip-frame' as const),
    mac: MACS,
    as: fc.constantFrom('answer' as const, 'announcement' as const, 'use' as const),
  }),
  fc.record({ kind: fc.constant('peer-frame' as const), mac: MACS, asksForVip: fc.boolean() }),
);
const TURNS = fc.array(
  fc.record({ event: EVENTS, segment: fc.subarray([PEER, STRANGER]), passMs: fc.nat(3000) }),
  { maxLength: 80 },
);

test('whatever happens: V1 only a holder announces, V2 never within the gap, V3 an end follows its condition, V6 no rivals', () => {
  fc.assert(
    fc.property(TURNS, (turns) => {
      const host = new Host();
      for (const { event, segment, passMs } of turns) {
        const before = host.announced.length;
        const could =
          (host.state.held || event.kind === 'held') && (host.state.linkUp || event.kind === 'link');
        host.segment = segment;
        host.feed(event);
        host.pass(passMs);
        const rivals = host.state.peerHolds && event.kind !== 'peer-holds';
        if (!could || rivals) expect(host.announced.length).toBe(before);
      }
      for (const [i, { atMs }] of host.announced.entries()) {
        const last = host.announced[i - 1];
        if (last !== undefined) expect(atMs - last.atMs).toBeGreaterThanOrEqual(VIP_TRUTH_TIMES.gapMs);
      }
      for (const [i, code] of host.said.entries()) expect(code).not.toBe(host.said[i - 1]);
      expect(host.said[0]).not.toBe('vip-true-again');
    }),
    { numRuns: 300 },
  );
});
