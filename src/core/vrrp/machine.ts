// One virtual router as a pure machine: step(state, event) -> [state, actions]. SPEC.md states it as a table with
// invariants. In the flow: reception.ts -> step -> runtime performs the actions; backup.ts and master.ts hold what those two states do.

import { backupHeard, backupStalled, backupTimer } from './backup.ts';
import { masterConfigured, masterHeard, masterLostAddress, masterTimer } from './master.ts';
import { screen } from './screening.ts';
import {
  type Action,
  type EventKind,
  type FaultState,
  type InitState,
  type MasterState,
  normalizeConfig,
  type RouterEvent,
  type RouterState,
  type StateKind,
  type Step,
} from './state.ts';
import {
  becomeBackup,
  becomeFault,
  becomeInit,
  becomeMaster,
  enterElection,
  inMs,
  ownedAddresses,
} from './transitions.ts';

type StateOf<S extends StateKind> = Extract<RouterState, { kind: S }>;
type EventOf<E extends EventKind> = Extract<RouterEvent, { kind: E }>;
type Table = {
  readonly [S in StateKind]: {
    readonly [E in EventKind]: (state: StateOf<S>, event: EventOf<E>) => Step;
  };
};

const ignore = (state: RouterState): Step => [state, []];

/** When the machine wants to be woken; null: only by an event. The one timer of invariant V3. */
export function deadlineOf(state: RouterState): number | null {
  if (state.kind === 'BACKUP') return state.masterDownAtMs;
  if (state.kind !== 'MASTER') return null;
  return Math.min(state.nextAdvertAtMs, state.nextAnnounceAtMs ?? Number.POSITIVE_INFINITY);
}

function withFault<S extends RouterState>(state: S, reason: string): S {
  const { router } = state;
  if (router.faults.includes(reason)) return state;
  return { ...state, router: { ...router, faults: [...router.faults, reason] } };
}

function withoutFault<S extends RouterState>(state: S, reason: string): S {
  const { router } = state;
  return { ...state, router: { ...router, faults: router.faults.filter((each) => each !== reason) } };
}

function start(state: InitState, event: EventOf<'start'>): Step {
  const { config, faults } = state.router;
  const remove: Action = { kind: 'removeAddresses', addresses: ownedAddresses(state.router) };
  if (faults.length > 0) {
    const [next, actions] = becomeFault(state, event.nowMs, `started with a fault: ${faults.join('; ')}`);
    return [next, [...actions, remove]];
  }
  const [next, actions] = enterElection(state, event.nowMs, 'started', config.startup.delayMs);
  const sweeps = next.kind === 'BACKUP' && config.startup.leftoverAddresses === 'remove';
  return [next, sweeps ? [...actions, remove] : actions];
}

function fault(state: RouterState, event: EventOf<'fault'>): Step {
  return becomeFault(withFault(state, event.reason), event.nowMs, event.reason);
}

function cleared(state: FaultState, event: EventOf<'cleared'>): Step {
  const next = withoutFault(state, event.reason);
  if (next.router.faults.length > 0 || state.router.faults.length === 0) return [next, []];
  return enterElection(next, event.nowMs, `the last fault is over (${event.reason})`);
}

function dropped(state: RouterState, event: EventOf<'dropped'>): Step {
  const { router } = state;
  const count = router.statistics.dropped[event.reason] + 1;
  const statistics = {
    ...router.statistics,
    dropped: { ...router.statistics.dropped, [event.reason]: count },
  };
  return [{ ...state, router: { ...router, statistics } }, []];
}

/** An owner's priority never changes; nobody else's reaches 0 or 255, which mean something else. */
function priority(state: RouterState, event: EventOf<'priority'>): Step {
  const { router } = state;
  if (router.config.priority === 255 || !Number.isFinite(event.value)) return [state, []];
  const value = Math.min(254, Math.max(1, Math.round(event.value)));
  return [{ ...state, router: { ...router, priority: value } }, []];
}

/** Counts and screens an advert, then lets the state's own handler judge it. */
function heard<S extends RouterState>(judge: (state: S, event: EventOf<'advertisement'>) => Step) {
  return (state: S, event: EventOf<'advertisement'>): Step => {
    const { router, actions, heed } = screen(state.router, event);
    const screened = { ...state, router };
    if (!heed) return [screened, actions];
    const [next, more] = judge(screened, event);
    return [next, [...actions, ...more]];
  };
}

function refuse(state: RouterState, event: 'claim' | 'yield' | 'configure', because: string): Step {
  return [state, [{ kind: 'refused', event, because }]];
}

