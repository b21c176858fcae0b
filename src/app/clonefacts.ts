// What `twinkeep clone` finds on the host that is to be overwritten: its server, its data directory, its tools. Changes nothing.

import { existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { PairConfig } from '../config/types.ts';
import { methods } from '../core/clone/journal.ts';
import type { DonorFacts, ReceiverFacts } from '../core/clone/plan.ts';
import { OperatorError } from '../core/error.ts';
import { bytesFree, isMountPoint } from '../io/clone/disk.ts';
import { openPlain } from '../io/clone/login.ts';
import { salvagedGtids } from '../io/clone/salvaged.ts';
import { toolsMissing } from '../io/clone/tools.ts';
import type { Endpoint } from '../io/database/connection.ts';
import { openDatabase } from '../io/database/open.ts';
import { rowsOf } from '../io/database/rows.ts';

const STATEMENT_MS_MAX = 5000;

/** By these, files of a server may lie outside its data directory. */
const PATHS = [
  'log_bin_basename',
  'relay_log_basename',
  'innodb_log_group_home_dir',
  'innodb_data_home_dir',
  'innodb_undo_directory',
];

export interface LocalServer {
  readonly status: NonNullable<ReceiverFacts['server']>;
  readonly datadir: string;
  readonly outside: readonly string[];
  readonly clonePlugin: boolean;
}

const isInside = (path: string, datadir: string): boolean =>
  path === '' || !path.startsWith('/') || `${path}/`.startsWith(`${datadir}/`);

async function settingsOf(admin: Endpoint) {
  const connection = openPlain(admin);
  try {
    const names = ['datadir', ...PATHS].map((name) => `'${name}'`).join(', ');
    const sql = `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`;
    const rows = rowsOf(await connection.query(sql, STATEMENT_MS_MAX));
    const values = new Map(rows.map((row) => [String(row['Variable_name']), String(row['Value'])]));
    const datadir = (values.get('datadir') ?? '').replace(/\/+$/, '');
    const outside = PATHS.filter((name) => !isInside(values.get(name) ?? '', datadir));
    const plugins =
      "SELECT 1 FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'clone' AND PLUGIN_STATUS = 'ACTIVE'";
    const clonePlugin = rowsOf(await connection.query(plugins, STATEMENT_MS_MAX)).length > 0;
    return { datadir, outside, clonePlugin };
  } finally {
    connection.close();
  }
}

/** Null: it does not answer. */
export async function lookAtServer(admin: Endpoint, schema: string): Promise<LocalServer | null> {
  const database = openDatabase({ ...admin, role: 'local', schema });
  try {
    const status = await database.status(STATEMENT_MS_MAX);
    const { version, history, executedGtid, channel } = status;
    const family = version.toLowerCase().includes('mariadb') ? 'mariadb' : 'mysql';
    const received = channel?.receivedGtid ?? '';
    const known = { family, version, history, executed: executedGtid, received } as const;
    return { status: known, ...(await settingsOf(admin)) };
  } catch (error) {
    if ((error as { code?: string }).code === 'down') return null;
    const hint = 'mend that first; or stop the server, and name its data directory with --datadir';
    throw new OperatorError(
      'own-server',
      `the server of this host cannot be asked: ${(error as Error).message}`,
      hint,
    );
  } finally {
    database.close();
  }
}

/** The data directory with no links in its path, so that it can be moved. */
export function dataDirectory(server: LocalServer | null, given: string | undefined): string {
  const datadir = given ?? server?.datadir;
  if (datadir === undefined || datadir === '') {
    const hint = 'name it with --datadir DIR (datadir in my.cnf)';
    throw new OperatorError(
      'datadir-unknown',
      'the server does not answer, so its data directory is not known',
      hint,
    );
  }
  if (!existsSync(datadir)) {
    const hint =
      'name the right one with --datadir DIR; an empty folder will do for a server that never had data';
    throw new OperatorError('datadir-missing', `there is no data directory ${datadir}`, hint);
  }
  return realpathSync(datadir);
}

export function receiverFacts(options: {
  readonly config: PairConfig;
  readonly name: string;
  readonly role: string;
  readonly server: LocalServer | null;
  readonly datadir: string;
  readonly folder: string;
  readonly donor: DonorFacts;
}): ReceiverFacts {
  const { name, role, server, datadir, donor } = options;
  const { family } = donor;
  const lacks = methods.map((method) => {
    if (method === 'clone-plugin' && family === 'mysql' && server?.clonePlugin !== true) {
      const because = `the CLONE plugin is not loaded on ${name}, or its server is down`;
      const lift =
        "plugin_load_add = mysql_clone.so in my.cnf, or INSTALL PLUGIN clone SONAME 'mysql_clone.so'";
      return { code: 'clone-plugin-off', because, lift };
    }
    return toolsMissing(method, 'receiver', family, name);
  });
  return {
    name,
    role,
    server: server?.status ?? null,
    salvaged: salvagedGtids(options.folder),
    datadir,
    bytesFree: bytesFree(dirname(datadir)),
    isRoot: process.getuid?.() === 0,
    isMountPoint: isMountPoint(datadir),
    outside: server?.outside ?? [],
    methods: Object.fromEntries(
      methods.map((method, i) => [method, lacks[i] ?? null]),
    ) as ReceiverFacts['methods'],
  };
}
