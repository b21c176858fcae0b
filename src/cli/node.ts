// Which node of the pair this host is. Asked by the verbs that act on one node: agent, setup, config render.
import { networkInterfaces } from 'node:os';
import { nearest } from '../config/suggest.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import { formatIp, parseIp } from '../core/ip/address.ts';
import { WrongUsage } from './output.ts';

export const NODE_OPTION_HELP =
  'which node this is (default: the one whose address is on an interface of this host)';

/** Canonical texts of all addresses that this host has now. */
function hostAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).flatMap(({ address }) => {
      const bytes = parseIp(address.replace(/%.*$/, ''));
      return bytes === null ? [] : [formatIp(bytes)];
    }),
  );
}

/** The node that an argument names. */
export function namedNode(config: PairConfig, name: string): NodeConfig {
  const named = config.nodes.find((node) => node.name === name);
  if (named !== undefined) return named;
  const names = config.nodes.map((node) => node.name);
  if (config.replicas.some((replica) => replica.name === name))
    throw new WrongUsage(
      'is-replica',
      `${name} is a further replica of pair ${config.pair}, not a node: it never becomes writer`,
      `the nodes are ${names.join(' and ')}; \`twinkeep why ${name}\` says how it is`,
    );
  // A name of one letter is near to every other.
  const meant = name.length > 1 ? nearest(name, names) : null;
  throw new WrongUsage(
    'unknown-node',
    `pair ${config.pair} has no node ${name}`,
    `${meant === null ? '' : `did you mean ${meant}? `}Its nodes are ${names.join(' and ')}`,
  );
}

/** Which of the nodes this host is. */
export function whichNode(
  config: PairConfig,
  option: string | undefined,
  addresses: readonly string[] = option === undefined ? hostAddresses() : [],
): NodeConfig {
  return whichHost({ ...config, replicas: [] }, option, addresses);
}

/** Which of the nodes and replicas this host is. */
export function whichHost(
  config: PairConfig,
  option: string | undefined,
  addresses: readonly string[] = option === undefined ? hostAddresses() : [],
): NodeConfig {
  const hosts = [...config.nodes, ...config.replicas];
  const all = hosts.map((host) => `${host.name} (${host.address})`).join(' and ');
  if (option !== undefined) {
    const named = hosts.find((host) => host.name === option);
    if (named) return named;
    throw new OperatorError(
      'unknown-node',
      `pair ${config.pair} has no node ${option}`,
      `its nodes are ${all}: choose one with --node`,
    );
  }
  const here = hosts.filter((node) => addresses.includes(node.address));
  const [only] = here;
  if (only !== undefined && here.length === 1) return only;
  throw new OperatorError(
    only === undefined ? 'node-not-here' : 'node-ambiguous',
    only === undefined
      ? `no interface of this host has the address of a node of pair ${config.pair}`
      : `this host has the addresses of ${hosts.length === 2 ? 'both nodes' : 'several hosts'} of pair ${config.pair}`,
    `the nodes are ${all}: choose one with --node, or mend the addresses in ${config.file}`,
  );
}
