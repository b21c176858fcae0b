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

import { type IpFamily, parseIp } from '../ip/address.ts';
import { type MessageWriter, NLM_F_APPEND, NLM_F_CREATE } from './message.ts';
import {
  batch,
  begin,
  expression,
  loadMeta,
  loadPayload,
  mustEqual,
  NFT_MSG_DELSETELEM,
  NFT_MSG_DELTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_MSG_NEWTABLE,
} from './nftables.ts';

const NFTA_LIST_ELEM = 1;
const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_FLAGS = 2;
const NFTA_SET_TABLE = 1;
const NFTA_SET_NAME = 2;
const NFTA_SET_FLAGS = 3;
const NFTA_SET_KEY_TYPE = 4;
const NFTA_SET_KEY_LEN = 5;
const NFTA_SET_ID = 10;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_POLICY = 5;
const NFTA_CHAIN_TYPE = 7;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_LOOKUP_SET = 1;
const NFTA_LOOKUP_SREG = 2;
const NFTA_IMMEDIATE_DREG = 1;
const NFTA_IMMEDIATE_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_SET_ELEM_KEY = 1;

const NFT_TABLE_F_OWNER = 2;
const NFT_REG_VERDICT = 0;
const NFT_REG_1 = 1;
const NFT_META_NFPROTO = 15;
const NFT_META_L4PROTO = 16;
const NFT_PAYLOAD_NETWORK_HEADER = 1;
const NFT_PAYLOAD_TRANSPORT_HEADER = 2;
const NF_INET_LOCAL_IN = 1;
const NF_INET_LOCAL_OUT = 3;
const NF_DROP = 0;
const NF_ACCEPT = 1;
const IPPROTO_ICMPV6 = 58;
const NFPROTO_IPV4 = 2;
const NFPROTO_IPV6 = 10;
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

/** nft's numbers for its types, so that `nft list table` shows addresses. */
const SETS = {
  4: { name: 'v4', id: 1, keyType: 7, keyBytes: 4, nfproto: NFPROTO_IPV4 },
  6: { name: 'v6', id: 2, keyType: 8, keyBytes: 16, nfproto: NFPROTO_IPV6 },
} as const;

function newTable(writer: MessageWriter, name: string, flags: number): void {
  begin(writer, NFT_MSG_NEWTABLE, NLM_F_CREATE)
    .attributeText(NFTA_TABLE_NAME, name)
    .attributeU32be(NFTA_TABLE_FLAGS, flags)
    .end();
}

function deleteTable(writer: MessageWriter, name: string): void {
  begin(writer, NFT_MSG_DELTABLE).attributeText(NFTA_TABLE_NAME, name).end();
}

function newSet(writer: MessageWriter, table: string, family: IpFamily): void {
  const set = SETS[family];
  begin(writer, NFT_MSG_NEWSET, NLM_F_CREATE)
    .attributeText(NFTA_SET_TABLE, table)
    .attributeText(NFTA_SET_NAME, set.name)
    .attributeU32be(NFTA_SET_FLAGS, 0)
    .attributeU32be(NFTA_SET_KEY_TYPE, set.keyType)
    .attributeU32be(NFTA_SET_KEY_LEN, set.keyBytes)
    .attributeU32be(NFTA_SET_ID, set.id)
    .end();
}

function newChain(writer: MessageWriter, table: string, side: Side): void {
  begin(writer, NFT_MSG_NEWCHAIN, NLM_F_CREATE)
    .attributeText(NFTA_CHAIN_TABLE, table)
    .attributeText(NFTA_CHAIN_NAME, side.chain)
    .nest(NFTA_CHAIN_HOOK, (hook) =>
      hook.attributeU32be(NFTA_HOOK_HOOKNUM, side.hook).attributeU32be(NFTA_HOOK_PRIORITY, PRIORITY >>> 0),
    )
    .attributeU32be(NFTA_CHAIN_POLICY, NF_ACCEPT)
    .attributeText(NFTA_CHAIN_TYPE, 'filter')
    .end();
}

