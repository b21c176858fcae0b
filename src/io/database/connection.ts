// One held connection to a server, opened when it is first needed and again after a loss. Every call ends within its
// deadline. connections.ts holds those of an adapter.
import { readFileSync } from 'node:fs';
import { connect as openSocket, type Socket } from 'node:net';
import { authPlugins } from 'mysql2';
import mysql, { type Connection } from 'mysql2/promise';
import { DatabaseError } from '../../runtime/ports.ts';
import { ed25519Signature } from './ed25519.ts';
import { toDatabaseError } from './errors.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Preferred to host and port. */
  readonly socketPath?: string;
  /** MariaDB's extra_port: tried when the server is out of connections. */
  readonly extraPort?: number;
  readonly user: string;
  readonly password: string;
  /** Asked at each log-in instead: the password may have been changed meanwhile (`twinkeep rotate`). */
  readonly passwordNow?: () => string;
  /** Where the extra port is, when it is elsewhere: MySQL's admin_address. Default: `host`. */
  readonly extraHost?: string;
  /** Null or absent: no TLS. Never over a unix socket. */
  readonly tls?: TlsOptions | null;
  /** Further authentication plugins of the client, by name; set-up logs in through the unix socket with one. */
  readonly authPlugins?: mysql.ConnectionOptions['authPlugins'];
}

export interface TlsOptions {
  /** `preferred`: where the server offers it. `verify`: and its certificate is signed by the authority of `caFile`. */
  readonly mode: 'preferred' | 'required' | 'verify';
  readonly caFile: string | null;
}

/** As the statements that make a channel name it; the server of the other node reads the file. */
export const tlsFiles = (tls: TlsOptions | null): { readonly ca: string; readonly verify: boolean } => ({
  ca: tls?.caFile ?? '',
  verify: tls?.mode === 'verify',
});

export interface HeldConnectionOptions {
  readonly endpoint: Endpoint;
  /**
   * A statement that outlives its deadline. `discard`: the connection is given up, and the next call opens another.
   * `keep`: the statement stays under way, and the next call waits for it first: a server that hangs must not fill up
   * with our connections.
   */
  readonly onTimeout: 'discard' | 'keep';
  /** How long a kept statement may stay under way before its connection is given up; default 10 s. */
  readonly keptMsMax?: number;
  /** One statement that sets each new session; default: SESSION. */
  readonly session?: string;
  /** The socket closed without our doing; called at once. */
  readonly onClosed?: (because: string) => void;
}

const KEPT_MS_MAX = 10_000;

/** Understood by every family; each adds its own limit on a statement's time. */
export const SESSION = `SET SESSION autocommit = 1, sql_mode = '', wait_timeout = 31536000, interactive_timeout = 31536000,
 lock_wait_timeout = 5, innodb_lock_wait_timeout = 5, time_zone = '+00:00'`;

const { caching_sha2_password: cachingSha2 } = authPlugins;

export const whereOf = (endpoint: Endpoint): string =>
  endpoint.socketPath ?? `${endpoint.host}:${endpoint.port}`;

/** Resolves or rejects with `promise`, or rejects with code 'timeout'. */
export async function within<T>(promise: Promise<T>, deadlineMs: number, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DatabaseError('timeout', what())), Math.max(0, deadlineMs));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

interface Opened {
  readonly connection: Connection;
  readonly socket: Socket;
}

function sslOf(tls: TlsOptions): mysql.SslOptions {
  // Most servers have a certificate of their own making, for no name at all.
  if (tls.mode !== 'verify') return { rejectUnauthorized: false };
  return {
    rejectUnauthorized: true,
    verifyIdentity: false,
    ...(tls.caFile === null ? {} : { ca: readFileSync(tls.caFile) }),
  };
}

/** How the client library is to log in: every authentication plugin that our accounts may have, TLS. */
export function loginOf(
  endpoint: Pick<Endpoint, 'host' | 'user' | 'password' | 'passwordNow' | 'authPlugins'>,
  tls: TlsOptions | null,
  byPath = false,
): mysql.ConnectionOptions {
  const password = endpoint.passwordNow?.() ?? endpoint.password;
  return {
    user: endpoint.user,
    password,
    host: endpoint.host,
    ...(tls === null || byPath ? {} : { ssl: sslOf(tls) }),
    authPlugins: {
      // Over its unix socket MySQL wants the password as it is; the library asks it for a public key first, unless told.
      ...(byPath ? { caching_sha2_password: cachingSha2({ overrideIsSecure: true }) } : {}),
      client_ed25519: () => (scramble: Buffer) => ed25519Signature(password, scramble.subarray(0, 32)),
      ...endpoint.authPlugins,
    },
  };
}

