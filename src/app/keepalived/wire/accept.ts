// no_accept (and vrrp_strict): a master that is not the owner of the addresses answers ARP for them and forwards, but takes nothing
// that is sent to them (RFC 9568 section 8.3.1). Packets to and from the VIPs are dropped by an nftables table of our own; IPv6
// neighbour discovery passes. Called by possessions.ts around the master state; one guard serves all instances.

import { OperatorError } from '../../../core/error.ts';
import {
  encodeCreateDropTable,
  encodeDeleteDropTable,
  encodeDropAddresses,
} from '../../../core/netlink/droptable.ts';
import { MessageWriter } from '../../../core/netlink/message.ts';
import { LinuxError } from '../../../io/linux/libc.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from '../../../io/linux/netlinksocket.ts';

/** How many addresses one batch carries: far below the kernel's limit of a message. */
const ADDRESSES_PER_BATCH = 500;

export interface AcceptGuard {
  /** Before the addresses are set. `owner`: two instances may have one link-local address. Throws an OperatorError. */
  deny(addresses: readonly string[], owner?: string): void;
  /** After they are removed; what was not denied is no failure. */
  allow(addresses: readonly string[], owner?: string): void;
  /** Takes the table away. */
  close(): void;
}

function refusal(error: LinuxError): OperatorError {
  const why =
    error.errno === 'EPERM'
      ? 'CAP_NET_ADMIN is missing, or another process owns the table'
      : 'this kernel lacks nf_tables';
  return new OperatorError(
    'no-accept',
    `cannot keep packets for the virtual addresses out with nftables: ${error.message}: ${why}`,
    'Remove no_accept (or vrrp_strict): the addresses take packets then. Or load the module: modprobe nf_tables.',
  );
}

class Guard implements AcceptGuard {
  readonly #table: string;
  readonly #socket: NetlinkSocket;
  readonly #writer = new MessageWriter();
  readonly #owners = new Map<string, Set<string>>();

  constructor(table: string) {
    this.#table = table;
    this.#socket = new NetlinkSocket(NETLINK_NETFILTER);
    try {
      this.#create();
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  deny(addresses: readonly string[], owner = ''): void {
    const fresh = addresses.filter((address) => !this.#owners.has(address));
    this.#change(fresh, true);
    for (const address of addresses) {
      const owners = this.#owners.get(address) ?? new Set();
      this.#owners.set(address, owners.add(owner));
    }
  }

  allow(addresses: readonly string[], owner = ''): void {
    const free: string[] = [];
    for (const address of addresses) {
      const owners = this.#owners.get(address);
      if (!owners?.delete(owner) || owners.size > 0) continue;
      this.#owners.delete(address);
      free.push(address);
    }
    this.#change(free, false);
  }

  close(): void {
    encodeDeleteDropTable(this.#writer, this.#table);
    // The table is gone with the socket anyway, except on kernels before 5.12.
    this.#socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_DELTABLE');
    this.#socket.close();
  }

  #create(): void {
    encodeCreateDropTable(this.#writer, this.#table, true);
    const owned = this.#socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_NEWTABLE');
    if (owned === null) return;
    if (owned.errno === 'EPERM') throw refusal(owned);
    encodeCreateDropTable(this.#writer, this.#table, false);
    const shared = this.#socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_NEWTABLE');
    if (shared !== null) throw refusal(shared);
  }

  #change(addresses: readonly string[], drop: boolean): void {
    const refused = this.#send(addresses, drop);
    if (refused === null || (!drop && refused.errno === 'ENOENT')) return;
    if (refused.errno !== 'ENOENT') throw refusal(refused);
    // Somebody flushed the tables of an older kernel, in which they have no owner.
    this.#create();
    const again = this.#send([...new Set([...this.#owners.keys(), ...addresses])], true);
    if (again !== null) throw refusal(again);
  }

  #send(addresses: readonly string[], drop: boolean): LinuxError | null {
    for (let at = 0; at < addresses.length; at += ADDRESSES_PER_BATCH) {
      encodeDropAddresses(this.#writer, this.#table, addresses.slice(at, at + ADDRESSES_PER_BATCH), drop);
      const refused = this.#socket.tryBatch(
        this.#writer.bytes(),
        drop ? 'NFT_MSG_NEWSETELEM' : 'NFT_MSG_DELSETELEM',
      );
      if (refused !== null) return refused;
    }
    return null;
  }
}

/** `tableName`: of family inet, one for each daemon in a network namespace. Throws an OperatorError without nftables. */
export function openAcceptGuard(tableName: string): AcceptGuard {
  try {
    return new Guard(tableName);
  } catch (error) {
    throw error instanceof LinuxError ? refusal(error) : error;
  }
}
