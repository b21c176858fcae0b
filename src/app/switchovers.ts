// An operator's switchover as one question with one answer: done, refused, or failed, each with its reason.

import type { PairState } from '../core/pair/state.ts';
import type { EventLog, SwitchoverAnswer } from '../io/http/api.ts';
import type { Clock } from '../runtime/ports.ts';

/** The order's own limits end long before; this one is for a defect. */
const ANSWER_MS_MAX = 60_000;
const ENDS: Readonly<Record<string, boolean>> = {
  'switchover-done': true,
  'switchover-refused': false,
  'switchover-failed': false,
};

export function openSwitchovers(options: {
  readonly clock: Clock;
  readonly state: () => PairState;
  readonly order: (because: string) => void;
  readonly events: EventLog;
}) {
  let busy = false;

  function refusal(to: string | null): string | null {
    const { settings, role, record } = options.state();
    if (to !== null && to !== settings.self && to !== settings.peer) {
      return `there is no node ${to} in this pair: it has ${settings.self} and ${settings.peer}`;
    }
    if (to !== null && to === record.writer) return `${to} is the writer already`;
    if (role !== 'writing')
      return `${settings.self} is not the writer: ask ${record.writer ?? 'the other node'}`;
    return busy ? 'another switchover is in progress' : null;
  }

  return {
    async request(to: string | null): Promise<SwitchoverAnswer> {
      const against = refusal(to);
      if (against !== null) return { ok: false, because: against };
      busy = true;
      const startedMs = options.clock.bootMs();
      try {
        return await new Promise<SwitchoverAnswer>((resolve) => {
          const timer = setTimeout(
            () => settle(false, 'no answer within a minute: see `twinkeep status`'),
            ANSWER_MS_MAX,
          );
          const unfollow = options.events.follow((event) => {
            const ok = ENDS[event.code];
            if (ok !== undefined) settle(ok, event.because);
          });
          const settle = (ok: boolean, because: string): void => {
            clearTimeout(timer);
            unfollow();
            const tookMs = Math.round(options.clock.bootMs() - startedMs);
            resolve(ok ? { ok, because, tookMs } : { ok, because });
          };
          options.order('an operator asked for a switchover');
        });
      } finally {
        busy = false;
      }
    },
  };
}
