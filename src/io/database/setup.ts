// Set-up carried out: looks at two servers as an administrator, lets core/pair/setup.ts decide, and takes the steps.
// Accounts, schema and table are made with sql_log_bin=0 on each server: they are the same on both and belong to no history.

import { OperatorError } from '../../core/error.ts';
import type { ServerKind } from '../../core/family.ts';
import { planSetup, type SetupPlan, type SetupStep } from '../../core/pair/setup.ts';
import type { RequiredSetting, SetupInput, SetupNode } from '../../core/pair/setup-facts.ts';
import { settlePlaces } from '../../core/pair/setup-places.ts';
import { type Database, DatabaseError } from '../../runtime/ports.ts';
import { type Endpoint, HeldConnection, type TlsOptions, whereOf } from './connection.ts';
import { openDatabase } from './open.ts';
import { askerOf, type SetupFamily } from './setup-family.ts';
import { type KnownServer, knownServer } from './setup-known.ts';
import { observeServer, readChecksums, tablesOf, type Wanted } from './setup-observe.ts';
import { socketLogin } from './socketlogin.ts';

export type { SetupPlan, SetupStep } from '../../core/pair/setup.ts';
export type { Refusal, RequiredSetting } from '../../core/pair/setup-facts.ts';

export interface SetupTarget {
  readonly name: string;
  /** Of the node, as the other one reaches it. */
  readonly address: string;
  /** The way in as an administrator. */
  readonly login: Endpoint;
  /** What its my.cnf must say. May throw OperatorError: such a server cannot do what the pair is configured for. */
  readonly required: (kind: ServerKind) => readonly RequiredSetting[];
}

export interface SetupOptions {
  readonly targets: readonly [SetupTarget, SetupTarget];
  readonly writer: string;
  readonly port: number;
  readonly admin: { readonly user: string; readonly password: string };
  readonly replication: { readonly user: string; readonly password: string };
  readonly schema: string;
  /** Further hosts that read the binary log with the replication account: the archive's. */
  readonly readers: readonly string[];
  /** `binlog`: channels by file and position are right as they are. */
  readonly positioning: 'gtid' | 'binlog';
  /** Of the channels; null: none. */
  readonly tls: TlsOptions | null;
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

/** A server that is to be a node, and the administrator's way in. */
interface Site {
  readonly target: SetupTarget;
  readonly connection: HeldConnection;
  readonly known: KnownServer;
}

type Sites = ReadonlyMap<string, Site>;

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
  const connections: HeldConnection[] = [];
  const close = (): void => {
    for (const connection of connections) connection.close();
  };
  try {
    const sites = new Map<string, Site>();
    for (const target of options.targets) {
      const connection = new HeldConnection({
        endpoint: { ...target.login, authPlugins: socketLogin },
        onTimeout: 'discard',
      });
      connections.push(connection);
      const known = await told(target, () => knownServer(connection));
      sites.set(target.name, { target, connection, known });
    }
    const input = await observe(options, sites);
    return { plan: planSetup(input), perform: (tell) => perform(options, sites, input, tell), close };
  } catch (error) {
    close();
    throw error;
  }
}

function siteOf(sites: Sites, node: string): Site {
  const site = sites.get(node);
  if (site === undefined) throw new Error(`no connection to ${node}`);
  return site;
}

