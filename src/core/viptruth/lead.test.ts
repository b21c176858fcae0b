import { describe, expect, test } from 'vitest';
import { type Expected, type Found, judgeLead, look, lookAway, newLead } from './lead.ts';

const A = { serverId: 1, hostname: 'a', port: 3306 };
const B = { serverId: 2, hostname: 'b', port: 3306 };
const at = (identity: typeof A, epoch: number | null): Found => ({ kind: 'server', identity, epoch });
const refused: Found = { kind: 'failed', because: 'nothing listens there' };
const expected = (direct: Found = at(A, 4)): Expected => ({
  vip: '192.0.2.100',
  writer: 'a',
  epoch: 4,
  direct,
});

describe('where the VIP leads', () => {
  test('the writer in the epoch of the record is right', () => {
    expect(judgeLead(expected(), at(A, 4)).verdict).toBe('right');
  });

  test('another server is astray, and both are named', () => {
    const { verdict, because } = judgeLead(expected(), at(B, 4));
    expect(verdict).toBe('astray');
    expect(because).toContain('server id 2');
    expect(because).toContain('server id 1');
  });

  test('the same server id on another host is another server', () => {
    expect(judgeLead(expected(), at({ ...A, hostname: 'clone' }, 4)).verdict).toBe('astray');
  });

  test('an old epoch is astray; a later one, or none, is a change under way', () => {
    expect(judgeLead(expected(), at(A, 3)).verdict).toBe('astray');
    expect(judgeLead(expected(), at(A, 5)).verdict).toBe('unknown');
    expect(judgeLead(expected(), at(A, null)).verdict).toBe('unknown');
  });

  test('a refusal is astray only when the server answers at its own address', () => {
    expect(judgeLead(expected(), refused).verdict).toBe('astray');
    expect(judgeLead(expected(refused), refused).verdict).toBe('unknown');
  });

  test('a server out of connections says nothing about the VIP', () => {
    expect(judgeLead(expected(), { kind: 'full', because: 'too many connections' }).verdict).toBe('unknown');
  });
});

describe('looking', () => {
  const right = judgeLead(expected(), at(A, 4));
  const astray = judgeLead(expected(), at(B, 4));

  test('what is odd is looked at again, said once when seen twice, and its end is said once', () => {
    const said: string[] = [];
    let state = newLead('not asked yet', 0);
    for (const seen of [right, astray, right, astray, astray, astray, right, right]) {
      const turn = look(state, seen, 1);
      expect(turn.again).toBe(seen === astray && state.verdict !== 'astray' && state.suspicion === null);
      state = turn.state;
      if (turn.say !== null) said.push(turn.say.code);
    }
    expect(said).toEqual(['vip-leads-astray', 'vip-leads-right']);
  });

  test('not being able to tell neither ends a condition nor starts one', () => {
    const unknown = judgeLead(expected(refused), refused);
    const first = look(newLead('not asked yet', 0), astray, 1);
    const told = look(first.state, astray, 2);
    const lost = look(told.state, unknown, 3);
    expect(told.say?.code).toBe('vip-leads-astray');
    expect(lost.say).toBeNull();
    expect(look(lost.state, right, 4).say?.code).toBe('vip-leads-right');
  });

  test('a condition ends, with the reason, when this node looks no longer', () => {
    const told = look(look(newLead('', 0), astray, 1).state, astray, 2);
    expect(lookAway(told.state, 'this node is the writer', 3).say?.because).toContain(
      'this node is the writer',
    );
    expect(lookAway(newLead('', 0), 'this node is the writer', 3).say).toBeNull();
  });
});
