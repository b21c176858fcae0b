// `twinkeep rotate`: new passwords for the agent's and the replication account, on both servers, in both hosts' files and in the
// channels, while everything runs. Broken off anywhere, either password works; run again, it goes on where it was.
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { Argument, type Command } from 'commander';
import { passwordAbout } from '../app/passworddesk.ts';
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import type { ServerKind } from '../core/family.ts';
import { type Endpoint, HeldConnection } from '../io/database/connection.ts';
import { openDatabase } from '../io/database/open.ts';
import {
  accountsNamed,
  changeChannelPassword,
  changesByReplication,
  eitherWorks,
  type HeldAccount,
  kindAt,
  onlyNew,
  performOnAccounts,
} from '../io/database/rotate.ts';
import { writeSecretFile } from '../io/secret/file.ts';
import { seal } from '../io/secret/sealed.ts';
import { type Database, DatabaseError } from '../runtime/ports.ts';
import { type AdministratorOptions, administratorOf, withAdministrator } from './administrator.ts';
import { accepted, askNode } from './api.ts';
import { painter } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';

interface Options extends AdministratorOptions {
  readonly config?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

type Account = 'admin' | 'replication';

const STATUS_MS_MAX = 5_000;
const PASSWORD_MS_MAX = 15_000;
const CATCH_UP_MS_MAX = 60_000;

/** One server, with an administrator logged in. */
interface Site {
  readonly node: NodeConfig;
  readonly kind: ServerKind;
  readonly connection: HeldConnection;
  readonly database: Database;
  readonly readOnly: boolean;
}

const fileOf = (config: PairConfig, account: Account): string =>
  account === 'admin' ? config.mysql.admin.passwordFile : config.mysql.replication.passwordFile;
const userOf = (config: PairConfig, account: Account): string =>
  account === 'admin' ? config.mysql.admin.user : config.mysql.replication.user;
/** Holds the new password until it is everywhere. */
const pendingOf = (config: PairConfig, account: Account): string => `${fileOf(config, account)}.new`;

async function rotate(which: Account | 'all', options: Options): Promise<void> {
  const config = requirePair(options.config, options.json === true);
  const accounts: Account[] = which === 'all' ? ['replication', 'admin'] : [which];
  const steps: string[] = [];
  const paint = painter(process.stdout);
  const told = (what: string): void => {
    steps.push(what);
    if (!options.json) process.stdout.write(`${options.dryRun ? 'would' : paint('green', '•')} ${what}\n`);
  };
  if (accounts.includes('replication') && config.replicas.length > 0 && !options.json) {
    const names = config.replicas.map((each) => each.name).join(', ');
    process.stderr.write(
      `warning: the channels of the replicas ${names} are not changed: give each the new password (CHANGE MASTER TO MASTER_PASSWORD)\n`,
    );
  }
  const sites = await openSites(config, options);
  try {
    await requireAgents(config);
    await requireWholeChannels(sites);
    for (const account of accounts) await rotateOne(config, account, sites, options.dryRun === true, told);
  } catch (error) {
    throw error instanceof DatabaseError ? broken(error) : error;
  } finally {
    for (const { connection, database } of sites) {
      connection.close();
      database.close();
    }
  }
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ changed: options.dryRun !== true, accounts, steps }, null, 2)}\n`,
    );
  } else if (!options.dryRun) {
    process.stdout.write(
      `${paint('green', 'done:')} ${accounts.join(' and ')} of pair ${config.pair}: only the new password is taken\n`,
    );
  }
}

const broken = (error: DatabaseError): OperatorError =>
  new OperatorError(
    'rotate-broken-off',
    `a server does not do its part: ${error.message}`,
    'the old password and the new one are both taken meanwhile; mend what it says and run rotate again: it goes on where it was',
  );

async function openSites(config: PairConfig, options: Options): Promise<Site[]> {
  const logins = config.nodes.map((node) => ({ node, login: administratorOf(config, node, options) }));
  const without = logins.find(({ login }) => login === null);
  if (without !== undefined) {
    throw new OperatorError(
      'admin-missing',
      `rotate needs an administrator's way into the server of ${without.node.name}, and was given none`,
      `give --admin-password-file FILE (with --admin-user, default root), or on its own host --admin-socket ${without.node.name}=PATH`,
    );
  }
  const sites: Site[] = [];
  for (const { node, login } of logins) {
    if (login === null) continue;
    sites.push(await openSite(node, login));
  }
  // The standby's channel first: its receiver proves the new password before the writer's is touched.
  return sites.sort((a, b) => Number(b.readOnly) - Number(a.readOnly));
}

async function openSite(node: NodeConfig, login: Endpoint): Promise<Site> {
  const connection = new HeldConnection({ endpoint: login, onTimeout: 'discard' });
  try {
    const kind = await kindAt(connection);
    const database = openDatabase({ ...login, role: 'peer', schema: 'twinkeep' });
    const { readOnly } = await database.status(STATUS_MS_MAX);
    return { node, kind, connection, database, readOnly };
  } catch (error) {
    connection.close();
    if (!(error instanceof DatabaseError)) throw error;
    throw new OperatorError(
      'admin-refused',
      `the administrator ${login.user} does not get into the server of ${node.name}: ${error.message}`,
      'nothing was changed; name another with --admin-user and --admin-password-file, or its socket with --admin-socket',
    );
  }
}

/** Their files are written by the agents: both must be there before anything is changed. */
async function requireAgents(config: PairConfig): Promise<void> {
  for (const node of config.nodes) accepted(await askNode(config, node, '/api/v1/pair'));
}

