// MySQL's CLONE plugin: the server of this host fetches the copy itself, into a folder beside its data directory, and goes on
// meanwhile. The account's password travels in the statement, which the server keeps out of its logs.

import { chownSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '../../core/error.ts';
import type { Endpoint } from '../database/connection.ts';
import { rowsOf } from '../database/rows.ts';
import type { Owner } from './disk.ts';
import { openPlain } from './login.ts';
import type { Watcher } from './receive.ts';

const STATEMENT_MS_MAX = 10_000;
/** A copy takes as long as it takes; the plugin itself gives up a donor that is silent for five minutes. */
const CLONE_MS_MAX = 7 * 24 * 3_600_000;
const POLL_MS = 250;
const MIB = 1024 * 1024;

const quote = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** What an earlier one, broken off, still does in the server. */
async function endEarlier(ask: (sql: string) => Promise<readonly Record<string, unknown>[]>): Promise<void> {
  for (;;) {
    const [running] = await ask(
      "SELECT PID AS id FROM performance_schema.clone_status WHERE STATE = 'In Progress'",
    );
    if (running === undefined) return;
    await ask(`KILL ${Number(running['id'])}`).catch(() => undefined);
    await sleep(POLL_MS);
  }
}

/** The server makes its folder itself, and may not write beside its data directory: it does so in here. */
export const byServer = (fresh: string): string => `${fresh}.by-server`;

export async function receiveByPlugin(options: {
  readonly own: Endpoint;
  readonly donor: Endpoint;
  readonly bytesPerS: number | null;
  readonly fresh: string;
  readonly datadir: string;
  readonly owner: Owner;
  readonly keepsUuid: boolean;
  readonly watch: Watcher;
}): Promise<void> {
  const { own, donor, fresh, owner, watch } = options;
  const parent = byServer(fresh);
  const orders = openPlain(own);
  const asks = openPlain(own);
  const ask = async (sql: string) => rowsOf(await asks.query(sql, STATEMENT_MS_MAX));
  let done = false;
  try {
    await endEarlier(ask);
    await Promise.all([fresh, parent].map((each) => rm(each, { recursive: true, force: true })));
    mkdirSync(parent, { mode: 0o700 });
    chownSync(parent, owner.uid, owner.gid);
    const rate = options.bytesPerS === null ? 0 : Math.max(1, Math.round(options.bytesPerS / MIB));
    await asks.query(
      `SET GLOBAL clone_valid_donor_list = ${quote(`${donor.host}:${donor.port}`)};
       SET GLOBAL clone_max_data_bandwidth = ${rate}; SET GLOBAL clone_max_network_bandwidth = ${rate}`,
      STATEMENT_MS_MAX,
    );
    const cloning = orders
      .query(
        `CLONE INSTANCE FROM ${quote(donor.user)}@${quote(donor.host)}:${donor.port} IDENTIFIED BY ${quote(donor.password)}
         DATA DIRECTORY = ${quote(join(parent, 'data'))}`,
        CLONE_MS_MAX,
      )
      .finally(() => {
        done = true;
      });
    cloning.catch(() => undefined);
    while (!done) {
      await sleep(POLL_MS);
      const [sum] = await ask(
        'SELECT SUM(DATA) AS bytes, SUM(ESTIMATE) AS total FROM performance_schema.clone_progress',
      );
      watch.begun(Number(sum?.['total'] ?? 0) || null);
      watch.bytes(Number(sum?.['bytes'] ?? 0));
    }
    await cloning;
  } catch (error) {
    await endEarlier(ask).catch(() => undefined);
    throw new OperatorError(
      'clone-plugin-failed',
      `the CLONE plugin did not bring the copy: ${(error as Error).message}`,
      'mend what it names, then run it again; or use --method dump',
    );
  } finally {
    orders.close();
    asks.close();
  }
  renameSync(join(parent, 'data'), fresh);
  rmSync(parent, { recursive: true, force: true });
  const uuid = join(options.datadir, 'auto.cnf');
  // The node keeps its name in the history; unless transactions under that name are forgotten, whose numbers would be given again.
  if (options.keepsUuid && existsSync(uuid)) copyFileSync(uuid, join(fresh, 'auto.cnf'));
}
