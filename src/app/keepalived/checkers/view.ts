// What the checkers know now, for the dump files. Plain data.

export interface CheckerView {
  /** TCP_CHECK, MYSQL_CHECK, ... */
  readonly kind: string;
  /** Where it looks, e.g. `[10.0.0.1]:tcp:3306`. */
  readonly target: string;
  readonly up: boolean;
  /** false until its first result. */
  readonly hasRun: boolean;
  /** The words of its last failure; null while it succeeds. */
  readonly because: string | null;
}

export interface RealServerView {
  /** `[10.0.0.1]:tcp:3306`. */
  readonly name: string;
  readonly alive: boolean;
  /** Has a rule in the pool. */
  readonly set: boolean;
  readonly weight: number;
  readonly effectiveWeight: number;
  readonly checkers: readonly CheckerView[];
}

export interface VirtualServerView {
  /** `[192.0.2.100]:tcp:3306`, `FWM 3` or `[group]:tcp`. */
  readonly name: string;
  readonly quorumUp: boolean;
  readonly quorum: number;
  readonly hysteresis: number;
  readonly aliveWeight: number;
  readonly sorryServerInUse: boolean;
  /** ha_suspend, and this host does not hold the address. */
  readonly suspended: boolean;
  readonly realServers: readonly RealServerView[];
}

export interface CheckersView {
  /** The kernel's load balancer is there and steered. */
  readonly ipvs: boolean;
  readonly virtualServers: readonly VirtualServerView[];
}
