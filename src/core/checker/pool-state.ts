// The words of the pool machine (pool.ts): what a virtual server is made of, its state, what happens to it, and what it answers.

export type Forwarding =
  | { readonly method: 'NAT' | 'DR' }
  | {
      readonly method: 'TUN';
      readonly tunnel: 'ipip' | 'gue' | 'gre';
      /** Of gue. */
      readonly port: number;
      readonly checksum: 'nocsum' | 'csum' | 'remcsum';
    };

export interface Destination {
  readonly address: string;
  /** 0: the port that the client asked for. */
  readonly port: number;
  readonly forwarding: Forwarding;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
}

export interface Rule extends Destination {
  readonly weight: number;
}

export type RuleAction =
  | { readonly kind: 'add-rule'; readonly rule: Rule }
  | { readonly kind: 'edit-rule'; readonly rule: Rule }
  | { readonly kind: 'remove-rule'; readonly rule: Rule };

const WEIGHT_MAX = 2_147_483_647;

export const weigh = (sum: number): number => Math.min(WEIGHT_MAX, Math.max(0, Math.trunc(sum)));

export interface RealServer {
  /** `[10.0.0.1]:tcp:3306`. */
  readonly name: string;
  readonly weight: number;
  /** A failure sets the weight to 0 instead of removing the server. */
  readonly inhibit: boolean;
  readonly mail: boolean;
  readonly checkers: readonly { readonly id: string; readonly alpha: boolean }[];
  readonly destination: Destination;
}

export interface SorryServer {
  readonly name: string;
  /** Always there, with weight 0 while it is not needed. */
  readonly inhibit: boolean;
  readonly destination: Destination;
}

export interface PoolSettings {
  /** `[192.0.2.100]:tcp:3306`, `FWM 3` or `[group]:0`. */
  readonly name: string;
  readonly quorum: number;
  readonly hysteresis: number;
  /** Its notify scripts run at the end too. */
  readonly omega: boolean;
  /** rs_init_notifies: notify_up of servers that count as alive from the start. */
  readonly initNotifies: boolean;
  readonly mail: boolean;
  /** A mail for each checker that changes its word; otherwise only for servers. */
  readonly checkerMails: boolean;
  readonly servers: readonly RealServer[];
  readonly sorry: SorryServer | null;
}

export interface ServerState {
  readonly alive: boolean;
  /** The checkers that say no. */
  readonly failed: readonly string[];
  /** What each checker adds to the weight. */
  readonly shares: Readonly<Record<string, number>>;
}

export interface PoolState {
  readonly phase: 'new' | 'running' | 'stopped';
  readonly settings: PoolSettings;
  readonly servers: Readonly<Record<string, ServerState>>;
  readonly quorumUp: boolean;
  readonly sorryInUse: boolean;
}

export type PoolEvent =
  | { readonly kind: 'start' }
  | {
      readonly kind: 'judged';
      readonly server: string;
      readonly checker: string;
      readonly up: boolean;
      readonly first: boolean;
      /** Of the mail: `=> TCP CHECK failed on service <=`. */
      readonly words: string;
    }
  | {
      readonly kind: 'weighted';
      readonly server: string;
      readonly checker: string;
      /** Added to the configured weight, instead of what this checker added before. */
      readonly share: number;
    }
  | { readonly kind: 'reload'; readonly settings: PoolSettings }
  /** `removed`: a reload took the virtual server away; its scripts run in any case. */
  | { readonly kind: 'stop'; readonly removed: boolean };

export type PoolAction =
  | RuleAction
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'notify-server'; readonly server: string; readonly up: boolean }
  | {
      readonly kind: 'mail-server';
      readonly server: string;
      readonly up: boolean;
      readonly words: string;
    }
  | {
      readonly kind: 'notify-quorum';
      readonly up: boolean;
      /** Of the mail; null: none. */
      readonly words: string | null;
    };

export type PoolStep = readonly [PoolState, readonly PoolAction[]];

export const newPool = (settings: PoolSettings): PoolState => ({
  phase: 'new',
  settings,
  servers: {},
  quorumUp: false,
  sorryInUse: false,
});

/** The weight that counts: configured, and what checkers add to it. */
export function effectiveWeight(server: RealServer, state: ServerState | undefined): number {
  const sum = Object.values(state?.shares ?? {}).reduce((a, b) => a + b, server.weight);
  return weigh(sum);
}

export function aliveWeight({ settings, servers }: PoolState): number {
  return settings.servers
    .filter((s) => servers[s.name]?.alive)
    .reduce((sum, s) => sum + effectiveWeight(s, servers[s.name]), 0);
}