async function requireWholeChannels(sites: readonly Site[]): Promise<void> {
  for (const { node, database } of sites) {
    const { channel } = await database.status(STATUS_MS_MAX);
    const problem =
      channel === null ? 'it has no replication channel' : (channel.applierError ?? channel.receiverError);
    if (problem === null) continue;
    throw new OperatorError(
      'channel-broken',
      `the channel of ${node.name} is not well: ${problem}`,
      `nothing was changed; mend it first (\`twinkeep why ${node.name}\`)`,
    );
  }
}

async function rotateOne(
  config: PairConfig,
  account: Account,
  sites: readonly Site[],
  dryRun: boolean,
  told: (what: string) => void,
): Promise<void> {
  const file = fileOf(config, account);
  const pending = pendingOf(config, account);
  const user = userOf(config, account);
  const resumed = existsSync(pending);
  const old = readSecret(file, `password of the ${account} account`).value;
  // 24 bytes are 32 characters, the most that MySQL's replication channel takes as a password.
  const fresh = resumed ? readSecret(pending, 'new password').value : randomBytes(24).toString('base64url');
  const servers = sites.map(({ node }) => node.name).join(' and ');
  told(
    resumed
      ? `go on with the new password of ${user} that was begun with (${pending})`
      : `make a new password for ${user}, kept in ${pending} until it is everywhere`,
  );
  if (!dryRun && !resumed) writeSecretFile(pending, fresh);
  const onAccounts = async (statements: (kind: ServerKind, held: HeldAccount) => string[]): Promise<void> => {
    if (!dryRun) await changeAccounts(sites, user, statements);
  };
  // With the file replaced already, no login knows the old one any more.
  if (old !== fresh) {
    told(`let the servers of ${servers} take either password for ${user}`);
    await onAccounts((kind, held) => eitherWorks(kind, held, { old, fresh }, resumed));
    if (account === 'replication') await changeChannels(sites, fresh, dryRun, told);
  }
  told(`write it into ${file} on both hosts; the agents take it at their next log-in`);
  if (!dryRun) await changeFiles(config, account, fresh);
  told(`let the servers of ${servers} take only the new one for ${user}`);
  await onAccounts((kind, held) => onlyNew(kind, held, fresh));
  if (!dryRun) rmSync(pending, { force: true });
}

async function changeAccounts(
  sites: readonly Site[],
  user: string,
  statements: (kind: ServerKind, held: HeldAccount) => string[],
): Promise<void> {
  const writer = sites.find((site) => !site.readOnly);
  const replicated = sites.filter((site) => changesByReplication(site.kind));
  if (replicated.length > 0 && writer === undefined) {
    throw new OperatorError(
      'no-writer',
      'neither server is open to writes, and on MySQL an account is changed at the writer',
      'run rotate again when `twinkeep status` shows a writer',
    );
  }
  for (const site of sites) {
    const { kind, connection } = site;
    if (changesByReplication(kind) && site !== writer) continue;
    const held = await accountsNamed(connection, kind, user);
    await performOnAccounts(
      connection,
      kind,
      held.flatMap((each) => statements(kind, each)),
    );
  }
  for (const site of replicated) {
    if (site === writer || writer === undefined) continue;
    const { executedGtid } = await writer.database.status(STATUS_MS_MAX);
    await site.database.waitFor(executedGtid, CATCH_UP_MS_MAX);
  }
}

async function changeChannels(
  sites: readonly Site[],
  fresh: string,
  dryRun: boolean,
  told: (what: string) => void,
): Promise<void> {
  for (const { node, kind, connection, database } of sites) {
    told(`let the channel of ${node.name} log in with it (its receiver stops for a moment)`);
    if (!dryRun) await changeChannelPassword(node.name, kind, connection, database, fresh);
  }
}

/** The file beside this command last: as long as it holds the old password, the work is not done. */
async function changeFiles(config: PairConfig, account: Account, fresh: string): Promise<void> {
  const key = readSecret(config.secretFile, 'key of the pair').value;
  const about = passwordAbout(config.pair, account);
  for (const node of config.nodes) {
    const body = JSON.stringify({ account, sealed: seal(key, about, fresh) });
    const init = { method: 'POST', body };
    const answer = await askNode(config, node, '/api/v1/passwords', init, PASSWORD_MS_MAX);
    accepted(answer, 'the new password is not everywhere yet: ');
  }
  const file = fileOf(config, account);
  if (readSecret(file, `password of the ${account} account`).value !== fresh) writeSecretFile(file, fresh);
}

export function register(program: Command): void {
  withAdministrator(
    program
      .command('rotate')
      .description('new passwords for the accounts of the agents, without downtime')
      .addArgument(
        new Argument('[account]', 'whose password').choices(['admin', 'replication', 'all']).default('all'),
      )
      .option('-c, --config <file>', CONFIG_OPTION_HELP)
      .option('--dry-run', 'say what would be done, and do nothing')
      .option('--json', 'print { changed, accounts, steps }'),
  )
    .addHelpText(
      'after',
      `
Both agents must run: each writes its own host's file. Until the end the servers take either password (MySQL before 8.0.14 takes
one at a time: a log-in that meets the wrong one is tried again). Broken off, run it again: it goes on where it was.
Further replicas, and an archive, that use the replication account must be given the new password by hand.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

Examples:
  twinkeep rotate --admin-password-file /root/mariadb.password --dry-run
  twinkeep rotate replication --admin-socket a=/run/mysqld/mysqld.sock --admin-password-file /root/mariadb.password`,
    )
    .action(rotate);
}
