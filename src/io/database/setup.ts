// Set-up carried out: looks at two servers as an administrator, lets core/pair/setup.ts decide, and takes the steps.
// Accounts, schema and table are made with sql_log_bin=0 on each server: they are the same on both and belong to no history.
import { OperatorError } from '../../core/error.ts';
import { planSetup, type SetupPlan, type SetupStep } from '../../core/pair/setup.ts';
import { positionsOf, type RequiredSetting, type SetupInput } from '../../core/pair/setup-facts.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { type Endpoint, HeldConnection, whereOf } from './connection.ts';
import { type MariadbDatabase, openMariadb } from './mariadb.ts';
import { observeServer, readChecksums, type Wanted } from './setup-observe.ts';

export type { SetupPlan, SetupStep } from '../../core/pair/setup.ts';
export type { Refusal, RequiredSetting } from '../../core/pair/setup-facts.ts';

export interface SetupTarget {
  readonly name: string;
  /** Of the node, as the other one reaches it. */
  readonly address: string;
  /** The way in as an administrator. */
  readonly login: Endpoint;
  readonly required: readonly RequiredSetting[];
}

export interface SetupOptions {
  readonly targets: readonly [SetupTarget, SetupTarget];
  readonly writer: string;
  readonly port: number;
  readonly admin: { readonly user: string; readonly password: string };
  readonly replication: { readonly user: string; readonly password: string };
  readonly schema: string;
}

export interface SetupSession {
  readonly plan: SetupPlan;
  /** Takes the plan's steps in order; `told` hears of each before it is taken. Throws OperatorError. */
  perform(told: (step: SetupStep) => void): Promise<void>;
  close(): void;
}

const STATEMENT_MS_MAX = 10_000;
const RECEIVER_MS_MAX = 15_000;
const CATCH_UP_MS_MAX = 3_600_000;
const HEARTBEAT_S = 0.2;

const authPlugins = { unix_socket: () => () => Buffer.alloc(0) };

function loginRefused(target: SetupTarget, error: DatabaseError): OperatorError {
  const { user, socketPath } = target.login;
  if (error.code === 'access-denied') {
    return new OperatorError(
      'admin-refused',
      `the server of ${target.name} refuses the administrator ${user}: ${error.message}`,
      socketPath === undefined
        ? 'name another with --admin-user, and its password with --admin-password-file; or, on that host, its socket with --admin-socket NODE=PATH'
        : `run as the system user that ${user} logs in as (root, for root), or name another with --admin-user`,
    );
  }
  if (error.code === 'privilege') {
    return new OperatorError(
      'admin-privilege',
      `the administrator ${user} may not do this on ${target.name}: ${error.message}`,
      'use an account with ALL PRIVILEGES and GRANT OPTION, such as root, for setup only',
    );
  }
  return new OperatorError(
    'server-unreachable',
    `the server of ${target.name} cannot be set up: ${error.message}`,
    `check that it runs and listens at ${whereOf(target.login)}; --admin-socket ${target.name}=PATH reaches it on its own host`,
  );
}

async function told<T>(target: SetupTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DatabaseError ? loginRefused(target, error) : error;
  }
}

/** Looks at both servers and plans. Changes nothing. */
export async function openSetup(options: SetupOptions): Promise<SetupSession> {
  const [a, b] = options.targets;
  const connect = (target: SetupTarget) =>
    new HeldConnection({ endpoint: { ...target.login, authPlugins }, onTimeout: 'discard' });
  const connections = new Map([a, b].map((target) => [target.name, connect(target)] as const));
  const close = (): void => {
    for (const connection of connections.values()) connection.close();
  };
  try {
    const input = await observe(options, connections);
    return { plan: planSetup(input), perform: (tell) => perform(options, connections, input, tell), close };
  } catch (error) {
    close();
    throw error;
  }
}

async function observe(
  options: SetupOptions,
  connections: ReadonlyMap<string, HeldConnection>,
): Promise<SetupInput> {
  const [a, b] = options.targets;
  const wanted: Wanted = {
    admin: options.admin,
    replication: options.replication,
    schema: options.schema,
    hosts: ['localhost', '127.0.0.1', '::1', a.address, b.address],
  };
  const look = async (target: SetupTarget) => {
    const connection = connectionOf(connections, target.name);
    const names = target.required.map((each) => each.name);
    const seen = await told(target, () => observeServer(connection, wanted, names));
    return { name: target.name, address: target.address, required: target.required, seen };
  };
  let nodes = [await look(a), await look(b)] as const;
  // Only then can nothing else tell whether the data are the same.
  if (
    nodes.every((node) => positionsOf(node).executed === '') &&
    nodes.every((node) => node.seen.tables.length > 0)
  ) {
    const [first, second] = nodes;
    const both = first.seen.tables.filter((table) => second.seen.tables.includes(table));
    const sums = async (node: typeof first) => ({
      ...node,
      seen: { ...node.seen, checksums: await readChecksums(connectionOf(connections, node.name), both) },
    });
    nodes = [await sums(first), await sums(second)];
  }
  return {
    nodes: [nodes[0], nodes[1]],
    writer: options.writer,
    port: options.port,
    replicationUser: options.replication.user,
    heartbeatS: HEARTBEAT_S,
  };
}

