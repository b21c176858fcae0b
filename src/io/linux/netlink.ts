// The host's addresses and interfaces over rtnetlink: the VIPs are added, renewed and removed here, and the route
// monitor tells the VRRP loop of pulled cables and of addresses that came or went.
//
// A VIP's prefix length is the configuration's. With the subnet's own length (192.0.2.100/24 beside 192.0.2.11/24)
// IPv4 makes it a secondary address: never chosen as a source, and its removal leaves the subnet's route alone. But
// if somebody deletes the primary while net.ipv4.conf.*.promote_secondaries is 0 (the kernel's default; systemd
// sets 1), the kernel deletes the secondaries too: the monitor reports each as removed. A /32 depends on nothing.

import { assert, OperatorError } from '../../core/error.ts';
import type { IpFamily } from '../../core/ip/address.ts';
import {
  type AddressKey,
  decodeAddress,
  encodeAddAddress,
  encodeDumpAddresses,
  encodeRemoveAddress,
  type InterfaceAddress,
  type NewAddress,
  RTM_NEWADDR,
} from '../../core/netlink/address.ts';
import { decodeLink, encodeDumpLinks, type Link, RTM_NEWLINK } from '../../core/netlink/link.ts';
import {
  decodeStackedLink,
  encodeAddStackedLink,
  encodeFindLink,
  encodeNoLinkLocal,
  encodeRemoveLink,
  encodeSetLink,
  type NewStackedLink,
  type StackedLink,
} from '../../core/netlink/macvlan.ts';
import { MessageWriter, type NetlinkMessage } from '../../core/netlink/message.ts';
import {
  devicesOf,
  encodeAddRoute,
  encodeDumpRoutes,
  encodeRemoveRoute,
  type RouteSpec,
  RTM_NEWROUTE,
} from '../../core/netlink/route.ts';
import { decodeRoute, type Route } from '../../core/netlink/routelist.ts';
import {
  decodeRule,
  encodeAddRule,
  encodeDumpRules,
  encodeRemoveRule,
  RTM_NEWRULE,
  type RuleKey,
  type RuleSpec,
} from '../../core/netlink/rule.ts';
import { explain, explained, noSuchInterface } from './explain.ts';
import { explainStacking, ROUTE_HINTS, RULE_HINTS } from './explain-route.ts';
import { interfaceIndexOf } from './libc.ts';
import { NETLINK_ROUTE, NetlinkSocket } from './netlinksocket.ts';

/** The requests. Each method is one synchronous exchange with the kernel and throws an OperatorError when refused. */
export class RouteSocket {
  readonly #socket: NetlinkSocket;
  readonly #writer = new MessageWriter();

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** For the monitor: announcements with this origin are answers to this socket's own requests. */
  get portId(): number {
    return this.#socket.portId;
  }

  /** Adds the address or, when it is there already, renews its lifetime: the same call does both. */
  addAddress(wanted: NewAddress): void {
    const sequence = this.#socket.nextSequence();
    const encoded = encodeAddAddress(this.#writer.clear(), sequence, wanted);
    assert(encoded, `${wanted.address} is an IP address`);
    this.#request(sequence, 'RTM_NEWADDR', `add the address ${wanted.address}/${wanted.prefix}`);
  }

  /** Renews many in one exchange with the kernel. What is wrong, by the place in the list. */
  renewAddresses(list: readonly NewAddress[]): ReadonlyMap<number, string> {
    const writer = this.#writer.clear();
    const places = new Map<number, number>();
    for (const [place, wanted] of list.entries()) {
      const sequence = this.#socket.nextSequence();
      places.set(sequence, place);
      const encoded = encodeAddAddress(writer, sequence, wanted, { acknowledged: false });
      assert(encoded, `${wanted.address} is an IP address`);
    }
    const failures = new Map<number, string>();
    for (const [sequence, refused] of this.#socket.refusals(writer.bytes(), 'RTM_NEWADDR')) {
      const place = places.get(sequence);
      const wanted = place === undefined ? undefined : list[place];
      if (place === undefined || wanted === undefined) continue;
      const doing = `renew the address ${wanted.address}/${wanted.prefix}`;
      failures.set(place, `cannot ${doing}: ${refused.message}`);
    }
    return failures;
  }

  /** Removes the address. False when it was not there (its lifetime ended, or somebody was faster). */
  removeAddress(key: AddressKey): boolean {
    const sequence = this.#socket.nextSequence();
    const encoded = encodeRemoveAddress(this.#writer.clear(), sequence, key);
    assert(encoded, `${key.address} is an IP address`);
    const refused = this.#socket.try(this.#writer.bytes(), sequence, 'RTM_DELADDR');
    if (refused === null) return true;
    if (refused.errno === 'EADDRNOTAVAIL' || refused.errno === 'ENODEV') return false;
    throw explain(refused, {
      doing: `remove the address ${key.address}/${key.prefix}`,
      needs: 'CAP_NET_ADMIN',
    });
  }

  /** The addresses of all interfaces, or of one. */
  listAddresses(interfaceIndex?: number): InterfaceAddress[] {
    const all = this.#list('list the addresses', encodeDumpAddresses, 'RTM_GETADDR', (message) => {
      const decoded = message.type === RTM_NEWADDR ? decodeAddress(message.body) : null;
      return decoded?.ok ? decoded.address : null;
    });
    // The kernel may ignore a filter in the request (it does unless strict checking is on), so it is applied here.
    if (interfaceIndex === undefined) return all;
    return all.filter((address) => address.interfaceIndex === interfaceIndex);
  }

