// Set-up of one further replica carried out: looks at it and at the nodes as an administrator, lets core/replica/setup.ts decide,
// and takes the steps. The accounts that it logs in with at the nodes are made with theirs (io/database/setup.ts).

import { OperatorError } from '../../core/error.ts';
import type { SetupNode } from '../../core/pair/setup-facts.ts';
import { planReplicaSetup, type ReplicaSetupPlan, type ReplicaSetupStep } from '../../core/replica/setup.ts';
import type { ReplicaOrder } from '../../core/replica/state.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { HeldConnection, type TlsOptions } from '../database/connection.ts';
import { openDatabase } from '../database/open.ts';
import type { SetupTarget } from '../database/setup.ts';
import { askerOf } from '../database/setup-family.ts';
import { type KnownServer, knownServer } from '../database/setup-known.ts';
import { observeServer, tablesOf } from '../database/setup-observe.ts';
import { socketLogin } from '../database/socketlogin.ts';
import { openReplicaServer } from './server.ts';

export interface ReplicaSetupOptions {
  readonly replica: SetupTarget;
  readonly nodes: readonly SetupTarget[];
  /** The node that it is to begin with. */
  readonly source: string;
  readonly port: number;
  readonly admin: { readonly user: string; readonly password: string };
  readonly replication: { readonly user: string; readonly password: string };
  readonly schema: string;
  readonly tls: TlsOptions | null;
}

export interface ReplicaSetupSession {
  readonly plan: ReplicaSetupPlan;
  perform(told: (step: ReplicaSetupStep) => void): Promise<void>;
  close(): void;
}

const STATEMENT_MS_MAX = 10_000;
const CATCH_UP_MS_MAX = 3_600_000;
const RUNNING_MS_MAX = 15_000;
const HEARTBEAT_S = 0.2;

interface Site {
  readonly target: SetupTarget;
  readonly connection: HeldConnection;
  readonly known: KnownServer;
}

async function told<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new OperatorError(
      error.code === 'down' || error.code === 'timeout' ? 'server-unreachable' : 'replica-setup',
      `the server of ${name} cannot be set up: ${error.message}`,
      `check that it runs; --admin-socket ${name}=PATH reaches it on its own host`,
    );
  }
}

async function look(site: Site, options: ReplicaSetupOptions): Promise<SetupNode> {
  const { target, connection, known } = site;
  const required = target.required(known.kind);
  const names = required.map((each) => each.name);
  const { admin, replication, schema } = options;
  // What a node is asked for here is no account: those are the pair's own set-up's.
  const isReplica = target === options.replica;
  const hosts = isReplica ? ['localhost', '127.0.0.1', '::1'] : [];
  const wanted = { admin, replication, schema, hosts, readers: [] };
  const seen = await told(target.name, () => observeServer(connection, known, wanted, names));
  return { name: target.name, address: target.address, required, seen };
}

/** Looks at the replica and at the nodes, and plans. Changes nothing. */
export async function openReplicaSetup(options: ReplicaSetupOptions): Promise<ReplicaSetupSession> {
  const connections: HeldConnection[] = [];
  const close = (): void => {
    for (const connection of connections) connection.close();
  };
  try {
    const open = async (target: SetupTarget): Promise<Site> => {
      const connection = new HeldConnection({
        endpoint: { ...target.login, authPlugins: socketLogin },
        onTimeout: 'discard',
      });
      connections.push(connection);
      return { target, connection, known: await told(target.name, () => knownServer(connection)) };
    };
    const site = await open(options.replica);
    const nodes: Site[] = [];
    for (const target of options.nodes) nodes.push(await open(target));
    // First: what it then has, the nodes, which are looked at later, must have as well.
    const replica = await look(site, options);
    const seen: SetupNode[] = [];
    for (const node of nodes) seen.push(await look(node, options));
    const plan = planReplicaSetup({
      replica,
      nodes: seen,
      source: options.source,
      port: options.port,
      replicationUser: options.replication.user,
      heartbeatS: HEARTBEAT_S,
    });
    const source = nodes.find(({ target }) => target.name === options.source);
    if (source === undefined) throw new Error(`no node ${options.source}`);
    return { plan, perform: (tell) => perform(options, plan, site, source, tell), close };
  } catch (error) {
    close();
    throw error;
  }
}

