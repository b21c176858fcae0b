// sock_diag for TCP (sock_diag(7), include/uapi/linux/inet_diag.h): listing the sockets of a local port, filtered in
// the kernel, and destroying single ones. The cut behind a demotion: the client gets a RST at once.

import { formatIp, type IpFamily } from '../ip/address.ts';
import { type MessageWriter, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, viewOf } from './message.ts';

export const SOCK_DIAG_BY_FAMILY = 20;
export const SOCK_DESTROY = 21;

const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const INET_DIAG_REQ_BYTECODE = 1;
const BYTECODE_SPORT_GE = 2;
const BYTECODE_SPORT_LE = 3;
const DIAG_MSG_BYTES = 72;
/** inet_diag_sockid: ports, addresses, interface, cookie. */
const SOCKET_ID_OFFSET = 4;
const SOCKET_ID_BYTES = 48;

// TCP_ESTABLISHED, SYN_RECV, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK, CLOSING, NEW_SYN_RECV: all in which the
// server may still read a statement or the client an answer. Not LISTEN, and not TIME_WAIT, which holds nothing.
const STATES = [1, 3, 4, 5, 8, 9, 11, 12].reduce((mask, state) => mask | (1 << state), 0);

const V4_MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

export interface TcpSocket {
  /** The kernel's family of the socket; a v4-mapped one is 6 although its addresses read as IPv4. */
  readonly family: IpFamily;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** What the kernel knows this very socket by; a copy. */
  readonly id: Uint8Array;
}

/** Asks for the TCP sockets of a local port that are connected or becoming so. */
export function encodeDumpTcp(
  writer: MessageWriter,
  sequence: number,
  family: IpFamily,
  localPort: number,
): void {
  writer.begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  writer
    .u8(family === 4 ? AF_INET : AF_INET6)
    .u8(IPPROTO_TCP)
    .u16(0)
    .u32(STATES);
  writer.raw(new Uint8Array(SOCKET_ID_BYTES));
  // Two comparisons, port >= p and port <= p, each with where to go on when it holds and when not. Leaving the
  // program anywhere but at its end means "no": 20 and 12 lead four bytes past it. (EQ exists only since 4.20.)
  writer.u16(4 + 16).u16(INET_DIAG_REQ_BYTECODE);
  writer.u8(BYTECODE_SPORT_GE).u8(8).u16(20).u8(0).u8(0).u16(localPort);
  writer.u8(BYTECODE_SPORT_LE).u8(8).u16(12).u8(0).u8(0).u16(localPort);
  writer.end();
}

export function encodeDestroyTcp(writer: MessageWriter, sequence: number, socket: TcpSocket): void {
  writer.begin(SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, sequence);
  writer
    .u8(socket.family === 4 ? AF_INET : AF_INET6)
    .u8(IPPROTO_TCP)
    .u16(0)
    .u32(STATES);
  writer.raw(socket.id).end();
}

function textOfAddress(bytes: Uint8Array, family: IpFamily): string {
  if (family === 4) return formatIp(bytes.subarray(0, 4));
  // A listener on :: serves IPv4 clients under ::ffff:a.b.c.d; everyone else knows them by a.b.c.d.
  const mapped = V4_MAPPED_PREFIX.every((byte, i) => bytes[i] === byte);
  return formatIp(mapped ? bytes.subarray(12, 16) : bytes.subarray(0, 16));
}

export type DecodedTcpSocket =
  | { readonly ok: true; readonly socket: TcpSocket }
  | { readonly ok: false; readonly reason: string };

/** The body of an answer to the dump (inet_diag_msg). */
export function decodeTcpSocket(body: Uint8Array): DecodedTcpSocket {
  if (body.length < DIAG_MSG_BYTES) return { ok: false, reason: 'the socket message is cut short' };
  const family = body[0] === AF_INET ? 4 : body[0] === AF_INET6 ? 6 : null;
  if (family === null) return { ok: false, reason: `address family ${body[0]} is neither IPv4 nor IPv6` };
  const view = viewOf(body);
  return {
    ok: true,
    socket: {
      family,
      localPort: view.getUint16(SOCKET_ID_OFFSET),
      remotePort: view.getUint16(SOCKET_ID_OFFSET + 2),
      localAddress: textOfAddress(body.subarray(8, 24), family),
      remoteAddress: textOfAddress(body.subarray(24, 40), family),
      id: body.slice(SOCKET_ID_OFFSET, SOCKET_ID_OFFSET + SOCKET_ID_BYTES),
    },
  };
}
