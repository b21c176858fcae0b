// showPair: a PairConfig back as a pair.yaml with every default written out, for `config show`. parsePair reads it back
// to the same configuration (tested), so that it can serve as the next file.
import { stringify } from 'yaml';
import { type Cidr, familyOf } from '../core/ip/address.ts';
import { formatDuration } from './duration.ts';
import type { PairConfig } from './types.ts';

const cidr = (vip: Cidr) => `${vip.address}/${vip.prefix}`;
const hostPort = (host: string, port: number) =>
  familyOf(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;

/** Without the keys that are off. */
function given(section: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(section).filter(([, value]) => value !== null && value !== undefined),
  );
}

export function showPair(config: PairConfig): string {
  const { mysql, vrrp, failover, notify } = config;
  const sections = given({
    pair: config.pair,
    nodes: Object.fromEntries(config.nodes.map(({ name, ...node }) => [name, node])),
    ...(config.replicas.length > 0 && {
      replicas: Object.fromEntries(config.replicas.map(({ name, ...replica }) => [name, replica])),
    }),
    vips: {
      write: config.vips.write.map(cidr),
      ...(config.vips.read.length > 0 && { read: config.vips.read.map(cidr) }),
      ...(config.vips.single.length > 0 && { single: config.vips.single.map(cidr) }),
    },
    reads: {
      prefer: config.reads.prefer,
      maxLag: formatDuration(config.reads.maxLagMs),
      vrrpId: config.reads.vrrpId,
    },
    mysql: given({
      port: mysql.port,
      socket: mysql.socket,
      extraPort: mysql.extraPort,
      replication: mysql.replication,
      admin: mysql.admin,
      durability: mysql.durability,
      tls: mysql.tls && given({ ...mysql.tls }),
      probe: {
        interval: formatDuration(mysql.probe.intervalMs),
        deadline: formatDuration(mysql.probe.deadlineMs),
      },
      heartbeatInterval: formatDuration(mysql.heartbeatIntervalMs),
    }),
    vrrp: {
      id: vrrp.id,
      version: vrrp.version,
      advertInterval: formatDuration(vrrp.advertIntervalMs),
      preempt: vrrp.preempt,
      peers: vrrp.peers,
      authentication: vrrp.authentication,
      vipLease: `${vrrp.vipLeaseS}s`,
    },
    failover: given({
      partition: failover.partition,
      promoteWithin: formatDuration(failover.promoteWithinMs),
      aloneAfter: formatDuration(failover.aloneAfterMs),
      gateway: failover.gateway,
      maxDrain: formatDuration(failover.maxDrainMs),
      holdAfterFailover: formatDuration(failover.holdAfterFailoverMs),
      agentGrace: formatDuration(failover.agentGraceMs),
    }),
    witness: config.witness && given({ ...config.witness }),
    archive: config.archive && {
      address: hostPort(config.archive.host, config.archive.port),
      budget: formatDuration(config.archive.budgetMs),
    },
    proxy: config.proxy,
    notify: notify && showNotify(notify),
    peer: config.peer,
    api: {
      listen: hostPort(config.api.host, config.api.port),
      tokenFile: config.api.tokenFile,
      openReads: config.api.openReads,
    },
    salvage: config.salvage,
    secretFile: config.secretFile,
    stateDir: config.stateDir,
  });
  return stringify(sections, { lineWidth: 0 });
}

function showNotify({ email, webhook, scripts }: NonNullable<PairConfig['notify']>) {
  return given({
    email: email && given({ ...email, server: hostPort(email.server.host, email.server.port) }),
    webhook,
    scripts: scripts && given({ ...scripts }),
  });
}
