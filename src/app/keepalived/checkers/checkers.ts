// The checkers of the keepalived mode: virtual servers, their real servers, and the rules of the kernel's load balancer (IPVS).
// Called by daemon.ts on the main thread; core/checker decides, io/checkers looks, io/linux/ipvs.ts steers the kernel.
import { networkInterfaces } from 'node:os';
import type { VirtualServerConfig } from '../../../config/keepalived/lvstypes.ts';
import type { KeepalivedConfig } from '../../../config/keepalived/types.ts';
import type { Outlets } from '../outlets.ts';
import { PoolRunner } from './poolrunner.ts';
import { type SyncDaemons, startSyncDaemons } from './syncdaemon.ts';
import { openTable, type RulesTable } from './table.ts';
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

/** How often the host's addresses are looked at for ha_suspend, beside what VRRP tells. */
const ADDRESSES_EVERY_MS = 1000;

const isOwnAddress = (address: string): boolean =>
  Object.values(networkInterfaces()).some((list) => list?.some((own) => own.address === address));

/** Two virtual servers of one name but of different protocols are two. */
const keyOf = ({ name, protocol }: VirtualServerConfig): string => `${name} ${protocol}`;

export function startCheckers(first: KeepalivedConfig, outlets: Outlets, options: CheckersOptions): Checkers {
  let config = first;
  // A file without virtual servers asks nothing of the kernel.
  let table: RulesTable | null = null;
  let daemons: SyncDaemons | null = null;
  let timer: NodeJS.Timeout | undefined;
  const pools = new Map<string, PoolRunner>();
  const isUsed = (): boolean => config.virtualServers.length > 0 || config.lvs.syncDaemon !== null;

  const open = (): RulesTable => {
    if (table !== null) return table;
    table = openTable(outlets.log);
    if (config.lvs.flush) table.flush();
    daemons = startSyncDaemons(config, table.ipvs, outlets.log);
    return table;
  };
  const setTimeouts = (): void => {
    const { timeouts } = config.lvs;
    const refused = timeouts === null ? null : (table?.ipvs?.setTimeouts(timeouts) ?? null);
    if (refused !== null) outlets.log('error', `IPVS: cannot set lvs_timeouts: ${refused.message}`);
  };
  const startPool = (server: VirtualServerConfig, begin: boolean): void => {
    const holdsAddress = (address: string) => options.holdsAddress(address) || isOwnAddress(address);
    const pool = new PoolRunner(server, config, { outlets, table: open(), holdsAddress });
    pools.set(keyOf(server), pool);
    pool.start(begin);
  };
  const addressesChanged = (): void => {
    for (const pool of pools.values()) pool.addressesChanged();
  };
  const watchAddresses = (): void => {
    clearInterval(timer);
    if (config.virtualServers.some(({ suspendWithout }) => suspendWithout !== null))
      timer = setInterval(addressesChanged, ADDRESSES_EVERY_MS);
  };

  if (isUsed()) open();
  setTimeouts();
  for (const server of config.virtualServers) startPool(server, true);
  watchAddresses();

  return {
    reload(fresh) {
      const wanted = new Set(fresh.virtualServers.map(keyOf));
      for (const [key, pool] of pools) {
        if (wanted.has(key)) continue;
        outlets.log('info', `Removing Virtual Server ${pool.name}`);
        pool.stop({ removed: true, rulesStay: false });
        pools.delete(key);
      }
      config = fresh;
      if (isUsed()) open();
      setTimeouts();
      daemons?.reload(fresh);
      for (const server of fresh.virtualServers) {
        const pool = pools.get(keyOf(server));
        if (pool === undefined) startPool(server, false);
        else pool.reload(server, fresh);
      }
      watchAddresses();
    },
    instanceChanged(name, master) {
      daemons?.instanceChanged(name, master);
      addressesChanged();
    },
    async stop() {
      clearInterval(timer);
      const flush = config.lvs.flushOnStop && !options.keepIpvsOnStop;
      if (flush) table?.flush();
      for (const pool of pools.values())
        pool.stop({ removed: false, rulesStay: options.keepIpvsOnStop || flush });
      pools.clear();
      if (!options.keepIpvsOnStop) daemons?.stop();
      table?.release();
    },
    view: () => ({
      ipvs: (table?.ipvs ?? null) !== null,
      virtualServers: [...pools.values()].map((pool) => pool.view()),
    }),
  };
}