async function observe(options: SetupOptions, sites: Sites): Promise<SetupInput> {
  const [a, b] = options.targets;
  const wanted: Wanted = {
    admin: options.admin,
    replication: options.replication,
    schema: options.schema,
    hosts: ['localhost', '127.0.0.1', '::1', a.address, b.address],
    readers: options.readers,
  };
  const look = async (target: SetupTarget): Promise<SetupNode> => {
    const { connection, known } = siteOf(sites, target.name);
    const required = target.required(known.kind);
    const names = required.map((each) => each.name);
    const seen = await told(target, () => observeServer(connection, known, wanted, names));
    return { name: target.name, address: target.address, required, seen };
  };
  let nodes = settlePlaces([await look(a), await look(b)]);
  // Only then can nothing else tell whether the data are the same.
  if (nodes.every(({ seen }) => seen.executed === '' && seen.tables.length > 0)) {
    const [first, second] = nodes;
    const both = first.seen.tables.filter((table) => second.seen.tables.includes(table));
    const sums = async (node: SetupNode): Promise<SetupNode> => {
      const checksums = await readChecksums(siteOf(sites, node.name).connection, both);
      return { ...node, seen: { ...node.seen, checksums } };
    };
    nodes = [await sums(first), await sums(second)];
  }
  return {
    nodes: [nodes[0], nodes[1]],
    writer: options.writer,
    port: options.port,
    replicationUser: options.replication.user,
    heartbeatS: HEARTBEAT_S,
    positioning: options.positioning,
  };
}

async function perform(
  options: SetupOptions,
  sites: Sites,
  input: SetupInput,
  tell: (step: SetupStep) => void,
): Promise<void> {
  const plan = planSetup(input);
  if (!plan.ok) throw new Error('setup is refused: there is nothing to perform');
  const databases = new Map(
    options.targets.map((target) => [
      target.name,
      openDatabase({ ...target.login, authPlugins: socketLogin, role: 'peer', schema: options.schema }),
    ]),
  );
  try {
    for (const step of plan.steps) {
      tell(step);
      const site = siteOf(sites, step.node);
      const database = databases.get(step.node);
      if (database === undefined) throw new Error(`no node ${step.node}`);
      await told(site.target, () => take(step, options, sites, site, database));
      if (step.kind !== 'start') continue;
      const compared = plan.steps.find((each) => each.kind === 'compare' && each.node === step.node);
      await confirmRunning(site, input, database).catch(async (error: unknown) => {
        if (!(error instanceof DatabaseError)) throw error;
        if (error.code !== 'applier-stopped') throw loginRefused(site.target, error);
        if (compared?.kind !== 'compare') throw channelFails(step.node, error.message);
        await site.connection.query(site.known.family.removeChannel, STATEMENT_MS_MAX);
        throw olderThanLog(step.node, compared.with, error.message);
      });
    }
  } finally {
    for (const database of databases.values()) database.close();
  }
}

async function take(
  step: SetupStep,
  options: SetupOptions,
  sites: Sites,
  { connection, known: { family } }: Site,
  database: Database,
): Promise<void> {
  switch (step.kind) {
    case 'account':
      await family.change(connection, step.sql);
      return;
    case 'position':
      await connection.query(
        family.fetchFrom(await standstill(step.gtid, connection, family, database)),
        STATEMENT_MS_MAX,
      );
      return;
    case 'channel': {
      // What was received over the old settings is applied before they change.
      if ((await database.status(STATEMENT_MS_MAX)).channel !== null) {
        await database.stopReceiving(STATEMENT_MS_MAX);
        await database.drain(CATCH_UP_MS_MAX);
      }
      const { host, port, user, place } = step;
      const { password } = options.replication;
      const asked = { host, port, user, password, heartbeatS: HEARTBEAT_S, tls: options.tls };
      // The applier has nothing left to do: it stands still.
      const from = place === 'where it stands' ? await family.standsAt?.(askerOf(connection)) : place;
      const wanted = from === undefined ? asked : { ...asked, place: from };
      await connection.query(family.makeChannel(wanted), STATEMENT_MS_MAX);
      return;
    }
    case 'start':
      await database.startChannel(STATEMENT_MS_MAX);
      return;
    case 'compare':
      await compare(siteOf(sites, step.node), siteOf(sites, step.with), options.schema);
      return;
  }
}

/** What the node holds once its channel, which may run by half, is through with what it received: it moves on while it applies. */
async function standstill(
  seen: string,
  connection: HeldConnection,
  family: SetupFamily,
  database: Database,
): Promise<string> {
  const { channel } = await database.status(STATEMENT_MS_MAX);
  if (channel === null || channel.applier !== 'running') return seen;
  await database.stopReceiving(STATEMENT_MS_MAX);
  await database.drain(CATCH_UP_MS_MAX);
  await connection.query(family.stopChannel, STATEMENT_MS_MAX);
  return (await family.facts(askerOf(connection))).executed;
}