function verdict(writer: MessageWriter, code: number): void {
  expression(writer, 'immediate', (data) => {
    data.attributeU32be(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    data.nest(NFTA_IMMEDIATE_DATA, (value) =>
      value.nest(NFTA_DATA_VERDICT, (each) => each.attributeU32be(NFTA_VERDICT_CODE, code)),
    );
  });
}

function newRule(
  writer: MessageWriter,
  table: string,
  chain: string,
  expressions: (list: MessageWriter) => void,
): void {
  begin(writer, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND)
    .attributeText(NFTA_RULE_TABLE, table)
    .attributeText(NFTA_RULE_CHAIN, chain)
    .nest(NFTA_RULE_EXPRESSIONS, expressions)
    .end();
}

function acceptNeighbourDiscovery(writer: MessageWriter, table: string, side: Side): void {
  for (const type of [ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT]) {
    newRule(writer, table, side.chain, (list) => {
      loadMeta(list, NFT_META_L4PROTO);
      mustEqual(list, Uint8Array.of(IPPROTO_ICMPV6));
      loadPayload(list, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
      mustEqual(list, Uint8Array.of(type));
      verdict(list, NF_ACCEPT);
    });
  }
}

function dropOf(writer: MessageWriter, table: string, side: Side, family: IpFamily): void {
  const set = SETS[family];
  newRule(writer, table, side.chain, (list) => {
    loadMeta(list, NFT_META_NFPROTO);
    mustEqual(list, Uint8Array.of(set.nfproto));
    loadPayload(list, NFT_PAYLOAD_NETWORK_HEADER, side.offset[family], set.keyBytes);
    expression(list, 'lookup', (data) => {
      data.attributeText(NFTA_LOOKUP_SET, set.name).attributeU32be(NFTA_LOOKUP_SREG, NFT_REG_1);
    });
    verdict(list, NF_DROP);
  });
}

/** Makes the table anew, whatever was left of an earlier one. `owned` (Linux 5.12): it goes when the socket that sends this is closed. */
export function encodeCreateDropTable(writer: MessageWriter, table: string, owned: boolean): void {
  batch(writer, () => {
    newTable(writer, table, 0);
    deleteTable(writer, table);
    newTable(writer, table, owned ? NFT_TABLE_F_OWNER : 0);
    newSet(writer, table, 4);
    newSet(writer, table, 6);
    for (const side of SIDES) {
      newChain(writer, table, side);
      dropOf(writer, table, side, 4);
      acceptNeighbourDiscovery(writer, table, side);
      dropOf(writer, table, side, 6);
    }
  });
}

export function encodeDeleteDropTable(writer: MessageWriter, table: string): void {
  batch(writer, () => deleteTable(writer, table));
}

/** Puts the addresses into the sets (`drop`), or takes them out. Adding what is in is no failure; taking out what is not in is ENOENT. */
export function encodeDropAddresses(
  writer: MessageWriter,
  table: string,
  addresses: readonly string[],
  drop: boolean,
): void {
  const message = drop ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM;
  batch(writer, () => {
    for (const set of [SETS[4], SETS[6]]) {
      const keys = addresses.map(parseIp).filter((ip) => ip?.length === set.keyBytes);
      if (keys.length === 0) continue;
      begin(writer, message, drop ? NLM_F_CREATE : 0)
        .attributeText(NFTA_SET_ELEM_LIST_TABLE, table)
        .attributeText(NFTA_SET_ELEM_LIST_SET, set.name)
        .nest(NFTA_SET_ELEM_LIST_ELEMENTS, (list) => {
          for (const key of keys) {
            if (key === null) continue;
            list.nest(NFTA_LIST_ELEM, (element) => {
              element.nest(NFTA_SET_ELEM_KEY, (value) => value.attribute(NFTA_DATA_VALUE, key));
            });
          }
        })
        .end();
    }
  });
}
