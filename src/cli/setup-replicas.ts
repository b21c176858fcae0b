// The further replicas' part of `twinkeep setup`: planned together with the pair, carried out after it.
import type { PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import type { Refusal, SetupOptions, SetupTarget } from '../io/database/setup.ts';
import { openReplicaSetup, type ReplicaSetupSession } from '../io/replica/setup.ts';

export interface ReplicaSetups {
  readonly steps: readonly string[];
  readonly refusals: readonly Refusal[];
  readonly warnings: readonly string[];
  /** Looks again, now that the pair is set up, and takes the steps. */
  perform(tell: (what: string) => void): Promise<void>;
}

/** The node that a replica begins with; the agents move it later. */
function firstSource(config: PairConfig, prefer: string, writer: string): string {
  if (config.nodes.some(({ name }) => name === prefer)) return prefer;
  const standby = config.nodes.find(({ name }) => name !== writer)?.name ?? writer;
  return prefer === 'writer' ? writer : standby;
}

export async function planReplicas(
  config: PairConfig,
  pair: SetupOptions,
  targets: readonly SetupTarget[],
): Promise<ReplicaSetups> {
  const { port, admin, replication, schema, tls } = pair;
  const open = async (target: SetupTarget): Promise<ReplicaSetupSession> => {
    const prefer = config.replicas.find(({ name }) => name === target.name)?.source ?? 'standby';
    const source = firstSource(config, prefer, pair.writer);
    return openReplicaSetup({
      replica: target,
      nodes: pair.targets,
      source,
      port,
      admin,
      replication,
      schema,
      tls,
    });
  };
  const steps: string[] = [];
  const refusals: Refusal[] = [];
  const warnings: string[] = [];
  const reached: SetupTarget[] = [];
  for (const target of targets) {
    try {
      const session = await open(target);
      session.close();
      reached.push(target);
      warnings.push(...session.plan.warnings);
      if (session.plan.ok) steps.push(...session.plan.steps.map(({ what }) => what));
      else refusals.push(...session.plan.refusals);
    } catch (error) {
      // A replica that is away must not keep the pair from being mended.
      if (!(error instanceof OperatorError) || error.code !== 'server-unreachable') throw error;
      warnings.push(`${error.message}: left out; run setup again when it is back`);
    }
  }
  return {
    steps,
    refusals,
    warnings,
    async perform(tell) {
      for (const target of reached) {
        const session = await open(target);
        try {
          if (!session.plan.ok) {
            const [first] = session.plan.refusals;
            throw new OperatorError('setup-refused', first?.message ?? '', first?.hint ?? '');
          }
          await session.perform(({ what }) => tell(what));
        } finally {
          session.close();
        }
      }
    },
  };
}
