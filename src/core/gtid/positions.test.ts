import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as gtid from './gtid.ts';
import { contains, equal, lacking, parsePositions, positionText, union } from './positions.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const B = '7c952a89-e5c9-11f1-a7ec-02fc00000001';

describe('places in binary logs', () => {
  it('are compared by file number, then by offset', () => {
    expect(contains(`${A}@binlog.000010:4`, `${A}@binlog.000009:900`)).toBe(true);
    expect(contains(`${A}@binlog.000009:900`, `${A}@binlog.000009:901`)).toBe(false);
    expect(contains(`${A}@binlog.999999:900`, `${A}@binlog.1000000:4`)).toBe(false);
    expect(equal(`${A}@binlog.000009:900`, `${A.toUpperCase()}@binlog.9:900`)).toBe(true);
  });

  it('need of the own log what was born there, and reach to its end', () => {
    const standby = `${B}@binlog.000002:500..binlog.000003:900,${A}@binlog.000001:700`;
    const writer = `${A}@binlog.000001:700,${B}@binlog.000002:500`;
    expect(equal(writer, standby)).toBe(true);
    expect(contains(`${A}@binlog.000001:800,${B}@binlog.000002:499`, standby)).toBe(false);
    expect(lacking(standby, `${A}@binlog.000001:800,${B}@binlog.000002:300`)).toEqual([
      `${B}@binlog.000002:300..binlog.000002:500`,
    ]);
    expect(lacking(standby, writer)).toEqual([]);
  });

  it('of a log in which nothing was born are had by a server that knows nothing of it', () => {
    expect(contains(`${A}@binlog.000001:4`, `${B}@binlog.000001:0..binlog.000001:900`)).toBe(true);
    expect(contains(`${A}@binlog.000001:4`, `${B}@binlog.000001:4`)).toBe(false);
  });

  it('of a log that was cut short, or begun anew, do not contain what the other took from it', () => {
    const standby = `${A}@binlog.000003:500,${B}@binlog.000001:0..binlog.000001:90`;
    const fallen = (end: number) => `${A}@binlog.000003:400..binlog.000004:120!2:900!3:${end}`;
    expect(contains(fallen(499), standby)).toBe(false);
    expect(contains(union(fallen(499), `${B}@binlog.000001:90`), standby)).toBe(false);
    expect(contains(fallen(500), standby)).toBe(true);
    expect(lacking(standby, fallen(400))).toEqual([`${A}@binlog.000003:400..binlog.000003:500`]);
    expect(parsePositions(fallen(499)).ok).toBe(true);
    expect(contains(`${A}@binlog.000001:120`, `${A}@binlog.000003:500`)).toBe(false);
  });

  it('of logs with other names contain nothing of each other, and neither does their union', () => {
    expect(contains(`${A}@mysql-bin.000002:9`, `${A}@binlog.000001:4`)).toBe(false);
    const mixed = union(`${A}@mysql-bin.000002:9`, `${A}@binlog.000001:4`);
    expect(contains(mixed, '')).toBe(false);
    expect(contains(mixed, `${A}@binlog.000001:4`)).toBe(false);
  });

  it('that are no places contain nothing, whatever the text', () => {
    for (const text of ['x', '@', `${A}@binlog:4`, `${A}@b.1:9..b.1:8`, `${A}@b.1:1,${A}@b.1:2`]) {
      expect(parsePositions(text).ok).toBe(false);
      expect(contains(text, text)).toBe(false);
      expect(lacking(text, '')).toBeNull();
    }
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        for (const ask of [contains, equal, union, lacking, gtid.lacking, gtid.contains]) ask(`${A}@${a}`, b);
      }),
    );
  });

  it('are told from GTIDs, and contain none of them', () => {
    expect(gtid.contains(`${A}@binlog.000001:98`, `${A}@binlog.000001:98`)).toBe(true);
    expect(gtid.contains(`${A}@binlog.000001:98`, `${A}:1-5`)).toBe(false);
    expect(gtid.contains('0-1-5', `${A}@binlog.000001:98`)).toBe(false);
    expect(gtid.contains(`${A}@binlog.000001:98`, '')).toBe(true);
    expect(gtid.originOf(`${A}@binlog.000001:98..binlog.000001:99`)).toBe(A);
    expect(gtid.backlog(`${A}@binlog.000001:98`, `${A}@binlog.000001:98`)).toBe(0);
  });
});

