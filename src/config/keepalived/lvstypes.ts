// Virtual servers, real servers and checkers as the rest of the program sees them: defaults and inheritance filled in, odd values
// made even as the C daemon does it. Made by servers.ts and the lvs*.ts beside it; part of KeepalivedConfig.
import type { Forwarding } from '../../core/checker/pool-state.ts';
import type { CheckTarget } from '../../core/checker/target.ts';
import type { Service, SyncDaemon, Timeouts } from '../../core/netlink/ipvs.ts';
import type { Script } from './spec.ts';
import type { Place } from './text.ts';

export interface CheckerConfig {
  readonly kind: string;
  readonly at: Place;
  readonly connectAddress: string | null;
  readonly connectPort: number | null;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly delayBeforeRetryMs: number;
  readonly intervalMs: number;
  readonly warmupMs: number;
  /** true: counts as down until its first success. */
  readonly startsDown: boolean;
  readonly logAllFailures: boolean;
  readonly fastRecovery: boolean;
  readonly script: Script | null;
  /** What it looks at, complete. */
  readonly target: CheckTarget;
}

export interface RealServerConfig {
  /** `[10.0.0.1]:tcp:3306`. */
  readonly name: string;
  readonly address: string;
  readonly port: number | null;
  readonly at: Place;
  readonly weight: number;
  readonly forwarding: Forwarding;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  readonly notifyUp: Script | null;
  readonly notifyDown: Script | null;
  readonly inhibitOnFailure: boolean;
  readonly mail: boolean;
  readonly checkers: readonly CheckerConfig[];
}

export interface SorryServerConfig {
  readonly name: string;
  readonly address: string;
  readonly port: number | null;
  readonly inhibit: boolean;
  readonly forwarding: Forwarding;
}

export interface VirtualServerConfig {
  /** `[192.0.2.100]:tcp:3306`, `FWM 3` or `[group]:0`. */
  readonly name: string;
  /** `192.0.2.100`, `fwmark 3` or `group name`. */
  readonly address: string;
  readonly port: number | null;
  readonly at: Place;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  /** What the kernel is to have for it: one, or one for each entry of its group. */
  readonly services: readonly Service[];
  readonly quorum: number;
  readonly hysteresis: number;
  readonly quorumUp: Script | null;
  readonly quorumDown: Script | null;
  readonly omega: boolean;
  /** Checks rest while the host does not hold this address. */
  readonly suspendWithout: string | null;
  readonly mail: boolean;
  readonly sorry: SorryServerConfig | null;
  readonly realServers: readonly RealServerConfig[];
}

/** lvs_sync_daemon: with `instance`, master or backup as that VRRP instance is; without, both. */
export interface SyncDaemonConfig extends Omit<SyncDaemon, 'state'> {
  readonly instance: string | null;
}

/** What global_defs says to the checkers. */
export interface LvsGlobalConfig {
  readonly syncDaemon: SyncDaemonConfig | null;
  readonly timeouts: Timeouts | null;
  /** Rules that are there at the start go, whoever made them. */
  readonly flush: boolean;
  /** At the end all rules go at once. */
  readonly flushOnStop: boolean;
  readonly logAllFailures: boolean;
  /** rs_init_notifies. */
  readonly initNotifies: boolean;
  /** A mail for each checker that changes its word. */
  readonly checkerMails: boolean;
}
