// A virtual server as the dump files show it, from the state of its pool and of its checkers.
import { aliveWeight, effectiveWeight, type PoolState } from '../../../core/checker/pool-state.ts';
import { ruleKey, rulesOf } from '../../../core/checker/rules.ts';
import type { CheckerView, VirtualServerView } from './view.ts';

export function poolView(
  state: PoolState,
  checkers: readonly (readonly [server: string, view: CheckerView])[],
  suspended: boolean,
): VirtualServerView {
  const { settings, servers, quorumUp, sorryInUse } = state;
  const set = new Set(rulesOf(state).map(ruleKey));
  return {
    name: settings.name,
    quorumUp,
    quorum: settings.quorum,
    hysteresis: settings.hysteresis,
    aliveWeight: aliveWeight(state),
    sorryServerInUse: sorryInUse,
    suspended,
    realServers: settings.servers.map((server) => ({
      name: server.name,
      alive: servers[server.name]?.alive ?? false,
      set: set.has(ruleKey(server.destination)),
      weight: server.weight,
      effectiveWeight: effectiveWeight(server, servers[server.name]),
      checkers: checkers.filter(([name]) => name === server.name).map(([, view]) => view),
    })),
  };
}
