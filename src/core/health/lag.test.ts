import { describe, expect, it } from 'vitest';
import { heardHeartbeat, NO_LAG, sawHeartbeat } from './lag.ts';

describe('replication lag by heartbeat', () => {
  it('is unknown before the first heartbeat was read', () => {
    expect(NO_LAG.lagMs).toBeNull();
  });

  it('is zero when everything heard of has arrived', () => {
    const heard = heardHeartbeat(heardHeartbeat(NO_LAG, 1, 100), 2, 200);
    expect(sawHeartbeat(heard, 2, 250).lagMs).toBe(0);
  });

  it('is the age of the oldest heartbeat that has not arrived', () => {
    const heard = heardHeartbeat(heardHeartbeat(heardHeartbeat(NO_LAG, 1, 100), 2, 200), 3, 300);
    expect(sawHeartbeat(heard, 1, 1000).lagMs).toBe(800);
  });

  it('grows while nothing arrives, also when the writer stops writing', () => {
    const heard = heardHeartbeat(NO_LAG, 5, 100);
    expect(sawHeartbeat(heard, 4, 5100).lagMs).toBe(5000);
  });

  it('ignores repeated and older statements', () => {
    const heard = heardHeartbeat(heardHeartbeat(NO_LAG, 5, 100), 5, 900);
    expect(heard.pending).toHaveLength(1);
    expect(heardHeartbeat(heard, 4, 950)).toBe(heard);
  });
});
