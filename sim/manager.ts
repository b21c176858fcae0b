// One manager: the real pair machine, and around it what src/app/manager.ts composes, restated over the simulated world.

import type { PairAction, PairEvent } from '../src/core/pair/event.ts';
import type { step as realStep } from '../src/core/pair/machine.ts';
import { tickIntervalMs } from '../src/core/pair/machine.ts';
import { missesAdverts, reportOf } from '../src/core/pair/report.ts';
import type { PairSettings } from '../src/core/pair/settings.ts';
import { initialState, type PairState } from '../src/core/pair/state.ts';
import type { Agent, ManagerEnd } from './agent.ts';
import type { SimDatabase } from './database.ts';
import { type Host, type Process, presentLife } from './host.ts';
import type { Network } from './network.ts';
import { type ChannelEnd, openChannel, type Switchboard } from './peerchannel.ts';
import { type Performers, perform } from './performer.ts';
import { startProber } from './prober.ts';
import type { Random } from './random.ts';
import { inTurn, type WitnessDesk } from './witnessdesk.ts';

export type PairEventWithoutTime = PairEvent extends infer E
  ? E extends PairEvent
    ? Omit<E, 'nowMs'>
    : never
  : never;

export interface ManagerWorld {
  readonly host: Host;
  readonly network: Network;
  readonly random: Random;
  readonly board: Switchboard;
  readonly agent: Agent;
  readonly own: SimDatabase;
  readonly peer: SimDatabase;
  /** Null: none is configured. */
  readonly witness: WitnessDesk | null;
  /** What a mutant makes of its answers. */
  readonly witnessFlaw: (desk: WitnessDesk) => WitnessDesk;
  readonly performers: Omit<Performers, 'process' | 'prober' | 'witness' | 'onWitness'>;
  readonly step: typeof realStep;
  /** Before an order is carried out, and after its result; may kill what it likes. */
  readonly atOrder: (order: string, operation: string | null, phase: 'before' | 'after') => void;
  say(level: string, code: string, because: string): void;
}

export interface Manager {
  readonly process: Process;
  state(): PairState | null;
  dispatch(event: PairEventWithoutTime): void;
  start(): void;
  kill(): void;
}

const WATCH_MS = 50;
const SQL_EVERY_MS = 1000;
const SQL_DEADLINE_MS = 250;
const SQL_EVERY_MS_HURRIED = 30;
const SQL_DEADLINE_MS_HURRIED = 120;
const WITNESS_EVERY_MS = 1000;
const WITNESS_EVERY_MS_HURRIED = 100;
const WITNESS_DEADLINE_MS = 1000;
const LAST_WORDS_MS = 50;
const LINK_MS_MAX = 40;

export function newManager(settings: PairSettings, world: ManagerWorld): Manager {
  const process = world.host.newProcess('manager');
  let running: {
    readonly state: () => PairState;
    dispatch(event: PairEventWithoutTime): void;
    end(orderly: boolean): void;
  } | null = null;
  return {
    process,
    state: () => (process.alive ? (running?.state() ?? null) : null),
    dispatch: (event) => process.run(() => running?.dispatch(event)),
    start() {
      process.start();
      running = run(settings, presentLife(process), world);
    },
    kill() {
      // A host that lost its power closes no connection.
      running?.end(process.alive);
      process.kill();
      running = null;
    },
  };
}

