// Answering TCP to a VIP with a RST at once, while the VIP is between two hosts. Without it a SYN that still reaches
// the old host (its MAC is in the client's ARP cache) is dropped, and the client tries again a whole second later.
// It works although the address is no longer local, because prerouting comes before the routing decision; it resets
// established connections too, as soon as their client sends anything.
//
// The elements carry timeouts, and the table belongs to this process's socket: whatever happens, nothing stays behind.

import { MessageWriter } from '../../core/netlink/message.ts';
import {
  encodeAcceptAddresses,
  encodeCreateRejectTable,
  encodeDeleteRejectTable,
  encodeRejectAddresses,
  type RejectTable,
} from '../../core/netlink/rejecttable.ts';
import { bootMs, LinuxError } from './libc.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlinksocket.ts';

export interface RejectorOptions {
  /** Of family inet; one table a rejector. */
  readonly tableName: string;
  /** The TCP port whose clients are answered. */
  readonly port: number;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof LinuxError)) throw error;
  if (error.errno === 'EPERM')
    return `${error.message}: CAP_NET_ADMIN is missing, or another process owns the table`;
  if (error.errno === 'EPROTONOSUPPORT' || error.errno === 'ENOENT' || error.errno === 'EOPNOTSUPP') {
    return `${error.message}: this kernel lacks nf_tables, or its reject in prerouting (Linux 5.9)`;
  }
  return error.message;
}

export class Rejector {
  readonly #table: RejectTable;
  readonly #writer = new MessageWriter();
  readonly #expiresMs = new Map<string, number>();
  #socket: NetlinkSocket | null = null;
  #reason: string | null = null;

  constructor(options: RejectorOptions) {
    this.#table = { name: options.tableName, port: options.port };
    try {
      this.#socket = new NetlinkSocket(NETLINK_NETFILTER);
      this.#install(this.#socket);
    } catch (error) {
      this.#reason = `cannot reject with nftables: ${reasonOf(error)}`;
      this.#socket?.close();
      this.#socket = null;
    }
  }

  get available(): boolean {
    return this.#socket !== null;
  }

  /** Why it is not available; null when it is. */
  get reason(): string | null {
    return this.#reason;
  }

  /**
   * From now on, and for `forMs` unless accepted earlier, TCP to the addresses is answered with a RST. Again for the
   * same address: the time starts anew. Null when done, else why not; never throws.
   */
  reject(addresses: readonly string[], forMs: number): string | null {
    return this.#perform((socket) => {
      const nowMs = bootMs();
      const present = addresses.filter((address) => (this.#expiresMs.get(address) ?? 0) > nowMs);
      encodeRejectAddresses(this.#writer, this.#table, addresses, forMs, present);
      let refused = socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_NEWSETELEM');
      if (refused?.errno === 'ENOENT') {
        // Either an element timed out in this very moment, or somebody flushed the tables of an older kernel.
        encodeRejectAddresses(this.#writer, this.#table, addresses, forMs, []);
        refused = socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_NEWSETELEM');
        if (refused?.errno === 'ENOENT') {
          this.#install(socket);
          encodeRejectAddresses(this.#writer, this.#table, addresses, forMs, []);
          refused = socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_NEWSETELEM');
        }
      }
      if (refused !== null) throw refused;
      for (const address of addresses) this.#expiresMs.set(address, nowMs + forMs);
    });
  }

  /** Lets TCP to the addresses through again: to be called before the VIP is added. Null when done, else why not; never throws. */
  accept(addresses: readonly string[]): string | null {
    return this.#perform((socket) => {
      const nowMs = bootMs();
      for (const address of addresses) {
        const expiresMs = this.#expiresMs.get(address) ?? 0;
        if (expiresMs <= nowMs) continue;
        encodeAcceptAddresses(this.#writer, this.#table, [address]);
        const refused = socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_DELSETELEM');
        // ENOENT: timed out in this very moment.
        if (refused !== null && refused.errno !== 'ENOENT') throw refused;
        this.#expiresMs.delete(address);
      }
    });
  }

  close(): void {
    if (this.#socket === null) return;
    encodeDeleteRejectTable(this.#writer, this.#table);
    this.#perform((socket) => socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_DELTABLE'));
    this.#socket.close();
    this.#socket = null;
    this.#reason = 'closed';
  }

  #install(socket: NetlinkSocket): void {
    this.#expiresMs.clear();
    encodeCreateRejectTable(this.#writer, this.#table, true);
    const owned = socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_NEWTABLE');
    if (owned === null || owned.errno === 'EPERM') {
      if (owned !== null) throw owned;
      return;
    }
    encodeCreateRejectTable(this.#writer, this.#table, false);
    const shared = socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_NEWTABLE');
    if (shared !== null) throw shared;
  }

  #perform(work: (socket: NetlinkSocket) => void): string | null {
    if (this.#socket === null) return this.#reason;
    try {
      work(this.#socket);
      return null;
    } catch (error) {
      return `cannot reject with nftables: ${reasonOf(error)}`;
    }
  }
}

/** Never throws: without nftables, or without the right to use it, `available` is false and `reason` says why. */
export function openRejector(options: RejectorOptions): Rejector {
  return new Rejector(options);
}
