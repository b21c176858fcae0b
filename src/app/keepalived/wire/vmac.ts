// The interface that carries an instance's virtual MAC (use_vmac) or shares its base's (use_ipvlan). The VIPs live on it, adverts leave
// through it, and what is heard comes from the base interface. Made before the instance starts, taken away with it; the wire thread's
// instance.ts calls this.
//
// What it needs of the kernel: the VIPs must be answered for on this interface only, and the host's own address on the base only, or
// the hosts of the segment learn both MACs for one address. arp_ignore=1 makes an interface answer for its own addresses only,
// arp_filter=1 lets a base with several interfaces in the subnet answer for itself; rp_filter=0 and accept_local=1 let the virtual
// interface take packets although it has no address yet and the sender is this host.

import { OperatorError } from '../../../core/error.ts';
import { parseMac, type StackedKind, type StackedLink, virtualMac } from '../../../core/netlink/macvlan.ts';
import type { RouteSocket } from '../../../io/linux/netlink.ts';
import {
  readSetting,
  type Setting,
  type SettingHolder,
  SHARED_SETTINGS,
  writeSetting,
} from '../../../io/linux/sysctl.ts';
import type { WireInstance } from './protocol.ts';
import { type QuietTable, SHARED_QUIET } from './quiet.ts';

export type VmacInstance = Pick<WireInstance, 'name' | 'vrid' | 'family' | 'addresses' | 'excluded' | 'vmac'>;

export interface OpenVmac {
  readonly name: string;
  readonly index: number;
  readonly mac: string | null;
  /** Something that works less well for want of a kernel feature. */
  readonly warning: string | null;
  /** Takes the interface away, with the addresses on it, and puts the settings back. */
  close(): void;
}