/** The node has fetched the other's whole binary log: it must have come to the same data by it. */
async function compare(copy: Site, original: Site, schema: string): Promise<void> {
  const [theirs, ours] = await Promise.all(
    [original, copy].map(({ connection }) => tablesOf(askerOf(connection), schema)),
  );
  const missing = (theirs ?? []).filter((table) => !ours?.includes(table));
  const both = (theirs ?? []).filter((table) => ours?.includes(table));
  const [right, copied] = await Promise.all([
    readChecksums(original.connection, both),
    readChecksums(copy.connection, both),
  ]);
  const differing = both.filter((table) => right?.[table] !== copied?.[table]);
  if (missing.length === 0 && differing.length === 0) return;
  // Without a channel no agent takes it for a standby.
  await copy.connection.query(copy.known.family.removeChannel, STATEMENT_MS_MAX);
  const [node, from] = [copy.target.name, original.target.name];
  const sentences = [
    ...(missing.length > 0 ? [`${missing.slice(0, 8).join(', ')} did not come`] : []),
    ...(differing.length > 0 ? [`${differing.slice(0, 8).join(', ')} came with other rows`] : []),
  ];
  throw olderThanLog(node, from, sentences.join('; '));
}

const olderThanLog = (node: string, from: string, because: string): OperatorError =>
  new OperatorError(
    'data-differ',
    `${node} reads the whole binary log of ${from}, and it does not hold all of its data: ${because}. The channel of ${node} was removed again`,
    `the data of ${from} are older than its binary log. Make ${node} a copy of it: twinkeep clone --from ${from}, on ${node}; then run setup again`,
  );

const CHANNEL_HINTS: Readonly<Record<number, string>> = {
  1045: 'the replication password on the source differs from mysql.replication.passwordFile: run setup with the same file on both hosts',
  1236: 'the source does not have the position that this node asks for; `SELECT @@gtid_binlog_state` (MySQL: `SELECT @@gtid_executed, @@gtid_purged`) on both shows what differs',
  2026: 'TLS could not be agreed on: does the source have a certificate (ssl_cert, ssl_key), signed by the authority of mysql.tls.caFile, and may the server of this node read that file?',
  2059: "this server's plugin_dir lacks the client's half of the account's authentication plugin (Debian keeps MariaDB's in /usr/lib/x86_64-linux-gnu/libmariadb3/plugin): link it there, or give the replication account mysql_native_password",
};

function channelFails(node: string, because: string): OperatorError {
  const number = Number(/\(error (\d+)\)$/.exec(because)?.[1] ?? 0);
  const hint =
    CHANNEL_HINTS[number] ??
    'check that the nodes reach each other at mysql.port (bind_address, firewall), then run setup again';
  return new OperatorError(
    'channel-fails',
    `the replication channel of ${node} does not run: ${because}`,
    hint,
  );
}

/** The channel runs, and a node that lagged has caught up before the other one starts. */
async function confirmRunning({ target }: Site, input: SetupInput, database: Database): Promise<void> {
  const deadline = performance.now() + RECEIVER_MS_MAX;
  for (;;) {
    const { channel } = await database.status(STATEMENT_MS_MAX);
    if (channel?.receiver === 'running' && channel.applier === 'running') break;
    if (channel?.applier === 'stopped' && channel.applierError !== null)
      throw new DatabaseError('applier-stopped', channel.applierError);
    const failed = channel?.applierError ?? channel?.receiverError ?? null;
    if (performance.now() > deadline || (failed !== null && channel?.receiver === 'stopped'))
      throw channelFails(target.name, failed ?? 'the source does not answer');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const peer = input.nodes.find((each) => each.name !== target.name);
  if (peer === undefined) return;
  await database.waitFor(peer.seen.executed, CATCH_UP_MS_MAX);
}
