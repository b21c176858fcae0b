// The kernel's load balancer over generic netlink: lists and changes its services and destinations. Used by app/keepalived/checkers.
import { execFileSync } from 'node:child_process';
import { OperatorError } from '../../core/error.ts';
import { decodeFamily, encodeGetFamily } from '../../core/netlink/generic.ts';
import {
  familyOfService,
  type IpvsDestination,
  type ListedDestination,
  type Service,
  type ServiceId,
  type SyncDaemon,
  type Timeouts,
} from '../../core/netlink/ipvs.ts';
import { decodeDestination, decodeService } from '../../core/netlink/ipvs-decode.ts';
import {
  encodeDaemon,
  encodeDestination,
  encodeFlush,
  encodeListDestinations,
  encodeListServices,
  encodeService,
  encodeTimeouts,
} from '../../core/netlink/ipvs-encode.ts';
import { IPVS_FAMILY_NAME } from '../../core/netlink/ipvs-numbers.ts';
import { MessageWriter } from '../../core/netlink/message.ts';
import { explain, explained } from './explain.ts';
import type { LinuxError } from './libc.ts';
import { NetlinkSocket } from './netlinksocket.ts';

const NETLINK_GENERIC = 16;
const MODPROBE_MS_MAX = 5000;

/** The errno's name when the kernel refuses, or null. */
type Refusal = LinuxError | null;

export class Ipvs {
  readonly #socket: NetlinkSocket;
  readonly #family: number;
  readonly #writer = new MessageWriter();

  constructor(socket: NetlinkSocket, family: number) {
    this.#socket = socket;
    this.#family = family;
  }

  changeService(command: 'new-service' | 'set-service' | 'remove-service', service: Service): Refusal {
    return this.#try(command, (sequence) =>
      encodeService(this.#writer.clear(), this.#family, sequence, command, service),
    );
  }

  changeDestination(
    command: 'new-destination' | 'set-destination' | 'remove-destination',
    service: ServiceId,
    destination: IpvsDestination,
  ): Refusal {
    return this.#try(command, (sequence) =>
      encodeDestination(this.#writer.clear(), this.#family, sequence, command, service, destination),
    );
  }

  setTimeouts(timeouts: Timeouts): Refusal {
    return this.#try('set-timeouts', (sequence) =>
      encodeTimeouts(this.#writer.clear(), this.#family, sequence, timeouts),
    );
  }

  changeDaemon(command: 'new-daemon' | 'remove-daemon', daemon: SyncDaemon): Refusal {
    return this.#try(command, (sequence) =>
      encodeDaemon(this.#writer.clear(), this.#family, sequence, command, daemon),
    );
  }

  /** Everything of this network namespace goes, whoever made it. */
  flush(): Refusal {
    return this.#try('flush', (sequence) => encodeFlush(this.#writer.clear(), this.#family, sequence));
  }

  listServices(): Service[] {
    const found: Service[] = [];
    this.#dump(
      'list the virtual services',
      found,
      (writer, sequence) => encodeListServices(writer, this.#family, sequence),
      decodeService,
    );
    return found;
  }

  listDestinations(service: ServiceId): ListedDestination[] {
    const found: ListedDestination[] = [];
    const family = familyOfService(service);
    this.#dump(
      'list the destinations of a virtual service',
      found,
      (writer, sequence) => encodeListDestinations(writer, this.#family, sequence, service),
      (body) => decodeDestination(body, family),
    );
    return found;
  }

  close(): void {
    this.#socket.close();
  }

  #try(name: string, encode: (sequence: number) => void): Refusal {
    const sequence = this.#socket.nextSequence();
    encode(sequence);
    return this.#socket.try(this.#writer.bytes(), sequence, `IPVS ${name}`);
  }

  #dump<T>(
    doing: string,
    found: T[],
    encode: (writer: MessageWriter, sequence: number) => void,
    decode: (body: Uint8Array) => T | null,
  ): void {
    explained({ doing, needs: 'CAP_NET_ADMIN' }, () => {
      this.#socket.dump(
        (sequence) => {
          encode(this.#writer.clear(), sequence);
          return this.#writer.bytes();
        },
        'IPVS list',
        (message) => {
          const decoded = message.type === this.#family ? decode(message.body) : null;
          if (decoded !== null) found.push(decoded);
        },
        () => found.splice(0),
      );
    });
  }
}

/** The number of the family; null: the kernel has none of this name. */
function findFamily(socket: NetlinkSocket): number | null {
  const writer = new MessageWriter();
  const sequence = socket.nextSequence();
  encodeGetFamily(writer.clear(), sequence, IPVS_FAMILY_NAME);
  socket.send(writer.bytes(), 'CTRL_CMD_GETFAMILY');
  for (let messages = socket.read(); messages !== null; messages = socket.read()) {
    if (messages === 'overrun') continue;
    for (const message of messages) {
      const found = message.sequence === sequence ? decodeFamily(message.body, IPVS_FAMILY_NAME) : null;
      if (found !== null) return found;
    }
  }
  return null;
}

function loadModule(): void {
  try {
    execFileSync('modprobe', ['ip_vs'], { timeout: MODPROBE_MS_MAX, stdio: 'ignore' });
  } catch {
    // Built in, or not to be had: asking again tells.
  }
}

/** Throws an OperatorError where there is no load balancer, or no right to it. */
export function openIpvs(): Ipvs {
  const doing = 'steer the load balancer of the kernel (IPVS)';
  const socket = explained({ doing, needs: 'CAP_NET_ADMIN' }, () => new NetlinkSocket(NETLINK_GENERIC));
  try {
    let family = findFamily(socket);
    if (family === null) {
      loadModule();
      family = findFamily(socket);
    }
    if (family === null)
      throw new OperatorError(
        'no-ipvs',
        'this kernel has no load balancer: there is no IPVS in it, and no module ip_vs',
        'install a kernel with ip_vs if traffic is to be balanced, or remove virtual_server',
      );
    const ipvs = new Ipvs(socket, family);
    ipvs.listServices();
    return ipvs;
  } catch (error) {
    socket.close();
    throw explain(error, { doing, needs: 'CAP_NET_ADMIN' });
  }
}
