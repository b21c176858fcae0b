// What the manager does for replication beside the pair machine: explains an error of the channel by the row behind it, keeps an
// applier that is started again and again counted as broken, and checks the privileges of the accounts at each start and after
// each reconnect. The machine sees none of it but the status, annotated.
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { familyOf } from '../core/family.ts';
import type { Reason } from '../core/pair/reason.ts';
import type { ServerStatus } from '../core/pair/server.ts';
import { attemptsNow, type Broken, stillBroken } from '../core/replication/broken.ts';
import { type Explanation, explain } from '../core/replication/explain.ts';
import { readFailure } from '../core/replication/failure.ts';
import type { Endpoint } from '../io/database/connection.ts';
import { type Clock, DatabaseError } from '../runtime/ports.ts';
import { openAccountCheck } from './accountcheck.ts';

export interface Care {
  /** The status as the machine and the operator shall see it. */
  annotate(status: ServerStatus): ServerStatus;
  /** The own server answers (again). */
  serverUp(): void;
  peerSql(path: string): void;
  warnings(): readonly Reason[];
}

export interface CareOptions {
  readonly config: PairConfig;
  readonly self: NodeConfig;
  readonly peer: NodeConfig;
  readonly account: Pick<Endpoint, 'user' | 'password' | 'passwordNow'>;
  readonly replicationPassword: () => string;
  readonly schema: string;
  readonly clock: Clock;
  readonly say: (level: 'info' | 'warn' | 'error', code: string, because: string) => void;
}

/** What could not be read may be readable later. */
const LOOK_AGAIN_MS = 30_000;
/** Only these are about one row. */
const ABOUT_ROWS = new Set([1032, 1062]);

interface Told {
  /** Servers word one error in several ways: the breakdown, and not its text, says whether it is explained. */
  readonly breakdown: string;
  readonly explanation: Explanation;
  readonly againAtMs: number;
}

export function startCare(options: CareOptions): Care {
  const { config, self, peer, clock, say } = options;
  const namesAt = (version: string) => ({
    self: self.name,
    peer: peer.name,
    superReadOnly: familyOf(version) === 'mysql',
  });
  const ends = endpointsOf(options);
  const accounts = openAccountCheck(config, ends, options.schema, say);
  let broken: Broken | null = null;
  let told: Told | null = null;
  let looking = false;

  async function look({ error }: Broken, breakdown: string, version: string): Promise<void> {
    looking = true;
    const names = namesAt(version);
    try {
      const { gatherEvidence } = await import('../io/doctor/evidence.ts');
      const family = familyOf(version) ?? 'mariadb';
      const evidence = await gatherEvidence({ family, ...ends }, readFailure(error));
      const explanation = explain(error, names, evidence);
      const againAtMs = evidence.unread === null ? Number.POSITIVE_INFINITY : clock.bootMs() + LOOK_AGAIN_MS;
      if (told?.breakdown !== breakdown || told.explanation.row !== explanation.row)
        say('warn', 'applier-explained', `${explanation.because}. What to do: ${explanation.lift}`);
      told = { breakdown, explanation, againAtMs };
    } catch (failure) {
      // An explanation is never worth the manager.
      if (!(failure instanceof DatabaseError)) say('warn', 'not-explained', (failure as Error).message);
      told = {
        breakdown,
        explanation: explain(error, names, null),
        againAtMs: clock.bootMs() + LOOK_AGAIN_MS,
      };
    } finally {
      looking = false;
    }
  }

  function explanationOf(now: Broken, version: string): Explanation {
    const { number, table } = readFailure(now.error);
    const breakdown = `${number} ${table} ${now.appliedGtid}`;
    const known = told?.breakdown === breakdown ? told : null;
    const due = known === null || clock.bootMs() >= known.againAtMs;
    if (ABOUT_ROWS.has(number) && !looking && due) void look(now, breakdown, version);
    return known?.explanation ?? explain(now.error, namesAt(version), null);
  }

  return {
    annotate(status) {
      const { channel } = status;
      const names = namesAt(status.version);
      const nowMs = clock.bootMs();
      broken = stillBroken(broken, channel, nowMs);
      if (channel === null) return status;
      let annotated = channel;
      if (channel.receiverError !== null) {
        const { because, lift } = explain(channel.receiverError, names, null);
        annotated = { ...annotated, receiverError: because, receiverLift: lift };
      }
      if (broken === null) told = null;
      else {
        const { because, lift } = explanationOf(broken, status.version);
        // The machine starts a stopped applier at once: it is shown to be stopped when it is to be tried again.
        const applier = attemptsNow(broken, nowMs) ? channel.applier : 'running';
        annotated = { ...annotated, applier, applierError: because, applierLift: lift };
      }
      return annotated === channel ? status : { ...status, channel: annotated };
    },
    serverUp: () => accounts.check('own'),
    peerSql: (path) => accounts.peerPath(path),
    warnings: () => accounts.warnings(),
  };
}

function endpointsOf({ config, peer, account, replicationPassword }: CareOptions) {
  const { mysql } = config;
  const replication = {
    host: peer.address,
    port: mysql.port,
    tls: mysql.tls,
    user: mysql.replication.user,
    password: '',
    passwordNow: replicationPassword,
  };
  const own: Endpoint = {
    host: '127.0.0.1',
    port: mysql.port,
    ...(mysql.socket !== null ? { socketPath: mysql.socket } : {}),
    ...account,
  };
  return { own, peer: { host: peer.address, port: mysql.port, tls: mysql.tls, ...account }, replication };
}
