import { describe, expect, it } from 'vitest';
import { planSetup } from './setup.ts';
import type { SeenServer, SetupInput, SetupNode } from './setup-facts.ts';
import { settlePlaces } from './setup-places.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const B = '7c952a89-e5c9-11f1-a7ec-02fc00000001';
const ADDRESS = { a: '192.0.2.11', b: '192.0.2.12' };

function node(name: 'a' | 'b', changes: Partial<SeenServer> = {}): SetupNode {
  const uuid = name === 'a' ? A : B;
  const seen: SeenServer = {
    family: 'mysql56',
    version: '5.6.24-log',
    serverId: name === 'a' ? 1 : 2,
    uuid,
    logBin: true,
    variables: {},
    rplStatus: '',
    executed: `${uuid}@binlog.000002:900`,
    history: `${uuid}@binlog.000002:900`,
    fetchFrom: null,
    purged: '',
    places: { start: { file: 'binlog.000001', offset: 4 }, end: { file: 'binlog.000002', offset: 900 } },
    channel: null,
    otherChannels: [],
    accountStatements: [],
    tables: [],
    checksums: {},
    privileged: [],
    ...changes,
  };
  return { name, address: ADDRESS[name], required: [], seen };
}

const plan = (a: SetupNode, b: SetupNode, positioning: SetupInput['positioning'] = 'binlog') =>
  planSetup({
    nodes: [...settlePlaces([a, b])],
    writer: 'a',
    port: 3306,
    replicationUser: 'repl',
    heartbeatS: 0.2,
    positioning,
  });

const channel = (host: string, changes: object = {}) => ({
  ...{ host, port: 3306, user: 'repl', usingGtid: false, heartbeatS: 0.2, connectRetryS: 1, running: true },
  ...changes,
});
const joined = {
  a: `${A}@binlog.000002:900,${B}@binlog.000002:0`,
  b: `${B}@binlog.000002:0..binlog.000002:900,${A}@binlog.000002:900`,
};
const replicating = (a: object = {}, b: object = {}): [SetupNode, SetupNode] => [
  node('a', { tables: ['shop.t'], executed: joined.a, history: joined.a, channel: channel(ADDRESS.b), ...a }),
  node('b', { tables: ['shop.t'], executed: joined.b, history: joined.b, channel: channel(ADDRESS.a), ...b }),
];

describe('set-up of servers without GTIDs', () => {
  it('begins each channel where the other log ends, when both hold nothing or the same', () => {
    for (const tables of [[], ['shop.t']]) {
      const same = { tables, checksums: { 'shop.t': '1' } };
      expect(plan(node('a', same), node('b', same))).toMatchObject({
        ok: true,
        steps: [
          { kind: 'channel', node: 'b', place: { file: 'binlog.000002', offset: 900 } },
          { kind: 'start', node: 'b' },
          { kind: 'channel', node: 'a', place: { file: 'binlog.000002', offset: 900 } },
          { kind: 'start', node: 'a' },
        ],
      });
    }
  });

  it('reads the log of the one that has data from its start, and compares the rows afterwards', () => {
    const made = plan(node('a', { tables: ['shop.t'] }), node('b'));
    expect(made).toMatchObject({
      ok: true,
      steps: [
        { kind: 'channel', node: 'b', place: { file: 'binlog.000001', offset: 4 } },
        { kind: 'start', node: 'b' },
        { kind: 'channel', node: 'a', place: { file: 'binlog.000002', offset: 900 } },
        { kind: 'start', node: 'a' },
        { kind: 'compare', node: 'b', with: 'a' },
      ],
    });
  });

  it('refuses a log whose first files are gone, and data that differ, and offers a clone', () => {
    const places = {
      start: { file: 'binlog.000002', offset: 4 },
      end: { file: 'binlog.000002', offset: 900 },
    };
    const purged = plan(node('a', { tables: ['shop.t'], places }), node('b'));
    expect(purged).toMatchObject({ ok: false, refusals: [{ code: 'log-purged' }] });
    const other = plan(
      node('a', { tables: ['shop.t'], checksums: { 'shop.t': '1' } }),
      node('b', { tables: ['shop.t'], checksums: { 'shop.t': '2' } }),
    );
    expect(other).toMatchObject({ ok: false, refusals: [{ code: 'data-differ' }] });
    expect(JSON.stringify([purged, other])).toContain('twinkeep clone');
  });

  it('takes two that replicate already as they are', () => {
    expect(plan(...replicating())).toEqual({ ok: true, steps: [], warnings: [] });
  });

  it('corrects a channel without moving its place', () => {
    const made = plan(...replicating({}, { channel: channel(ADDRESS.a, { heartbeatS: 30 }) }));
    expect(made).toMatchObject({
      ok: true,
      steps: [{ kind: 'channel', node: 'b', place: 'where it stands' }, { kind: 'start' }],
    });
  });

  it('refuses two that replicate and have each what the other lacks', () => {
    const a = `${A}@binlog.000002:900,${B}@binlog.000001:4`;
    const b = `${B}@binlog.000002:500..binlog.000002:900,${A}@binlog.000001:700`;
    expect(plan(...replicating({ executed: a, history: a }, { executed: b, history: b }))).toMatchObject({
      ok: false,
      refusals: [{ code: 'histories-differ' }],
    });
  });

  it('refuses one with GTIDs beside one without', () => {
    const { places: _, ...withGtids } = node('b').seen;
    const made = plan(node('a'), { ...node('b'), seen: { ...withGtids, executed: '', history: '' } });
    expect(made).toMatchObject({ ok: false, refusals: [{ code: 'gtid-modes' }] });
  });
});
