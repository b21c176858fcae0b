import { describe, expect, test } from 'vitest';
import type { Ack } from '../acks.ts';
import { compareRows } from './check.ts';
import { faultNamed, faults, suits } from './faults.ts';
import { rowKey } from './measure.ts';
import { reportText, summarizeFault } from './report.ts';
import { type Seen, summarize } from './verdict.ts';

const serverIds = { a: 511, b: 512 };
/** Row n is sent at 10 n and acknowledged 5 ms later. */
const ack = (n: number, serverId: number): Ack => ({
  writer: 1,
  sequence: n,
  sentMs: 10 * n,
  ackedMs: 10 * n + 5,
  serverId,
});
const rowsOf = (acks: readonly Ack[]) => new Map(acks.map((a) => [rowKey(a), `row ${a.sequence}`]));

/** a acknowledges rows 1..50, b rows 90..150: 400 ms without a write around the fault at 500 ms. */
const handOver = [
  ...Array.from({ length: 50 }, (_, i) => ack(i + 1, 511)),
  ...Array.from({ length: 61 }, (_, i) => ack(i + 90, 512)),
];

function seen(acks: readonly Ack[], more: Partial<Seen> = {}): Seen {
  return {
    witness: false,
    acks,
    failures: [],
    data: compareRows(acks, { a: rowsOf(acks), b: rowsOf(acks) }),
    times: { startedMs: 0, faultMs: 500, healMs: 1200, endMs: 1505 },
    serverIds,
    openings: [
      { node: 'a', epoch: 1, fromMs: -5000 },
      { node: 'b', epoch: 2, fromMs: 700 },
    ],
    marks: [],
    noted: [],
    vipOnBothMs: 0,
    pairedAgainMs: 300,
    lastWord: {
      atMs: 0,
      paired: false,
      pairedSinceMs: 0,
      writer: null,
      sentence: 'b is starting',
      answers: { a: null, b: null },
    },
    clientStallMs: 1,
    reads: null,
    ...more,
  };
}

const dbKill = faultNamed('db-kill');

test('a clean hand-over has no problems, and its outage is the gap between the two servers', () => {
  const run = summarize(dbKill, 'a', seen(handOver));
  expect(run.problems).toEqual([]);
  expect(run).toMatchObject({
    outageMs: 400,
    writerAfter: 'b',
    serverChanges: 1,
    lost: 0,
    missing: { a: 0, b: 0 },
  });
  expect(run.baselineMs).toBe(10);
  expect(run.returnOutageMs).toBe(10);
});

test('a gap while the failed side comes back is told apart from the outage', () => {
  const acks = handOver.filter((a) => a.sequence < 120 || a.sequence > 139);
  expect(summarize(dbKill, 'a', seen(acks))).toMatchObject({ outageMs: 400, returnOutageMs: 210 });
});

test('where timers race, either writer is right', () => {
  const either = faultNamed('agent-kill-supervised');
  const stayed = Array.from({ length: 150 }, (_, i) => ack(i + 1, 511));
  expect(summarize(either, 'a', seen(handOver)).problems).toEqual([]);
  expect(summarize(either, 'a', seen(stayed)).problems).toEqual([]);
});

test('a slow take-over is no problem', () => {
  const slow = [...handOver.slice(0, 50), ...handOver.slice(-20)];
  const run = summarize(dbKill, 'a', seen(slow));
  expect(run.outageMs).toBeGreaterThan(500);
  expect(run.problems).toEqual([]);
});

test('an acknowledged row that one server lacks is a problem that names it', () => {
  const rows = rowsOf(handOver);
  rows.delete('1/50');
  const data = compareRows(handOver, { a: rowsOf(handOver), b: rows });
  const { problems, lost, missing, differing } = summarize(dbKill, 'a', seen(handOver, { data }));
  expect(missing).toEqual({ a: 0, b: 1 });
  expect(lost).toBe(0);
  expect(differing).toBe(1);
  expect(problems).toEqual([
    '1 acknowledged rows are missing on b (writer/sequence 1/50)',
    '1 rows differ between a and b (writer/sequence 1/50 only on a)',
  ]);
});

test('a row that neither server has is lost', () => {
  const rows = rowsOf(handOver);
  rows.delete('1/50');
  const run = summarize(dbKill, 'a', seen(handOver, { data: compareRows(handOver, { a: rows, b: rows }) }));
  expect(run.lost).toBe(1);
  expect(run.problems[0]).toBe(
    '1 acknowledged rows are lost, neither server has them (writer/sequence 1/50)',
  );
});

test('a row that nobody was told of is no problem', () => {
  const rows = new Map([...rowsOf(handOver), ['1/51', 'row 51']]);
  const run = summarize(dbKill, 'a', seen(handOver, { data: compareRows(handOver, { a: rows, b: rows }) }));
  expect(run.unacknowledged).toBe(1);
  expect(run.problems).toEqual([]);
});

test('two servers that acknowledge at once are a problem', () => {
  const both = [...handOver, ack(100, 511)].map((a, i) => ({ ...a, sequence: i }));
  const { problems } = summarize(dbKill, 'a', seen(both));
  expect(problems.some((p) => p.startsWith('both servers acknowledged writes for'))).toBe(true);
});

