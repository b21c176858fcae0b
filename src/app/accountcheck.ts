// Whether the agent's account, and the replication account, have the privileges that they need, as they log in from here to both
// servers. A missing one is an event, and a warning of `status` until it is granted.
import type { PairConfig } from '../config/types.ts';
import { kindOf } from '../core/family.ts';
import type { Reason } from '../core/pair/reason.ts';
import { type Endpoint, HeldConnection } from '../io/database/connection.ts';
import { checkGrants, grantsFor, type MissingGrant } from '../io/database/grants.ts';
import { rowsOf, text } from '../io/database/rows.ts';
import { DatabaseError } from '../runtime/ports.ts';

type Which = 'own' | 'peer';

export interface AccountCheck {
  check(which: Which): void;
  peerPath(path: string): void;
  warnings(): readonly Reason[];
}

const ASK_MS_MAX = 3_000;
/** What was missing is looked at again, so that the warning ends when it is granted. */
const AGAIN_MS = 5_000;

export function openAccountCheck(
  config: PairConfig,
  ends: { readonly own: Endpoint; readonly peer: Endpoint; readonly replication: Endpoint },
  schema: string,
  say: (level: 'info' | 'warn' | 'error', code: string, because: string) => void,
): AccountCheck {
  const found = new Map<Which, readonly Reason[]>();
  const busy = new Set<Which>();
  let peerPath = '';

  async function look(which: Which): Promise<void> {
    busy.add(which);
    try {
      const reasons = await reasonsAt(which);
      const before = new Set((found.get(which) ?? []).map((each) => each.because + each.lift));
      for (const { code, because, lift } of reasons)
        if (!before.has(because + lift)) say('warn', code, `${because}: ${lift}`);
      if (reasons.length === 0 && before.size > 0)
        say('info', 'grants-complete', `the accounts have what they need on the ${which} server`);
      found.set(which, reasons);
      if (reasons.length > 0) setTimeout(() => check(which), AGAIN_MS).unref();
    } catch (error) {
      // A server that is away is told of by others, and checked when it is back.
      if (!(error instanceof DatabaseError)) say('warn', 'grants-not-checked', (error as Error).message);
    } finally {
      busy.delete(which);
    }
  }

  async function reasonsAt(which: Which): Promise<Reason[]> {
    const connection = new HeldConnection({ endpoint: ends[which], onTimeout: 'discard' });
    try {
      const [row] = rowsOf(await connection.query('SELECT @@version AS version', ASK_MS_MAX));
      const kind = kindOf(text(row?.['version']));
      if (kind === null) return [];
      const wanted = grantsFor(kind, schema);
      const missing = await checkGrants(connection, wanted.admin, ASK_MS_MAX);
      const lacking = which === 'own' ? await withoutSemiSync(connection) : [];
      const replication = which === 'own' ? [] : await replicationMissing(wanted.replication);
      return [...[...missing, ...replication].map(asReason), ...lacking];
    } finally {
      connection.close();
    }
  }

  /** As the channel logs in: from here to the peer. */
  async function replicationMissing(
    wanted: Parameters<typeof checkGrants>[1],
  ): Promise<readonly MissingGrant[]> {
    const connection = new HeldConnection({ endpoint: ends.replication, onTimeout: 'discard' });
    try {
      return await checkGrants(connection, wanted, ASK_MS_MAX);
    } finally {
      connection.close();
    }
  }

  async function withoutSemiSync(connection: HeldConnection): Promise<Reason[]> {
    if (config.mysql.durability === 'async') return [];
    const rows = rowsOf(
      await connection.query("SHOW GLOBAL VARIABLES LIKE 'rpl\\_semi\\_sync\\_%\\_enabled'", ASK_MS_MAX),
    );
    if (rows.length > 0) return [];
    return [
      {
        code: 'semi-sync-missing',
        because:
          'the server has no semi-sync: a failover may lose the last commits that clients were told of',
        lift: 'load its plugins (plugin_load_add in my.cnf), or set mysql.durability: async and know what it costs',
      },
    ];
  }

  function check(which: Which): void {
    if (!busy.has(which)) void look(which);
  }
  return {
    check,
    peerPath(path) {
      if (path === 'answers' && peerPath !== 'answers') check('peer');
      peerPath = path;
    },
    warnings: () => [...found.values()].flat(),
  };
}

const asReason = ({ privilege, statement, because }: MissingGrant): Reason => ({
  code: 'grant-missing',
  because: `an account of the agent lacks ${privilege} (${because})`,
  lift: `an administrator runs: ${statement}`,
});