async function perform(
  options: ReplicaSetupOptions,
  plan: ReplicaSetupPlan,
  site: Site,
  source: Site,
  tell: (step: ReplicaSetupStep) => void,
): Promise<void> {
  if (!plan.ok) throw new Error('setup is refused: there is nothing to perform');
  const { target, connection, known } = site;
  const endpoint = { ...target.login, authPlugins: socketLogin };
  const database = openDatabase({ ...endpoint, role: 'peer', schema: options.schema });
  const { port, tls, replication } = options;
  const channel = () => ({ port, ...replication, heartbeatS: HEARTBEAT_S, tls });
  const server = openReplicaServer({ database, endpoint, channel });
  const order = async (what: ReplicaOrder): Promise<void> => {
    const outcome = await server.perform(what);
    if (!outcome.ok)
      throw new OperatorError(
        'replica-setup',
        `${target.name}: ${outcome.because}`,
        'mend what the sentence names, then run setup again: what was done stays',
      );
  };
  try {
    for (const step of plan.steps) {
      tell(step);
      await told(target.name, async () => {
        switch (step.kind) {
          case 'account':
            return known.family.change(connection, step.sql);
          case 'position':
            await connection.query(known.family.fetchFrom(step.gtid), STATEMENT_MS_MAX);
            return;
          case 'point':
            if ((await database.status(STATEMENT_MS_MAX)).channel !== null) await order({ kind: 'freeze' });
            await order({ kind: 'point', node: step.source, host: step.host });
            return caughtUp(site, source, database, options.schema);
          case 'start':
            await order({ kind: 'start' });
            return caughtUp(site, source, database, options.schema);
        }
      });
    }
  } finally {
    server.close();
    database.close();
  }
}

/** The channel runs, the replica has all that its source had, and no table is missing. */
async function caughtUp(
  site: Site,
  source: Site,
  database: ReturnType<typeof openDatabase>,
  schema: string,
): Promise<void> {
  const { name } = site.target;
  const endMs = performance.now() + RUNNING_MS_MAX;
  for (;;) {
    const { channel } = await database.status(STATEMENT_MS_MAX);
    if (channel?.receiver === 'running' && channel.applier === 'running') break;
    const failed = channel?.applierError ?? channel?.receiverError ?? null;
    if (performance.now() > endMs || (failed !== null && channel?.receiver === 'stopped'))
      throw new OperatorError(
        'channel-fails',
        `the replication channel of ${name} does not run: ${failed ?? 'the source does not answer'}`,
        `check that ${name} reaches ${source.target.name} at mysql.port, then run setup again`,
      );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { executed } = await source.known.family.facts(askerOf(source.connection));
  await database.waitFor(executed, CATCH_UP_MS_MAX);
  const [ours, theirs] = await Promise.all(
    [site, source].map(({ connection }) => tablesOf(askerOf(connection), schema)),
  );
  const missing = (theirs ?? []).filter((table) => !ours?.includes(table));
  if (missing.length === 0) return;
  await site.connection.query(site.known.family.removeChannel, STATEMENT_MS_MAX);
  throw new OperatorError(
    'data-differ',
    `${name} has fetched the whole binary log of ${source.target.name}, and tables did not come: ${missing.slice(0, 8).join(', ')}. Its channel was removed again`,
    `the data of the pair are older than its binary log: make ${name} a copy of ${source.target.name} (docs/REPLICAS.md, "A copy by hand"), then run setup again`,
  );
}
