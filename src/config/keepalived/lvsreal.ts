// The real servers and the sorry server of a virtual server, and its quorum. Used by servers.ts.

import { serviceName } from '../../core/checker/names.ts';
import type { Forwarding } from '../../core/checker/pool-state.ts';
import { formatIp, type IpFamily, parseIp } from '../../core/ip/address.ts';
import { quote, type Report } from './findings.ts';
import { type CheckerValues, type Pace, readChecker } from './lvscheckers.ts';
import { readForwarding } from './lvsforwarding.ts';
import type { CheckerConfig, LvsGlobalConfig, RealServerConfig, SorryServerConfig } from './lvstypes.ts';
import type { TOP } from './schema/index.ts';
import { CHECKERS, type REAL_SERVER, type VIRTUAL_SERVER } from './schema/lvs.ts';
import type { Placed, Reading } from './spec.ts';
import type { Place } from './text.ts';
import { last } from './values.ts';
import type { Word } from './words.ts';

export type Virtual = Reading<typeof VIRTUAL_SERVER>;

export interface ServersContext {
  readonly top: Reading<typeof TOP>;
  readonly lvs: LvsGlobalConfig;
  /** smtp_alert_checker, else smtp_alert; undefined: neither is given. */
  readonly mailByDefault: boolean | undefined;
  readonly report: Report;
}

export interface Own extends ServersContext {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly port: number | null;
  readonly marked: boolean;
  /** The entries of a group have ports of their own. */
  readonly grouped: boolean;
  readonly family: IpFamily | null;
  readonly forwarding: Forwarding;
  readonly v: Virtual['values'];
}

export const familyOf = (address: string): IpFamily => (address.includes(':') ? 6 : 4);

export function readPort(word: Word | undefined, report: Report): number | null {
  if (word === undefined) return null;
  const port = /^[0-9]{1,5}$/.test(word.text) ? Number(word.text) : Number.NaN;
  if (port >= 1 && port <= 65_535) return port;
  report('error', word.at, 'value', `"${quote(word.text)}" is no port`, 'write a number from 1 to 65535');
  return null;
}

/** Without NAT packets arrive at the port they were sent to: no other can be meant. */
function portOf(typed: number | null, at: Place, forwarding: Forwarding, own: Own): number | null {
  if (forwarding.method === 'NAT' || own.grouped) return typed;
  const wanted = own.marked ? null : own.port;
  if (typed !== wanted && (typed !== null || !own.marked))
    own.report(
      'error',
      at,
      'port-differs',
      `with ${forwarding.method} the port cannot change: ${wanted === null ? 'none' : wanted} is taken instead of ${typed ?? 'none'}`,
      'write the port of the virtual server, or lb_kind NAT',
    );
  return wanted;
}

/** null: it cannot serve this virtual server, which is reported. */
function readRealServer(real: Reading<typeof REAL_SERVER>, own: Own): RealServerConfig | null {
  const { values: v, args, at } = real;
  const { report } = own;
  const [host, portWord] = args;
  const bytes = host === undefined ? null : parseIp(host.text);
  if (host === undefined || bytes === null) {
    report(
      'error',
      host?.at ?? at,
      'address',
      `"${quote(host?.text ?? '')}" is no IP address`,
      'write the address of the server, then its port',
    );
    return null;
  }
  const address = formatIp(bytes);
  const forwarding = readForwarding(v.lvs_method?.at(-1), report) ?? own.forwarding;
  if (own.family !== null && familyOf(address) !== own.family && forwarding.method !== 'TUN') {
    report(
      'error',
      host.at,
      'address-family',
      `${address} is of another family than its virtual server, and is left out`,
      'only tunnels (lvs_method TUN) can change the family',
    );
    return null;
  }
  const port = portOf(readPort(portWord, report), portWord?.at ?? host.at, forwarding, own);
  return {
    name: serviceName(address, own.marked ? 'none' : own.protocol, port ?? 0),
    address,
    port,
    at,
    weight: last(v.weight) ?? 1,
    forwarding,
    upperThreshold: last(v.uthreshold) ?? 0,
    lowerThreshold: last(v.lthreshold) ?? 0,
    notifyUp: last(v.notify_up) ?? null,
    notifyDown: last(v.notify_down) ?? null,
    inhibitOnFailure: last(v.inhibit_on_failure) ?? own.v.inhibit_on_failure !== undefined,
    mail: last(v.smtp_alert) ?? own.mailByDefault ?? true,
    checkers: readCheckers(v, address, port ?? own.port ?? 0, own),
  };
}

