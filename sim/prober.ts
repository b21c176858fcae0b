// The manager's watch over its own server, as src/app/prober.ts keeps it: the real health and lag machines over statements
// that the simulated server answers, late, or never.

import { heardHeartbeat, NO_LAG, sawHeartbeat } from '../src/core/health/lag.ts';
import { type HealthEvent, stepHealth, UNKNOWN_HEALTH } from '../src/core/health/machine.ts';
import type { Role, ServerHealth } from '../src/core/pair/message.ts';
import type { ServerStatus } from '../src/core/pair/server.ts';
import type { Answer, SimDatabase } from './database.ts';
import type { Host, Process } from './host.ts';

export interface ProberListener {
  onHealth(health: ServerHealth, because: string): void;
  onStatus(status: ServerStatus): void;
  onHeartbeat(sequence: number): void;
  onLag(lagMs: number | null): void;
  situation(): { readonly role: Role; readonly open: boolean; readonly paired: boolean };
}

export interface Prober {
  heard(sequence: number): void;
  refresh(): void;
  prove(deadlineMs: number, onDone: (because: string | null) => void): void;
}

const PROBE_MS = 200;
const PROBE_DEADLINE_MS = 500;
const HEARTBEAT_MS = 500;
const STATUS_EVERY_MS = 1000;
const STATUS_EVERY_MS_BUSY = 100;
const WRITE_DEADLINE_MS = 800;
const RECONNECT_MS = 50;

export function startProber(
  host: Host,
  process: Process,
  server: SimDatabase,
  listener: ProberListener,
): Prober {
  let health = UNKNOWN_HEALTH;
  let lag = NO_LAG;
  let connected = false;
  let statusAtMs = Number.NEGATIVE_INFINITY;
  let asking = false;
  let wanted = false;
  let status: ServerStatus | null = null;
  let sequence = 0;
  let beatWaits = false;

  function feed(event: HealthEvent): void {
    const next = stepHealth(health, event);
    const changed = next.health !== health.health || next.because !== health.because;
    health = next;
    if (changed) listener.onHealth(health.health, health.because);
  }

  function judge(code: 'down' | 'timeout'): void {
    if (code === 'timeout') feed({ kind: 'timeout', deadlineMs: PROBE_DEADLINE_MS });
    else {
      connected = false;
      feed({ kind: 'refused', because: 'connection refused' });
    }
  }

  function readStatus(then: () => void): void {
    if (asking) {
      wanted = true;
      return;
    }
    asking = true;
    statusAtMs = host.bootMs();
    server.ask(
      process,
      PROBE_DEADLINE_MS,
      () => server.status(),
      (answer) => {
        asking = false;
        if (!answer.ok) {
          judge(answer.code);
          return;
        }
        status = answer.value;
        listener.onStatus(status);
        then();
        if (wanted) {
          wanted = false;
          readStatus(() => undefined);
        }
      },
    );
  }

  function answered(): void {
    feed({ kind: 'answered' });
    const { role, paired } = listener.situation();
    const receives = status?.channel == null || status.channel.receiver === 'running';
    const settled = paired && (role === 'writing' || (role === 'following' && receives));
    const everyMs = settled ? STATUS_EVERY_MS : STATUS_EVERY_MS_BUSY;
    if (host.bootMs() - statusAtMs >= everyMs) readStatus(() => undefined);
  }

  function probe(): void {
    const startedMs = host.bootMs();
    server.ask(
      process,
      PROBE_DEADLINE_MS,
      () => undefined,
      (answer: Answer<undefined>) => {
        if (!answer.ok) judge(answer.code);
        else if (connected) answered();
        else {
          connected = true;
          // The status comes first: `up` without it would be acted on blindly.
          readStatus(answered);
        }
        const pauseMs = connected ? PROBE_MS : RECONNECT_MS;
        process.after(Math.max(1, startedMs + pauseMs - host.bootMs()), probe);
      },
    );
  }

  function commitBeat(next: number, deadlineMs: number, onDone: (because: string | null) => void): void {
    server.heartbeat(process, next, deadlineMs, onDone);
  }

  function beatAsWriter(): void {
    if (beatWaits) return;
    const next = Math.max(sequence, lag.seen) + 1;
    beatWaits = true;
    commitBeat(next, WRITE_DEADLINE_MS, (because) => {
      beatWaits = false;
      if (because === null) {
        sequence = Math.max(sequence, next);
        feed({ kind: 'wrote' });
        listener.onHeartbeat(sequence);
        return;
      }
      if (because === 'down') {
        judge('down');
        return;
      }
      readStatus(() => {
        const waits = status?.semiSync.source === true && status.semiSync.waitingSessions > 0;
        if (!waits && listener.situation().open) feed({ kind: 'write-failed', certain: false, because });
      });
    });
  }

  function readBeat(then: () => void): void {
    server.ask(
      process,
      PROBE_DEADLINE_MS,
      () => server.heartbeatSeen(),
      (answer) => {
        if (!answer.ok) {
          judge(answer.code);
          return;
        }
        lag = sawHeartbeat(lag, answer.value, host.bootMs());
        listener.onLag(lag.lagMs);
        then();
      },
    );
  }

  function beat(): void {
    const { role, open } = listener.situation();
    if (connected && open && (health.health === 'up' || health.health === 'unwritable')) {
      // One sequence for the pair: a new writer goes on from what it has seen of the last one's.
      if (sequence === 0) readBeat(beatAsWriter);
      else beatAsWriter();
    } else if (connected && role === 'following' && health.health === 'up') readBeat(() => undefined);
    process.after(HEARTBEAT_MS, beat);
  }

  server.onLost(process, () => {
    connected = false;
    feed({ kind: 'lost', because: 'the socket closed' });
    server.ask(
      process,
      PROBE_DEADLINE_MS,
      () => undefined,
      (answer: Answer<undefined>) => {
        if (!answer.ok) judge(answer.code);
        else connected = true;
      },
    );
  });
  probe();
  beat();

  return {
    heard(heartbeat) {
      lag = heardHeartbeat(lag, heartbeat, host.bootMs());
    },
    refresh: () => readStatus(() => undefined),
    prove(deadlineMs, onDone) {
      sequence = Math.max(sequence, lag.seen) + 1;
      const proof = sequence;
      commitBeat(proof, deadlineMs, (because) => {
        if (because === null) listener.onHeartbeat(proof);
        onDone(because);
      });
    },
  };
}