function macOf(instance: VmacInstance): string {
  const typed = instance.vmac?.macAddress ?? null;
  if (typed === null) return virtualMac(instance.family, instance.vrid);
  const last = instance.vrid.toString(16).padStart(2, '0');
  const whole = typed.split(':').length === 5 ? `${typed}:${last}` : typed;
  const bytes = parseMac(whole);
  if (bytes === null)
    throw new OperatorError(
      'vmac-address',
      `(${instance.name}) ${typed} is no MAC address of one host`,
      'Write use_vmac NAME 02:00:5e:00:01:33, or without an address for the one that VRRP defines.',
    );
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function typeOf(instance: VmacInstance): StackedKind {
  return instance.vmac?.kind === 'ipvlan'
    ? { kind: 'ipvlan', flag: instance.vmac.ipvlanFlag ?? 'bridge' }
    : { kind: 'macvlan', mac: macOf(instance) };
}

/** Left over by a daemon that was killed: same name, same kind, same base, same MAC. */
function isLeftOver(found: StackedLink, type: StackedKind, baseIndex: number): boolean {
  return (
    found.kind === type.kind &&
    found.baseIndex === baseIndex &&
    (type.kind === 'ipvlan' || (found.mac === type.mac && found.hearsOnBase))
  );
}

/** A virtual router's by its looks, with another VRID, base or mode than now: it may be replaced. Nobody else has VRRP's MACs. */
function isVirtualRouter(found: StackedLink): boolean {
  return found.kind === 'macvlan' && /^00:00:5e:00:0[12]:/.test(found.mac ?? '');
}

function makeOrTake(
  instance: VmacInstance,
  name: string,
  base: { readonly name: string; readonly index: number },
  route: RouteSocket,
): number {
  const type = typeOf(instance);
  const found = route.findLink(name);
  if (found !== null) {
    if (isLeftOver(found, type, base.index)) return found.index;
    if (!isVirtualRouter(found))
      throw new OperatorError(
        'vmac-name-taken',
        `(${instance.name}) there is an interface ${name} already, and it is no ${type.kind} on ${base.name} with this instance's MAC`,
        `Give the instance another name for it (use_${type.kind === 'macvlan' ? 'vmac' : 'ipvlan'} NAME), or delete that interface.`,
      );
    route.removeLink(found.index);
  }
  return route.addStackedLink({ name, baseIndex: base.index, type });
}

type Ipv4Name =
  | 'arp_ignore'
  | 'arp_filter'
  | 'arp_announce'
  | 'rp_filter'
  | 'accept_local'
  | 'promote_secondaries';

/**
 * arp_announce is ours beyond the C daemon's: answers of the VIP leave through the base, which asks for the client's MAC in the name of
 * the VIP and with its own MAC; a client believes that and forgets the virtual one (seen with keepalived 2.2.7).
 */
const BASE_SETTINGS: readonly [Ipv4Name, number][] = [
  ['arp_ignore', 1],
  ['arp_filter', 1],
  ['arp_announce', 2],
];

const v6 = (interfaceName: string, name: 'disable_ipv6' | 'accept_ra'): Setting => ({
  tree: 'net/ipv6/conf',
  interfaceName,
  name,
});

const v4 = (interfaceName: string, name: Ipv4Name): Setting => ({
  tree: 'net/ipv4/conf',
  interfaceName,
  name,
});

/** For a setting of the VMAC itself, which goes with it. One that the kernel does not have needs no value. */
function put(setting: Setting, value: number): void {
  if (readSetting(setting) !== null) writeSetting(setting, value);
}

/**
 * rp_filter of `all` would overrule that of the VMAC, so what it demands is first given to every interface, and to those yet to
 * come. As the C daemon does it; all of it is put back at the end.
 */
function liftReversePath(
  others: () => readonly string[],
  settings: SettingHolder,
  releases: (() => void)[],
): void {
  const all = settings.before(v4('all', 'rp_filter')) ?? 0;
  if (all === 0) return;
  for (const name of [...others(), 'default']) {
    const own = settings.before(v4(name, 'rp_filter'));
    if (own !== null && own < all) releases.push(settings.hold(v4(name, 'rp_filter'), all));
  }
  releases.push(settings.hold(v4('all', 'rp_filter'), 0));
}

function prepareV4(
  name: string,
  base: string,
  route: RouteSocket,
  settings: SettingHolder,
  releases: (() => void)[],
): void {
  const others = () =>
    route
      .listLinks()
      .filter((link) => link.name !== name)
      .map((link) => link.name);
  liftReversePath(others, settings, releases);
  put(v4(name, 'accept_local'), 1);
  put(v4(name, 'rp_filter'), 0);
  put(v4(name, 'promote_secondaries'), 1);
  for (const [each, value] of BASE_SETTINGS) releases.push(settings.hold(v4(base, each), value));
}

/** Throws an OperatorError when the kernel has no macvlan (ipvlan), or the name is somebody else's. */
export function openVmac(
  instance: VmacInstance,
  base: { readonly name: string; readonly index: number },
  route: RouteSocket,
  settings: SettingHolder = SHARED_SETTINGS,
  quiet: QuietTable = SHARED_QUIET,
): OpenVmac {
  const name = instance.vmac?.name ?? '';
  const index = makeOrTake(instance, name, base, route);
  const releases: (() => void)[] = [];
  const close = () => {
    route.removeLink(index);
    quiet.remove(index);
    for (const release of releases.splice(0).reverse()) release();
  };
  try {
    // Of an IPv6 instance too: it would answer for the IPv4 addresses of the host's other interfaces.
    put(v4(name, 'arp_ignore'), 1);
    if (instance.family === 4) prepareV4(name, base.name, route, settings, releases);
    const sixes = [...instance.addresses, ...instance.excluded].some((each) => each.family === 6);
    // Without IPv6 addresses of its own it would still send listener reports with the virtual MAC.
    put(v6(name, 'disable_ipv6'), sixes ? 0 : 1);
    // Neither routes nor addresses from the routers of the segment: those are the base's.
    if (sixes) put(v6(name, 'accept_ra'), 0);
    route.setNoLinkLocal(index);
    const warning = sixes && instance.vmac?.kind === 'macvlan' ? quiet.add(index, base.index) : null;
    route.setLinkUp(index, true);
    return { name, index, mac: route.findLink(name)?.mac ?? null, warning, close };
  } catch (error) {
    close();
    throw error;
  }
}
