// Destroying TCP connections by their port: the second half of cutting clients off when a node gives its role up.
// (Removing the VIP is no cut: an established socket goes on sending from an address that is gone.)

import type { IpFamily } from '../../core/ip/address.ts';
import { MessageWriter } from '../../core/netlink/message.ts';
import {
  decodeTcpSocket,
  encodeDestroyTcp,
  encodeDumpTcp,
  SOCK_DIAG_BY_FAMILY,
  type TcpSocket,
} from '../../core/netlink/sockdiag.ts';
import { explain, explained } from './explain.ts';
import { LinuxError } from './libc.ts';
import { NETLINK_SOCK_DIAG, NetlinkSocket } from './netlinksocket.ts';

export interface DestroyTcpOptions {
  /** The server's own port: only the server's end of a connection is destroyed, a client's end on this host is not. */
  readonly localPort: number;
  /** True for a connection that must live (the peer's replication, the agent's own). IPv4 clients of a dual-stack listener come as IPv4. */
  readonly keep: (remoteAddress: string, remotePort: number, localAddress: string) => boolean;
}

export class SocketDiagnostics {
  readonly #socket: NetlinkSocket;
  readonly #writer = new MessageWriter();

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** The connected and half-open TCP sockets with that local port, of both families. */
  listTcp(localPort: number): TcpSocket[] {
    return [...this.#list(4, localPort), ...this.#list(6, localPort)];
  }

  /**
   * Destroys every connection of the port that `keep` does not claim; each client gets a RST, each blocked read of
   * the server ends with ECONNABORTED. Returns how many. Close the door first (read-only, Rejector): this is one
   * sweep, and what connects behind it lives.
   */
  destroyTcp(options: DestroyTcpOptions): number {
    let destroyed = 0;
    for (const socket of this.listTcp(options.localPort)) {
      if (options.keep(socket.remoteAddress, socket.remotePort, socket.localAddress)) continue;
      const sequence = this.#socket.nextSequence();
      encodeDestroyTcp(this.#writer.clear(), sequence, socket);
      const refused = this.#socket.try(this.#writer.bytes(), sequence, 'SOCK_DESTROY');
      // ENOENT: it closed by itself between the list and now.
      if (refused === null) destroyed++;
      else if (refused.errno !== 'ENOENT') {
        throw explain(refused, {
          doing: `close the connections of port ${options.localPort}`,
          needs: 'CAP_NET_ADMIN',
        });
      }
    }
    return destroyed;
  }

  close(): void {
    this.#socket.close();
  }

  #list(family: IpFamily, localPort: number): TcpSocket[] {
    const found: TcpSocket[] = [];
    try {
      this.#dump(family, localPort, found);
    } catch (error) {
      // A kernel without IPv6 has nobody to ask for its sockets.
      if (family === 6 && error instanceof LinuxError && error.errno === 'ENOENT') return [];
      throw explain(error, {
        doing: `list the connections of port ${localPort}`,
        needs: 'CAP_NET_ADMIN',
      });
    }
    return found;
  }

  #dump(family: IpFamily, localPort: number, found: TcpSocket[]): void {
    this.#socket.dump(
      (sequence) => {
        encodeDumpTcp(this.#writer.clear(), sequence, family, localPort);
        return this.#writer.bytes();
      },
      'SOCK_DIAG_BY_FAMILY',
      (message) => {
        const decoded = message.type === SOCK_DIAG_BY_FAMILY ? decodeTcpSocket(message.body) : null;
        // The port is checked again: a kernel that ignored the filter would have us destroy strangers.
        if (decoded?.ok && decoded.socket.localPort === localPort && decoded.socket.family === family) {
          found.push(decoded.socket);
        }
      },
      () => found.splice(0),
    );
  }
}

export function openSocketDiagnostics(): SocketDiagnostics {
  return explained(
    { doing: 'open the socket diagnostics', needs: 'CAP_NET_ADMIN' },
    () => new SocketDiagnostics(new NetlinkSocket(NETLINK_SOCK_DIAG)),
  );
}

/** As SocketDiagnostics.destroyTcp, for a caller that does it once. */
export function destroyTcp(options: DestroyTcpOptions): number {
  const diagnostics = openSocketDiagnostics();
  try {
    return diagnostics.destroyTcp(options);
  } finally {
    diagnostics.close();
  }
}
