// The nf_tables messages of no_accept: a table with two sets of addresses, and chains that drop what goes to them and comes from them,
// except IPv6 neighbour discovery. As nft would write it:
//
//   table inet <name> {
//     set v4 { type ipv4_addr; }
//     set v6 { type ipv6_addr; }
//     chain input {
//       type filter hook input priority -1; policy accept;
//       ip daddr @v4 drop
//       meta l4proto icmpv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept   (one rule each)
//       ip6 daddr @v6 drop
//     }
//     chain output { ... saddr instead of daddr ... }
//   }
//
// Used by src/app/keepalived/wire/accept.ts.

import type { IpFamily } from '../ip/address.ts';
import { type MessageWriter, NLM_F_APPEND } from './message.ts';
import {
  addressElements,
  batch,
  deleteTable,
  loadMeta,
  loadPayload,
  makeAnew,
  mustBeIn,
  mustEqual,
  newAddressSet,
  newChain,
  newRule,
  type Table,
  verdict,
} from './nft.ts';
import {
  IPPROTO_ICMPV6,
  NF_ACCEPT,
  NF_DROP,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NFPROTO_INET,
  NFT_META_L4PROTO,
  NFT_MSG_DELSETELEM,
  NFT_MSG_NEWSETELEM,
  NFT_PAYLOAD_TRANSPORT_HEADER,
} from './nftwords.ts';

// Just before the host's own filter, as the C daemon's table.
const PRIORITY = -1;
const ND_NEIGHBOR_SOLICIT = 135;
const ND_NEIGHBOR_ADVERT = 136;

interface Side {
  readonly chain: 'input' | 'output';
  readonly hook: number;
  /** Of the address in the IP header: where it goes to, or where it comes from. */
  readonly offset: Readonly<Record<IpFamily, number>>;
}

const SIDES: readonly Side[] = [
  { chain: 'input', hook: NF_INET_LOCAL_IN, offset: { 4: 16, 6: 24 } },
  { chain: 'output', hook: NF_INET_LOCAL_OUT, offset: { 4: 12, 6: 8 } },
];

const inet = (name: string): Table => ({ name, family: NFPROTO_INET });

function acceptNeighbourDiscovery(writer: MessageWriter, table: string, side: Side): void {
  for (const type of [ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT]) {
    newRule(writer, inet(table), side.chain, NLM_F_APPEND, (list) => {
      loadMeta(list, NFT_META_L4PROTO);
      mustEqual(list, Uint8Array.of(IPPROTO_ICMPV6));
      loadPayload(list, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
      mustEqual(list, Uint8Array.of(type));
      verdict(list, NF_ACCEPT);
    });
  }
}

function dropOf(writer: MessageWriter, table: string, side: Side, family: IpFamily): void {
  newRule(writer, inet(table), side.chain, NLM_F_APPEND, (list) => {
    mustBeIn(list, family, side.offset[family]);
    verdict(list, NF_DROP);
  });
}

/** Makes the table anew, whatever was left of an earlier one. `owned`: see makeAnew. */
export function encodeCreateDropTable(writer: MessageWriter, table: string, owned: boolean): void {
  batch(writer, () => {
    makeAnew(writer, inet(table), owned);
    newAddressSet(writer, inet(table), 4, 0);
    newAddressSet(writer, inet(table), 6, 0);
    for (const side of SIDES) {
      newChain(writer, inet(table), { name: side.chain, hook: side.hook, priority: PRIORITY });
      dropOf(writer, table, side, 4);
      acceptNeighbourDiscovery(writer, table, side);
      dropOf(writer, table, side, 6);
    }
  });
}

export function encodeDeleteDropTable(writer: MessageWriter, table: string): void {
  batch(writer, () => deleteTable(writer, inet(table)));
}

/** Puts the addresses into the sets (`drop`), or takes them out. Adding what is in is no failure; taking out what is not in is ENOENT. */
export function encodeDropAddresses(
  writer: MessageWriter,
  table: string,
  addresses: readonly string[],
  drop: boolean,
): void {
  const message = drop ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM;
  batch(writer, () => addressElements(writer, inet(table), message, addresses));
}
