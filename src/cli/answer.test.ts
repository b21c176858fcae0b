import { expect, test } from 'vitest';
import type { NodeView, WhyView } from '../app/view.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import type { LogEvent } from '../io/http/events.ts';
import { nodeLines, pairLines, storyLines } from './answer.ts';
import { dated, type Inquiry } from './inquiry.ts';
import { merge } from './status.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const rule = (code: string) => ({ code, because: `the rule ${code} says no`, lift: `end ${code}` });

function node(name: string, role: NodeView['role'], more: Partial<NodeView> = {}): NodeView {
  return {
    name,
    self: false,
    address: '192.0.2.11',
    role,
    because: `${name} was told so`,
    server: 'up',
    executedGtid: '',
    history: '',
    origin: '',
    heartbeat: 0,
    replicating: true,
    lagMs: null,
    holdsWriteVip: false,
    ineligible: role === 'writing' ? [rule('is-writer')] : [],
    held: [],
    ...more,
  };
}

function view(asked: string, nodes: readonly NodeView[], more: Partial<WhyView> = {}): WhyView {
  return {
    pair: 'shop',
    askedNode: asked,
    record: { epoch: 4, writer: 'a', sync: 'paired' },
    ifWriterFails: '',
    forecast: {
      writer: 'a',
      successor: 'b',
      outageMs: { server: 100, host: 420 },
      atRisk: 0,
      against: [],
      because: '',
    },
    maintenance: null,
    witness: null,
    warnings: [],
    vips: ['192.0.2.100/24'],
    nodes: nodes.map((each) => ({ ...each, self: each.name === asked })),
    operation: null,
    wire: null,
    reads: null,
    replicas: [],
    time: new Date(NOW).toISOString(),
    reign: { time: new Date(NOW - 600_000).toISOString(), because: 'b handed over' },
    eventsFrom: null,
    ...more,
  };
}

function inquiry(views: readonly WhyView[], more: Partial<Inquiry> = {}): Inquiry {
  const nodes = [{ name: 'a' }, { name: 'b' }] as NodeConfig[];
  const status = merge({ pair: 'shop', nodes } as unknown as PairConfig, views);
  const leading = views[0] as WhyView;
  return { askedAtMs: NOW, status, leading, views, silent: [], clocks: [{ node: 'a', aheadMs: 0 }], ...more };
}

const BOTH = [node('a', 'writing'), node('b', 'following')];
const text = (lines: readonly { readonly text: string }[]): string =>
  lines.map((line) => line.text).join('\n');
const unable = { successor: null, outageMs: null, against: [rule('alone'), rule('maintenance')] };

test('a pair that is well: who writes since when and why, who takes over, and nothing else', () => {
  const shown = text(pairLines(inquiry([view('a', BOTH), view('b', BOTH)])));
  expect(shown).toMatch(
    /^a is the writer of pair shop since \S+( \S+)?, 10 minutes ago \(epoch 4, paired\)\n {2}because: b handed over$/m,
  );
  expect(shown).toContain(
    'b takes over, in about 100 ms (the server fails) to 420 ms (the host fails); no acknowledged',
  );
  expect(shown).not.toContain('lifts');
});

test('each rule that stands against a failover is followed by what lifts it, and what would be lost is said', () => {
  const asked = view('a', BOTH);
  const forecast = { ...asked.forecast, ...unable, atRisk: 7 };
  const shown = text(pairLines(inquiry([{ ...asked, forecast, warnings: [rule('alone'), rule('disk')] }])));
  expect(shown).toContain(
    'if a fails now: nobody takes over by itself (7 acknowledged transactions would be lost), because',
  );
  expect(shown).toContain('  the rule alone says no\n    lifts: end alone\n  the rule maintenance says no\n');
  expect(shown.match(/the rule alone/g)).toHaveLength(1);
  expect(shown).toContain('what is wrong now\n  the rule disk says no\n    lifts: end disk');
});

test('a writer that has failed already is not spoken of as one that might', () => {
  const nodes = [node('a', 'writing', { server: 'down: killed' }), node('b', 'following')];
  const asked = view('a', nodes);
  const shown = text(pairLines(inquiry([{ ...asked, forecast: { ...asked.forecast, ...unable } }])));
  expect(shown).toContain('a fails (its server is down: killed): nobody takes over by itself');
});

