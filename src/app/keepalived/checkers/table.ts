// The rules of our virtual servers in the kernel's load balancer, with a memory of what is there: only what differs is sent. What a
// former run left over is in this memory from the start, and so is taken over. Without IPVS it does nothing, after one warning.
import type { Forwarding, Rule } from '../../../core/checker/pool-state.ts';
import { ruleKey } from '../../../core/checker/rules.ts';
import { OperatorError } from '../../../core/error.ts';
import {
  type IpvsDestination,
  type ListedDestination,
  type Service,
  type ServiceId,
  serviceKey,
} from '../../../core/netlink/ipvs.ts';
import { type Ipvs, openIpvs } from '../../../io/linux/ipvs.ts';
import type { LinuxError } from '../../../io/linux/libc.ts';
import type { Outlets } from '../outlets.ts';

interface Known {
  readonly service: Service;
  readonly rules: Map<string, IpvsDestination>;
}

/** What these mean here; the kernel's own words name no thing. */
const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT:
    'the scheduler or the persistence engine is not to be had (its module is missing), or the rule is gone',
  EINVAL: 'this kernel does not take these options',
  EPERM: 'CAP_NET_ADMIN is missing',
  EAFNOSUPPORT: 'this kernel cannot balance this address family',
};

export function destinationOf(rule: Rule): IpvsDestination {
  const { address, port, weight, upperThreshold, lowerThreshold, forwarding } = rule;
  return {
    address,
    port,
    weight,
    upperThreshold,
    lowerThreshold,
    method: forwarding.method,
    tunnel: tunnelOf(forwarding),
  };
}

function tunnelOf(forwarding: Forwarding): IpvsDestination['tunnel'] {
  if (forwarding.method !== 'TUN') return null;
  const { tunnel, port, checksum } = forwarding;
  return { kind: tunnel, port, checksum };
}

/** Without the counters. */
const asDestination = ({
  activeConnections: _a,
  inactiveConnections: _i,
  persistentConnections: _p,
  ...rest
}: ListedDestination): IpvsDestination => rest;

const same = (a: unknown, b: unknown): boolean => {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const [left, right] = [Object.entries(a), b as Record<string, unknown>];
  return left.length === Object.keys(b).length && left.every(([key, value]) => same(value, right[key]));
};

export class RulesTable {
  readonly #ipvs: Ipvs | null;
  readonly #log: Outlets['log'];
  readonly #known = new Map<string, Known>();

  constructor(ipvs: Ipvs | null, log: Outlets['log']) {
    this.#ipvs = ipvs;
    this.#log = log;
    for (const service of ipvs?.listServices() ?? []) {
      const listed = ipvs?.listDestinations(service.id) ?? [];
      const rules = new Map(listed.map((d) => [`${d.address} ${d.port}`, asDestination(d)]));
      this.#known.set(serviceKey(service.id), { service, rules });
    }
  }

  get ipvs(): Ipvs | null {
    return this.#ipvs;
  }

  /** The service is there with these rules and no others. */
  open(service: Service, rules: readonly Rule[]): void {
    if (this.#ipvs === null) return;
    this.#putService(service);
    const wanted = new Set(rules.map(ruleKey));
    for (const rule of rules) this.put(service.id, rule);
    for (const [key, rule] of this.#known.get(serviceKey(service.id))?.rules ?? [])
      if (!wanted.has(key)) this.#removeDestination(service.id, key, rule);
  }

  put(id: ServiceId, rule: Rule): void {
    const known = this.#known.get(serviceKey(id));
    if (this.#ipvs === null || known === undefined) return;
    const key = ruleKey(rule);
    const wanted = destinationOf(rule);
    const there = known.rules.get(key);
    if (there !== undefined && same(there, wanted)) return;
    const change = (command: 'new-destination' | 'set-destination') =>
      this.#ipvs?.changeDestination(command, id, wanted) ?? null;
    let refused = change(there === undefined ? 'new-destination' : 'set-destination');
    // Somebody else has been at it meanwhile.
    if (refused?.errno === 'EEXIST') refused = change('set-destination');
    else if (refused?.errno === 'ENOENT' && there !== undefined) refused = change('new-destination');
    if (refused === null) known.rules.set(key, wanted);
    else this.#complain(`set the rule for ${key}`, refused);
  }

  remove(id: ServiceId, rule: Rule): void {
    const key = ruleKey(rule);
    const there = this.#known.get(serviceKey(id))?.rules.get(key);
    if (there !== undefined) this.#removeDestination(id, key, there);
  }

  /** The service and its rules. Connections through it are cut by the kernel when they next send. */
  close(service: Service): void {
    const key = serviceKey(service.id);
    if (this.#ipvs === null || !this.#known.delete(key)) return;
    const refused = this.#ipvs.changeService('remove-service', service);
    if (refused !== null && refused.errno !== 'ESRCH') this.#complain(`remove the service ${key}`, refused);
  }

  flush(): void {
    if (this.#ipvs === null) return;
    const refused = this.#ipvs.flush();
    if (refused === null) this.#known.clear();
    else this.#complain('remove all rules', refused);
  }

  /** Only when the daemon stops. */
  release(): void {
    this.#ipvs?.close();
  }

  #putService(service: Service): void {
    const key = serviceKey(service.id);
    const known = this.#known.get(key);
    if (known !== undefined && same(known.service.options, service.options)) return;
    const change = (command: 'new-service' | 'set-service') =>
      this.#ipvs?.changeService(command, service) ?? null;
    let refused = change(known === undefined ? 'new-service' : 'set-service');
    if (refused?.errno === 'EEXIST') refused = change('set-service');
    else if (refused?.errno === 'ESRCH') refused = change('new-service');
    if (refused === null) this.#known.set(key, { service, rules: known?.rules ?? new Map() });
    else this.#complain(`set the service ${key}`, refused);
  }

  #removeDestination(id: ServiceId, key: string, there: IpvsDestination): void {
    const refused = this.#ipvs?.changeDestination('remove-destination', id, there) ?? null;
    if (refused === null || refused.errno === 'ENOENT' || refused.errno === 'ESRCH')
      this.#known.get(serviceKey(id))?.rules.delete(key);
    else this.#complain(`remove the rule for ${key}`, refused);
  }

  #complain(doing: string, refused: LinuxError): void {
    const meaning = MEANINGS[refused.errno];
    this.#log(
      'error',
      `IPVS: cannot ${doing}: ${refused.message}${meaning === undefined ? '' : `; ${meaning}`}`,
    );
  }
}

/** One warning when there is no load balancer here: checks and scripts run all the same. */
export function openTable(log: Outlets['log']): RulesTable {
  try {
    log('detail', 'Initializing ipvs');
    return new RulesTable(openIpvs(), log);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    log(
      'warn',
      `IPVS: ${error.message}; checks and notify scripts run, and no traffic is balanced (${error.hint})`,
    );
    return new RulesTable(null, log);
  }
}
