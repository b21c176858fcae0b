// What the manager does when its agent is gone or frozen and the VIP must leave this host: the agent's own means, used
// once. Loaded only then: the manager needs nothing of the kernel otherwise.

import type { NodeConfig, PairConfig } from '../config/types.ts';
import { interfaceIndexOf } from '../io/linux/libc.ts';
import { openRouteSocket } from '../io/linux/netlink.ts';
import { openRejector } from '../io/linux/reject.ts';
import { destroyTcp } from '../io/linux/sockdiag.ts';

/** How long newcomers are turned away at once; by then their hosts know where the VIP is. */
const TURN_AWAY_MS = 2000;

export function yieldWithoutAgent(config: PairConfig, self: NodeConfig, peer: NodeConfig): void {
  const cut = (): number =>
    destroyTcp({
      localPort: config.mysql.port,
      keep: (remote) =>
        remote === peer.address || remote === self.address || remote.startsWith('127.') || remote === '::1',
    });
  // Owned by this process: it goes with the manager, which ends soon without its agent.
  const rejector = openRejector({ tableName: `twinkeep-${config.pair}-manager`, port: config.mysql.port });
  const vips = [...config.vips.write, ...config.vips.read];
  rejector.reject(
    vips.map((vip) => vip.address),
    TURN_AWAY_MS,
  );
  setTimeout(() => rejector.close(), TURN_AWAY_MS).unref();
  cut();
  const interfaceIndex = interfaceIndexOf(self.interface);
  if (interfaceIndex === null) return;
  const route = openRouteSocket();
  try {
    for (const vip of vips) {
      route.removeAddress({ interfaceIndex, address: vip.address, prefix: vip.prefix });
    }
  } finally {
    route.close();
  }
  cut();
}
