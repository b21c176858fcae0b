// What the simulated server says about itself, as src/io/database/mariadb-status.ts reads it from a real one.
import { contains } from '../../src/core/gtid/gtid.ts';
import { formatGtids, parseGtids, rewoundSlavePosition } from '../../src/core/gtid/mariadb.ts';
import type { ChannelStatus, ServerStatus } from '../../src/core/pair/server.ts';
import { format, originText } from './mysql.ts';
import { executed } from './orders.ts';
import { binlogPos, type ServerState } from './state.ts';

export function statusOf(state: ServerState, uptimeS: number): ServerStatus {
  const mysql = state.family === 'mysql';
  return {
    version: mysql ? '9.7.4-simulated' : '10.11.19-MariaDB-simulated',
    serverId: state.serverId,
    readOnly: state.readOnly,
    executedGtid: executed(state),
    history: mysql ? executed(state) : history(state),
    origin: mysql ? originText(state.serverId) : String(state.serverId),
    channel: state.source === null ? null : channelOf(state, state.source),
    semiSync: {
      source: state.sourceOn,
      replica: state.receiver === 'running' ? state.acknowledging : state.replicaOn,
      replicas: [...state.replicas.values()].filter((acknowledges) => acknowledges).length,
      // Those behind the first group are not counted.
      waitingSessions: state.groups[0]?.commits.length === undefined ? 0 : 1,
    },
    receivesDurably: state.receivesDurably,
    uptimeS,
  };
}

function history(state: ServerState): string {
  const last = new Map(state.log.map(({ origin, gtid }) => [origin, gtid]));
  const parsed = parseGtids([...last.values()].join(','));
  return parsed.ok ? formatGtids(parsed.gtids) : '';
}

function channelOf(state: ServerState, source: { host: string; port: number }): ChannelStatus {
  const mysql = state.family === 'mysql';
  const applied = mysql
    ? executed(state)
    : (rewoundSlavePosition(state.slavePos, binlogPos(state), state.serverId) ?? state.slavePos);
  const received = mysql ? format(state.retrieved) : (state.receivedPos ?? '');
  return {
    sourceHost: source.host,
    sourcePort: source.port,
    receiver: state.receiver,
    applier: state.applier,
    receiverError: state.receiverError,
    applierError: state.applierError,
    receivedGtid: received,
    appliedGtid: applied,
    drained: state.applier === 'running' && state.relay.length === 0 && contains(applied, received),
    heartbeats: state.heartbeats,
  };
}
