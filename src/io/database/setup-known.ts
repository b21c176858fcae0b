// Which family's words set-up speaks to a server.
import { OperatorError } from '../../core/error.ts';
import { kindOf, type ServerFamily, type ServerKind } from '../../core/family.ts';
import { type HeldConnection, whereOf } from './connection.ts';
import { text } from './rows.ts';
import { askerOf, type SetupFamily } from './setup-family.ts';
import { mariadbSetup } from './setup-mariadb.ts';
import { mysqlSetup } from './setup-mysql.ts';
import { mysql56Setup } from './setup-mysql56.ts';

const FAMILIES: Readonly<Partial<Record<ServerFamily, (kind: ServerKind) => SetupFamily>>> = {
  mariadb: () => mariadbSetup,
  mysql: mysqlSetup,
  mysql56: () => mysql56Setup,
};

export interface KnownServer {
  readonly version: string;
  readonly kind: ServerKind;
  readonly family: SetupFamily;
}

/** Throws OperatorError when this version sets no such server up. */
export async function knownServer(connection: HeldConnection): Promise<KnownServer> {
  const [row] = await askerOf(connection)('SELECT @@version AS version');
  const version = text(row?.['version']);
  const kind = kindOf(version);
  const family = kind === null ? undefined : FAMILIES[kind.family]?.(kind);
  if (kind !== null && family !== undefined) return { version, kind, family };
  throw new OperatorError(
    'server-family',
    `${whereOf(connection.endpoint)}: the server is ${version.slice(0, 60)}, which this version of twinkeep cannot set up`,
    'run MariaDB 10.11, or MySQL 5.6 or newer, on both nodes',
  );
}
