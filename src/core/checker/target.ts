// What one checker looks at: made of the configuration, carried out by io/checkers (a file a kind), named in the log. Plain data.

/** Where and how a checker connects. */
export interface Connection {
  readonly address: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** The local end: bindto, bind_port, bind_if. */
  readonly bindAddress: string | null;
  readonly bindPort: number | null;
  readonly bindInterface: string | null;
  /** Of every packet sent (SO_MARK). */
  readonly firewallMark: number | null;
}

export interface HttpUrl {
  readonly path: string;
  /** MD5 of the body, in hexadecimal; several: one of them. Empty: any body will do. */
  readonly digests: readonly string[];
  /** Ranges, both ends included. */
  readonly statusCodes: readonly (readonly [from: number, to: number])[];
  /** The Host header; null: the address. */
  readonly virtualHost: string | null;
  readonly pattern: {
    /** Of JavaScript. */
    readonly source: string;
    readonly flags: string;
    /** A match is a failure. */
    readonly negated: boolean;
    /** Where in the body a match may begin. */
    readonly minOffset: number;
    readonly maxOffset: number | null;
  } | null;
}

export interface TlsClient {
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
  readonly caFile: string | null;
  readonly password: string | null;
}

export interface MysqlTarget {
  readonly kind: 'MYSQL_CHECK';
  readonly connection: Connection;
  readonly user: string;
  /** null: an account without a password. */
  readonly passwordFile: string | null;
  readonly query: string;
  /** `threads`: applying must work; a source that cannot be reached is no failure of this server. `connected`: that too. */
  readonly replication: 'ignored' | 'threads' | 'connected';
  readonly lagSecondsMax: number | null;
  readonly requireWritable: boolean;
  readonly tls: { readonly mode: 'preferred' | 'required' | 'verify'; readonly caFile: string | null } | null;
}

export interface UdpTarget {
  readonly kind: 'UDP_CHECK';
  readonly connection: Connection;
  /** null: 32 random bytes. */
  readonly payload: readonly number[] | null;
  readonly reply: {
    readonly bytes: readonly number[];
    /** Which bits of each of these bytes count. */
    readonly mask: readonly number[];
    readonly minBytes: number;
    readonly maxBytes: number;
  } | null;
}

export interface HttpTarget {
  readonly kind: 'HTTP_GET' | 'SSL_GET';
  readonly connection: Connection;
  readonly version: '1.0' | '1.0C' | '1.1';
  readonly urls: readonly HttpUrl[];
  /** Names the virtual host in the TLS handshake. */
  readonly sni: boolean;
  readonly tls: TlsClient;
}

export interface MiscTarget {
  readonly kind: 'MISC_CHECK';
  readonly command: readonly string[];
  readonly user: string | null;
  readonly group: string | null;
  readonly timeoutMs: number;
  /** An exit status from 2 to 255 sets the weight to two less. */
  readonly dynamic: boolean;
}

export interface FileTarget {
  readonly kind: 'FILE_CHECK';
  /** Of the track_file block. */
  readonly name: string;
  readonly file: string;
  /** 0: any number but 0 is a failure. Otherwise the number times this is added to the server's weight. */
  readonly factor: number;
}

export type CheckTarget =
  | { readonly kind: 'TCP_CHECK'; readonly connection: Connection }
  | { readonly kind: 'PING_CHECK'; readonly connection: Connection }
  | { readonly kind: 'SMTP_CHECK'; readonly connection: Connection; readonly helo: string }
  | {
      readonly kind: 'DNS_CHECK';
      readonly connection: Connection;
      readonly type: DnsType;
      readonly name: string;
    }
  | UdpTarget
  | HttpTarget
  | MiscTarget
  | FileTarget
  | MysqlTarget;

export type CheckKind = CheckTarget['kind'];

export const DNS_TYPES = ['A', 'NS', 'CNAME', 'SOA', 'MX', 'TXT', 'AAAA'] as const;
export type DnsType = (typeof DNS_TYPES)[number];

/** What a look found. */
export type Verdict =
  | {
      readonly ok: true;
      /** A MISC_CHECK with misc_dynamic: what it says the weight is to be; null: as it is. */
      readonly weight: number | null;
    }
  | {
      readonly ok: false;
      /** Continues "TCP connection to X ...": `failed` or `timeout`, or a whole reason. */
      readonly because: string;
      /** Nothing came before the deadline. */
      readonly late: boolean;
    };

export const PASSED: Verdict = { ok: true, weight: null };