  listLinks(): Link[] {
    return this.#list('list the interfaces', encodeDumpLinks, 'RTM_GETLINK', (message) => {
      const decoded = message.type === RTM_NEWLINK ? decodeLink(message.body) : null;
      return decoded?.ok ? decoded.link : null;
    });
  }

  /** Adds the route. False when the same one was there already. Throws when a device of it does not exist. */
  addRoute(spec: RouteSpec): boolean {
    const doing = `add the route ${spec.text}`;
    const sequence = this.#socket.nextSequence();
    encodeAddRoute(this.#writer.clear(), sequence, spec, this.#indexes(spec, doing));
    return this.#unless(['EEXIST'], sequence, 'RTM_NEWROUTE', doing, ROUTE_HINTS);
  }

  /** Removes the route. False when it was not there, or its device is gone and took it along. */
  removeRoute(spec: RouteSpec): boolean {
    if (devicesOf(spec).some((name) => interfaceIndexOf(name) === null)) return false;
    const doing = `remove the route ${spec.text}`;
    const sequence = this.#socket.nextSequence();
    encodeRemoveRoute(this.#writer.clear(), sequence, spec, this.#indexes(spec, doing));
    return this.#unless(['ESRCH', 'ENOENT', 'ENODEV'], sequence, 'RTM_DELROUTE', doing);
  }

  /** The routes of all tables. */
  listRoutes(family: IpFamily): Route[] {
    const write = (writer: MessageWriter, sequence: number) => encodeDumpRoutes(writer, sequence, family);
    return this.#list('list the routes', write, 'RTM_GETROUTE', (message) => {
      const decoded = message.type === RTM_NEWROUTE ? decodeRoute(message.body) : null;
      return decoded?.ok ? decoded.route : null;
    });
  }

  /** Adds the rule. False when the same one was there already. */
  addRule(spec: RuleSpec): boolean {
    const sequence = this.#socket.nextSequence();
    encodeAddRule(this.#writer.clear(), sequence, spec);
    return this.#unless(['EEXIST'], sequence, 'RTM_NEWRULE', `add the rule ${spec.text}`, RULE_HINTS);
  }

  /** Removes the rule. False when it was not there. */
  removeRule(spec: RuleSpec): boolean {
    const sequence = this.#socket.nextSequence();
    encodeRemoveRule(this.#writer.clear(), sequence, spec);
    return this.#unless(['ENOENT', 'ESRCH'], sequence, 'RTM_DELRULE', `remove the rule ${spec.text}`);
  }

  listRules(family: IpFamily): RuleKey[] {
    const write = (writer: MessageWriter, sequence: number) => encodeDumpRules(writer, sequence, family);
    return this.#list('list the rules', write, 'RTM_GETRULE', (message) => {
      const decoded = message.type === RTM_NEWRULE ? decodeRule(message.body) : null;
      return decoded?.ok ? decoded.rule : null;
    });
  }

  /** Makes a macvlan or an ipvlan, down and without addresses, and returns its index. */
  addStackedLink(wanted: NewStackedLink): number {
    const doing = `make the ${wanted.type.kind} interface ${wanted.name}`;
    const sequence = this.#socket.nextSequence();
    const encoded = encodeAddStackedLink(this.#writer.clear(), sequence, wanted);
    assert(encoded, 'the virtual MAC is a MAC address');
    const refused = this.#socket.try(this.#writer.bytes(), sequence, 'RTM_NEWLINK');
    if (refused !== null) throw explainStacking(refused, wanted, doing);
    const index = interfaceIndexOf(wanted.name);
    if (index === null) throw noSuchInterface(doing, wanted.name);
    return index;
  }

  /** null: there is no interface of that name. */
  findLink(name: string): StackedLink | null {
    if (interfaceIndexOf(name) === null) return null;
    const found: StackedLink[] = [];
    const sequence = this.#socket.nextSequence();
    encodeFindLink(this.#writer.clear(), sequence, name);
    const refused = this.#socket.try(this.#writer.bytes(), sequence, 'RTM_GETLINK', (message) => {
      const link = message.type === RTM_NEWLINK ? decodeStackedLink(message.body) : null;
      if (link !== null) found.push(link);
    });
    if (refused !== null && refused.errno !== 'ENODEV')
      throw explain(refused, { doing: `look at the interface ${name}`, needs: 'CAP_NET_ADMIN' });
    return found[0] ?? null;
  }

  /** Deletes the interface. False when it was gone already. */
  removeLink(index: number): boolean {
    const sequence = this.#socket.nextSequence();
    encodeRemoveLink(this.#writer.clear(), sequence, index);
    return this.#unless(['ENODEV'], sequence, 'RTM_DELLINK', `delete interface ${index}`);
  }

  setLinkUp(index: number, up: boolean): void {
    const sequence = this.#socket.nextSequence();
    encodeSetLink(this.#writer.clear(), sequence, index, up);
    this.#request(sequence, 'RTM_NEWLINK', `set interface ${index} ${up ? 'up' : 'down'}`);
  }

  /** IPv6: from now on the kernel gives the interface no link-local address by itself. */
  setNoLinkLocal(index: number): void {
    const sequence = this.#socket.nextSequence();
    encodeNoLinkLocal(this.#writer.clear(), sequence, index);
    this.#request(sequence, 'RTM_NEWLINK', `keep interface ${index} without a link-local address`);
  }

  close(): void {
    this.#socket.close();
  }

  #list<T>(
    doing: string,
    write: (writer: MessageWriter, sequence: number) => void,
    name: string,
    read: (message: NetlinkMessage) => T | null,
  ): T[] {
    const found: T[] = [];
    explained({ doing, needs: 'CAP_NET_ADMIN' }, () => {
      this.#socket.dump(
        (sequence) => {
          write(this.#writer.clear(), sequence);
          return this.#writer.bytes();
        },
        name,
        (message) => {
          const each = read(message);
          if (each !== null) found.push(each);
        },
        () => found.splice(0),
      );
    });
    return found;
  }

  #indexes(spec: RouteSpec, doing: string): (device: string) => number {
    const indexes = new Map<string, number>();
    for (const name of devicesOf(spec)) {
      const index = interfaceIndexOf(name);
      if (index === null) throw noSuchInterface(doing, name);
      indexes.set(name, index);
    }
    return (name) => indexes.get(name) ?? 0;
  }

  /** True when done; false when the kernel refused for one of these reasons; any other refusal is thrown. */
  #unless(
    harmless: readonly string[],
    sequence: number,
    name: string,
    doing: string,
    hints: Readonly<Record<string, string>> = {},
  ): boolean {
    const refused = this.#socket.try(this.#writer.bytes(), sequence, name);
    if (refused === null) return true;
    if (harmless.includes(refused.errno)) return false;
    const hint = hints[refused.errno];
    if (hint !== undefined)
      throw new OperatorError('kernel-refused', `cannot ${doing}: ${refused.message}`, hint);
    throw explain(refused, { doing, needs: 'CAP_NET_ADMIN' });
  }

  #request(sequence: number, name: string, doing: string): void {
    explained({ doing, needs: 'CAP_NET_ADMIN' }, () =>
      this.#socket.request(this.#writer.bytes(), sequence, name),
    );
  }
}

/** `wantedPort`: see NetlinkSocket. */
export function openRouteSocket(wantedPort = 0): RouteSocket {
  return explained(
    { doing: 'open the netlink socket', needs: 'CAP_NET_ADMIN' },
    () => new RouteSocket(new NetlinkSocket(NETLINK_ROUTE, 0, wantedPort)),
  );
}

export { openRouteMonitor, RouteMonitor } from './routemonitor.ts';