async function handshake(
  endpoint: Endpoint,
  deadlineMs: number,
  extra: boolean,
  tls: TlsOptions | null,
): Promise<Opened> {
  const byPath = !extra && endpoint.socketPath !== undefined;
  const socket =
    byPath && endpoint.socketPath !== undefined
      ? openSocket({ path: endpoint.socketPath })
      : openSocket({
          host: extra ? (endpoint.extraHost ?? endpoint.host) : endpoint.host,
          port: extra ? (endpoint.extraPort ?? endpoint.port) : endpoint.port,
          noDelay: true,
          keepAlive: true,
          keepAliveInitialDelay: 1000,
        });
  try {
    const made = mysql.createConnection({
      stream: () => socket,
      ...loginOf(endpoint, tls, byPath),
      multipleStatements: true,
      dateStrings: true,
      supportBigNumbers: true,
    });
    // A handshake that fails after its deadline has nobody left to tell.
    made.catch(() => undefined);
    const connection = await within(
      made,
      deadlineMs,
      () => `${whereOf(endpoint)}: no handshake within ${deadlineMs} ms`,
    );
    // Losses are told by the socket's close event, and to the statement under way.
    connection.on('error', () => undefined);
    return { connection, socket };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

export class HeldConnection {
  readonly #options: HeldConnectionOptions;
  #opened: Opened | null = null;
  #opening: Promise<Opened> | null = null;
  /** The statement that outlived its deadline, and since when it is under way. */
  #kept: { readonly done: Promise<void>; readonly sinceMs: number } | null = null;
  #closed = false;
  #underWay = 0;

  constructor(options: HeldConnectionOptions) {
    this.#options = options;
  }

  get endpoint(): Endpoint {
    return this.#options.endpoint;
  }

  /** Of the server's session; null while there is none. */
  get threadId(): number | null {
    return this.#opened?.connection.threadId ?? null;
  }

  /** The rows of one statement, or of several an array each, as the client library gives them. */
  async query(sql: string, deadlineMs: number): Promise<unknown> {
    const startedMs = performance.now();
    const leftMs = () => deadlineMs - (performance.now() - startedMs);
    await this.#settleKept(leftMs());
    const { connection } = await this.#open(leftMs());
    const { endpoint, onTimeout, onClosed } = this.#options;
    this.#underWay += 1;
    const answer = connection.query(sql).then(([rows]) => rows as unknown);
    const done = answer.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await within(answer, leftMs(), () => `${whereOf(endpoint)}: no answer within ${deadlineMs} ms`);
    } catch (error) {
      const failure = toDatabaseError(error, whereOf(endpoint));
      const ours = error instanceof DatabaseError && error.code === 'timeout';
      if (ours && onTimeout === 'discard') this.discard();
      else if (ours) this.#keep(done);
      // It answers that it shuts down, or is offline: it waits for its connections to go.
      if (failure.code === 'down' && this.#opened?.connection === connection) {
        this.discard();
        onClosed?.(failure.message);
      }
      throw failure;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** As `discard`, unless a statement is under way. */
  discardIdle(): void {
    if (this.#underWay === 0 && this.#kept === null) this.discard();
  }

  /** Ends the connection from our side; the next call opens another. */
  discard(): void {
    const opened = this.#opened;
    this.#opened = null;
    this.#kept = null;
    if (opened === null) return;
    opened.connection.destroy();
    opened.socket.destroy();
  }

  close(): void {
    this.#closed = true;
    this.discard();
  }

  #keep(done: Promise<void>): void {
    const kept = { done, sinceMs: performance.now() };
    this.#kept = kept;
    void done.then(() => {
      if (this.#kept === kept) this.#kept = null;
    });
  }

  async #settleKept(deadlineMs: number): Promise<void> {
    const kept = this.#kept;
    if (kept === null) return;
    if (performance.now() - kept.sinceMs > (this.#options.keptMsMax ?? KEPT_MS_MAX)) {
      this.discard();
      return;
    }
    await within(
      kept.done,
      deadlineMs,
      () => `${whereOf(this.#options.endpoint)}: an earlier statement is still unanswered`,
    );
  }

  async #open(deadlineMs: number): Promise<Opened> {
    if (this.#opened !== null) return this.#opened;
    if (this.#closed) throw new DatabaseError('down', 'the connection was closed by us');
    this.#opening ??= this.#connect(deadlineMs).finally(() => {
      this.#opening = null;
    });
    const { endpoint } = this.#options;
    return within(
      this.#opening,
      deadlineMs,
      () => `${whereOf(endpoint)}: no connection within ${deadlineMs} ms`,
    );
  }

  async #connect(deadlineMs: number): Promise<Opened> {
    const { endpoint, onClosed } = this.#options;
    const opened = await this.#anyPort(deadlineMs);
    opened.socket.once('close', () => {
      if (this.#opened !== opened) return;
      this.#opened = null;
      this.#kept = null;
      onClosed?.(`${whereOf(endpoint)} closed the connection`);
    });
    if (this.#closed || opened.socket.destroyed) {
      opened.connection.destroy();
      throw new DatabaseError('down', `${whereOf(endpoint)} closed the connection`);
    }
    this.#opened = opened;
    return opened;
  }

  async #anyPort(deadlineMs: number): Promise<Opened> {
    const { endpoint } = this.#options;
    try {
      return await this.#login(deadlineMs, false);
    } catch (error) {
      const failure = toDatabaseError(error, whereOf(endpoint));
      if (failure.code !== 'too-many-connections' || endpoint.extraPort === undefined) throw failure;
    }
    try {
      return await this.#login(deadlineMs, true);
    } catch (error) {
      const failure = toDatabaseError(error, `${endpoint.host}:${endpoint.extraPort} (extra port)`);
      throw new DatabaseError(
        'too-many-connections',
        `${whereOf(endpoint)}: out of connections, and the extra port is no help: ${failure.message}`,
      );
    }
  }

  async #shake(deadlineMs: number, extra: boolean): Promise<Opened> {
    const { endpoint } = this.#options;
    const tls = endpoint.tls ?? null;
    try {
      return await handshake(endpoint, deadlineMs, extra, tls);
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (tls?.mode !== 'preferred' || code !== 'HANDSHAKE_NO_SSL_SUPPORT') throw error;
      return await handshake(endpoint, deadlineMs, extra, null);
    }
  }

  async #login(deadlineMs: number, extra: boolean): Promise<Opened> {
    const opened = await this.#shake(deadlineMs, extra);
    try {
      await within(
        opened.connection.query(this.#options.session ?? SESSION),
        deadlineMs,
        () =>
          `${whereOf(this.#options.endpoint)}: no answer to the session's settings within ${deadlineMs} ms`,
      );
      return opened;
    } catch (error) {
      opened.connection.destroy();
      throw error;
    }
  }
}
