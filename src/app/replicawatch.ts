// A node's look at the further replicas: asks each one's agent every second how it is, for `status`, `why` and the API. Nothing is
// decided by it: a replica is on its own, and the pair never waits for one.
import { apiUrl } from '../config/apiurl.ts';
import type { PairConfig, ReplicaConfig } from '../config/types.ts';
import type { Reason } from '../core/pair/reason.ts';
import type { PairState } from '../core/pair/state.ts';
import type { ReplicaStatement } from '../core/replica/view.ts';
import { parseReplicaStatement } from '../core/replica/view.ts';
import { askJson } from '../io/replica/pairpoll.ts';

const INTERVAL_MS = 1000;
const ANSWER_MS_MAX = 800;
/** An agent that is started again is silent for a moment. */
const SILENT_TURNS_MAX = 3;
/** A receiver that was restarted may be counted twice until the server has seen the first connection end. */
const EXTRA_TURNS_MAX = 5;

export interface ReplicaView {
  readonly name: string;
  readonly address: string;
  /** What its agent said last; null: nothing since this manager started. */
  readonly statement: ReplicaStatement | null;
  /** Null: it answers. */
  readonly silentBecause: string | null;
}

export interface ReplicaWatch {
  view(): readonly ReplicaView[];
  warnings(): readonly Reason[];
  stop(): void;
}

interface Known extends ReplicaView {
  readonly silentTurns: number;
}

/** Every replica's own warnings, and that one is silent. */
export function replicaWarnings(
  known: readonly (ReplicaView & { readonly silentTurns: number })[],
): Reason[] {
  return known.flatMap(({ name, statement, silentBecause, silentTurns }): Reason[] => {
    if (silentBecause === null) return [...(statement?.warnings ?? [])];
    if (silentTurns < SILENT_TURNS_MAX) return [];
    return [
      {
        code: 'replica-silent',
        because: `the agent of the replica ${name} does not answer: ${silentBecause}`,
        lift: `by itself, when it runs and is reached: \`twinkeep agent --node ${name}\` on its host`,
      },
    ];
  });
}

export function startReplicaWatch(config: PairConfig, token: string, state: () => PairState): ReplicaWatch {
  const known = new Map<string, Known>(
    config.replicas.map(({ name, address }) => [
      name,
      { name, address, statement: null, silentBecause: 'not asked yet', silentTurns: 0 },
    ]),
  );
  let extraTurns = 0;

  async function ask(replica: ReplicaConfig): Promise<void> {
    const { name, address } = replica;
    const before = known.get(name);
    try {
      const statement = parseReplicaStatement(
        await askJson(apiUrl(config, replica, '/api/v1/replica'), token, ANSWER_MS_MAX),
        name,
      );
      if (statement === null) throw new Error('its answer is none of this version');
      known.set(name, { name, address, statement, silentBecause: null, silentTurns: 0 });
    } catch (error) {
      const silentTurns = (before?.silentTurns ?? 0) + 1;
      const silentBecause = (error as Error).message;
      known.set(name, { name, address, statement: before?.statement ?? null, silentBecause, silentTurns });
    }
  }

  function turn(): void {
    for (const replica of config.replicas) void ask(replica);
    const { role, own } = state();
    const semiSync = own.status?.semiSync;
    const extra = role === 'writing' && semiSync?.source === true && semiSync.replicas > 1;
    extraTurns = extra ? extraTurns + 1 : 0;
  }
  const timer = setInterval(turn, INTERVAL_MS);
  turn();

  function strangers(): Reason[] {
    if (extraTurns < EXTRA_TURNS_MAX) return [];
    const count = state().own.status?.semiSync.replicas ?? 0;
    return [
      {
        code: 'further-acknowledger',
        because: `${count} servers acknowledge the commits of ${state().settings.self}, and only the standby may: a commit may be told to a client that the standby lacks`,
        lift: 'SET GLOBAL rpl_semi_sync_slave_enabled = OFF (rpl_semi_sync_replica_enabled) on every replica, and restart its receiver; SHOW SLAVE HOSTS (SHOW REPLICAS) names them',
      },
    ];
  }

  return {
    view: () => [...known.values()].map(({ silentTurns: _, ...view }) => view),
    warnings: () => [...replicaWarnings([...known.values()]), ...strangers()],
    stop: () => clearInterval(timer),
  };
}
