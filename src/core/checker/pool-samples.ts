// Virtual servers and events for the tests of the pool machine.
import type { Destination, PoolEvent, PoolSettings, RealServer } from './pool-state.ts';

export const destination = (address: string): Destination => ({
  address,
  port: 3306,
  forwarding: { method: 'NAT' },
  upperThreshold: 0,
  lowerThreshold: 0,
});

export const server = (n: number, more: Partial<RealServer> = {}): RealServer => ({
  name: `[10.0.0.${n}]:tcp:3306`,
  weight: 1,
  inhibit: false,
  mail: true,
  checkers: [{ id: 'tcp', alpha: false }],
  destination: destination(`10.0.0.${n}`),
  ...more,
});

export const pool = (more: Partial<PoolSettings> = {}): PoolSettings => ({
  name: '[192.0.2.100]:tcp:3306',
  quorum: 1,
  hysteresis: 0,
  omega: false,
  initNotifies: false,
  mail: false,
  checkerMails: true,
  servers: [server(1), server(2)],
  sorry: null,
  ...more,
});
export const SORRY = { name: '[10.0.0.9]:tcp:3306', inhibit: false, destination: destination('10.0.0.9') };

export const judge = (n: number, up: boolean, checker = 'tcp', first = false): PoolEvent => ({
  kind: 'judged',
  server: `[10.0.0.${n}]:tcp:3306`,
  checker,
  up,
  first,
  words: up ? '=> TCP CHECK succeed on service <=' : '=> TCP CHECK failed on service <=',
});
export const weigh = (n: number, share: number): PoolEvent => ({
  kind: 'weighted',
  server: `[10.0.0.${n}]:tcp:3306`,
  checker: 'tcp',
  share,
});
export const START: PoolEvent = { kind: 'start' };
export const STOP: PoolEvent = { kind: 'stop', removed: false };
