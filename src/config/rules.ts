// What involves more than one key of pair.yaml: distinct addresses, VIPs inside the nodes' network, times that fit each
// other, ports that do not clash. Called by pair.ts after every key was read by itself; a key that was wrong already is
// undefined here and judged no further.
import { type Cidr, familyOf, parseIp, sameNetwork } from '../core/ip/address.ts';
import type { Ledger } from './document.ts';
import { formatDuration } from './duration.ts';
import type { PairValues } from './schema.ts';
import { resolveTimes, type Times } from './times.ts';

type Report = (path: string, code: string, message: string, hint: string) => void;
type Rule = (values: PairValues, report: Report) => void;

const nodeCount: Rule = ({ nodes }, report) => {
  if (nodes.length === 2 || nodes.length === 0) return;
  const names = nodes.map((node) => node.name).join(', ');
  report(
    'nodes',
    'node-count',
    `a pair has two nodes; found ${nodes.length} (${names})`,
    nodes.length < 2
      ? 'add the other host below `nodes`'
      : 'keep the two masters; further replicas need no entry here, they replicate from the pair by its write VIP',
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
  const path = priorityB === null ? `nodes.${a.name}.priority` : `${place}.priority`;
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

/** The interface's subnet cannot be known from the file; both node addresses by the VIP's own prefix come close. */
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

const advertInterval: Rule = ({ vrrp }, report) => {
  const ms = vrrp.advertInterval;
  if (ms === undefined || ms === null) return;
  if (vrrp.version === 2 && ms % 1_000 !== 0) {
    report(
      'vrrp.advertInterval',
      'advert-interval',
      `VRRP version 2 counts whole seconds, 1s to 255s; found ${formatDuration(ms)}`,
      'write `1s`, or set `vrrp.version: 3`, which counts in steps of 10ms',
    );
  } else if (vrrp.version === 3 && (ms % 10 !== 0 || ms > 40_950)) {
    const near = Math.min(40_950, Math.max(10, Math.round(ms / 10) * 10));
    report(
      'vrrp.advertInterval',
      'advert-interval',
      `VRRP version 3 counts in steps of 10ms, 10ms to 40950ms; found ${formatDuration(ms)}`,
      `write \`${formatDuration(near)}\``,
    );
  }
};

const authentication: Rule = ({ vrrp }, report) => {
  const { type, passwordFile } = vrrp.authentication;
  if (type === undefined || passwordFile === undefined) return;
  if (type !== 'none' && vrrp.version === 3) {
    report(
      'vrrp.authentication.type',
      'authentication-version',
      'VRRP version 3 has no authentication (RFC 9568, section 9)',
      'remove `authentication`, or set `vrrp.version: 2` if the network needs it',
    );
  }
  if (type !== 'none' && passwordFile === null) {
    report(
      'vrrp.authentication',
      'missing-key',
      `vrrp.authentication.passwordFile is missing: ${type} needs a password`,
      'add `passwordFile: vrrp.password`',
    );
  }
  if (type === 'none' && passwordFile !== null) {
    report(
      'vrrp.authentication.passwordFile',
      'authentication-unused',
      'a password is given, and the type is none, so it would not be used',
      'set `type: pass` or `type: ah`, or remove the password',
    );
  }
};

const windows = (values: PairValues, times: Times, report: Report) => {
  const { promoteWithinMs, aloneAfterMs, advertIntervalMs } = times;
  const least = Math.ceil(promoteWithinMs * 1.25);
  if (aloneAfterMs < least) {
    const path = values.failover.aloneAfter === null ? 'failover.promoteWithin' : 'failover.aloneAfter';
    report(
      path,
      'window-margin',
      `aloneAfter (${formatDuration(aloneAfterMs)}) is not a quarter longer than promoteWithin (${formatDuration(promoteWithinMs)}): a writer that goes on alone while the standby may still promote would leave two writers, and the two hosts' clocks need a margin`,
      `set aloneAfter to ${formatDuration(least)} or more, or promoteWithin to ${formatDuration(Math.floor(aloneAfterMs / 1.25))} or less`,
    );
  }
  // Master_Down_Interval is three adverts and a skew of less than one (RFC 9568, section 6.1).
  const downMs = 4 * advertIntervalMs;
  if (promoteWithinMs < downMs) {
    const path = values.failover.promoteWithin === null ? 'vrrp.advertInterval' : 'failover.promoteWithin';
    report(
      path,
      'window-too-short',
      `a standby notices a dead writer up to ${formatDuration(downMs)} after its last advert (four times ${formatDuration(advertIntervalMs)}), and may promote only within ${formatDuration(promoteWithinMs)}: it would never take over`,
      `set promoteWithin to ${formatDuration(downMs)} or more, or advertInterval to ${formatDuration(Math.floor(promoteWithinMs / 40) * 10)} or less`,
    );
  }
};

const times: Rule = (values, report) => {
  const { vrrp, failover, mysql } = values;
  const resolved = resolveTimes(values);
  if (resolved !== null) windows(values, resolved, report);
  if (
    mysql.heartbeatInterval !== undefined &&
    resolved !== null &&
    mysql.heartbeatInterval >= resolved.promoteWithinMs
  ) {
    report(
      'mysql.heartbeatInterval',
      'window-margin',
      `a heartbeat every ${formatDuration(mysql.heartbeatInterval)} is no sign of life within promoteWithin (${formatDuration(resolved.promoteWithinMs)})`,
      'set heartbeatInterval to a quarter of promoteWithin or less',
    );
  }
  if (vrrp.vipLease === undefined) return;
  if (vrrp.vipLease % 1_000 !== 0) {
    report(
      'vrrp.vipLease',
      'vip-lease',
      `the kernel counts the lifetime of an address in whole seconds; found ${formatDuration(vrrp.vipLease)}`,
      `write \`${Math.ceil(vrrp.vipLease / 1_000)}s\``,
    );
  }
  if (failover.agentGrace !== undefined && failover.agentGrace >= vrrp.vipLease) {
    report(
      'failover.agentGrace',
      'agent-grace',
      `agentGrace (${formatDuration(failover.agentGrace)}) is not shorter than vrrp.vipLease (${formatDuration(vrrp.vipLease)}): the VIPs would be gone before the manager acts`,
      'shorten agentGrace, usually to `250ms`',
    );
  }
};

const ports: Rule = ({ mysql, peer, api }, report) => {
  const used: [string, number | null | undefined][] = [
    ['mysql.port', mysql.port],
    ['mysql.extraPort', mysql.extraPort],
    ['peer.port', peer.port],
    ['api.listen', api.listen?.port],
  ];
  const owners = new Map<number, string>();
  for (const [path, port] of used) {
    if (port === undefined || port === null) continue;
    const owner = owners.get(port);
    if (owner === undefined) owners.set(port, path);
    else
      report(
        path,
        'port-clash',
        `${path} and ${owner} both use port ${port} of the same host`,
        'give each a port of its own',
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

const RULES: readonly Rule[] = [
  nodeCount,
  nodesDiffer,
  vipsDiffer,
  vipsInNetwork,
  vipFamilies,
  singleNeedsProxy,
  advertInterval,
  authentication,
  times,
  ports,
  gateway,
];

/** The place of a path, or of the nearest section around it that stands in the file. */
function placeFor(path: string, ledger: Ledger) {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const place = ledger.places.get(at);
    if (place) return place;
  }
  return { line: 1, column: 1 };
}

export function checkRules(values: PairValues, ledger: Ledger): void {
  const report: Report = (path, code, message, hint) =>
    ledger.report(placeFor(path, ledger), code, message, hint);
  for (const rule of RULES) rule(values, report);
}
