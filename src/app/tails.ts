// The manager's part in tails (asynchronous pairs): as the node whose server fell, gives what its binary log has and the other node
// lacks; as the node that takes over, fetches that from there or from the archive, and applies it.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiUrl, bracketed, listensEverywhere } from '../config/apiurl.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import { familyOf } from '../core/family.ts';
import { TRANSACTIONS_HEADER } from '../io/archive/serve.ts';
import type { Tail } from '../io/archive/tail.ts';
import { type Endpoint, HeldConnection } from '../io/database/connection.ts';
import { rowsOf, text } from '../io/database/rows.ts';
import type { Database } from '../runtime/ports.ts';

export interface TailsOptions {
  readonly config: PairConfig;
  readonly peer: NodeConfig;
  /** The state folder of this node. */
  readonly folder: string;
  /** Of the agent's account at its own server. */
  readonly login: Endpoint;
  readonly own: Database;
  readonly token: () => string;
  /** The peer's manager can be asked. */
  readonly peerLives: () => boolean;
  readonly say: (level: 'info' | 'warn', code: string, because: string) => void;
}

export interface Tails {
  /** The server has come up: where it keeps its binary log is asked now, it may not answer later. */
  remember(): void;
  give(after: string): Promise<Tail | null>;
  /** Never rejects; what could not be had is said. */
  take(epoch: number, deadlineMs: number): Promise<void>;
}

const ASK_MS_MAX = 2000;
/** Loaded when it is first needed: a lossless pair never does. */
const reading = () => import('../io/archive/tail.ts');

interface Place {
  readonly what: string;
  readonly url: string;
}

export function openTails(options: TailsOptions): Tails {
  const { config, peer, say } = options;
  let indexFile: string | null = null;

  function places(): Place[] {
    const { archive } = config;
    const there: Place[] = [];
    // Where api.listen names one address, that may be this host's own.
    if (options.peerLives() && listensEverywhere(config))
      there.push({ what: `the files of ${peer.name}`, url: apiUrl(config, peer, '') });
    if (archive !== null)
      there.push({ what: 'the archive', url: `http://${bracketed(archive.host)}:${archive.port}` });
    return there;
  }

  async function fetchTail(
    place: Place,
    after: string,
    epoch: number,
    limitMs: number,
  ): Promise<Tail | null> {
    const query = new URLSearchParams({ after, node: peer.name, epoch: String(epoch) });
    const response = await fetch(`${place.url}/api/v1/tail?${query}`, {
      headers: { authorization: `Bearer ${options.token()}` },
      signal: AbortSignal.timeout(limitMs),
    });
    if (response.status === 204) return null;
    if (response.status === 200) {
      const log = Buffer.from(await response.arrayBuffer());
      return { transactions: Number(response.headers.get(TRANSACTIONS_HEADER) ?? 0), log };
    }
    const body = (await response.json().catch(() => null)) as { error?: { message?: string } } | null;
    throw new Error(body?.error?.message ?? `it answers with ${response.status}`);
  }

  async function apply(tail: Tail, deadlineMs: number): Promise<void> {
    const status = await options.own.status(deadlineMs);
    const { applyTail } = await reading();
    const family = familyOf(status.version) === 'mariadb' ? 'mariadb' : 'mysql';
    const file = join(options.folder, 'tail.binlog');
    writeFileSync(file, tail.log, { mode: 0o600 });
    const connection = new HeldConnection({ endpoint: options.login, onTimeout: 'discard' });
    try {
      // Nobody writes under super_read_only but the applier; with read_only alone the clients stay out.
      if (familyOf(status.version) === 'mysql')
        await connection.query('SET GLOBAL super_read_only = OFF', deadlineMs);
      await applyTail(family, file, connection, deadlineMs);
    } finally {
      connection.close();
      rmSync(file, { force: true });
    }
  }

  async function takeFrom(place: Place, epoch: number, endMs: number): Promise<string> {
    const left = (): number => Math.max(1, Math.round(endMs - performance.now()));
    const { executedGtid } = await options.own.status(left());
    const tail = await fetchTail(place, executedGtid, epoch, left());
    if (tail === null) return `${place.what}: nothing is missing here`;
    await apply(tail, left());
    return `${place.what}: ${tail.transactions} transactions that ${peer.name} had committed and that were not received here are applied`;
  }

  return {
    remember() {
      if (config.mysql.durability !== 'async') return;
      const connection = new HeldConnection({ endpoint: options.login, onTimeout: 'discard' });
      connection
        .query('SELECT @@log_bin_index AS file', ASK_MS_MAX)
        .then((result) => {
          const file = text(rowsOf(result)[0]?.['file']);
          indexFile = file === '' ? null : file;
        })
        .catch(() => undefined)
        .finally(() => connection.close());
    },
    async give(after) {
      if (indexFile === null)
        throw new OperatorError(
          'tail-unknown',
          'where the server keeps its binary log was never asked: it has not answered since this manager started',
          'read its files with `twinkeep salvage take --from-files DIR`',
        );
      try {
        const { cutTail, listedIn } = await reading();
        return await cutTail(await listedIn(indexFile), after);
      } catch (error) {
        if (error instanceof OperatorError) throw error;
        throw new OperatorError(
          'tail-unreadable',
          `the binary log of this host's server cannot be read: ${(error as Error).message}`,
          'the account of the agent must be able to read it: add it to the group mysql',
        );
      }
    },
    async take(epoch, deadlineMs) {
      const endMs = performance.now() + deadlineMs;
      const failures: string[] = [];
      for (const place of places()) {
        try {
          say('info', 'tail', await takeFrom(place, epoch, endMs));
          return;
        } catch (error) {
          failures.push(`${place.what}: ${(error as Error).message}`);
        }
      }
      const why =
        failures.length === 0 ? 'neither its agent nor an archive can be asked' : failures.join('; ');
      say(
        'warn',
        'tail-missing',
        `what ${peer.name} had committed and this node not received could not be fetched (${why}): it is salvaged when ${peer.name} comes back`,
      );
    },
  };
}