const NOT_ORDERED = "the election is VRRP's own: it takes no orders";

function claim(state: RouterState, event: EventOf<'claim'>): Step {
  if (state.router.config.election !== 'ordered') return refuse(state, 'claim', NOT_ORDERED);
  if (state.kind === 'MASTER') return [state, []];
  if (state.kind === 'INIT') return refuse(state, 'claim', 'the virtual router is not started');
  if (state.kind === 'FAULT') {
    return refuse(state, 'claim', `it is in FAULT: ${state.router.faults.join('; ')}`);
  }
  return becomeMaster(state, event.nowMs, event.because);
}

function yieldMaster(state: RouterState, event: EventOf<'yield'>): Step {
  if (state.router.config.election !== 'ordered') return refuse(state, 'yield', NOT_ORDERED);
  return state.kind === 'MASTER'
    ? becomeBackup(state, event.nowMs, event.because, { goodbye: true })
    : [state, []];
}

function configure(state: RouterState, event: EventOf<'configure'>): Step {
  const old = state.router.config;
  const config = normalizeConfig(event.config);
  if (config.vrid !== old.vrid || config.version !== old.version || config.election !== old.election) {
    return refuse(
      state,
      'configure',
      'another vrid, version or election is another virtual router: stop this one',
    );
  }
  const router = { ...state.router, config, priority: config.priority, reportedSources: [] };
  if (state.kind !== 'MASTER') return [{ ...state, router }, []];
  return masterConfigured(state, { ...state, router }, event.nowMs);
}

const stop = (state: RouterState, event: EventOf<'stop'>): Step => becomeInit(state, event.nowMs, 'stopped');

function follow(state: MasterState, event: EventOf<'follow'>): Step {
  return state.router.config.election === 'vrrp'
    ? becomeBackup(state, event.nowMs, event.because)
    : [state, []];
}

/** What it does not say is not allowed: the compiler refuses a missing pair. */
const TABLE: Table = {
  INIT: {
    start,
    stop: ignore,
    advertisement: ignore,
    dropped,
    timer: ignore,
    fault: (state, event) => [withFault(state, event.reason), []],
    cleared: (state, event) => [withoutFault(state, event.reason), []],
    priority,
    claim,
    yield: yieldMaster,
    follow: ignore,
    stalled: ignore,
    addressLost: ignore,
    configure,
  },
  BACKUP: {
    start: ignore,
    stop,
    advertisement: heard(backupHeard),
    dropped,
    timer: (state, event) => backupTimer(state, event.nowMs),
    fault,
    cleared: ignore,
    priority,
    claim,
    yield: yieldMaster,
    follow: ignore,
    stalled: (state, event) => backupStalled(state, event.nowMs),
    addressLost: ignore,
    configure,
  },
  MASTER: {
    start: ignore,
    stop,
    advertisement: heard(masterHeard),
    dropped,
    timer: (state, event) => masterTimer(state, event.nowMs),
    fault,
    cleared: ignore,
    priority,
    claim,
    yield: yieldMaster,
    follow,
    // No goodbye: somebody may be master by now, and a priority 0 would only disturb it.
    stalled: (state, event) =>
      becomeBackup(
        state,
        event.nowMs,
        `this process did not run for ${inMs(event.forMs)}; another router may be master by now`,
      ),
    addressLost: (state, event) => masterLostAddress(state, event.address),
    configure,
  },
  FAULT: {
    start: ignore,
    stop,
    advertisement: heard(ignore),
    dropped,
    timer: ignore,
    fault: (state, event) => [withFault(state, event.reason), []],
    cleared,
    priority,
    claim,
    yield: yieldMaster,
    follow: ignore,
    stalled: ignore,
    addressLost: ignore,
    configure,
  },
};

/**
 * Takes one event. The actions are to be performed in their order. Timer actions are derived here, from the deadline
 * before and after, so that no handler can forget one. Never throws on any packet; a bad configuration asserts.
 */
export function step(state: RouterState, event: RouterEvent): Step {
  // The table's type ties each handler to its pair; indexing by two unions loses that, hence the one cast.
  const handle = TABLE[state.kind][event.kind] as (state: RouterState, event: RouterEvent) => Step;
  const [next, actions] = handle(state, event);
  const [before, after] = [deadlineOf(state), deadlineOf(next)];
  if (after === null) return [next, before === null ? actions : [...actions, { kind: 'disarmTimer' }]];
  // A timer that fired is no longer armed, even when the deadline still stands.
  if (after === before && event.kind !== 'timer') return [next, actions];
  return [next, [...actions, { kind: 'armTimer', atMs: after }]];
}
