// BACKUP: listens for the master, and finds out when it's gone. RFC 9568 6.4.2, with keepalived's preempt delay.

import type { Advertisement } from './advertisement.ts';
import type { Action, BackupState, RouterEvent, Step } from './state.ts';
import { masterDownIntervalMs, skewMs, skewPriority } from './timers.ts';
import { becomeMaster, inMs } from './transitions.ts';

type Heard = Extract<RouterEvent, { kind: 'advertisement' }>;

function downAfterMs(state: BackupState, masterIntervalMs: number): number {
  const { config, priority } = state.router;
  const weight = skewPriority(config.election, priority);
  return masterDownIntervalMs(config.version, weight, masterIntervalMs, config.masterDownAdverts);
}

/** "3 x 100 ms and a skew of 61 ms" */
function limitInWords(state: BackupState): string {
  const { config, priority } = state.router;
  if (config.election === 'ordered') return `${config.masterDownAdverts} x ${inMs(state.masterIntervalMs)}`;
  const skew = skewMs(config.version, priority, state.masterIntervalMs);
  return `${config.masterDownAdverts} x ${inMs(state.masterIntervalMs)} and a skew of ${inMs(skew)}`;
}

function heardGoodbye(state: BackupState, event: Heard): Step {
  const { config, priority } = state.router;
  if (config.election === 'vrrp') {
    const waitMs = skewMs(config.version, priority, state.masterIntervalMs);
    return [{ ...state, masterDownAtMs: event.nowMs + waitMs, goodbye: true }, []];
  }
  // Nobody else may take over, so there is nothing to wait a skew for. A goodbye of somebody who is not the master
  // (a former one, late) says nothing about the master.
  if (state.masterDownAtMs === null) return [state, []];
  if (state.master !== null && state.master.source !== event.source) return [state, []];
  const report: Action = {
    kind: 'masterDown',
    because: `${event.source} said goodbye (priority 0)`,
    lastHeardAtMs: event.nowMs,
    goodbye: true,
  };
  const master = { source: event.source, priority: 0, heardAtMs: event.nowMs };
  return [{ ...state, masterDownAtMs: null, master, goodbye: true }, [report]];
}

/** Whether an advert of non-zero priority comes from a master that this router will live under. */
function isAccepted(state: BackupState, advertisement: Advertisement, nowMs: number): boolean {
  const { config, priority } = state.router;
  if (config.election === 'ordered') return true;
  // The owner preempts whatever the configuration says (RFC 9568 6.1, Preempt_Mode).
  const preempts = config.preempt || priority === 255;
  if (!preempts || advertisement.priority >= priority) return true;
  return config.preemptDelayMs > 0 && (state.preemptAtMs === null || nowMs < state.preemptAtMs);
}

function accepted(state: BackupState, event: Heard): Step {
  const { config, priority } = state.router;
  const { advertisement, source, nowMs } = event;
  const masterIntervalMs = config.version === 3 ? advertisement.advertIntervalMs : config.advertIntervalMs;
  const isLower = advertisement.priority < priority;
  const actions: Action[] = [];
  if (state.masterDownAtMs === null) {
    const because = `${source} advertises again, priority ${advertisement.priority}`;
    actions.push({ kind: 'masterBack', because, source, priority: advertisement.priority });
  }
  const next: BackupState = {
    ...state,
    masterDownAtMs: nowMs + downAfterMs(state, masterIntervalMs),
    masterIntervalMs,
    master: { source, priority: advertisement.priority, heardAtMs: nowMs },
    goodbye: false,
    preempting: null,
    preemptAtMs:
      isLower && config.preemptDelayMs > 0 ? (state.preemptAtMs ?? nowMs + config.preemptDelayMs) : null,
  };
  return [next, actions];
}

/** An advert that belongs to this virtual router. */
export function backupHeard(state: BackupState, event: Heard): Step {
  const { advertisement, source, nowMs } = event;
  if (advertisement.priority === 0) return heardGoodbye(state, event);
  if (isAccepted(state, advertisement, nowMs)) return accepted(state, event);
  return [{ ...state, preempting: { source, priority: advertisement.priority } }, []];
}

function silenceInWords(state: BackupState, nowMs: number): string {
  const limit = limitInWords(state);
  if (state.goodbye) {
    const skew = skewMs(state.router.config.version, state.router.priority, state.masterIntervalMs);
    return `the master said goodbye (priority 0) and nobody of higher priority took over within the skew of ${inMs(skew)}`;
  }
  if (state.preempting !== null) {
    const { source, priority } = state.preempting;
    return `priority ${state.router.priority} preempts ${source}, whose priority is only ${priority}`;
  }
  if (state.master === null) {
    return `no advertisement heard for ${inMs(nowMs - state.router.sinceMs)} (limit: ${limit})`;
  }
  const silentMs = nowMs - state.master.heardAtMs;
  return `no advertisement from ${state.master.source} for ${inMs(silentMs)} (limit: ${limit})`;
}

/** The timer ran out. One that fires early, or late after a change, does nothing. */
export function backupTimer(state: BackupState, nowMs: number): Step {
  if (state.masterDownAtMs === null || nowMs < state.masterDownAtMs) return [state, []];
  const because = silenceInWords(state, nowMs);
  if (state.router.config.election === 'vrrp') return becomeMaster(state, nowMs, because);
  const report: Action = {
    kind: 'masterDown',
    because,
    lastHeardAtMs: state.master?.heardAtMs ?? null,
    goodbye: false,
  };
  return [{ ...state, masterDownAtMs: null }, [report]];
}

/**
 * The process was frozen: adverts may wait unread in the socket, so an expired timer proves nothing. The wait begins anew;
 * what was reported as down stays so.
 */
export function backupStalled(state: BackupState, nowMs: number): Step {
  if (state.masterDownAtMs === null) return [state, []];
  const masterDownAtMs = nowMs + downAfterMs(state, state.masterIntervalMs);
  return [{ ...state, masterDownAtMs, goodbye: false, preempting: null }, []];
}
