// What the manager does for replication beside the pair machine: explains an error of the channel by the row behind it, keeps an
// applier that is started again and again counted as broken, fetches a damaged relay log again where that is safe, and checks the
// privileges of the accounts at each start and after each reconnect. The machine sees none of it but the status, annotated.
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { familyOf } from '../core/family.ts';
import { contains } from '../core/gtid/gtid.ts';
import type { Reason } from '../core/pair/reason.ts';
import type { ServerStatus } from '../core/pair/server.ts';
import { freshReport, type PairState } from '../core/pair/state.ts';
import { type Broken, stillBroken } from '../core/replication/broken.ts';
import { type Explanation, explain } from '../core/replication/explain.ts';
import { readFailure } from '../core/replication/failure.ts';
import { mendOf } from '../core/replication/mend.ts';
import type { Endpoint } from '../io/database/connection.ts';
import { type Clock, type Database, DatabaseError } from '../runtime/ports.ts';
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
  readonly own: Database;
  readonly state: () => PairState;
  /** Tells the machine to leave this server alone meanwhile. */
  readonly mend: (because: string | null) => void;
  readonly say: (level: 'info' | 'warn' | 'error', code: string, because: string) => void;
}

/** What could not be read may be readable later. */
const LOOK_AGAIN_MS = 30_000;
const MEND_AGAIN_MS = 10_000;
const REFETCH_MS_MAX = 15_000;
/** Only these are about one row. */
const ABOUT_ROWS = new Set([1032, 1062]);

interface Told {
  readonly error: string;
  readonly explanation: Explanation;
  readonly againAtMs: number;
}

export function startCare(options: CareOptions): Care {
  const { config, self, peer, clock, own, say } = options;
  const names = { self: self.name, peer: peer.name };
  const ends = endpointsOf(options);
  const accounts = openAccountCheck(config, ends, options.schema, say);
  let broken: Broken | null = null;
  let told: Told | null = null;
  let looking = false;
  let mendAgainAtMs = 0;

  async function look(error: string, version: string): Promise<void> {
    looking = true;
    try {
      const { gatherEvidence } = await import('../io/doctor/evidence.ts');
      const family = familyOf(version) ?? 'mariadb';
      const evidence = await gatherEvidence({ family, ...ends }, readFailure(error));
      const explanation = explain(error, names, evidence);
      const againAtMs = evidence.unread === null ? Number.POSITIVE_INFINITY : clock.bootMs() + LOOK_AGAIN_MS;
      if (told?.explanation.because !== explanation.because || told.error !== error)
        say('warn', 'applier-explained', `${explanation.because}. What to do: ${explanation.lift}`);
      told = { error, explanation, againAtMs };
    } catch (failure) {
      if (!(failure instanceof DatabaseError)) throw failure;
      told = { error, explanation: explain(error, names, null), againAtMs: clock.bootMs() + LOOK_AGAIN_MS };
    } finally {
      looking = false;
    }
  }

  function explanationOf(error: string, version: string): Explanation {
    const known = told !== null && told.error === error ? told : null;
    const wanted = ABOUT_ROWS.has(readFailure(error).number);
    if (wanted && !looking && (known === null || clock.bootMs() >= known.againAtMs))
      void look(error, version);
    return known?.explanation ?? explain(error, names, null);
  }

  async function refetch(because: string): Promise<void> {
    mendAgainAtMs = clock.bootMs() + MEND_AGAIN_MS;
    options.mend(because);
    try {
      await own.startChannel(REFETCH_MS_MAX, true);
      say('info', 'channel-mended', because);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      say('warn', 'channel-not-mended', `${because}, but: ${error.message}`);
    } finally {
      options.mend(null);
    }
  }

  function maybeMend(error: string, status: ServerStatus): void {
    const state = options.state();
    if (state.mending !== null || clock.bootMs() < mendAgainAtMs) return;
    const mend = mendOf({ applierError: error, ...situationOf(state, status) });
    if (mend.kind === 'refetch') void refetch(mend.because);
  }

  return {
    annotate(status) {
      const { channel } = status;
      broken = stillBroken(broken, channel);
      if (channel === null) return status;
      let annotated = channel;
      if (channel.receiverError !== null) {
        const { because, lift } = explain(channel.receiverError, names, null);
        annotated = { ...annotated, receiverError: because, receiverLift: lift };
      }
      if (broken === null) told = null;
      else {
        const { because, lift } = explanationOf(broken.error, status.version);
        annotated = { ...annotated, applierError: because, applierLift: lift };
        maybeMend(broken.error, status);
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
  return { own, peer: { host: peer.address, port: mysql.port, ...account }, replication };
}

function situationOf(state: PairState, status: ServerStatus) {
  const { record, settings, witness, peer, role } = state;
  const isAlone = (each: { readonly writer: string | null; readonly sync: string } | undefined): boolean =>
    each?.writer === settings.peer && each.sync === 'alone';
  const report = freshReport(state);
  const received = status.channel?.receivedGtid ?? '';
  return {
    role,
    writerAlone: isAlone(record) && (!settings.witness || isAlone(witness.holds?.record)),
    sourceAnswers: peer.sql === 'answers' && report?.role === 'writing',
    sourceHoldsAll: report !== null && received !== '' && contains(report.executedGtid, received),
  };
}
