// MASTER: advertises, holds the addresses, and deals with others who claim the same. RFC 9568 6.4.3.

import { compareIp, parseIp } from '../ip/address.ts';
import type { Action, MasterState, RouterEvent, Step } from './state.ts';
import { advertise, announcement, becomeBackup, nextAnnouncement, ownedAddresses } from './transitions.ts';

type Heard = Extract<RouterEvent, { kind: 'advertisement' }>;

function isHigherAddress(theirs: string, ours: string): boolean {
  const [a, b] = [parseIp(theirs), parseIp(ours)];
  return a !== null && b !== null && a.length === b.length && compareIp(a, b) > 0;
}

/** Why the other router wins the election; null when it doesn't. */
function superiority(state: MasterState, event: Heard): string | null {
  const { config, priority } = state.router;
  const theirs = event.advertisement.priority;
  if (theirs > priority) return `${event.source} advertises priority ${theirs}, above our ${priority}`;
  if (theirs === priority && isHigherAddress(event.source, config.ownAddress)) {
    return `${event.source} advertises our priority ${priority} too, and its address is the higher one`;
  }
  return null;
}

/** An advert at once; the next one an interval later. */
function advertiseNow(state: MasterState, nowMs: number): readonly [MasterState, Action] {
  const [router, send] = advertise(state.router);
  return [{ ...state, router, nextAdvertAtMs: nowMs + router.config.advertIntervalMs }, send];
}

/**
 * Tells another master, and whoever it misled, who is master here. At most once an interval: two routers that both
 * stay master would otherwise answer each other's answers at the speed of the network.
 */
function answer(state: MasterState, event: Heard): Step {
  const { nowMs, source, advertisement } = event;
  const { config, priority } = state.router;
  if (state.answeredAtMs !== null && nowMs - state.answeredAtMs < config.advertIntervalMs) return [state, []];
  const answered: MasterState = { ...state, answeredAtMs: nowMs, rivalHeard: true };
  const actions: Action[] = [];
  if (config.election === 'ordered') {
    const because = `${source} advertises priority ${advertisement.priority} while this router is master by order (its own priority: ${priority})`;
    actions.push({ kind: 'rival', because, source, priority: advertisement.priority });
  } else actions.push({ kind: 'lowerHeard', source, priority: advertisement.priority });
  if (!config.answersLower)
    return announceAgain(answered, actions, config.announce.rivalCount, 'rival', nowMs);
  const [next, send] = advertiseNow(answered, nowMs);
  return announceAgain(next, [...actions, send], config.announce.rivalCount, 'rival', nowMs);
}

function announceAgain(
  state: MasterState,
  before: readonly Action[],
  count: number,
  after: 'first' | 'rival',
  nowMs: number,
): Step {
  const actions = count > 0 ? [...before, announcement(state.router, count)] : before;
  return [{ ...state, ...nextAnnouncement(state.router, nowMs, after) }, actions];
}

/**
 * Somebody leaves. If it was a rival, its last announcement may be newer than ours, so the addresses are announced once
 * more: otherwise the neighbours would send to it until the repeat.
 */
function heardGoodbye(state: MasterState, nowMs: number): Step {
  const [next, send] = advertiseNow({ ...state, rivalHeard: false }, nowMs);
  if (!state.rivalHeard) return [next, [send]];
  return announceAgain(next, [send], next.router.config.announce.count, 'first', nowMs);
}

/** An advert that belongs to this virtual router. */
export function masterHeard(state: MasterState, event: Heard): Step {
  const { advertisement, source, nowMs } = event;
  const { config } = state.router;
  if (config.ownerIgnoresAdverts && config.priority === 255) return [state, []];
  if (advertisement.priority === 0) return heardGoodbye(state, nowMs);
  if (config.election === 'ordered') return answer(state, event);
  const because = superiority(state, event);
  if (because === null) return answer(state, event);
  const intervalMs = config.version === 3 ? advertisement.advertIntervalMs : config.advertIntervalMs;
  const [left, last] = config.answersHigher ? advertiseNow(state, nowMs) : [state, null];
  const [next, actions] = becomeBackup(left, nowMs, because, {
    master: { source, priority: advertisement.priority, intervalMs },
  });
  return [next, last === null ? actions : [last, ...actions]];
}

/** Adverts keep their rhythm when a timer is a little late, and do not pile up when it is very late. */
function nextAdvertAfter(state: MasterState, nowMs: number): number {
  const { advertIntervalMs } = state.router.config;
  const onTime = state.nextAdvertAtMs + advertIntervalMs;
  return onTime > nowMs ? onTime : nowMs + advertIntervalMs;
}

export function masterTimer(state: MasterState, nowMs: number): Step {
  let next = state;
  const actions: Action[] = [];
  if (nowMs >= state.nextAdvertAtMs) {
    const [router, send] = advertise(state.router);
    next = { ...next, router, nextAdvertAtMs: nextAdvertAfter(state, nowMs) };
    actions.push(send);
  }
  if (state.nextAnnounceAtMs !== null && nowMs >= state.nextAnnounceAtMs) {
    if (state.nextAnnounceCount > 0) actions.push(announcement(next.router, state.nextAnnounceCount));
    next = { ...next, ...nextAnnouncement(next.router, nowMs, 'repeat') };
  }
  return [next, actions];
}

/** Put back at once: an address that somebody deleted by hand is an outage, and no reason to change masters. */
export function masterLostAddress(state: MasterState, address: string): Step {
  const { config } = state.router;
  if (!ownedAddresses(state.router).includes(address)) return [state, []];
  const because = `${address} was removed from the interface by somebody else; this router is master and puts it back`;
  return [
    state,
    [
      { kind: 'addAddresses', addresses: [address] },
      { kind: 'announce', addresses: [address], count: config.announce.count },
      { kind: 'addressRestored', because, address },
    ],
  ];
}

/** A reload: the addresses that stay are not touched. `next` carries the new configuration. */
export function masterConfigured(before: MasterState, configured: MasterState, nowMs: number): Step {
  const old = ownedAddresses(before.router);
  const fresh = ownedAddresses(configured.router);
  const removed = old.filter((address) => !fresh.includes(address));
  const added = fresh.filter((address) => !old.includes(address));
  const [next, send] = advertiseNow(configured, nowMs);
  const actions: Action[] = [send];
  if (removed.length > 0) actions.push({ kind: 'removeAddresses', addresses: removed });
  if (added.length > 0) {
    const { count } = next.router.config.announce;
    actions.push({ kind: 'addAddresses', addresses: added });
    actions.push({ kind: 'announce', addresses: added, count });
  }
  return [next, actions];
}
