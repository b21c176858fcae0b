import { describe, expect, it } from 'vitest';
import { type HealthEvent, type HealthState, stepHealth, UNKNOWN_HEALTH } from './machine.ts';

const having = (...events: HealthEvent[]): HealthState => events.reduce(stepHealth, UNKNOWN_HEALTH);

const answered: HealthEvent = { kind: 'answered' };
const timeout: HealthEvent = { kind: 'timeout', deadlineMs: 500 };
const refused: HealthEvent = { kind: 'refused', because: 'connection refused' };
const maybe: HealthEvent = { kind: 'write-failed', certain: false, because: 'lock wait' };
const full: HealthEvent = { kind: 'write-failed', certain: true, because: 'disk full' };

describe('health of a server', () => {
  it('is up at the first answer, and hung at the first missed deadline', () => {
    expect(having(answered).health).toBe('up');
    expect(having(answered, timeout)).toMatchObject({
      health: 'hung',
      because: 'no answer to a probe within 500 ms',
    });
    expect(having(answered, timeout, answered).health).toBe('up');
  });

  it('does not fall because a connection was lost, only because the next one is refused', () => {
    expect(having(answered, { kind: 'lost', because: 'closed' }).health).toBe('up');
    expect(having(answered, { kind: 'lost', because: 'closed' }, refused)).toMatchObject({
      health: 'down',
      because: 'connection refused',
    });
  });

  it('is unwritable at once when the server says that it cannot write', () => {
    expect(having(answered, full).health).toBe('unwritable');
  });

  it('is unwritable only after repeated failures when the reason may pass', () => {
    expect(having(answered, maybe).health).toBe('up');
    expect(having(answered, maybe, maybe).health).toBe('unwritable');
    expect(having(answered, maybe, { kind: 'wrote' }, maybe).health).toBe('up');
  });

  it('is not made well by an answer alone while it cannot write', () => {
    expect(having(answered, full, answered).health).toBe('unwritable');
    expect(having(answered, full, { kind: 'wrote' }).health).toBe('up');
  });

  it('stays down or hung when a late write fails too', () => {
    expect(having(answered, refused, full).health).toBe('down');
    expect(having(answered, timeout, full).health).toBe('hung');
  });
});
