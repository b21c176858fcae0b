// The donor's side of a line: tells what it has, and gives a copy. Runs in the manager of the node that is copied, or by hand as
// root (`twinkeep clone --donate`) where the manager's account may not read the server's files.

import { accessSync, constants } from 'node:fs';
import { type Method, methods } from '../../core/clone/journal.ts';
import type { Against, DonorFacts } from '../../core/clone/plan.ts';
import { OperatorError } from '../../core/error.ts';
import type { Endpoint } from '../database/connection.ts';
import { rowsOf } from '../database/rows.ts';
import { type Given, giveBackup } from './backup.ts';
import type { Line, Received } from './channel.ts';
import { bytesOf } from './disk.ts';
import { giveDump } from './dump.ts';
import { type Login, loginFor, openPlain } from './login.ts';
import { throttleTo } from './throttle.ts';
import { toolsMissing } from './tools.ts';

export interface DonorOptions {
  readonly name: string;
  /** The agent's account, at its own server. */
  readonly admin: Endpoint;
  /** The role of this node now. */
  readonly role: () => string;
  readonly say: (level: 'info' | 'warn', code: string, because: string) => void;
}

/** What the receiver sends. */
export interface Ask {
  readonly kind: 'facts' | Method;
  readonly bytesPerS: number | null;
}

const STATEMENT_MS_MAX = 5000;

interface Server {
  readonly family: 'mariadb' | 'mysql';
  readonly version: string;
  readonly datadir: string;
  readonly history: string;
  readonly executed: string;
  readonly clonePlugin: boolean;
}

async function look(admin: Endpoint): Promise<Server> {
  const connection = openPlain(admin);
  const ask = async (sql: string) => rowsOf(await connection.query(sql, STATEMENT_MS_MAX))[0] ?? {};
  try {
    const base = await ask('SELECT VERSION() AS version, @@datadir AS datadir');
    const version = String(base['version']);
    const family = version.includes('MariaDB') ? 'mariadb' : 'mysql';
    const gtids =
      family === 'mariadb'
        ? 'SELECT @@gtid_binlog_state AS history, @@gtid_binlog_pos AS executed'
        : 'SELECT @@GLOBAL.gtid_executed AS history, @@GLOBAL.gtid_executed AS executed';
    const { history, executed } = await ask(gtids);
    const plugin =
      family === 'mariadb'
        ? {}
        : await ask(
            "SELECT PLUGIN_STATUS AS status FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'clone'",
          );
    return {
      family,
      version,
      datadir: String(base['datadir']).replace(/\/$/, ''),
      history: String(history ?? '').replaceAll('\n', ''),
      executed: String(executed ?? '').replaceAll('\n', ''),
      clonePlugin: plugin['status'] === 'ACTIVE',
    };
  } finally {
    connection.close();
  }
}

function unreadable(datadir: string): Against | null {
  try {
    accessSync(datadir, constants.R_OK | constants.X_OK);
    return null;
  } catch {
    return {
      code: 'donor-may-not-read',
      because: `the agent's account may not read ${datadir}, and mariadb-backup copies the files in it`,
      lift: 'run `sudo twinkeep clone --donate` on that host meanwhile; or let the agent read it (group mysql and a data directory that the group reads, or CAP_DAC_READ_SEARCH); or use --method dump',
    };
  }
}

async function why(method: Method, server: Server, options: DonorOptions): Promise<Against | null> {
  const tools = toolsMissing(method, 'donor', server.family, options.name);
  if (tools !== null) return tools;
  if (method === 'clone-plugin' && !server.clonePlugin) {
    return {
      code: 'clone-plugin-off',
      because: `the CLONE plugin is not loaded on ${options.name}`,
      lift: "plugin_load_add = mysql_clone.so in my.cnf, or INSTALL PLUGIN clone SONAME 'mysql_clone.so'",
    };
  }
  if (method === 'backup') {
    const files = unreadable(server.datadir);
    if (files !== null) return files;
  }
  const login = await loginFor(method, server.family, options.admin);
  return 'endpoint' in login ? null : login;
}

async function factsOf(options: DonorOptions): Promise<DonorFacts> {
  const server = await look(options.admin);
  const found = await Promise.all(methods.map((method) => why(method, server, options)));
  return {
    name: options.name,
    role: options.role(),
    family: server.family,
    version: server.version,
    dataBytes: await bytesOf(server.datadir),
    history: server.history,
    executed: server.executed,
    methods: Object.fromEntries(
      methods.map((method, i) => [method, found[i] ?? null]),
    ) as DonorFacts['methods'],
  };
}

async function give(ask: Ask & { kind: Method }, line: Line, options: DonorOptions): Promise<void> {
  const before = await look(options.admin);
  const against = await why(ask.kind, before, options);
  if (against !== null) throw new OperatorError(against.code, against.because, against.lift);
  if (options.role() !== 'writing') {
    const hint = 'see `twinkeep status`; clone from the node that is the writer';
    throw new OperatorError('donor-not-writer', `${options.name} is ${options.role()}, not the writer`, hint);
  }
  const login = (await loginFor(ask.kind, before.family, options.admin)) as Login;
  const throttle = throttleTo(ask.bytesPerS);
  line.send({ kind: 'begin', bytesTotal: await bytesOf(before.datadir), history: before.history });
  const onStage = (stage: string): void => line.send({ kind: 'stage', stage });
  let given: Given;
  if (ask.kind === 'backup') given = await giveBackup(login, before.datadir, line, throttle, onStage);
  else given = await giveDump(login, before.family, line, throttle);
  const after = await look(options.admin);
  line.send({ kind: 'end', ...given, history: after.history });
}

async function asked(line: Line): Promise<Ask | null> {
  const { value } = (await line.received()[Symbol.asyncIterator]().next()) as { value: Received | undefined };
  if (value?.kind !== 'word') return null;
  const { kind, bytesPerS } = value.word;
  const known = kind === 'facts' || kind === 'backup' || kind === 'dump';
  if (!known || !(bytesPerS === null || (typeof bytesPerS === 'number' && bytesPerS > 0))) return null;
  return { kind, bytesPerS };
}

/** Answers one request, then ends the line. */
export async function serveDonor(line: Line, options: DonorOptions): Promise<void> {
  try {
    const ask = await asked(line);
    if (ask === null) {
      const hint = 'run the same version of twinkeep on both hosts';
      throw new OperatorError('clone-request', 'this request is not understood', hint);
    }
    if (ask.kind === 'facts') line.send({ kind: 'facts', facts: await factsOf(options) });
    else {
      options.say('info', 'clone-given', `${options.name} gives a copy of its data (${ask.kind})`);
      await give({ ...ask, kind: ask.kind }, line, options);
      options.say('info', 'clone-given', `${options.name} has given a copy of its data`);
    }
  } catch (error) {
    const known = error instanceof OperatorError;
    const code = known ? error.code : 'donor-failed';
    const message = (error as Error).message;
    options.say('warn', code, `no copy is given: ${message}`);
    const hint = known ? error.hint : `see the log of ${options.name}`;
    line.send({ kind: 'failed', code, message: `${options.name}: ${message}`, hint });
  }
  line.end();
}
