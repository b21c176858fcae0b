// From pair.yaml to what the pair machine must know of it.

import type { NodeConfig, PairConfig } from '../config/types.ts';
import type { PairSettings } from '../core/pair/settings.ts';
import { VIRTUAL_ROUTER_DEFAULTS } from '../core/vrrp/state.ts';

/** A manager that lives answers a question at once; this allows for a busy host. */
const PEER_SILENCE_MS_MAX = 120;

/** Without an archive: from the files of a writer whose agent lives, a moment's work. */
const TAIL_MS_MAX = 2000;

export function pairSettings(config: PairConfig, self: NodeConfig, peer: NodeConfig): PairSettings {
  const { failover, mysql } = config;
  return {
    self: self.name,
    peer: peer.name,
    preferred: self.priority > peer.priority,
    durability: mysql.durability,
    tailMs: mysql.durability === 'async' ? (config.archive?.budgetMs ?? TAIL_MS_MAX) : null,
    failback: config.vrrp.preempt && peer.priority > self.priority,
    partition: failover.partition,
    promoteWithinMs: failover.promoteWithinMs,
    aloneAfterMs: failover.aloneAfterMs,
    peerSilenceMsMax: PEER_SILENCE_MS_MAX,
    agentGraceMs: failover.agentGraceMs,
    drainMsMax: failover.maxDrainMs,
    gatewayChecked: failover.gateway !== null && !failover.gateway.includes(':'),
    witness: config.witness !== null,
    holdAfterFailoverMs: failover.holdAfterFailoverMs,
    masterDownMs: VIRTUAL_ROUTER_DEFAULTS.masterDownAdverts * config.vrrp.advertIntervalMs,
  };
}
