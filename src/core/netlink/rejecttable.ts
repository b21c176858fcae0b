// The nf_tables messages of the Rejector (src/io/linux/reject.ts): a table with two
// sets of addresses whose elements time out, and a prerouting chain that answers TCP to those addresses and one port
// with a RST. As nft would write it:
//
//   table inet <name> {
//     set v4 { type ipv4_addr; flags timeout; }
//     set v6 { type ipv6_addr; flags timeout; }
//     chain prerouting {
//       type filter hook prerouting priority raw; policy accept;
//       ip daddr @v4 tcp dport <port> reject with tcp reset
//       ip6 daddr @v6 tcp dport <port> reject with tcp reset
//     }
//   }

import type { IpFamily } from '../ip/address.ts';
import type { MessageWriter } from './message.ts';
import {
  addressElements,
  batch,
  deleteTable,
  expression,
  loadMeta,
  loadPayload,
  makeAnew,
  mustBeIn,
  mustEqual,
  newAddressSet,
  newChain,
  newRule,
  type Table,
} from './nft.ts';
import {
  IPPROTO_TCP,
  NF_INET_PRE_ROUTING,
  NFPROTO_INET,
  NFT_META_L4PROTO,
  NFT_MSG_DELSETELEM,
  NFT_MSG_NEWSETELEM,
  NFT_PAYLOAD_TRANSPORT_HEADER,
  NFT_REJECT_TCP_RST,
  NFT_SET_TIMEOUT,
  NFTA_REJECT_ICMP_CODE,
  NFTA_REJECT_TYPE,
  NFTA_SET_ELEM_TIMEOUT,
} from './nftwords.ts';

export interface RejectTable {
  readonly name: string;
  readonly port: number;
}

const CHAIN = 'prerouting';
// Before connection tracking (-200), so that a rejected packet leaves no entry behind.
const PRIORITY_RAW = -300;
/** Of the destination address in the IP header. */
const DESTINATION_AT = { 4: 16, 6: 24 } as const;

const inet = ({ name }: RejectTable): Table => ({ name, family: NFPROTO_INET });

function rejectTcp(writer: MessageWriter, table: RejectTable, family: IpFamily): void {
  newRule(writer, inet(table), CHAIN, 0, (list) => {
    mustBeIn(list, family, DESTINATION_AT[family]);
    loadMeta(list, NFT_META_L4PROTO);
    mustEqual(list, Uint8Array.of(IPPROTO_TCP));
    loadPayload(list, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
    mustEqual(list, Uint8Array.of(table.port >> 8, table.port & 0xff));
    expression(list, 'reject', (data) => {
      data.attributeU32be(NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST).attributeU8(NFTA_REJECT_ICMP_CODE, 0);
    });
  });
}

/** Makes the table anew, whatever was left of an earlier one. `owned`: see makeAnew. */
export function encodeCreateRejectTable(writer: MessageWriter, table: RejectTable, owned: boolean): void {
  batch(writer, () => {
    makeAnew(writer, inet(table), owned);
    newAddressSet(writer, inet(table), 4, NFT_SET_TIMEOUT);
    newAddressSet(writer, inet(table), 6, NFT_SET_TIMEOUT);
    newChain(writer, inet(table), { name: CHAIN, hook: NF_INET_PRE_ROUTING, priority: PRIORITY_RAW });
    rejectTcp(writer, table, 4);
    rejectTcp(writer, table, 6);
  });
}

export function encodeDeleteRejectTable(writer: MessageWriter, table: RejectTable): void {
  batch(writer, () => deleteTable(writer, inet(table)));
}

function bigEndian64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(value / 2 ** 32));
  view.setUint32(4, value % 2 ** 32);
  return bytes;
}

/**
 * Puts the addresses into the sets for `timeoutMs`. `present` are those that are in them already: kernels before 6.12
 * keep an element's first timeout when it is added again, so it is taken out in the same batch.
 */
export function encodeRejectAddresses(
  writer: MessageWriter,
  table: RejectTable,
  addresses: readonly string[],
  timeoutMs: number,
  present: readonly string[],
): void {
  batch(writer, () => {
    addressElements(writer, inet(table), NFT_MSG_DELSETELEM, present);
    const timeout = bigEndian64(Math.max(1, Math.ceil(timeoutMs)));
    addressElements(writer, inet(table), NFT_MSG_NEWSETELEM, addresses, (element) =>
      element.attribute(NFTA_SET_ELEM_TIMEOUT, timeout),
    );
  });
}

/** Takes the addresses out of the sets; refused as a whole (ENOENT) when one is not in. */
export function encodeAcceptAddresses(
  writer: MessageWriter,
  table: RejectTable,
  addresses: readonly string[],
): void {
  batch(writer, () => addressElements(writer, inet(table), NFT_MSG_DELSETELEM, addresses));
}