describe('a partition', () => {
  const partition = faultNamed('partition');
  /** Rows 90..110 of a's own clients, acknowledged by a while b is the writer for everybody else. */
  const alone = Array.from({ length: 21 }, (_, i) => ({ ...ack(i + 90, 511), writer: 101 }));
  const both = [...handOver, ...alone];
  const onA = rowsOf(both.filter((a) => a.serverId === 511));
  const onB = rowsOf(handOver);
  const apart = { data: compareRows(both, { a: onA, b: onB }), pairedAgainMs: null };

  test('without a witness both may go on; rows of the side that gives way are set aside, none is lost', () => {
    const run = summarize(partition, 'a', seen(both, apart));
    expect(run.problems).toEqual([]);
    expect(run).toMatchObject({ acknowledgedByBothMs: 195, lost: 0, setAside: 21, rows: { a: 71, b: 111 } });
    expect(reportText([run])).toContain('a in epoch 1: 71 rows, first -0.485, last +0.605');
    expect(reportText([run])).toContain('two writers only where the documents say so');
  });
  test('with a witness the same is wrong in every respect', () => {
    const { problems } = summarize(partition, 'a', seen(both, { ...apart, witness: true }));
    expect(problems).toContain('both servers acknowledged writes for 195.0 ms');
    expect(problems).toContain(
      '21 acknowledged rows are missing on b (writer/sequence 101/90, 101/91, 101/92)',
    );
    expect(problems).toContain('the pair was not whole again within 90 s: b is starting');
  });
  test('two writers of one epoch are never promised', () => {
    const openings = [
      { node: 'a' as const, epoch: 1, fromMs: 0 },
      { node: 'b' as const, epoch: 1, fromMs: 700 },
    ];
    expect(summarize(partition, 'a', seen(both, { ...apart, openings })).problems).toEqual([
      'both nodes acknowledged writes in epoch 1',
    ]);
  });
  test('a row that neither side kept is lost, promised or not', () => {
    onA.delete('101/95');
    const data = compareRows(both, { a: onA, b: onB });
    const run = summarize(partition, 'a', seen(both, { ...apart, data }));
    expect(run).toMatchObject({ lost: 1, setAside: 20 });
    expect(run.problems).toHaveLength(1);
  });
  test("the outage is that of the application's clients, whatever those on the hosts get", () => {
    const everywhere = [...both, { ...ack(70, 511), writer: 101 }];
    expect(summarize(partition, 'a', seen(everywhere, apart)).outageMs).toBe(400);
  });
});

test('what the fault itself found wrong is a problem of the run', () => {
  const { problems } = summarize(dbKill, 'a', seen(handOver, { noted: ['b, booted alone, was open'] }));
  expect(problems).toEqual(['b, booted alone, was open']);
});

test('with a witness another writer may be expected', () => {
  const both = faultNamed('both-crash');
  expect(summarize(both, 'a', seen(handOver, { witness: true })).problems).toEqual([]);
  expect(summarize(both, 'a', seen(handOver)).problems).toEqual(['the writer afterwards is b, expected a']);
});

test('where the role moves to and fro, as many changes as there are epochs are right', () => {
  const fault = faultNamed('switchover-kill-node');
  const back = [...handOver, ...Array.from({ length: 10 }, (_, i) => ack(i + 160, 511))];
  const openings = [...seen([]).openings, { node: 'a' as const, epoch: 3, fromMs: 1550 }];
  const run = summarize(fault, 'a', seen(back, { openings }));
  expect(run.problems).toEqual([]);
  expect(run.reigns.map((reign) => reign.epoch)).toEqual([1, 2, 3]);
});

test('the wrong writer afterwards is a problem', () => {
  const { problems } = summarize(faultNamed('manager-kill'), 'a', seen(handOver));
  expect(problems).toContain('the writer afterwards is b, expected a');
});

test('a pair that does not become whole again is a problem that says what the nodes said', () => {
  const { problems } = summarize(dbKill, 'a', seen(handOver, { pairedAgainMs: null }));
  expect(problems).toEqual(['the pair was not whole again within 90 s: b is starting']);
});

test('only errors from the fault on are counted, by kind', () => {
  const failure = (failedMs: number, code: string) => ({ writer: 1, sequence: 1, sentMs: 0, failedMs, code });
  const failures = [failure(10, 'CONNECT_TIMEOUT'), failure(510, 'ECONNRESET'), failure(520, 'ECONNRESET')];
  expect(summarize(dbKill, 'a', seen(handOver, { failures })).errors).toEqual({ ECONNRESET: 2 });
});

test('every fault has a name of its own, and every lab has faults', () => {
  expect(new Set(faults.map((fault) => fault.name)).size).toBe(faults.length);
  expect(suits(faultNamed('partition-consistency'), 1)).toBe(false);
  expect(suits(faultNamed('writer-isolated'), 0)).toBe(false);
  expect(suits(faultNamed('witness-member-and-writer-crash'), 1)).toBe(false);
  expect(suits(faultNamed('witness-member-and-writer-crash'), 3)).toBe(true);
  expect(suits(dbKill, 0) && suits(dbKill, 3)).toBe(true);
});

test('the report puts the goal beside the figure and says what went wrong', () => {
  const good = summarize(dbKill, 'a', seen(handOver));
  const bad = summarize(dbKill, 'a', seen(handOver, { pairedAgainMs: null }));
  expect(summarizeFault(dbKill, [good, bad])).toMatchObject({
    runs: 2,
    wrong: 1,
    outageMs: { p50: 400, max: 400 },
  });
  expect(reportText([good])).toMatch(/db-kill +1 +1 +400\/400\/400 +<= 100 /);
  expect(reportText([good])).toContain('All 1 drills ended as they should');
  expect(reportText([good, bad])).toContain('WRONG: db-kill: the pair was not whole again');
});
