// lvs_sync_daemon: the kernel's threads that copy connections to another host. With a VRRP instance, master or backup as it is; without,
// both.
import type { KeepalivedConfig } from '../../../config/keepalived/types.ts';
import type { SyncDaemon } from '../../../core/netlink/ipvs.ts';
import type { Ipvs } from '../../../io/linux/ipvs.ts';
import type { Outlets } from '../outlets.ts';

export interface SyncDaemons {
  reload(config: KeepalivedConfig): void;
  instanceChanged(name: string, master: boolean): void;
  stop(): void;
}

type State = SyncDaemon['state'];

export function startSyncDaemons(
  first: KeepalivedConfig,
  ipvs: Ipvs | null,
  log: Outlets['log'],
): SyncDaemons {
  let config = first;
  const running = new Map<State, SyncDaemon>();

  const daemonOf = (state: State): SyncDaemon | null => {
    const { syncDaemon } = config.lvs;
    if (syncDaemon === null) return null;
    const { instance, ...rest } = syncDaemon;
    const vrid = config.instances.find(({ name }) => name === instance)?.virtualRouterId ?? 0;
    return { ...rest, state, syncId: rest.syncId < 0 ? vrid : rest.syncId };
  };
  const stopOne = (state: State): void => {
    const daemon = running.get(state);
    if (daemon === undefined || ipvs === null) return;
    running.delete(state);
    const refused = ipvs.changeDaemon('remove-daemon', daemon);
    if (refused !== null && refused.errno !== 'ESRCH')
      log('warn', `IPVS: cannot stop the sync daemon (${state}): ${refused.message}`);
  };
  const startOne = (state: State): void => {
    const daemon = daemonOf(state);
    if (daemon === null || ipvs === null || running.has(state)) return;
    let refused = ipvs.changeDaemon('new-daemon', daemon);
    if (refused?.errno === 'EEXIST') {
      // Of a former run, perhaps with other settings.
      ipvs.changeDaemon('remove-daemon', daemon);
      refused = ipvs.changeDaemon('new-daemon', daemon);
    }
    if (refused === null) running.set(state, daemon);
    else
      log(
        'error',
        `IPVS: cannot start the sync daemon (${state}) on ${daemon.interfaceName}: ${refused.message}`,
      );
  };
  const become = (master: boolean): void => {
    stopOne(master ? 'backup' : 'master');
    startOne(master ? 'master' : 'backup');
  };
  const begin = (): void => {
    const { syncDaemon } = config.lvs;
    if (syncDaemon === null) return;
    startOne('backup');
    if (syncDaemon.instance === null) startOne('master');
  };

  begin();
  return {
    reload(fresh) {
      const changed = JSON.stringify(config.lvs.syncDaemon) !== JSON.stringify(fresh.lvs.syncDaemon);
      config = fresh;
      if (!changed) return;
      const wasMaster = running.has('master');
      stopOne('master');
      stopOne('backup');
      begin();
      if (wasMaster && config.lvs.syncDaemon !== null) become(true);
    },
    instanceChanged(name, master) {
      if (config.lvs.syncDaemon?.instance === name) become(master);
    },
    stop() {
      stopOne('master');
      stopOne('backup');
    },
  };
}
