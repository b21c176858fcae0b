// Times as operators type and read them: 10m, 14:05, 2026-11-21T14:05; shown by the clock of the host where they ask.

import { WrongUsage } from './output.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const DAY_MS = 86_400_000;

export const MOMENT_HELP = '10m, 2h, 14:05, or 2026-11-21T14:05:00Z';

/** The moment that a text names, in milliseconds since 1970; null when it names none. */
export function parseMoment(text: string, nowMs: number): number | null {
  const ago = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * (UNIT_MS[ago[2] ?? ''] ?? 0);
  const clock = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text);
  if (clock !== null) {
    const at = new Date(nowMs);
    at.setHours(Number(clock[1]), Number(clock[2]), Number(clock[3] ?? '0'), 0);
    // A time of day that is still to come was yesterday's.
    if (at.getTime() > nowMs) at.setDate(at.getDate() - 1);
    return at.getTime();
  }
  if (!/^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d|$)/.test(text)) return null;
  // Without a time a date is this host's midnight, not Greenwich's.
  const parsed = Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'));
  return Number.isNaN(parsed) ? null : parsed;
}

/** The same for an option; refuses what is no time, or none that has been. */
export function requireMoment(text: string, nowMs: number): number {
  const moment = parseMoment(text, nowMs);
  if (moment === null) {
    throw new WrongUsage('time', `${text} is not a time that is understood`, `write it as ${MOMENT_HELP}`);
  }
  if (moment > nowMs) {
    throw new WrongUsage('time', `${text} is still to come`, `name a time that has been: ${MOMENT_HELP}`);
  }
  return moment;
}

const two = (n: number): string => String(n).padStart(2, '0');

/** 14:05:31.020, with the date before it when that is not today. */
export function showMoment(ms: number, nowMs: number): string {
  const at = new Date(ms);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
  if (at.toDateString() === new Date(nowMs).toDateString()) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

/** How long something takes or took, in one unit: 40 ms, 12 s, 5 minutes, 3 hours, 2 days. */
export function showSpan(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} minutes`;
  return ms < 2 * DAY_MS ? `${Math.round(ms / 3_600_000)} hours` : `${Math.round(ms / DAY_MS)} days`;
}
