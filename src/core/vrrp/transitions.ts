// The named changes of state: becomeMaster, becomeBackup, becomeFault, becomeInit, and what entering and leaving means.
// Every change of state in backup.ts, master.ts and machine.ts goes through one of these.

import type { Advertisement } from './advertisement.ts';
import type {
  Action,
  BackupState,
  MasterState,
  Router,
  RouterState,
  StateKind,
  Statistics,
  Step,
} from './state.ts';
import { masterDownIntervalMs, skewPriority } from './timers.ts';

type Counter = Exclude<keyof Statistics, 'dropped'>;

/** Milliseconds for a sentence: one decimal at most. */
export function inMs(ms: number): string {
  return `${Math.round(ms * 10) / 10} ms`;
}

export function counted(router: Router, ...counters: readonly Counter[]): Router {
  const statistics: { -readonly [K in Counter]: number } & Pick<Statistics, 'dropped'> = {
    ...router.statistics,
  };
  for (const counter of counters) statistics[counter] += 1;
  return { ...router, statistics };
}

/** Every address that comes and goes with the MASTER state. */
export function ownedAddresses(router: Router): readonly string[] {
  return [...router.config.addresses, ...router.config.addressesNotAdvertised];
}

function advertisementOf(router: Router, priority: number): Advertisement {
  const { version, vrid, advertIntervalMs, addresses } = router.config;
  return { version, vrid, priority, advertIntervalMs, addresses };
}

/** One advert of our effective priority. Only for MASTER (invariant V5). */
export function advertise(router: Router): readonly [Router, Action] {
  return [
    counted(router, 'advertsSent'),
    { kind: 'send', advertisement: advertisementOf(router, router.priority) },
  ];
}

export function announcement(router: Router, count: number): Action {
  return { kind: 'announce', addresses: ownedAddresses(router), count };
}

type NextAnnouncement = Pick<MasterState, 'nextAnnounceAtMs' | 'nextAnnounceIsRefresh' | 'nextAnnounceCount'>;

/** When to announce again after what was announced at `nowMs`: at first, to a rival's neighbours, or once more. */
export function nextAnnouncement(
  router: Router,
  nowMs: number,
  after: 'first' | 'rival' | 'repeat',
): NextAnnouncement {
  const { announce } = router.config;
  const repeatMs = after === 'first' ? announce.repeatMs : after === 'rival' ? announce.rivalRepeatMs : 0;
  if (repeatMs > 0) {
    const nextAnnounceCount = after === 'rival' ? announce.rivalCount : announce.count;
    return { nextAnnounceAtMs: nowMs + repeatMs, nextAnnounceIsRefresh: false, nextAnnounceCount };
  }
  return {
    nextAnnounceAtMs: announce.refreshMs > 0 ? nowMs + announce.refreshMs : null,
    nextAnnounceIsRefresh: true,
    nextAnnounceCount: announce.refreshCount,
  };
}

function moved(
  router: Router,
  from: StateKind,
  to: StateKind,
  nowMs: number,
  because: string,
): readonly [Router, Action] {
  return [
    { ...counted(router, 'transitions'), because, sinceMs: nowMs },
    { kind: 'transition', from, to, because, priority: router.priority },
  ];
}

/**
 * What leaving MASTER takes. The addresses go before the goodbye, so that the successor, which may act on the goodbye
 * within microseconds, never holds them at the same time.
 */
function leaving(state: RouterState, goodbye: boolean): readonly [Router, readonly Action[]] {
  if (state.kind !== 'MASTER') return [state.router, []];
  const removal: Action = { kind: 'removeAddresses', addresses: ownedAddresses(state.router) };
  const router = counted(state.router, 'releasedMaster');
  if (!goodbye) return [router, [removal]];
  return [
    counted(router, 'advertsSent', 'priorityZeroSent'),
    [removal, { kind: 'send', advertisement: advertisementOf(router, 0) }],
  ];
}

/** RFC 9568 6.4.1 (115) and 6.4.2 (375): advert, addresses, announcements, Adver_Timer. */
export function becomeMaster(state: RouterState, nowMs: number, because: string): Step {
  const [changed, transition] = moved(state.router, state.kind, 'MASTER', nowMs, because);
  const [router, send] = advertise(counted(changed, 'becameMaster'));
  const next: MasterState = {
    kind: 'MASTER',
    router,
    nextAdvertAtMs: nowMs + router.config.advertIntervalMs,
    ...nextAnnouncement(router, nowMs, 'first'),
    answeredAtMs: null,
    rivalHeard: false,
  };
  const add: Action = { kind: 'addAddresses', addresses: ownedAddresses(router) };
  return [next, [transition, send, add, announcement(router, router.config.announce.count)]];
}

/** How a router enters BACKUP, beyond the reason. */
export interface BackupEntry {
  /** Say priority 0 on leaving MASTER: there is no known successor yet. */
  readonly goodbye?: boolean;
  /** The master that is already known, and its interval. */
  readonly master?: { readonly source: string; readonly priority: number; readonly intervalMs: number };
  /** Added to the first master-down timer. */
  readonly extraDelayMs?: number;
}

export function becomeBackup(
  state: RouterState,
  nowMs: number,
  because: string,
  entry: BackupEntry = {},
): Step {
  const [left, departure] = leaving(state, entry.goodbye ?? false);
  const [router, transition] = moved(left, state.kind, 'BACKUP', nowMs, because);
  const { version, advertIntervalMs, masterDownAdverts } = router.config;
  const intervalMs = entry.master?.intervalMs ?? advertIntervalMs;
  const weight = skewPriority(router.config.election, router.priority);
  const waitMs = masterDownIntervalMs(version, weight, intervalMs, masterDownAdverts);
  const next: BackupState = {
    kind: 'BACKUP',
    router,
    masterDownAtMs: nowMs + waitMs + (entry.extraDelayMs ?? 0),
    masterIntervalMs: intervalMs,
    master:
      entry.master === undefined
        ? null
        : { source: entry.master.source, priority: entry.master.priority, heardAtMs: nowMs },
    goodbye: false,
    preempting: null,
    preemptAtMs: null,
  };
  return [next, [transition, ...departure]];
}

export function becomeFault(state: RouterState, nowMs: number, because: string): Step {
  const [left, departure] = leaving(state, true);
  const [router, transition] = moved(left, state.kind, 'FAULT', nowMs, because);
  return [{ kind: 'FAULT', router }, [transition, ...departure]];
}

/** Stopped. The next 'start' finds the counters and the faults as they are. */
export function becomeInit(state: RouterState, nowMs: number, because: string): Step {
  const [left, departure] = leaving(state, true);
  const [router, transition] = moved(left, state.kind, 'INIT', nowMs, because);
  return [{ kind: 'INIT', router }, [transition, ...departure]];
}

/** RFC 9568 6.4.1: the owner is master at once, anybody else listens first. Also the way out of FAULT. */
export function enterElection(state: RouterState, nowMs: number, because: string, extraDelayMs = 0): Step {
  const { config, priority } = state.router;
  if (config.election === 'vrrp' && priority === 255 && extraDelayMs === 0) {
    return becomeMaster(state, nowMs, `${because}; priority 255 owns the addresses and does not wait`);
  }
  return becomeBackup(state, nowMs, because, { extraDelayMs });
}
