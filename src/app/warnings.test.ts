import { expect, test } from 'vitest';
import type { PairSettings } from '../core/pair/settings.ts';
import { initialState } from '../core/pair/state.ts';
import type { WireDetail } from '../io/agentlink/link.ts';
import { warningsOf } from './warnings.ts';

const settings: PairSettings = {
  self: 'a',
  peer: 'b',
  preferred: true,
  durability: 'lossless',
  tailMs: null,
  failback: false,
  partition: 'availability',
  promoteWithinMs: 2000,
  aloneAfterMs: 3000,
  peerSilenceMsMax: 120,
  agentGraceMs: 500,
  drainMsMax: 30_000,
  gatewayChecked: false,
  witness: true,
  holdAfterFailoverMs: 60_000,
  masterDownMs: 300,
};
const wire = (vipTruth: WireDetail['vipTruth']): WireDetail => ({
  vrrpState: 'MASTER',
  vrrpBecause: '',
  vips: [],
  reads: null,
  advertsSent: 0,
  advertsReceived: 0,
  dropped: {},
  vipTruth,
});
const started = initialState(
  settings,
  {
    record: { epoch: 3, writer: 'a', sync: 'alone' },
    journal: null,
    maintenance: { version: 0, because: null },
  },
  0,
);
const state = {
  ...started,
  role: 'writing' as const,
  said: { 'vrrp-blocked': 'VRRP from b is not heard, but its manager answers' },
};
const vip = '192.0.2.100';

test('every warning says what lifts it', () => {
  const truth = (verdict: 'duplicate' | 'silent' | 'stranger' | 'true') => ({
    vip,
    verdict,
    because: `it is ${verdict}`,
    atMs: 1,
  });
  const found = warningsOf(
    state,
    wire([truth('duplicate'), truth('silent'), truth('stranger'), truth('true')]),
    [
      { vip, verdict: 'astray', because: 'leads to b', atMs: 1 },
      { vip, verdict: 'right', because: 'leads to a', atMs: 1 },
    ],
  );
  expect(found.map((each) => each.code)).toEqual([
    'server-unknown',

    'witness-unknown',
    'vrrp-blocked',
    'alone',
    'vip-duplicate',
    'vip-silent',
    'vip-stranger',
    'vip-leads-astray',
  ]);
  for (const each of found) expect(each.lift, each.code).toMatch(/\w{3}/);
});

test('errors of the channel are shown of a standby, those of its applier also of a writer', () => {
  const channel = {
    receiver: 'connecting',
    applier: 'stopped',
    receiverError: 'cannot connect',
    applierError: 'duplicate key',
    receivedGtid: '',
    drained: true,
  } as const;
  const own = { ...state.own, status: { channel } as never };
  const of = (role: 'writing' | 'following') =>
    warningsOf({ ...state, own, role }, null, []).map((each) => each.because);
  expect(of('following')).toEqual(
    expect.arrayContaining(['receiver: cannot connect', 'applier: duplicate key']),
  );
  expect(of('writing')).toContain('applier: duplicate key');
  expect(of('writing')).not.toContain('receiver: cannot connect');
});
