// The simulated server alone: the scripted cases that the real one passes too, and what only a simulation can do.
import { describe, expect, it } from 'vitest';
import { cases } from './cases/all.ts';
import { modelLab } from './cases/model.ts';
import { newServer, type ServerOptions, type SimulatedServer } from './server.ts';

describe('the simulated server, as MariaDB', () => {
  it.each(cases)('$name', async ({ run, seen }) => {
    expect(await run(modelLab())).toEqual(seen);
  });
});

/** A writer that needs nobody, and a standby whose receiver is connected to it. */
function alone(options: Partial<ServerOptions> = {}): { writer: SimulatedServer; standby: SimulatedServer } {
  const writer = newServer({ serverId: 1, ...options });
  const standby = newServer({ serverId: 2 });
  writer.setSemiSyncSource(false);
  writer.openWrites();
  standby.setSemiSyncSource(false);
  standby.startChannel();
  standby.connected();
  return { writer, standby };
}

/** Everything behind what the standby has received; returns what it acknowledges. */
function deliver(writer: SimulatedServer, standby: SimulatedServer): string | null {
  const dump = writer.dumpFrom(standby.status().channel?.receivedGtid ?? '');
  return standby.receive(dump.ok ? dump.transactions : []);
}

const payloads = (server: SimulatedServer): string =>
  server
    .visible()
    .map(({ payload }) => payload)
    .join();

describe('a power cut', () => {
  it('leaves of the relay log what was synced, where a kill leaves all of it', () => {
    for (const [fault, left] of [
      ['kill', '1,2'],
      ['powerCut', '1'],
    ] as const) {
      const { writer, standby } = alone();
      standby.stopThreads('applier');
      writer.write('s', '1');
      deliver(writer, standby);
      standby.setReceivesDurably(false);
      writer.write('s', '2');
      expect(deliver(writer, standby)).toBe('0-1-2');
      standby[fault]();
      standby.boot();
      standby.setSemiSyncSource(false);
      standby.drain();
      expect(payloads(standby)).toBe(left);
    }
  });

  it('also strikes a server whose process had ended before', () => {
    const { writer, standby } = alone();
    standby.stopThreads('applier');
    standby.setReceivesDurably(false);
    writer.write('s', '1');
    deliver(writer, standby);
    standby.kill();
    standby.powerCut();
    expect(standby.relayLog().received).toEqual([]);
  });

  it('of a standby that receives durably again spares what came before, from the next transaction on', () => {
    const { writer, standby } = alone();
    standby.stopThreads('applier');
    standby.setReceivesDurably(false);
    writer.write('s', '1');
    deliver(writer, standby);
    standby.setReceivesDurably(true);
    expect(standby.relayLog().synced).toBe(0);
    writer.write('s', '2');
    deliver(writer, standby);
    expect(standby.relayLog().synced).toBe(2);
  });
});

describe('a crash with innodb_flush_log_at_trx_commit=1', () => {
  it('takes the last acknowledged commit back, and only that one', () => {
    const { writer } = alone({ commitsDurably: false });
    expect([writer.write('s', '1'), writer.write('s', '2')]).toEqual(['ok', 'ok']);
    writer.kill();
    writer.boot();
    expect(payloads(writer)).toBe('1');
  });
});

describe('a server that closes while a commit waits', () => {
  function closing(): SimulatedServer {
    const server = newServer({ serverId: 1 });
    server.openWrites();
    server.write('first', '1');
    expect(server.closeWrites().kind).toBe('wait');
    expect(server.write('second', '2')).toBe('waiting');
    return server;
  }

  it('holds new writes back, and ends their sessions once the wait is over', () => {
    const server = closing();
    server.acknowledged('0-1-1');
    expect(server.closeWrites()).toEqual({ kind: 'done', gtid: '0-1-1' });
    expect(server.takeReleased()).toEqual([
      { session: 'first', payload: '1', gtid: '0-1-1', outcome: 'ok' },
      { session: 'second', payload: '2', gtid: null, outcome: 'connection-lost' },
    ]);
  });

  it('lets them go on when it is given up', () => {
    const server = closing();
    expect(server.giveUpClosing()).toMatchObject({ code: 'commits-in-doubt' });
    expect(server.log().map(({ payload }) => payload)).toEqual(['1', '2']);
    expect(server.status().readOnly).toBe(false);
  });
});

describe('the heartbeat', () => {
  it('is written once however often it is asked for, and waits like any commit', () => {
    const server = newServer({ serverId: 1 });
    const beat = { epoch: 1, sequence: 1 };
    expect(server.writeHeartbeat(beat)).toMatchObject({ kind: 'refused' });
    server.openWrites();
    expect(server.writeHeartbeat(beat).kind).toBe('wait');
    expect(server.writeHeartbeat(beat).kind).toBe('wait');
    expect(server.readHeartbeat()).toBeNull();
    server.acknowledged('0-1-1');
    expect(server.writeHeartbeat(beat).kind).toBe('done');
    expect(server.log()).toHaveLength(1);
    expect(server.readHeartbeat()).toEqual(beat);
  });
});

it('a server that is down refuses everything', () => {
  const server = newServer({ serverId: 1 });
  server.kill();
  expect(server.write('s', '1')).toEqual({ refused: 'down' });
  expect(server.openWrites()).toMatchObject({ code: 'down' });
  expect(server.request()).toBeNull();
});

it('a client that is gone does not end the wait of its commit, nor of those behind it', () => {
  const server = newServer({ serverId: 1 });
  server.openWrites();
  server.write('s', '1');
  server.closeSessions();
  server.write('t', '2');
  expect(server.visible()).toEqual([]);
  server.acknowledged('0-1-2');
  expect(server.takeReleased().map(({ outcome }) => outcome)).toEqual(['connection-lost', 'ok']);
});
