// The nf_tables messages that keep a virtual MAC of IPv6 quiet while its router is not master, and when it stops being: multicast
// listener reports leave through the base interface (with its MAC), router solicitations not at all. A switch that saw one with the
// virtual MAC would send the master's traffic to this host. As nft would write it, and as the C daemon has it:
//
//   table ip6 <name> {
//     map base { type iface_index : iface_index; }
//     chain output {
//       type filter hook output priority -1; policy accept;
//       icmpv6 type mld2-listener-report dup to ip6 daddr device oif map @base drop
//       icmpv6 type nd-router-solicit oif map @base drop   (in it at all)
//     }
//   }
//
// Used by src/app/keepalived/wire/quiet.ts.

import { type MessageWriter, NLM_F_APPEND, NLM_F_CREATE } from './message.ts';
import {
  batch,
  begin,
  expression,
  loadMeta,
  loadPayload,
  mustEqual,
  NFPROTO_IPV6,
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
const NFTA_SET_DATA_TYPE = 6;
const NFTA_SET_DATA_LEN = 7;
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
const NFTA_META_DREG = 1;
const NFTA_META_KEY = 2;
const NFTA_LOOKUP_SET = 1;
const NFTA_LOOKUP_SREG = 2;
const NFTA_LOOKUP_DREG = 3;
const NFTA_DUP_SREG_ADDR = 1;
const NFTA_DUP_SREG_DEV = 2;
const NFTA_IMMEDIATE_DREG = 1;
const NFTA_IMMEDIATE_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;

const NFT_TABLE_F_OWNER = 2;
const NFT_SET_MAP = 0x8;
/** nft's number of iface_index, so that `nft list table` shows names. */
const NFT_TYPE_IFACE_INDEX = 22;
const NFT_REG_VERDICT = 0;
const NFT_REG_1 = 1;
const NFT_REG_2 = 2;
const NFT_META_OIF = 5;
const NFT_META_L4PROTO = 16;
const NFT_PAYLOAD_NETWORK_HEADER = 1;
const NFT_PAYLOAD_TRANSPORT_HEADER = 2;
const NF_INET_LOCAL_OUT = 3;
const NF_DROP = 0;
const NF_ACCEPT = 1;
const PRIORITY = -1;
const IPPROTO_ICMPV6 = 58;
const MLD2_LISTENER_REPORT = 143;
const ND_ROUTER_SOLICIT = 133;
const DESTINATION_AT = 24;
const ADDRESS_BYTES = 16;
const MAP = 'base';
const CHAIN = 'output';

function newMap(writer: MessageWriter, table: string): void {
  begin(writer, NFT_MSG_NEWSET, NLM_F_CREATE, NFPROTO_IPV6)
    .attributeText(NFTA_SET_TABLE, table)
    .attributeText(NFTA_SET_NAME, MAP)
    .attributeU32be(NFTA_SET_FLAGS, NFT_SET_MAP)
    .attributeU32be(NFTA_SET_KEY_TYPE, NFT_TYPE_IFACE_INDEX)
    .attributeU32be(NFTA_SET_KEY_LEN, 4)
    .attributeU32be(NFTA_SET_DATA_TYPE, NFT_TYPE_IFACE_INDEX)
    .attributeU32be(NFTA_SET_DATA_LEN, 4)
    .attributeU32be(NFTA_SET_ID, 1)
    .end();
}

function newChain(writer: MessageWriter, table: string): void {
  begin(writer, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFPROTO_IPV6)
    .attributeText(NFTA_CHAIN_TABLE, table)
    .attributeText(NFTA_CHAIN_NAME, CHAIN)
    .nest(NFTA_CHAIN_HOOK, (hook) =>
      hook
        .attributeU32be(NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT)
        .attributeU32be(NFTA_HOOK_PRIORITY, PRIORITY >>> 0),
    )
    .attributeU32be(NFTA_CHAIN_POLICY, NF_ACCEPT)
    .attributeText(NFTA_CHAIN_TYPE, 'filter')
    .end();
}

/** Register 2 gets the base's index; a packet that leaves through no virtual interface does not match. */
function loadBase(list: MessageWriter): void {
  expression(list, 'meta', (data) => {
    data.attributeU32be(NFTA_META_KEY, NFT_META_OIF).attributeU32be(NFTA_META_DREG, NFT_REG_2);
  });
  expression(list, 'lookup', (data) => {
    data.attributeText(NFTA_LOOKUP_SET, MAP).attributeU32be(NFTA_LOOKUP_SREG, NFT_REG_2);
    data.attributeU32be(NFTA_LOOKUP_DREG, NFT_REG_2);
  });
}

function drop(list: MessageWriter): void {
  expression(list, 'immediate', (data) => {
    data.attributeU32be(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    data.nest(NFTA_IMMEDIATE_DATA, (value) =>
      value.nest(NFTA_DATA_VERDICT, (each) => each.attributeU32be(NFTA_VERDICT_CODE, NF_DROP)),
    );
  });
}

function newRule(
  writer: MessageWriter,
  table: string,
  icmpType: number,
  between: (list: MessageWriter) => void,
): void {
  begin(writer, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFPROTO_IPV6)
    .attributeText(NFTA_RULE_TABLE, table)
    .attributeText(NFTA_RULE_CHAIN, CHAIN)
    .nest(NFTA_RULE_EXPRESSIONS, (list) => {
      loadMeta(list, NFT_META_L4PROTO);
      mustEqual(list, Uint8Array.of(IPPROTO_ICMPV6));
      loadPayload(list, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
      mustEqual(list, Uint8Array.of(icmpType));
      loadBase(list);
      between(list);
      drop(list);
    })
    .end();
}

function dupToBase(list: MessageWriter): void {
  loadPayload(list, NFT_PAYLOAD_NETWORK_HEADER, DESTINATION_AT, ADDRESS_BYTES);
  expression(list, 'dup', (data) => {
    data.attributeU32be(NFTA_DUP_SREG_ADDR, NFT_REG_1).attributeU32be(NFTA_DUP_SREG_DEV, NFT_REG_2);
  });
}

function newTable(writer: MessageWriter, name: string, flags: number): void {
  begin(writer, NFT_MSG_NEWTABLE, NLM_F_CREATE, NFPROTO_IPV6)
    .attributeText(NFTA_TABLE_NAME, name)
    .attributeU32be(NFTA_TABLE_FLAGS, flags)
    .end();
}

function deleteTable(writer: MessageWriter, name: string): void {
  begin(writer, NFT_MSG_DELTABLE, 0, NFPROTO_IPV6).attributeText(NFTA_TABLE_NAME, name).end();
}

/** Makes the table anew, whatever was left of an earlier one. `owned` (Linux 5.12): it goes when the socket that sends this is closed. */
export function encodeCreateVmacTable(writer: MessageWriter, table: string, owned: boolean): void {
  batch(writer, () => {
    newTable(writer, table, 0);
    deleteTable(writer, table);
    newTable(writer, table, owned ? NFT_TABLE_F_OWNER : 0);
    newMap(writer, table);
    newChain(writer, table);
    newRule(writer, table, MLD2_LISTENER_REPORT, dupToBase);
    newRule(writer, table, ND_ROUTER_SOLICIT, () => {});
  });
}

export function encodeDeleteVmacTable(writer: MessageWriter, table: string): void {
  batch(writer, () => deleteTable(writer, table));
}

const indexBytes = (index: number): Uint8Array => new Uint8Array(new Uint32Array([index]).buffer);

/** Puts the interface into the map with its base, or takes it out. */
export function encodeVmacElement(
  writer: MessageWriter,
  table: string,
  index: number,
  baseIndex: number,
  present: boolean,
): void {
  const message = present ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM;
  batch(writer, () => {
    begin(writer, message, present ? NLM_F_CREATE : 0, NFPROTO_IPV6)
      .attributeText(NFTA_SET_ELEM_LIST_TABLE, table)
      .attributeText(NFTA_SET_ELEM_LIST_SET, MAP)
      .nest(NFTA_SET_ELEM_LIST_ELEMENTS, (list) =>
        list.nest(NFTA_LIST_ELEM, (element) => {
          element.nest(NFTA_SET_ELEM_KEY, (value) => value.attribute(NFTA_DATA_VALUE, indexBytes(index)));
          if (present)
            element.nest(NFTA_SET_ELEM_DATA, (value) =>
              value.attribute(NFTA_DATA_VALUE, indexBytes(baseIndex)),
            );
        }),
      )
      .end();
  });
}