function readCheckers(
  v: Reading<typeof REAL_SERVER>['values'],
  address: string,
  port: number,
  { top, lvs, report, v: virtual }: Own,
): CheckerConfig[] {
  const context = {
    top,
    address,
    port,
    levels: [v, virtual as Pace],
    logAllFailures: lvs.logAllFailures,
    report,
  };
  const blocks = v as Readonly<
    Partial<Record<keyof typeof CHECKERS, readonly Placed<{ at: Place; values: CheckerValues }>[]>>
  >;
  return (Object.keys(CHECKERS) as (keyof typeof CHECKERS)[]).flatMap((kind) =>
    (blocks[kind] ?? []).flatMap((checker) => {
      const { at, values } = checker.value;
      const hosts = values.host ?? [];
      if (hosts.length === 0) return readChecker(kind, at, values, context) ?? [];
      // The old SMTP_CHECK: each host block is a checker.
      return hosts.flatMap(
        (host) => readChecker(kind, at, { ...values, ...host.value.values }, context) ?? [],
      );
    }),
  );
}

export function readRealServers(own: Own): RealServerConfig[] {
  const seen = new Set<string>();
  return (own.v.real_server ?? []).flatMap((real) => {
    const server = readRealServer(real.value, own);
    if (server === null) return [];
    if (seen.has(server.name)) {
      own.report(
        'error',
        real.value.at,
        'real-server-twice',
        `${server.name} stands in ${own.name} before; the second is left out`,
        'remove one of the two',
      );
      return [];
    }
    seen.add(server.name);
    return [server];
  });
}

export function readSorry(servers: readonly RealServerConfig[], own: Own): SorryServerConfig | null {
  const { v, report } = own;
  const typed = v.sorry_server?.at(-1);
  const inhibit = v.sorry_server_inhibit?.at(-1);
  if (typed === undefined) {
    if (inhibit !== undefined || v.sorry_server_lvs_method !== undefined)
      report(
        'error',
        inhibit?.at ?? v.sorry_server_lvs_method?.at(-1)?.at ?? { file: '', line: 1, column: 1 },
        'sorry-server-missing',
        'words about a sorry server, and no sorry_server',
        'add sorry_server ADDRESS PORT above',
      );
    return null;
  }
  const [host = '', portText] = typed.value;
  const bytes = parseIp(host);
  if (bytes === null) {
    report(
      'error',
      typed.at,
      'address',
      `"${quote(host)}" is no IP address`,
      'write sorry_server 192.0.2.9 3306',
    );
    return null;
  }
  const address = formatIp(bytes);
  const forwarding = readForwarding(v.sorry_server_lvs_method?.at(-1), report) ?? own.forwarding;
  if (own.family !== null && familyOf(address) !== own.family && forwarding.method !== 'TUN') {
    report(
      'error',
      typed.at,
      'address-family',
      `the sorry server ${address} is of another family than its virtual server, and is left out`,
      'only tunnels can change the family',
    );
    return null;
  }
  const given = portText === undefined ? null : readPort({ text: portText, at: typed.at }, report);
  const port = portOf(given, typed.at, forwarding, own);
  const twin = servers.find((s) => s.address === address && s.port === port);
  const wanted = inhibit !== undefined;
  if (twin !== undefined && twin.inhibitOnFailure !== wanted)
    report(
      'error',
      typed.at,
      'sorry-server-inhibit',
      `the sorry server ${address} is a real server too, and ${wanted ? 'sorry_server_inhibit' : 'its inhibit_on_failure'} counts for both only if both have it`,
      'give both the same',
    );
  return {
    name: serviceName(address, own.marked ? 'none' : own.protocol, port ?? 0),
    address,
    port,
    inhibit: twin?.inhibitOnFailure ?? wanted,
    forwarding,
  };
}

export function readQuorum(
  servers: readonly RealServerConfig[],
  { v, name, report }: Own,
): { quorum: number; hysteresis: number } {
  const typed = v.quorum?.at(-1);
  const total = servers.reduce((sum, s) => sum + s.weight, 0);
  // What a checker adds to the weight may still lift it over the quorum.
  const fixed = !servers.some((s) =>
    s.checkers.some(
      (c) => c.target.kind === 'FILE_CHECK' || (c.target.kind === 'MISC_CHECK' && c.target.dynamic),
    ),
  );
  let quorum = typed?.value ?? 1;
  if (fixed && quorum > total && total > 0) {
    report(
      'error',
      typed?.at ?? servers[0]?.at ?? { file: '', line: 1, column: 1 },
      'quorum',
      `the quorum ${quorum} of ${name} is more than all weights together (${total}); ${total} is taken`,
      `write a quorum up to ${total}`,
    );
    quorum = total;
  }
  const slack = v.hysteresis?.at(-1);
  const hysteresis = slack?.value ?? 0;
  if (hysteresis < quorum) return { quorum, hysteresis };
  report(
    'error',
    slack?.at ?? { file: '', line: 1, column: 1 },
    'hysteresis',
    `the hysteresis ${hysteresis} of ${name} must be less than its quorum ${quorum}; ${quorum - 1} is taken`,
    `write up to ${quorum - 1}`,
  );
  return { quorum, hysteresis: quorum - 1 };
}
