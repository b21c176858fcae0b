// Rules between `replicas` and the rest of pair.yaml, and what their values come to. Run by rules.ts after every key was read
// by itself.
import { familyOf } from '../core/ip/address.ts';
import type { Rule } from './rule.ts';
import type { PairValues } from './schema.ts';
import type { ReplicaConfig } from './types.ts';

/** server_id is ten times vrrp.id plus 1 and 2 for the nodes, 3 to 9 for the replicas. */
const REPLICAS_MAX = 7;
/** Below what nodes have by default. */
const PRIORITY_OF_FIRST = 50;

type Replicas = PairValues['replicas'];
type Complete = readonly {
  readonly name: string;
  readonly value: {
    readonly [K in keyof Replicas[number]['value']]: Exclude<Replicas[number]['value'][K], undefined>;
  };
}[];

export function resolveReplicas(replicas: Complete): ReplicaConfig[] {
  return replicas.map(({ name, value }, i) => ({
    name,
    address: value.address,
    interface: value.interface,
    priority: value.priority ?? PRIORITY_OF_FIRST - i,
    source: value.source,
  }));
}

const count: Rule = ({ replicas }, report) => {
  const extra = replicas[REPLICAS_MAX];
  if (extra === undefined) return;
  report(
    `replicas.${extra.name}`,
    'replica-count',
    `a pair has ${REPLICAS_MAX} replicas at most, and there are ${replicas.length}: their server ids lie between those of two pairs`,
    'let further servers replicate from one of these replicas; they need no entry here',
  );
};

/** The words of `source`, and what nodes are called. */
const names: Rule = ({ nodes, replicas }, report) => {
  for (const { name } of replicas) {
    if (nodes.some((node) => node.name === name)) {
      report(
        `replicas.${name}`,
        'replica-is-node',
        `${name} is the name of a node as well`,
        'a replica is a host of its own: give it another name, for example r1',
      );
    } else if (name === 'standby' || name === 'writer') {
      report(
        `replicas.${name}`,
        'wrong-value',
        `${name} is the word for a role, so that a replica called that could not be told from it`,
        'give it another name, for example r1',
      );
    }
  }
};

const addresses: Rule = ({ nodes, replicas, vips, failover }, report) => {
  const taken = new Map<string, string>();
  for (const { name, value } of nodes)
    if (value.address !== undefined) taken.set(value.address, `node ${name}`);
  for (const vip of [...(vips.write ?? []), ...(vips.read ?? []), ...(vips.single ?? [])])
    taken.set(vip.address, 'a VIP of this pair');
  if (failover.gateway != null) taken.set(failover.gateway, 'the gateway');
  const family = nodes[0]?.value.address === undefined ? null : familyOf(nodes[0].value.address);
  for (const { name, value } of replicas) {
    const { address } = value;
    if (address === undefined) continue;
    const place = `replicas.${name}.address`;
    const owner = taken.get(address);
    if (owner !== undefined) {
      report(
        place,
        'equal-addresses',
        `replica ${name} has the address ${address}, which is that of ${owner}`,
        'give each host the address of its own',
      );
    } else if (family !== null && familyOf(address) !== family) {
      report(
        place,
        'mixed-families',
        `replica ${name} has an IPv${familyOf(address)} address and the nodes have IPv${family} ones`,
        'use the same family for all',
      );
    }
    taken.set(address, `replica ${name}`);
  }
};

const sources: Rule = ({ nodes, replicas }, report) => {
  if (nodes.length === 0) return;
  const known = ['standby', 'writer', ...nodes.map((node) => node.name)];
  for (const { name, value } of replicas) {
    if (value.source === undefined || known.includes(value.source)) continue;
    report(
      `replicas.${name}.source`,
      'unknown-node',
      `replicas.${name}.source names ${value.source}, and there is no such node`,
      `write one of ${known.join(', ')}; a replica replicates from the pair, never from another replica`,
    );
  }
};

export const REPLICA_RULES: readonly Rule[] = [count, names, addresses, sources];
