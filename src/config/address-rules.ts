// Rules between the addresses of pair.yaml: nodes, VIPs, gateway. Run by rules.ts after every key was read by itself.
import { type Cidr, familyOf, parseIp, sameNetwork } from '../core/ip/address.ts';
import type { Rule } from './rule.ts';
import type { PairValues } from './schema.ts';

const nodeCount: Rule = ({ nodes }, report) => {
  if (nodes.length === 2 || nodes.length === 0) return;
  const names = nodes.map((node) => node.name).join(', ');
  report(
    'nodes',
    'node-count',
    `a pair has two nodes; found ${nodes.length} (${names})`,
    nodes.length < 2
      ? 'add the other host below `nodes`'
      : 'keep the two masters; further replicas are declared below `replicas`',
  );
};

const nodesDiffer: Rule = ({ nodes: [a, b] }, report) => {
  if (a === undefined || b === undefined) return;
  const { address: addressA, priority: priorityA } = a.value;
  const { address: addressB, priority: priorityB } = b.value;
  const place = `nodes.${b.name}`;
  if (addressA !== undefined && addressA === addressB) {
    report(
      `${place}.address`,
      'equal-addresses',
      `nodes ${a.name} and ${b.name} have the same address ${addressA}`,
      'give each node the address of its own host',
    );
  } else if (addressA !== undefined && addressB !== undefined && familyOf(addressA) !== familyOf(addressB)) {
    report(
      `${place}.address`,
      'mixed-families',
      `node ${a.name} has an IPv${familyOf(addressA)} address and node ${b.name} an IPv${familyOf(addressB)} one, so neither could hear the other`,
      'use the same family for both',
    );
  }
  if (priorityA === undefined || priorityB === undefined) return;
  const [first, second] = [priorityA ?? 100, priorityB ?? 90];
  if (first !== second) return;
  const path = [`${place}.priority`, `nodes.${a.name}.priority`];
  report(
    path,
    'equal-priorities',
    `both nodes have priority ${first}, so who becomes writer would be left to the higher address`,
    `give the preferred writer the higher one, as in 100 and 90${priorityA === null || priorityB === null ? ' (a node without a priority has 100 if it stands first, 90 if second)' : ''}`,
  );
};

interface PlacedVip {
  readonly vip: Cidr;
  readonly kind: string;
  readonly path: string;
}

function allVips({ vips }: PairValues): PlacedVip[] {
  return (['write', 'read', 'single'] as const).flatMap((kind) =>
    (vips[kind] ?? []).map((vip, i) => ({ vip, kind, path: `vips.${kind}.${i}` })),
  );
}

const vipsDiffer: Rule = (values, report) => {
  const seen = new Map<string, PlacedVip>();
  for (const each of allVips(values)) {
    const { address } = each.vip;
    const owner = values.nodes.find((node) => node.value.address === address);
    const before = seen.get(address);
    if (owner) {
      report(
        each.path,
        'vip-is-node',
        `the VIP ${address} is the own address of node ${owner.name}, which must stay on its host`,
        'choose an address that no host uses',
      );
    } else if (before && before.kind === each.kind) {
      report(
        each.path,
        'vip-twice',
        `the VIP ${address} is listed twice below vips.${each.kind}`,
        'remove one of the two',
      );
    } else if (before) {
      report(
        each.path,
        'vip-twice',
        `the VIP ${address} stands below vips.${before.kind} and vips.${each.kind}, which may lead to different hosts`,
        'choose another address for one of them',
      );
    }
    seen.set(address, each);
  }
};

const vipsInNetwork: Rule = (values, report) => {
  for (const { vip, path } of allVips(values)) {
    if (vip.prefix === (vip.family === 4 ? 32 : 128)) continue;
    const bytes = parseIp(vip.address);
    const outside = values.nodes.filter(({ value }) => {
      const node = value.address === undefined ? null : parseIp(value.address);
      return (
        bytes !== null &&
        node !== null &&
        node.length === bytes.length &&
        !sameNetwork(bytes, node, vip.prefix)
      );
    });
    if (outside.length === 0) continue;
    const who = outside.map((node) => `${node.name} (${node.value.address})`).join(' and ');
    report(
      path,
      'vip-outside-network',
      `the VIP ${vip.address}/${vip.prefix} is not in one network with ${who}, so clients could not reach it there`,
      `check for a typing error in the VIP, the node addresses and the prefix length; a VIP that is routed on purpose takes /${vip.family === 4 ? 32 : 128}`,
    );
  }
};

const vipFamilies: Rule = (values, report) => {
  if (values.vrrp.version !== 2) return;
  const six = allVips(values).find(({ vip }) => vip.family === 6);
  if (six)
    report(
      six.path,
      'version-2-ipv6',
      'VRRP version 2 knows IPv4 only, and this VIP is IPv6',
      'set `vrrp.version: 3`, or use an IPv4 VIP',
    );
  const node = values.nodes.find(({ value }) => value.address !== undefined && familyOf(value.address) === 6);
  if (node)
    report(
      `nodes.${node.name}.address`,
      'version-2-ipv6',
      'VRRP version 2 knows IPv4 only, and this address is IPv6',
      'set `vrrp.version: 3`',
    );
};

const singleNeedsProxy: Rule = (values, report) => {
  if ((values.vips.single ?? []).length > 0 && values.proxy === null) {
    report(
      'vips.single',
      'single-needs-proxy',
      'vips.single leads to the proxy, and there is no `proxy` section',
      'add `proxy: { port: 3306 }`, or remove vips.single',
    );
  }
};

const gateway: Rule = (values, report) => {
  const address = values.failover.gateway;
  if (address === undefined || address === null) return;
  const node = values.nodes.find(({ value }) => value.address === address);
  const vip = allVips(values).find((each) => each.vip.address === address);
  if (node || vip) {
    const what = node ? `the address of node ${node.name}` : 'a VIP of this pair';
    report(
      'failover.gateway',
      'gateway-inside',
      `the gateway ${address} is ${what}: whether it answers says nothing about the network`,
      'name the router, or another address outside the pair that always answers',
    );
  } else if (
    values.nodes.some(
      ({ value }) => value.address !== undefined && familyOf(value.address) !== familyOf(address),
    )
  ) {
    report(
      'failover.gateway',
      'mixed-families',
      `the gateway ${address} is not of the nodes' address family`,
      'name the router by an address of the same family',
    );
  }
};

export const ADDRESS_RULES: readonly Rule[] = [
  nodeCount,
  nodesDiffer,
  vipsDiffer,
  vipsInNetwork,
  vipFamilies,
  singleNeedsProxy,
  gateway,
];