function connectionOf(connections: ReadonlyMap<string, HeldConnection>, node: string): HeldConnection {
  const connection = connections.get(node);
  if (connection === undefined) throw new Error(`no connection to ${node}`);
  return connection;
}

const quote = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

async function perform(
  options: SetupOptions,
  connections: ReadonlyMap<string, HeldConnection>,
  input: SetupInput,
  tell: (step: SetupStep) => void,
): Promise<void> {
  const plan = planSetup(input);
  if (!plan.ok) throw new Error('setup is refused: there is nothing to perform');
  const databases = new Map(
    options.targets.map((target) => [
      target.name,
      openMariadb({ ...target.login, authPlugins, role: 'peer', schema: options.schema }),
    ]),
  );
  try {
    for (const step of plan.steps) {
      tell(step);
      const target = options.targets.find((each) => each.name === step.node);
      const database = databases.get(step.node);
      if (target === undefined || database === undefined) throw new Error(`no node ${step.node}`);
      await told(target, () => take(step, options, connectionOf(connections, step.node), database));
      if (step.kind === 'start') await confirmRunning(step.node, input, database, options);
    }
  } finally {
    for (const database of databases.values()) database.close();
  }
}

async function take(
  step: SetupStep,
  options: SetupOptions,
  connection: HeldConnection,
  database: MariadbDatabase,
): Promise<void> {
  switch (step.kind) {
    case 'account':
      await connection.query(
        `SET SESSION sql_log_bin = 0; ${step.sql}; SET SESSION sql_log_bin = 1`,
        STATEMENT_MS_MAX,
      );
      return;
    case 'position':
      await connection.query(`SET GLOBAL gtid_slave_pos = ${quote(step.gtid)}`, STATEMENT_MS_MAX);
      return;
    case 'channel':
      // What was received over the old settings is applied before they change.
      await database.stopReceiving(STATEMENT_MS_MAX);
      await database.drain(CATCH_UP_MS_MAX);
      await connection.query(
        `STOP SLAVE; CHANGE MASTER TO MASTER_HOST = ${quote(step.host)}, MASTER_PORT = ${step.port},
         MASTER_USER = ${quote(step.user)}, MASTER_PASSWORD = ${quote(options.replication.password)},
         MASTER_USE_GTID = slave_pos, MASTER_HEARTBEAT_PERIOD = ${HEARTBEAT_S}, MASTER_CONNECT_RETRY = 1`,
        STATEMENT_MS_MAX,
      );
      return;
    case 'start':
      await database.startChannel(STATEMENT_MS_MAX);
      return;
  }
}

function channelFails(node: string, because: string): OperatorError {
  const number = Number(/\(error (\d+)\)$/.exec(because)?.[1] ?? 0);
  const hint =
    number === 1045
      ? 'the replication password on the source differs from mysql.replication.passwordFile: run setup with the same file on both hosts'
      : number === 1236
        ? 'the source does not have the position that this node asks for; `SELECT @@gtid_binlog_state` on both shows what differs'
        : 'check that the nodes reach each other at mysql.port (bind_address, firewall), then run setup again';
  return new OperatorError(
    'channel-fails',
    `the replication channel of ${node} does not run: ${because}`,
    hint,
  );
}

/** The channel runs, and a node that lagged has caught up before the other one starts. */
async function confirmRunning(
  node: string,
  input: SetupInput,
  database: MariadbDatabase,
  options: SetupOptions,
): Promise<void> {
  const deadline = performance.now() + RECEIVER_MS_MAX;
  for (;;) {
    const { channel } = await database.status(STATEMENT_MS_MAX);
    if (channel?.receiver === 'running' && channel.applier === 'running') break;
    const failed = channel?.applierError ?? channel?.receiverError ?? null;
    if (performance.now() > deadline || (failed !== null && channel?.receiver === 'stopped'))
      throw channelFails(node, failed ?? 'the source does not answer');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const peer = input.nodes.find((each) => each.name !== node);
  const target = options.targets.find((each) => each.name === node);
  if (peer === undefined || target === undefined) return;
  await told(target, () => database.waitFor(positionsOf(peer).executed, CATCH_UP_MS_MAX));
}
