// One database server in the world: the model of sim/server.ts as a process that can be frozen and killed, and the
// statements that managers send to it. A statement that was sent is carried out, though nobody may wait for it any more.

import type { ServerStatus } from '../src/core/pair/server.ts';
import type { Host, Process } from './host.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { Family } from './server.ts';
import { type Answer as ModelAnswer, newServer, type SimulatedServer, type Transaction } from './server.ts';
import type { Timeline } from './timeline.ts';

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: 'down' | 'timeout' };

/** How an order ended: like Outcome, without the id. */
export type Ending =
  | { readonly ok: true; readonly gtid?: string }
  | { readonly ok: false; readonly code: string; readonly because: string };

/** What the mutants do to a server. */
export interface ServerFlaws {
  readonly commitsDurably: boolean;
  readonly acknowledgesUnsynced: boolean;
}

export interface DatabaseWorld {
  readonly timeline: Timeline;
  readonly network: Network;
  readonly host: Host;
  readonly random: Random;
  /** After every call that may have changed something: replication moves on, clients are told. */
  touched(): void;
  /** Received transactions that an order threw away unapplied. */
  thrownAway(transactions: readonly Transaction[]): void;
  say(text: string): void;
}

export interface SimDatabase {
  readonly name: 'a' | 'b';
  readonly process: Process;
  readonly model: SimulatedServer;
  /** The port is open. */
  listens(): boolean;
  status(): ServerStatus;
  /** The sequence of the last heartbeat that can be read here. */
  heartbeatSeen(): number;
  ask<T>(from: Process, deadlineMs: number, execute: () => T, onAnswer: (answer: Answer<T>) => void): void;
  /** The same from the other host. */
  askFromPeer<T>(
    from: Process,
    deadlineMs: number,
    execute: () => T,
    onAnswer: (answer: Answer<T>) => void,
  ): void;
  heartbeat(
    from: Process,
    sequence: number,
    deadlineMs: number,
    onDone: (because: string | null) => void,
  ): void;
  /** One of the model's orders, asked again until it is done or the deadline passes. */
  order(from: Process, deadlineMs: number, once: () => ModelAnswer, onDone: (ending: Ending) => void): void;
  closeWrites(from: Process, remote: boolean, deadlineMs: number, onDone: (ending: Ending) => void): void;
  /** Told when the process ends, until the asker does. */
  onLost(by: Process, listener: () => void): void;
  kill(): void;
  shutdown(): void;
  powerCut(): void;
  /** The supervisor, or an operator, starts it. */
  boot(afterMs: number): void;
}

type Received = ReturnType<SimulatedServer['relayLog']>['received'][number];
const NONE: readonly Received[] = [];

const EXECUTION_MS_MAX = 12;
const POLL_MS_MAX = 50;

