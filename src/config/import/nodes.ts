// The hosts' own addresses, which keepalived.conf does not ask for: found where a file happens to show them (unicast addresses, the host
// that a check logs in to, the real server that is the own one), or left to be filled in. Used by import.ts.
import { formatIp, parseIp } from '../../core/ip/address.ts';
import { at, isLinkLocal, type Roles } from './instances.ts';
import type { Host, Say } from './types.ts';

export interface NodeAddress {
  /** null: not found. */
  readonly address: string | null;
  readonly why: string;
}

interface Candidate {
  readonly address: string;
  readonly why: string;
}

const isLocal = (bytes: Uint8Array): boolean =>
  bytes.length === 4 ? bytes[0] === 127 || bytes[0] === 0 : bytes.slice(0, 15).every((byte) => byte === 0);

function usable(text: string | null, vips: ReadonlySet<string>): string | null {
  const bytes = text === null ? null : parseIp(text.replace(/%.*$/, ''));
  if (bytes === null || isLocal(bytes)) return null;
  const address = formatIp(bytes);
  return vips.has(address) || isLinkLocal(address) ? null : address;
}

/** What one host's files say of itself and, by unicast, the other's say of it. Best first. */
function candidates(host: Host, other: Host, vips: ReadonlySet<string>): Candidate[] {
  const found: Candidate[] = [];
  const add = (text: string | null, why: string) => {
    const address = usable(text, vips);
    if (address !== null) found.push({ address, why });
  };
  for (const i of host.conf.config.instances)
    if (i.sourceAddress !== null)
      add(
        i.sourceAddress,
        `${at(i.placeOf(i.unicastPeers.length > 0 ? 'unicast_src_ip' : 'mcast_src_ip'))}: where it sends from.`,
      );
  for (const i of other.conf.config.instances) {
    const [peer, ...more] = i.unicastPeers;
    if (peer !== undefined && more.length === 0)
      add(peer.value.address, `${at(peer.at)}: the unicast_peer of the other host.`);
  }
  for (const c of host.checks)
    if (c.kind === 'mysql') add(c.host, `${at(c.command.script.at)}: the host that ${c.command.owner} asks.`);
  for (const v of host.conf.config.virtualServers) {
    const [real, ...more] = v.realServers;
    if (real !== undefined && more.length === 0)
      add(real.address, `${at(real.at)}: the real_server, which is the own one on each host.`);
  }
  return found;
}

function vipsIn(hosts: readonly Host[]): ReadonlySet<string> {
  return new Set(
    hosts.flatMap((h) =>
      h.conf.config.instances.flatMap((i) => [...i.addresses, ...i.excluded].map((e) => e.value.address)),
    ),
  );
}

/** An address that both hosts show for themselves is neither's own. */
export function nodeAddresses(a: Host, b: Host, say: Say): readonly [NodeAddress, NodeAddress] {
  const vips = vipsIn([a, b]);
  const ofA = candidates(a, b, vips);
  const ofB = candidates(b, a, vips);
  const both = new Set(ofA.map((c) => c.address).filter((address) => ofB.some((c) => c.address === address)));
  const pick = (host: Host, found: readonly Candidate[]): NodeAddress => {
    if (host.address !== null) return { address: host.address, why: `As said with --node-${host.side}.` };
    const own = found.filter((c) => !both.has(c.address));
    const [first] = own;
    const second = own.find((c) => c.address !== first?.address);
    if (first !== undefined && second !== undefined)
      say(
        'warning',
        { file: host.conf.config.instances[0]?.at.file ?? '', line: 1, column: 1 },
        'import-address',
        `the files show two addresses for host ${host.name}: ${first.address} (${first.why}) and ${second.address} (${second.why})`,
        `check which one it is, or say --node-${host.side} ${host.name}=ADDRESS`,
      );
    return first ?? { address: null, why: '' };
  };
  return [pick(a, ofA), pick(b, ofB)];
}

/** A name for the pair out of the files: the router_id where both hosts share it, else the instance's, else its number. */
export function pairName(a: Host, b: Host, roles: Roles): { readonly name: string; readonly why: string } {
  const plain = (text: string) =>
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 32);
  const [x, y] = [a.conf.config.global.routerId, b.conf.config.global.routerId];
  if (x !== null && x === y && plain(x) !== '')
    return { name: plain(x), why: `The router_id of both files, ${JSON.stringify(x)}.` };
  const twin = roles.write[0];
  if (twin !== undefined && twin.a.name === twin.b.name && plain(twin.a.name) !== '')
    return {
      name: plain(twin.a.name),
      why: `The name of the instance, ${JSON.stringify(twin.a.name)} (${at(twin.a.at)}).`,
    };
  const id = twin?.a.virtualRouterId;
  return id == null
    ? { name: 'mysql', why: 'Nothing in the files names the pair.' }
    : {
        name: `mysql-${id}`,
        why: `The files name nothing that both share, so the virtual_router_id does. --pair NAME says better.`,
      };
}
