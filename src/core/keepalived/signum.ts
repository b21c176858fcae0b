// What --signum prints and signals.ts listens to: the numbers of Debian's keepalived 2.2.7. The last two are real-time signals,
// SIGRTMAX-1 and SIGRTMIN+2 of glibc.

export const SIGNAL_NUMBERS = {
  STOP: 15,
  RELOAD: 1,
  DATA: 10,
  STATS: 12,
  STATS_CLEAR: 63,
  JSON: 36,
} as const satisfies Readonly<Record<string, number>>;
