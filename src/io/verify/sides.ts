// Opens both servers for `twinkeep verify`, finds out which is the writer, and whether the account may see what it must.
import { OperatorError } from '../../core/error.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { type Endpoint, whereOf } from '../database/connection.ts';
import { heldPrivileges } from '../database/grants.ts';
import { text } from '../database/rows.ts';
import type { Scope } from './catalogue.ts';
import { openVerifyServer, type VerifyServer } from './server.ts';

export interface Sides {
  readonly writer: VerifyServer;
  readonly standby: VerifyServer;
  /** What this account may not see, with the grant that lets it. */
  readonly missing: readonly string[];
  close(): void;
}

type Node = { readonly name: string; readonly endpoint: Endpoint };

export async function openBoth(
  nodes: readonly [Node, Node],
  statementMsMax: number,
  scope: Scope,
): Promise<Sides> {
  const opened: VerifyServer[] = [];
  const close = (): void => {
    for (const server of opened) server.close();
  };
  try {
    for (const { name, endpoint } of nodes) opened.push(await open(name, endpoint, statementMsMax));
    const [a, b] = opened;
    if (a === undefined || b === undefined) throw new Error('a pair has two nodes');
    const missing = new Set<string>();
    for (const server of opened) for (const each of await missingFor(server, scope)) missing.add(each);
    const [aReads, bReads] = [await a.readOnly(), await b.readOnly()];
    if (aReads === bReads)
      throw new OperatorError(
        aReads ? 'no-writer' : 'two-writers',
        aReads
          ? `both servers are read-only: ${a.node} and ${b.node}`
          : `both servers are open to writes: ${a.node} and ${b.node}`,
        'rows are compared between one writer and its standby: see `twinkeep status` and `twinkeep why`',
      );
    const [writer, standby] = aReads ? [b, a] : [a, b];
    await refuseWithoutReplication(writer, standby);
    return { writer, standby, missing: [...missing], close };
  } catch (error) {
    close();
    throw error;
  }
}

async function open(node: string, endpoint: Endpoint, statementMsMax: number): Promise<VerifyServer> {
  try {
    return await openVerifyServer(node, endpoint, statementMsMax);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    if (error.code === 'access-denied')
      throw new OperatorError(
        'verify-refused',
        `the server of ${node} refuses the account ${endpoint.user}: ${error.message}`,
        'name another as mysql.verify in pair.yaml, or an administrator with --admin-password-file; it must exist for the host that this runs on',
      );
    throw new OperatorError(
      'server-unreachable',
      `the server of ${node} does not answer: ${error.message}`,
      `check that it runs and listens at ${whereOf(endpoint)}; verify needs both servers`,
    );
  }
}

/** Tables that an account may not read do not even show in its catalogue: it must be known that it sees all. */
async function missingFor(server: VerifyServer, scope: Scope): Promise<string[]> {
  const [who] = await server.read('SELECT CURRENT_USER() AS account');
  const account = text(who?.['account'])
    .split('@')
    .map((part) => `'${part}'`)
    .join('@');
  const lines = (await server.read('SHOW GRANTS')).map((row) => text(Object.values(row)[0]));
  const held = heldPrivileges(lines);
  const globally = (privilege: string): boolean =>
    held.get('*.*')?.has(privilege) === true || /GRANT ALL PRIVILEGES ON \*\.\*/.test(lines.join('\n'));
  const wanted = ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT'];
  const lacking = wanted.filter((privilege) => !globally(privilege));
  if (lacking.length === 0) return [];
  const statement = `GRANT ${wanted.join(', ')} ON *.* TO ${account};`;
  if (lacking.includes('SELECT') && scope.tables.length === 0)
    throw new OperatorError(
      'verify-grant',
      `the account ${account} may not read every table of ${server.node}, so tables could be missed`,
      `on the writer, as an administrator: ${statement} (accounts replicate); better an account of its own, named as mysql.verify in pair.yaml. Or name tables that it may read with --table`,
    );
  const kinds: Record<string, string> = { 'SHOW VIEW': 'views', TRIGGER: 'triggers', EVENT: 'events' };
  return lacking
    .filter((privilege) => kinds[privilege] !== undefined)
    .map((privilege) => `${kinds[privilege]}: ${account} lacks ${privilege} (${statement})`);
}

async function refuseWithoutReplication(writer: VerifyServer, standby: VerifyServer): Promise<void> {
  const because = await standby.applierError();
  if (because === null) return;
  throw new OperatorError(
    'standby-behind',
    `${standby.node} cannot be compared with ${writer.node}: ${because}`,
    'rows can be compared only at a standby that replicates: see `twinkeep status`, then run it again',
  );
}
