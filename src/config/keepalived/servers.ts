// Virtual servers with the C daemon's defaults and coercions, each reported. Used by config.ts; the parts are in lvs*.ts.
import { serviceName } from '../../core/checker/names.ts';
import { formatIp, parseIp } from '../../core/ip/address.ts';
import { quote, type Report } from './findings.ts';
import { readForwarding } from './lvsforwarding.ts';
import { type GroupEntry, readGroups } from './lvsgroups.ts';
import {
  familyOf,
  type Own,
  readPort,
  readQuorum,
  readRealServers,
  readSorry,
  type ServersContext,
  type Virtual,
} from './lvsreal.ts';
import { isPersistent, servicesOf } from './lvsservices.ts';
import type { VirtualServerConfig } from './lvstypes.ts';
import { last } from './values.ts';

interface Identity {
  readonly name: string;
  readonly address: string;
  readonly port: number | null;
  readonly entries: readonly GroupEntry[];
  readonly kind: 'address' | 'fwmark' | 'group';
}

/** null: it cannot be known what is meant, which is reported. */
function identify(
  reading: Virtual,
  protocol: string,
  groups: ReadonlyMap<string, readonly GroupEntry[]>,
  report: Report,
): Identity | null {
  const [first, second] = reading.args;
  const text = second?.text ?? '';
  const at = second?.at ?? first?.at ?? reading.at;
  if (first?.text === 'group') {
    const entries = groups.get(text);
    if (entries !== undefined)
      return { kind: 'group', name: `[${text}]:0`, address: `group ${text}`, port: null, entries };
    report(
      'error',
      at,
      'group-unknown',
      `there is no virtual_server_group "${quote(text)}", and this virtual server is left out`,
      `known are ${[...groups.keys()].slice(0, 8).join(', ') || 'none'}`,
    );
    return null;
  }
  if (first?.text === 'fwmark') {
    const mark = /^[0-9]{1,10}$/.test(text) ? Number(text) : 0;
    if (mark >= 1 && mark <= 4_294_967_295)
      return {
        kind: 'fwmark',
        name: `FWM ${mark}`,
        address: `fwmark ${text}`,
        port: null,
        entries: [{ kind: 'mark', mark, family: null }],
      };
    report(
      'error',
      at,
      'value',
      `"${quote(text)}" is no firewall mark`,
      'write a number from 1 to 4294967295',
    );
    return null;
  }
  const bytes = first === undefined ? null : parseIp(first.text);
  if (bytes === null) {
    report(
      'error',
      first?.at ?? at,
      'address',
      `"${quote(first?.text ?? '')}" is no IP address`,
      'write an address and a port, `fwmark N` or `group NAME`',
    );
    return null;
  }
  const address = formatIp(bytes);
  const port = readPort(second, report);
  return {
    kind: 'address',
    name: serviceName(address, protocol, port ?? 0),
    address,
    port,
    entries: [{ kind: 'address', address, port: port ?? 0 }],
  };
}

function readProtocol(reading: Virtual, report: Report): 'TCP' | 'UDP' | 'SCTP' {
  const { values: v, args, at } = reading;
  const typed = last(v.protocol)?.toUpperCase();
  const marked = args[0]?.text === 'fwmark';
  if (marked && typed !== undefined)
    report(
      'error',
      v.protocol?.at(-1)?.at ?? at,
      'fwmark-protocol',
      'a virtual server by firewall mark has no protocol; the word is ignored',
      'remove protocol',
    );
  if (typed === 'TCP' || typed === 'SCTP') return typed;
  if (typed === undefined && !marked)
    report(
      'error',
      at,
      'protocol-missing',
      'no protocol is given, and UDP is taken, as the C daemon does',
      'add protocol TCP',
    );
  return marked ? 'TCP' : 'UDP';
}