function run(settings: PairSettings, process: Process, world: ManagerWorld) {
  const { host, random, agent, own, peer } = world;
  const self = settings.self as 'a' | 'b';
  let state = initialState(settings, world.performers.disk.read(), host.bootMs());
  let ending = false;
  let linked = false;
  let linkedTo = -1;
  const queue: PairEventWithoutTime[] = [];
  let busy = false;

  function dispatch(event: PairEventWithoutTime): void {
    queue.push(event);
    if (busy) return;
    busy = true;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [after, actions] = world.step(state, { ...next, nowMs: host.bootMs() } as PairEvent);
      state = after;
      for (const action of actions) if (process.alive) act(action);
    }
    busy = false;
  }

  function act(action: PairAction): void {
    switch (action.kind) {
      case 'order': {
        const { order, id } = action;
        const operation = state.operation?.kind ?? null;
        world.atOrder(order.kind, operation, 'before');
        if (!process.alive) return;
        perform(order, performers, (outcome) => {
          world.atOrder(order.kind, operation, 'after');
          if (!process.alive) return;
          dispatch({ kind: 'result', id, outcome });
          prober.refresh();
        });
        return;
      }
      case 'report':
        channel.send({
          kind: 'report',
          sentMs: host.bootMs(),
          echoMs: state.peer.itsSentMs,
          asks: action.asks,
          report: action.report,
        });
        return;
      case 'tell':
        channel.send(action.message);
        return;
      case 'say':
        world.say(action.level, action.code, action.because);
        return;
      case 'keep':
        world.performers.disk.write(action.stored, false);
        return;
      case 'exit':
        exit(action.because);
    }
  }

  function exit(because: string): void {
    if (ending) return;
    ending = true;
    world.say('info', 'ending', because);
    channel.send({
      kind: 'report',
      sentMs: host.bootMs(),
      echoMs: state.peer.itsSentMs,
      asks: false,
      report: { ...reportOf(state), leaving: true },
    });
    agent.bye();
    channel.close(true);
    process.after(LAST_WORDS_MS, () => {
      end(true);
      process.kill();
    });
  }

  function end(orderly: boolean): void {
    channel.close(orderly);
    if (orderly) agent.detach(managerEnd);
  }

  const managerEnd: ManagerEnd = {
    process,
    onUp() {
      if (linked) return;
      linked = true;
      dispatch({ kind: 'agent', link: 'up', because: 'the agent answers' });
    },
    onWire(wire) {
      dispatch({ kind: 'wire', wire });
      if (missesAdverts(state)) ask();
    },
    onStop: (because) => dispatch({ kind: 'stop', because }),
    onGone: (because) => lose(because),
  };

  function lose(because: string): void {
    if (!linked) return;
    linked = false;
    dispatch({ kind: 'agent', link: 'lost', because });
  }

  function link(): void {
    if (agent.process.alive && linkedTo !== agent.process.incarnation) {
      linkedTo = agent.process.incarnation;
      agent.attach(managerEnd);
    }
    if (linked && host.bootMs() - agent.aliveAtMs() > settings.agentGraceMs) lose('it is frozen');
    else if (
      !linked &&
      agent.process.alive &&
      !agent.process.frozen &&
      linkedTo === agent.process.incarnation
    )
      agent.attach(managerEnd);
  }

  const prober = startProber(host, process, own, {
    onHealth(health, because) {
      world.say(health === 'up' ? 'info' : 'warn', `server-${health}`, because);
      dispatch({ kind: 'health', health, because });
    },
    onStatus: (status) => dispatch({ kind: 'status', status }),
    onHeartbeat: (sequence) => dispatch({ kind: 'heartbeat', sequence }),
    onLag: (lagMs) => dispatch({ kind: 'lag', lagMs }),
    situation() {
      const { role, record, own: known, operation } = state;
      const open = role === 'writing' && known.status?.readOnly === false && operation?.kind !== 'handover';
      const peerThere = known.health === 'up' && state.peer.channelOpen;
      return { role, open, paired: record.sync === 'paired' || !peerThere };
    },
  });

  const channel: ChannelEnd = openChannel(self, host, process, world.network, random, world.board, {
    onOpen: () => dispatch({ kind: 'peer-channel', open: true, because: 'connected' }),
    onClosed: (because) => dispatch({ kind: 'peer-channel', open: false, because }),
    onMessage(message) {
      if (message.kind === 'report' && message.report.heartbeat > 0) prober.heard(message.report.heartbeat);
      dispatch({ kind: 'message', message });
    },
  });

  const desk = world.witnessFlaw(inTurn(world.witness, process));
  const performers: Performers = {
    ...world.performers,
    process,
    prober,
    witness: desk,
    onWitness: (view) => dispatch({ kind: 'witness', view }),
  };

  let sql = 'unknown';
  function askPeerSql(): void {
    const hurried = missesAdverts(state);
    const startedMs = host.bootMs();
    peer.askFromPeer(
      process,
      hurried ? SQL_DEADLINE_MS_HURRIED : SQL_DEADLINE_MS,
      () => undefined,
      (answer) => {
        const next = answer.ok ? 'answers' : answer.code === 'timeout' ? 'silent' : 'refused';
        if (next !== sql || state.peer.askedMs !== null) dispatch({ kind: 'peer-sql', sql: next });
        sql = next;
        sqlDueMs = startedMs;
        asked = false;
      },
    );
  }
  let asked = false;
  let sqlDueMs = Number.NEGATIVE_INFINITY;
  let witnessDueMs = Number.NEGATIVE_INFINITY;
  let reading = false;

  /** What is asked over and over, hurriedly while the peer's adverts are missing. */
  function watch(): void {
    link();
    channel.watch();
    ask();
    process.after(missesAdverts(state) ? SQL_EVERY_MS_HURRIED : WATCH_MS, watch);
  }

  function ask(): void {
    const hurried = missesAdverts(state);
    const sinceSqlMs = host.bootMs() - sqlDueMs;
    if (!asked && sinceSqlMs >= (hurried ? SQL_EVERY_MS_HURRIED : SQL_EVERY_MS)) {
      asked = true;
      askPeerSql();
    }
    const everyMs = hurried ? WITNESS_EVERY_MS_HURRIED : WITNESS_EVERY_MS;
    if (world.witness !== null && !reading && host.bootMs() - witnessDueMs >= everyMs) {
      reading = true;
      witnessDueMs = host.bootMs();
      desk.read(WITNESS_DEADLINE_MS, (view) => {
        reading = false;
        dispatch({ kind: 'witness', view });
      });
    }
  }

  function tick(): void {
    dispatch({ kind: 'tick' });
    if (!ending) process.after(tickIntervalMs(state), tick);
  }

  process.after(random.between(1, LINK_MS_MAX), watch);
  tick();
  return { state: () => state, dispatch, end };
}
