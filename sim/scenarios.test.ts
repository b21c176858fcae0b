// What a pair does, as transcripts: golden files that are read as a diff. UPDATE_TRANSCRIPTS=1 writes them anew.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newWorld, type World } from './world.ts';

const FOLDER = join(import.meta.dirname, 'transcripts');

function matchesTranscript(name: string, world: World): void {
  const path = join(FOLDER, `${name}.txt`);
  const text = `${world.transcript.join('\n')}\n`;
  if (process.env['UPDATE_TRANSCRIPTS'] !== undefined) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}

/** A new pair that has found its first writer and is paired. */
function pairedWorld(): World {
  const world = newWorld();
  world.run(4000);
  expect([world.a.state.role, world.b.state.role]).toEqual(['writing', 'following']);
  expect([world.a.state.record, world.b.state.record]).toEqual([
    { epoch: 1, writer: 'a', sync: 'paired' },
    { epoch: 1, writer: 'a', sync: 'paired' },
  ]);
  expect(world.write(10)).toBe(10);
  return world;
}

const writers = (world: World): string[] =>
  [world.a, world.b]
    .filter((node) => node.hostUp && !node.server.readOnly && node.server.up && node.vip !== null)
    .map((n) => n.name);

describe('a pair', () => {
  it('finds its first writer and pairs', () => {
    matchesTranscript('first-start', pairedWorld());
  });

  it('hands over when the server of the writer dies, and takes it back as standby', () => {
    const world = pairedWorld();
    world.note('the server of a is killed');
    world.a.server.up = false;
    world.run(500);
    expect(writers(world)).toEqual(['b']);
    expect(world.b.server.executed).toBeGreaterThanOrEqual(10);
    expect(world.write(5)).toBe(5);
    world.note('the server of a comes back, read-only');
    Object.assign(world.a.server, { up: true, readOnly: true, source: true, receiver: 'stopped' });
    world.run(4000);
    expect([world.a.state.role, world.b.state.record.sync]).toEqual(['following', 'paired']);
    matchesTranscript('server-killed', world);
  });

  it('takes over when the host of the writer is silent on every path', () => {
    const world = pairedWorld();
    world.note('host a loses power');
    world.a.hostUp = false;
    world.run(1000);
    expect(writers(world)).toEqual(['b']);
    world.note('host a boots');
    Object.assign(world.a, { hostUp: true, vip: null });
    Object.assign(world.a.server, { readOnly: true, source: true, receiver: 'stopped', waiting: 0 });
    world.startManager(world.a);
    world.run(4000);
    expect(writers(world)).toEqual(['b']);
    expect(world.b.state.record).toEqual({ epoch: 2, writer: 'b', sync: 'paired' });
    matchesTranscript('host-silent', world);
  });

  it('promotes nobody when only VRRP is blocked, and names the firewall', () => {
    const world = pairedWorld();
    world.note('a firewall drops protocol 112');
    world.paths.vrrp = false;
    world.run(3000);
    expect(writers(world)).toEqual(['a']);
    expect(world.a.state.record.epoch).toBe(1);
    world.note('the firewall is mended');
    world.paths.vrrp = true;
    world.run(1000);
    expect(world.transcript.join('\n')).toContain('protocol 112');
    matchesTranscript('vrrp-blocked', world);
  });

  it('moves the role at a switchover and back', () => {
    const world = pairedWorld();
    world.note('switchover');
    world.dispatch(world.a, { kind: 'switchover', because: 'an operator asked for it' });
    world.run(3000);
    expect(writers(world)).toEqual(['b']);
    world.note('switchover back');
    world.dispatch(world.b, { kind: 'switchover', because: 'an operator asked for it' });
    world.run(3000);
    expect(writers(world)).toEqual(['a']);
    expect(world.a.state.record).toEqual({ epoch: 3, writer: 'a', sync: 'paired' });
    matchesTranscript('switchover', world);
  });

  it('refuses a switchover to a standby whose applier has stopped, and says why', () => {
    const world = pairedWorld();
    world.b.server.applierError = 'Duplicate entry 7 for key PRIMARY';
    world.run(300);
    world.dispatch(world.a, { kind: 'switchover', because: 'an operator asked for it' });
    world.run(1000);
    expect(writers(world)).toEqual(['a']);
    matchesTranscript('switchover-refused', world);
  });

  it('goes alone when the standby is silent, no sooner than aloneAfter, and pairs again', () => {
    const world = pairedWorld();
    world.note('host b loses power');
    world.b.hostUp = false;
    world.run(2500);
    expect(world.a.state.record.sync).toBe('paired');
    expect(world.write(1)).toBe(0);
    world.run(1500);
    expect(world.a.state.record.sync).toBe('alone');
    expect(world.write(1)).toBe(1);
    world.note('host b boots');
    world.b.hostUp = true;
    Object.assign(world.b.server, { readOnly: true, source: true, receiver: 'stopped' });
    world.startManager(world.b);
    world.run(4000);
    expect(world.a.state.record).toEqual({ epoch: 1, writer: 'a', sync: 'paired' });
    matchesTranscript('standby-silent', world);
  });

  it('goes alone at once when the standby says that its server is down, and never promotes it then', () => {
    const world = pairedWorld();
    world.b.server.up = false;
    world.run(1500);
    expect([world.a.state.record.sync, world.b.state.record.sync]).toEqual(['alone', 'alone']);
    world.note('host a loses power; the server of b comes back');
    world.a.hostUp = false;
    Object.assign(world.b.server, { up: true, readOnly: true, source: true, receiver: 'stopped' });
    world.run(5000);
    expect(writers(world)).toEqual([]);
    matchesTranscript('stale-standby', world);
  });

  it('fences a writer whose agent and manager are gone over SQL, and then takes over', () => {
    const world = pairedWorld();
    world.note('agent and manager of a are killed');
    Object.assign(world.a, { agentUp: false, managerUp: false });
    world.run(1000);
    expect(world.a.server.readOnly).toBe(true);
    expect(world.b.vip).toBe(2);
    matchesTranscript('unattended', world);
  });

  it('keeps everything as it was when only the manager is restarted', () => {
    const world = pairedWorld();
    world.a.managerUp = false;
    world.run(400);
    world.note('the manager of a is started again');
    world.startManager(world.a);
    world.run(2000);
    expect(writers(world)).toEqual(['a']);
    expect(world.a.state.record).toEqual({ epoch: 1, writer: 'a', sync: 'paired' });
    matchesTranscript('manager-restarted', world);
  });

  it('hands over when the agent is gone beyond its grace', () => {
    const world = pairedWorld();
    world.a.agentUp = false;
    world.run(1000);
    expect(world.b.vip).toBe(2);
    expect(world.a.server.readOnly).toBe(true);
    matchesTranscript('agent-gone', world);
  });

  it('hands over when it is stopped, and the one that stops as standby gives up its claim', () => {
    const world = pairedWorld();
    world.dispatch(world.a, { kind: 'stop', because: 'SIGTERM' });
    world.run(1000);
    expect(world.b.vip).toBe(2);
    expect(world.a.managerUp).toBe(false);
    matchesTranscript('stop', world);
  });

  it('opens neither node after a cold start in which the last paired writer hears nobody', () => {
    const world = pairedWorld();
    for (const node of [world.a, world.b]) {
      Object.assign(node, { hostUp: false, vip: null });
      Object.assign(node.server, { readOnly: true, source: true, receiver: 'stopped' });
    }
    world.run(100);
    world.note('only host a boots');
    world.a.hostUp = true;
    world.startManager(world.a);
    world.run(10_000);
    expect(writers(world)).toEqual([]);
    world.note('host b boots, too');
    world.b.hostUp = true;
    world.startManager(world.b);
    world.run(4000);
    expect(writers(world)).toEqual(['a']);
    matchesTranscript('cold-start', world);
  });
});
