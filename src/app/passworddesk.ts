// Takes a new password for one of the agent's accounts, as `twinkeep rotate` sends it: tried at the server, then written into its
// file. The next log-in reads it from there; sessions that are open go on.
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { type Endpoint, HeldConnection } from '../io/database/connection.ts';
import type { Passwords } from '../io/http/passwords.ts';
import { writeSecretFile } from '../io/secret/file.ts';
import { unseal } from '../io/secret/sealed.ts';
import { type Clock, DatabaseError } from '../runtime/ports.ts';
import { refuse } from './orderdesk.ts';

const LOGIN_MS_MAX = 5_000;

export const passwordAbout = (pair: string, account: string): string => `${pair} ${account}`;

export function openPasswordDesk(options: {
  readonly config: PairConfig;
  readonly self: NodeConfig;
  readonly peer: NodeConfig;
  readonly pairKey: string;
  readonly clock: Clock;
  readonly say: (level: 'info' | 'warn' | 'error', code: string, because: string) => void;
}): Passwords {
  const { config, self, peer, pairKey, clock, say } = options;
  const { mysql } = config;
  const local = { host: '127.0.0.1', ...(mysql.socket !== null ? { socketPath: mysql.socket } : {}) };
  /** Where the account logs in from here: the agent at its own server, the channel at the other one. */
  const places = {
    admin: { ...local, user: mysql.admin.user, path: mysql.admin.passwordFile },
    replication: { host: peer.address, user: mysql.replication.user, path: mysql.replication.passwordFile },
  };
  return {
    async take(account, sealed) {
      const startedMs = clock.bootMs();
      const password = unseal(pairKey, passwordAbout(config.pair, account), sealed);
      if (password === null || /[\r\n\0]/.test(password) || password === '') {
        const hint = 'secretFile must hold the same key on both hosts, and where `twinkeep rotate` runs';
        return refuse(409, 'password-unsealed', `it is not sealed with the key of pair ${config.pair}`, hint);
      }
      const { path, ...where } = places[account];
      try {
        await tryLogin({ ...where, port: mysql.port, tls: mysql.tls, password });
        writeSecretFile(path, password);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        const what =
          error instanceof DatabaseError ? 'the server does not take it' : `${path} cannot be written`;
        return refuse(
          409,
          'password-refused',
          `${self.name}: ${what}: ${error.message}`,
          'nothing was changed here',
        );
      }
      const because = `the password of the ${account} account was changed`;
      say('info', 'password-changed', because);
      return { ok: true, because, tookMs: Math.round(clock.bootMs() - startedMs) };
    },
  };
}

async function tryLogin(endpoint: Endpoint): Promise<void> {
  const connection = new HeldConnection({ endpoint, onTimeout: 'discard' });
  try {
    await connection.query('DO 1', LOGIN_MS_MAX);
  } finally {
    connection.close();
  }
}