/** A ring of two servers, as they work: each logs what is written to it and what it applies; its own that comes back is passed over. */
type Ring = Readonly<Record<'a' | 'b', Server>>;
interface Server {
  readonly log: {
    readonly born: 'a' | 'b';
    readonly id: number;
    readonly end: number;
    readonly file: number;
  }[];
  readonly has: Set<number>;
  /** How many entries of the other's log are executed here. */
  executed: number;
  file: number;
}

const UUID = { a: A, b: B };
const other = (name: 'a' | 'b'): 'a' | 'b' => (name === 'a' ? 'b' : 'a');
const place = (event: { readonly file: number; readonly end: number } | undefined) => ({
  file: `binlog.${event?.file ?? 1}`,
  offset: event?.end ?? 0,
});

function vector(ring: Ring, name: 'a' | 'b'): string {
  const { log, executed } = ring[name];
  const own = positionText(
    UUID[name],
    place(log.at(-1)),
    place(log.findLast((event) => event.born === name)),
  );
  const peer = ring[other(name)].log[executed - 1];
  return peer === undefined ? own : union(own, positionText(UUID[other(name)], place(peer)));
}

type Deed = { readonly at: 'a' | 'b'; readonly does: 'write' | 'apply' | 'rotate' };

function logged(server: Server, born: 'a' | 'b', id: number): void {
  const before = server.log.at(-1);
  const from = before?.file === server.file ? before.end : 4;
  server.log.push({ born, id, end: from + 100, file: server.file });
  server.has.add(id);
}

function take(ring: Ring, { at, does }: Deed, id: number): void {
  const server = ring[at];
  if (does === 'rotate') server.file += 1;
  else if (does === 'write') logged(server, at, id);
  else {
    const next = ring[other(at)].log[server.executed];
    if (next === undefined) return;
    server.executed += 1;
    if (next.born !== at) logged(server, next.born, next.id);
  }
}

const deeds = fc.array(
  fc.record<Deed>({
    at: fc.constantFrom('a', 'b'),
    does: fc.constantFrom('write', 'apply', 'apply', 'apply', 'rotate'),
  }),
  { maxLength: 60 },
);

describe('the places of a ring of two servers', () => {
  const started = (): Ring => ({
    a: { log: [], has: new Set(), executed: 0, file: 1 },
    b: { log: [], has: new Set(), executed: 0, file: 1 },
  });

  it('say of every state exactly which server has all that the other has, and lack nothing that is there', () => {
    fc.assert(
      fc.property(deeds, (all) => {
        const ring = started();
        all.forEach((deed, id) => {
          take(ring, deed, id);
          for (const name of ['a', 'b'] as const) {
            const [mine, theirs] = [vector(ring, name), vector(ring, other(name))];
            const hasAll = [...ring[other(name)].has].every((id) => ring[name].has.has(id));
            expect(contains(mine, theirs)).toBe(hasAll);
            expect(lacking(theirs, mine)).toHaveLength(hasAll ? 0 : 1);
            expect(contains(union(mine, theirs), mine)).toBe(true);
            expect(contains(union(mine, theirs), theirs)).toBe(true);
          }
        });
      }),
    );
  });

  it('never go back: what a server had it has', () => {
    fc.assert(
      fc.property(deeds, (all) => {
        const ring = started();
        const past: Record<'a' | 'b', string[]> = { a: [], b: [] };
        all.forEach((deed, id) => {
          take(ring, deed, id);
          for (const name of ['a', 'b'] as const) {
            const now = vector(ring, name);
            for (const before of past[name]) expect(contains(now, before)).toBe(true);
            past[name].push(now);
          }
        });
      }),
    );
  });
});