export function newDatabase(
  name: 'a' | 'b',
  family: Family,
  world: DatabaseWorld,
  flaws: ServerFlaws,
): SimDatabase {
  const { timeline, network, host, random } = world;
  const peer = name === 'a' ? 'b' : 'a';
  const model = newServer({
    serverId: name === 'a' ? 1 : 2,
    family,
    source: { host: peer, port: 3306 },
    commitsDurably: flaws.commitsDurably,
  });
  const process = host.newProcess('server');
  const pending = new Set<() => void>();
  const lost: { readonly by: Process; readonly incarnation: number; readonly listener: () => void }[] = [];
  let startedMs = 0;

  /** Received and unapplied transactions are counted before and after: none may vanish unseen. */
  function execute<T>(act: () => T): T {
    const { received } = model.relayLog();
    const before = received.length === 0 ? NONE : [...received];
    const value = act();
    if (before.length > 0) reportThrownAway(before);
    if (flaws.acknowledgesUnsynced) model.setReceivesDurably(false);
    world.touched();
    return value;
  }

  function reportThrownAway(before: readonly Received[]): void {
    const after = new Set(model.relayLog().received);
    const gone = before.filter((each) => !each.own && !after.has(each)).map((each) => each.transaction);
    if (gone.length === 0) return;
    const log = new Set(model.log().map((each) => each.payload));
    const thrown = gone.filter((each) => !log.has(each.payload));
    if (thrown.length > 0) world.thrownAway(thrown);
  }

  function request<T>(
    from: Process,
    deadlineMs: number,
    act: () => T,
    onAnswer: (answer: Answer<T>) => void,
    there: (arrive: () => void) => void,
    back: (arrive: () => void) => void,
  ): void {
    let settled = false;
    const settle = (answer: Answer<T>): void => {
      if (settled) return;
      settled = true;
      pending.delete(fall);
      onAnswer(answer);
    };
    const fall = (): void => back(() => from.run(() => settle({ ok: false, code: 'down' })));
    from.after(deadlineMs, () => settle({ ok: false, code: 'timeout' }));
    there(() => {
      if (!host.on) return;
      if (!process.alive) {
        fall();
        return;
      }
      pending.add(fall);
      process.run(() => {
        const value = execute(act);
        back(() => from.run(() => settle({ ok: true, value })));
      });
    });
  }

  const local = (arrive: () => void): void => timeline.at(random.skewed(0.1, EXECUTION_MS_MAX), arrive);

  function ended(): void {
    for (const fall of pending) timeline.at(random.skewed(0.1, 20), fall);
    pending.clear();
    for (const { by, incarnation, listener } of lost) {
      if (by.alive && by.incarnation === incarnation) by.after(random.skewed(0.5, 30), listener);
    }
  }

  const database: SimDatabase = {
    name,
    process,
    model,
    listens: () => process.alive,
    status() {
      const status = model.status((timeline.nowMs() - startedMs) / 1000);
      return flaws.acknowledgesUnsynced ? { ...status, receivesDurably: true } : status;
    },
    heartbeatSeen: () => model.readHeartbeat()?.sequence ?? 0,
    ask: (from, deadlineMs, act, onAnswer) => request(from, deadlineMs, act, onAnswer, local, local),
    askFromPeer: (from, deadlineMs, act, onAnswer) =>
      request(
        from,
        deadlineMs,
        act,
        onAnswer,
        (arrive) => network.post('sql', peer, name, arrive),
        (arrive) => network.post('sql', name, peer, arrive),
      ),
    heartbeat(from, sequence, deadlineMs, onDone) {
      const beat = { epoch: 0, sequence };
      database.order(
        from,
        deadlineMs,
        () => model.writeHeartbeat(beat),
        (ending) => onDone(ending.ok ? null : ending.code === 'down' ? 'down' : ending.because),
      );
    },
    order(from, deadlineMs, once, onDone) {
      const endMs = host.bootMs() + deadlineMs;
      let pauseMs = 3;
      const attempt = (): void => {
        const leftMs = endMs - host.bootMs();
        if (leftMs <= 0) {
          onDone({ ok: false, code: 'timeout', because: `not done within ${deadlineMs} ms` });
          return;
        }
        database.ask(from, leftMs, once, (answer) => {
          if (!answer.ok) onDone({ ok: false, code: answer.code, because: `the server is ${answer.code}` });
          else if (answer.value.kind === 'refused') {
            onDone({ ok: false, code: answer.value.code, because: answer.value.because });
          } else if (answer.value.kind === 'done') {
            const { gtid } = answer.value;
            onDone(gtid === undefined ? { ok: true } : { ok: true, gtid });
          } else {
            from.after(pauseMs, attempt);
            pauseMs = Math.min(POLL_MS_MAX, pauseMs * 2);
          }
        });
      };
      attempt();
    },
    closeWrites(from, remote, deadlineMs, onDone) {
      const send = remote ? database.askFromPeer : database.ask;
      let answered = false;
      const end = (ending: Ending): void => {
        if (answered) return;
        answered = true;
        onDone(ending);
      };
      const answer = (result: ModelAnswer): void => {
        const ending: Ending =
          result.kind === 'done'
            ? result.gtid === undefined
              ? { ok: true }
              : { ok: true, gtid: result.gtid }
            : result.kind === 'refused'
              ? { ok: false, code: result.code, because: result.because }
              : { ok: false, code: 'timeout', because: result.because };
        if (remote) network.post('sql', name, peer, () => from.run(() => end(ending)));
        else local(() => from.run(() => end(ending)));
      };
      from.after(deadlineMs, () => end({ ok: false, code: 'timeout', because: 'no answer in time' }));
      send(
        from,
        deadlineMs,
        () => {
          // The statement hangs at the server, which goes on with it whether or not anybody listens.
          const limitMs = remote ? deadlineMs + 1000 : deadlineMs - 150;
          const sinceMs = timeline.nowMs();
          const incarnation = process.incarnation;
          const attempt = (): void => {
            if (process.incarnation !== incarnation) return;
            const result = execute(() => model.closeWrites());
            if (result.kind !== 'wait') answer(result);
            else if (timeline.nowMs() - sinceMs >= limitMs || (!remote && !from.alive))
              answer(execute(() => model.giveUpClosing()));
            else process.after(5, attempt);
          };
          attempt();
        },
        (sent) => {
          if (!sent.ok) end({ ok: false, code: sent.code, because: `the server is ${sent.code}` });
        },
      );
    },
    onLost(by, listener) {
      lost.push({ by, incarnation: by.incarnation, listener });
      while (lost.length > 20) lost.shift();
    },
    kill() {
      if (!process.alive) return;
      process.kill();
      model.kill();
      ended();
      world.touched();
    },
    shutdown() {
      if (!process.alive) return;
      model.shutdown();
      process.kill();
      ended();
      world.touched();
    },
    powerCut() {
      process.kill();
      model.powerCut();
      pending.clear();
    },
    boot(afterMs) {
      host.afterKernel(afterMs, () => {
        if (process.alive) return;
        process.start();
        model.boot();
        if (flaws.acknowledgesUnsynced) model.setReceivesDurably(false);
        startedMs = timeline.nowMs();
        world.say('the server is up');
        world.touched();
      });
    },
  };
  return database;
}
