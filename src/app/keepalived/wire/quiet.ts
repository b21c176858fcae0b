// What a virtual MAC of IPv6 may not say: core/netlink/vmactable.ts. One table for all virtual interfaces of the thread, made with the
// first of them and gone with the last. Called by vmac.ts.

import { MessageWriter } from '../../../core/netlink/message.ts';
import {
  encodeCreateVmacTable,
  encodeDeleteVmacTable,
  encodeVmacElement,
} from '../../../core/netlink/vmactable.ts';
import { LinuxError } from '../../../io/linux/libc.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from '../../../io/linux/netlinksocket.ts';

const TABLE = 'twinkeep_vmac';

export class QuietTable {
  readonly #writer = new MessageWriter();
  readonly #indexes = new Set<number>();
  #socket: NetlinkSocket | null = null;

  /**
   * Null when done, else why not: without nftables (or its dup) the interface works, and a switch may for the length of an
   * advertisement interval look for the virtual MAC at the wrong host.
   */
  add(index: number, baseIndex: number): string | null {
    try {
      this.#socket ??= this.#open();
      encodeVmacElement(this.#writer, TABLE, index, baseIndex, true);
      const refused = this.#socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_NEWSETELEM');
      if (refused !== null) throw refused;
      this.#indexes.add(index);
      return null;
    } catch (error) {
      if (!(error instanceof LinuxError)) throw error;
      this.#closeWhenEmpty();
      return `cannot keep listener reports off the virtual MAC with nftables: ${error.message}`;
    }
  }

  remove(index: number): void {
    if (this.#socket === null || !this.#indexes.delete(index)) return;
    encodeVmacElement(this.#writer, TABLE, index, 0, false);
    this.#socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_DELSETELEM');
    this.#closeWhenEmpty();
  }

  #open(): NetlinkSocket {
    const socket = new NetlinkSocket(NETLINK_NETFILTER);
    encodeCreateVmacTable(this.#writer, TABLE, true);
    const owned = socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_NEWTABLE');
    if (owned === null) return socket;
    // EPERM: another daemon's. Otherwise perhaps a kernel before 5.12, whose tables have no owner.
    encodeCreateVmacTable(this.#writer, TABLE, false);
    const shared =
      owned.errno === 'EPERM' ? owned : socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_NEWTABLE');
    if (shared === null) return socket;
    socket.close();
    throw shared;
  }

  #closeWhenEmpty(): void {
    if (this.#socket === null || this.#indexes.size > 0) return;
    encodeDeleteVmacTable(this.#writer, TABLE);
    this.#socket.tryBatch(this.#writer.bytes(), 'NFT_MSG_DELTABLE');
    this.#socket.close();
    this.#socket = null;
  }
}

/** One thread works in one network namespace, so its virtual interfaces share the table. */
export const SHARED_QUIET = new QuietTable();
