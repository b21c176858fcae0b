// Asks our own server, all the time: is it there, does it answer, can it write, what does it say of itself. The
// answers go to the health machine; its verdicts, and the server's status, go to the pair machine.

import { heardHeartbeat, NO_LAG, sawHeartbeat } from '../core/health/lag.ts';
import { type HealthEvent, stepHealth, UNKNOWN_HEALTH } from '../core/health/machine.ts';
import type { Role, ServerHealth } from '../core/pair/message.ts';
import type { ServerStatus } from '../core/pair/server.ts';
import { type Clock, type Database, DatabaseError } from '../runtime/ports.ts';

export interface ProberOptions {
  readonly clock: Clock;
  readonly server: Database;
  readonly intervalMs: number;
  readonly deadlineMs: number;
  readonly heartbeatIntervalMs: number;
  /** What the pair machine has made of this node. */
  readonly situation: () => {
    readonly role: Role;
    readonly epoch: number;
    readonly open: boolean;
    readonly paired: boolean;
  };
}

export interface ProberListener {
  onHealth(health: ServerHealth, because: string): void;
  onStatus(status: ServerStatus): void;
  onHeartbeat(sequence: number): void;
  onLag(lagMs: number | null): void;
}

export interface Prober {
  /** The writer says that it committed this heartbeat. */
  heard(sequence: number): void;
  /** Ask for the status now: something was changed. */
  refresh(): void;
  /** Commits one heartbeat; rejects when it is not committed (and, paired, acknowledged) in time. */
  prove(deadlineMs: number): Promise<void>;
  stop(): void;
}

const STATUS_EVERY_MS = 1000;
/** While the node looks for its role, takes one over, or is not paired, its picture of the server must be fresh. */
const STATUS_EVERY_MS_BUSY = 100;
const WRITE_DEADLINE_MS = 800;
const RECONNECT_MS = 50;

const ACCOUNT_MEND =
  '; is mysql.admin.passwordFile the same on both hosts? `twinkeep setup` makes the account, its password and its privileges right';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function startProber(options: ProberOptions, listener: ProberListener): Prober {
  const { clock, server, deadlineMs } = options;
  let health = UNKNOWN_HEALTH;
  let lag = NO_LAG;
  let connected = false;
  let stopped = false;
  let statusAtMs = Number.NEGATIVE_INFINITY;
  let asking = false;
  let wanted = false;
  let status: ServerStatus | null = null;
  let sequence = 0;

  function feed(event: HealthEvent): void {
    const next = stepHealth(health, event);
    const changed = next.health !== health.health || next.because !== health.because;
    health = next;
    if (changed) listener.onHealth(health.health, health.because);
  }

  /** What a failed call says about the server's health; a statement that failed says nothing. */
  function judge(error: unknown): void {
    if (!(error instanceof DatabaseError)) throw error;
    if (error.code === 'timeout') feed({ kind: 'timeout', deadlineMs });
    else if (error.code === 'down' || error.code === 'access-denied' || error.code === 'privilege') {
      connected = false;
      const mend = error.code === 'down' ? '' : ACCOUNT_MEND;
      feed({ kind: 'refused', because: `${error.message}${mend}` });
    } else if (error.code === 'unwritable')
      feed({ kind: 'write-failed', certain: true, because: error.message });
  }

  async function readStatus(): Promise<void> {
    if (asking) {
      wanted = true;
      return;
    }
    asking = true;
    try {
      do {
        wanted = false;
        statusAtMs = clock.bootMs();
        status = await server.status(deadlineMs);
        listener.onStatus(status);
      } while (wanted && !stopped);
    } catch (error) {
      judge(error);
    } finally {
      asking = false;
    }
  }

  async function probe(): Promise<void> {
    const startedMs = clock.bootMs();
    try {
      if (!connected) {
        await server.connect(deadlineMs);
        connected = true;
        // The status comes first: `up` without it would be acted on blindly.
        await readStatus();
      } else await server.ping(deadlineMs);
      feed({ kind: 'answered' });
      const { role } = options.situation();
      const receives = status?.channel == null || status.channel.receiver === 'running';
      const { paired } = options.situation();
      const settled = !paired ? false : role === 'writing' || (role === 'following' && receives);
      const every = settled ? STATUS_EVERY_MS : STATUS_EVERY_MS_BUSY;
      if (clock.bootMs() - statusAtMs >= every) void readStatus();
    } catch (error) {
      judge(error);
    }
    const pauseMs = connected ? options.intervalMs : RECONNECT_MS;
    await sleep(Math.max(1, startedMs + pauseMs - clock.bootMs()));
  }

  async function beatAsWriter(epoch: number): Promise<void> {
    // One sequence for the pair: a new writer goes on from what it has seen of the last one's.
    if (sequence === 0) await readBeat();
    const next = Math.max(sequence, lag.seen) + 1;
    try {
      await server.writeHeartbeat({ epoch, sequence: next }, WRITE_DEADLINE_MS);
      sequence = next;
      feed({ kind: 'wrote' });
      listener.onHeartbeat(sequence);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      if (error.code !== 'timeout' && error.code !== 'statement') {
        judge(error);
        return;
      }
      // A commit that waits for the standby is no sign of a server that cannot write.
      await readStatus();
      const waits = status?.semiSync.source === true && status.semiSync.waitingSessions > 0;
      if (!waits && options.situation().open)
        feed({ kind: 'write-failed', certain: false, because: error.message });
    }
  }

  async function readBeat(): Promise<void> {
    try {
      const beat = await server.readHeartbeat(deadlineMs);
      if (beat === null) return;
      lag = sawHeartbeat(lag, beat.sequence, clock.bootMs());
      listener.onLag(lag.lagMs);
    } catch (error) {
      judge(error);
    }
  }

  async function probeForever(): Promise<void> {
    while (!stopped) await probe();
  }

  async function beatForever(): Promise<void> {
    while (!stopped) {
      const startedMs = clock.bootMs();
      const { role, epoch, open } = options.situation();
      if (connected && open && (health.health === 'up' || health.health === 'unwritable'))
        await beatAsWriter(epoch);
      else if (connected && role === 'following' && health.health === 'up') await readBeat();
      await sleep(Math.max(5, startedMs + options.heartbeatIntervalMs - clock.bootMs()));
    }
  }

  server.onLost((because) => {
    connected = false;
    feed({ kind: 'lost', because });
    // Whether the server or only the connection is gone shows at once.
    if (!stopped) {
      server.connect(deadlineMs).then(
        () => {
          connected = true;
        },
        (error: unknown) => judge(error),
      );
    }
  });
  void probeForever();
  void beatForever();

  return {
    heard(heartbeat) {
      lag = heardHeartbeat(lag, heartbeat, clock.bootMs());
    },
    refresh: () => void readStatus(),
    async prove(proofDeadlineMs) {
      const { epoch } = options.situation();
      sequence = Math.max(sequence, lag.seen) + 1;
      await server.writeHeartbeat({ epoch, sequence }, proofDeadlineMs);
      listener.onHeartbeat(sequence);
    },
    stop() {
      stopped = true;
    },
  };
}
