// The checkers of the keepalived mode: virtual servers, their real servers, and the rules of the kernel's load balancer (IPVS).
// Called by daemon.ts on the main thread; core/checker decides, io/checkers looks, io/linux/ipvs.ts steers the kernel.
import type { KeepalivedConfig } from '../../../config/keepalived/types.ts';
import type { Outlets } from '../outlets.ts';
import type { CheckersView } from './view.ts';

export interface CheckersOptions {
  /** --dont-release-ipvs: the rules stay in the kernel when the daemon stops. */
  readonly keepIpvsOnStop: boolean;
  /** -D: also what keepalived says only in detail. */
  readonly detail: boolean;
  /** Whether this host has the address now: ha_suspend. */
  holdsAddress(address: string): boolean;
}

export interface Checkers {
  /** SIGHUP: what is the same stays as it is, with its state, its rules and the connections through them. */
  reload(config: KeepalivedConfig): void;
  /** A VRRP instance became, or is no longer, master: lvs_sync_daemon follows it. */
  instanceChanged(name: string, master: boolean): void;
  /** Removes the rules (unless they are to stay) after the notifies of `omega`. */
  stop(): Promise<void>;
  view(): CheckersView;
}

export function startCheckers(
  _config: KeepalivedConfig,
  _outlets: Outlets,
  _options: CheckersOptions,
): Checkers {
  return {
    reload() {},
    instanceChanged() {},
    async stop() {},
    view: () => ({ ipvs: false, virtualServers: [] }),
  };
}