test('without a writer each node says what it waits for', () => {
  const nodes = [
    node('a', 'starting', { ineligible: [rule('starting'), rule('gateway')] }),
    node('b', 'starting'),
  ];
  const asked = view('a', nodes);
  const forecast = { ...asked.forecast, writer: null, successor: null, outageMs: null };
  const shown = text(pairLines(inquiry([{ ...asked, forecast }])));
  expect(shown).toContain('pair shop has no writer at this moment; the last one is a (epoch 4, paired)');
  expect(shown).toContain(
    'a is starting: a was told so\n  the rule gateway says no\n    lifts: end gateway\nb is starting',
  );
  expect(shown).not.toContain('the rule starting');
});

test('nodes that disagree on maintenance, and a node that does not answer, are named', () => {
  const silent = [{ node: 'b', because: 'refused' }];
  const shown = text(
    pairLines(inquiry([view('a', BOTH, { maintenance: 'disks' }), view('b', BOTH)], { silent })),
  );
  expect(shown).toContain('maintenance: a says on (disks), b says off: they do not hear each other');
  expect(shown).toContain('note: without what b saw: refused');
});

test('a node: whether it may become the writer, and what only holds the role back', () => {
  const nodes = [node('a', 'writing'), node('b', 'following', { held: [rule('flapping')] })];
  const may = text(nodeLines(inquiry([view('a', nodes), view('b', nodes)]), 'b'));
  expect(may).toContain(
    'b may become the writer now\nthe role does not move to it by itself, because\n  the rule flapping',
  );
  const lagging = [node('a', 'writing'), node('b', 'following', { ineligible: [rule('lag')] })];
  const mayNot = text(nodeLines(inquiry([view('a', lagging)]), 'b'));
  expect(mayNot).toContain(
    'b may not become the writer now, not even by a switchover, because\n  the rule lag says no\n    lifts: end lag',
  );
  expect(mayNot).toContain('its API does not answer');
  expect(text(nodeLines(inquiry([view('a', nodes)]), 'a'))).toContain('a has the role');
});

const event = (nodeName: string, atMs: number, code: string, level: LogEvent['level'] = 'info') =>
  dated(
    {
      sequence: 1,
      time: new Date(atMs).toISOString(),
      node: nodeName,
      level,
      epoch: 4,
      code,
      because: `(${code})`,
    },
    0,
  );

test('a story tells what was done, what was not, and what was seen, and leaves the rest to `events`', () => {
  const events = [
    event('a', NOW - 5000, 'server-down', 'warn'),
    event('b', NOW - 4000, 'not-promoted', 'error'),
    event('b', NOW - 3000, 'takeover'),
    event('a', NOW - 2000, 'handover-unclean', 'warn'),
    event('a', NOW - 1000, 'vip-announced'),
  ];
  const lines = storyLines(inquiry([view('a', BOTH)]), NOW - 60_000, events).map((line) => line.text);
  const story = lines
    .filter((line) => /^(\S+ )?[\d:.]+ {2}/.test(line))
    .map((line) => line.replace(/^.*?\.\d{3} {2}/, ''));
  expect(story).toEqual([
    'a  seen      (server-down)',
    'b  not done  (not-promoted)',
    'b  done      takes over: (takeover)',
    'a  not done  (handover-unclean)',
  ]);
});

test('whose clock differs, and whose memory begins later, is said before the story', () => {
  const late = view('a', BOTH, { eventsFrom: '2026-11-21T11:59:30.000Z' });
  const clocks = [{ node: 'a', aheadMs: -1500 }];
  const shown = text(storyLines(inquiry([late], { clocks }), NOW - 60_000, []));
  expect(shown).toContain('the clock of a is 1.5 s behind this host');
  expect(shown).toContain('a keeps no events from before 2026-11-21T11:59:30.000Z');
  expect(shown).toContain('nothing was decided, and nothing was refused');
  expect(dated({ ...event('a', NOW, 'writer') }, -1500).atMs).toBe(NOW + 1500);
});