function readVirtualServer(
  reading: Virtual,
  groups: ReadonlyMap<string, readonly GroupEntry[]>,
  context: ServersContext,
): VirtualServerConfig | null {
  const { values: v, at } = reading;
  const { report } = context;
  const protocol = readProtocol(reading, report);
  const identity = identify(reading, protocol, groups, report);
  if (identity === null) return null;
  const { kind, name, address, port, entries } = identity;
  const families = new Set(entries.flatMap((e) => (e.kind === 'address' ? [familyOf(e.address)] : [])));
  const [family] = families;
  const method = [v.lvs_method?.at(-1), v.lb_kind?.at(-1)]
    .filter((m) => m !== undefined)
    .sort((a, b) => a.at.line - b.at.line)
    .at(-1);
  const forwarding = readForwarding(method, report);
  if (
    forwarding === null &&
    method === undefined &&
    !(v.real_server ?? []).every((r) => r.value.values.lvs_method)
  )
    report(
      'error',
      at,
      'forwarding',
      `${name} has no lb_kind, and NAT is taken`,
      'add lb_kind NAT, DR or TUN',
    );
  const own: Own = {
    ...context,
    name,
    protocol,
    port: kind === 'address' ? port : null,
    marked: kind === 'fwmark',
    grouped: kind === 'group',
    family: families.size === 1 ? (family ?? null) : null,
    forwarding: forwarding ?? { method: 'NAT' },
    v,
  };
  const realServers = readRealServers(own);
  if (realServers.length === 0) {
    report(
      'error',
      at,
      'real-server-missing',
      `${name} has no real servers, and is left out`,
      'add real_server ADDRESS PORT { ... }',
    );
    return null;
  }
  const suspend = v.ha_suspend?.at(-1);
  if (suspend !== undefined && kind !== 'address')
    report(
      'error',
      suspend.at,
      'ha-suspend',
      `ha_suspend needs a virtual server with one address, and ${name} has none`,
      'remove ha_suspend',
    );
  if (kind === 'address' && port === null && !isPersistent(v))
    report(
      'error',
      at,
      'persistence',
      `${name} has no port, which only a persistent service can be without; persistence_timeout 360 is taken`,
      'add a port, or persistence_timeout',
    );
  return {
    name,
    address,
    port,
    at,
    protocol,
    services: servicesOf(entries, {
      at,
      v,
      name,
      protocol,
      realFamily: familyOf(realServers[0]?.address ?? ''),
      report,
    }),
    ...readQuorum(realServers, own),
    quorumUp: last(v.quorum_up) ?? null,
    quorumDown: last(v.quorum_down) ?? null,
    omega: v.omega !== undefined,
    suspendWithout: suspend !== undefined && kind === 'address' ? address : null,
    mail: last(v.smtp_alert) ?? context.mailByDefault ?? false,
    sorry: readSorry(realServers, own),
    realServers,
  };
}

/** Groups and virtual servers multiply; the kernel's table is not made for more. */
const SERVICES_MAX = 65_536;

export function readVirtualServers(context: ServersContext): VirtualServerConfig[] {
  const { top, report } = context;
  const groups = readGroups(top, report);
  const seen = new Set<string>();
  let services = 0;
  return (top.values.virtual_server ?? []).flatMap((each) => {
    const server = readVirtualServer(each.value, groups, context);
    if (server === null) return [];
    const key = `${server.name} ${server.protocol}`;
    if (seen.has(key)) {
      report(
        'error',
        each.value.at,
        'virtual-server-twice',
        `there is a virtual server ${server.name} before this one; only the first counts`,
        'remove one of the two',
      );
      return [];
    }
    seen.add(key);
    services += server.services.length;
    if (services > SERVICES_MAX) {
      services -= server.services.length;
      report(
        'error',
        each.value.at,
        'services-many',
        `with ${server.name} there are more than ${SERVICES_MAX} services, and it is left out`,
        'use a firewall mark in the place of a group',
      );
      return [];
    }
    return [server];
  });
}
