// Keys of pair.yaml that are read and checked, and not served yet. When a version starts to serve one, its line goes.
import type { PairConfig } from './types.ts';

export interface NotYet {
  readonly path: string;
  /** What happens instead. */
  readonly meanwhile: string;
}

/** The documented default says nothing about what is wanted. */
const HOLD_DEFAULT_MS = 60_000;

const LATER: readonly (NotYet & { readonly used: (config: PairConfig) => boolean })[] = [
  { path: 'vips.read', used: (c) => c.vips.read.length > 0, meanwhile: 'no node will hold these VIPs' },
  { path: 'vips.single', used: (c) => c.vips.single.length > 0, meanwhile: 'no node will hold these VIPs' },
  { path: 'proxy', used: (c) => c.proxy !== null, meanwhile: 'no proxy is started' },
  {
    path: 'witness',
    used: (c) => c.witness !== null,
    meanwhile: 'the pair decides without it, by the rule of failover.partition',
  },
  { path: 'notify', used: (c) => c.notify !== null, meanwhile: 'nobody is told' },
  {
    path: 'mysql.replication.positioning',
    used: (c) => c.mysql.replication.positioning === 'binlog',
    meanwhile: 'replication is set up by GTID',
  },
  {
    path: 'mysql.durability',
    used: (c) => c.mysql.durability === 'async',
    meanwhile: 'the standby is never paired, and so never takes over by itself',
  },
  { path: 'vrrp.preempt', used: (c) => c.vrrp.preempt, meanwhile: 'the writer role stays where it is' },
  {
    path: 'failover.holdAfterFailover',
    used: (c) => c.failover.holdAfterFailoverMs !== HOLD_DEFAULT_MS,
    meanwhile: 'a failover may follow another as soon as the pair is paired again',
  },
];

/** What this file asks for and this version does not do. */
export function notYet(config: PairConfig): NotYet[] {
  return LATER.filter((each) => each.used(config));
}
