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
  deleteTable,
  expression,
  loadMeta,
  loadPayload,
  makeAnew,
  mustEqual,
  newChain,
  newRule,
  type Table,
  verdict,
} from './nft.ts';
import {
  IPPROTO_ICMPV6,
  NF_DROP,
  NF_INET_LOCAL_OUT,
  NFPROTO_IPV6,
  NFT_META_L4PROTO,
  NFT_META_OIF,
  NFT_MSG_DELSETELEM,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_PAYLOAD_NETWORK_HEADER,
  NFT_PAYLOAD_TRANSPORT_HEADER,
  NFT_REG_1,
  NFT_REG_2,
  NFT_SET_MAP,
  NFT_TYPE_IFACE_INDEX,
  NFTA_DATA_VALUE,
  NFTA_DUP_SREG_ADDR,
  NFTA_DUP_SREG_DEV,
  NFTA_LIST_ELEM,
  NFTA_LOOKUP_DREG,
  NFTA_LOOKUP_SET,
  NFTA_LOOKUP_SREG,
  NFTA_META_DREG,
  NFTA_META_KEY,
  NFTA_SET_DATA_LEN,
  NFTA_SET_DATA_TYPE,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_FLAGS,
  NFTA_SET_ID,
  NFTA_SET_KEY_LEN,
  NFTA_SET_KEY_TYPE,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
} from './nftwords.ts';

const PRIORITY = -1;
const MLD2_LISTENER_REPORT = 143;
const ND_ROUTER_SOLICIT = 133;
const DESTINATION_AT = 24;
const ADDRESS_BYTES = 16;
const MAP = 'base';
const CHAIN = 'output';

const ipv6 = (name: string): Table => ({ name, family: NFPROTO_IPV6 });

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

function quiet(
  writer: MessageWriter,
  table: string,
  icmpType: number,
  between: (list: MessageWriter) => void,
): void {
  newRule(writer, ipv6(table), CHAIN, NLM_F_APPEND, (list) => {
    loadMeta(list, NFT_META_L4PROTO);
    mustEqual(list, Uint8Array.of(IPPROTO_ICMPV6));
    loadPayload(list, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
    mustEqual(list, Uint8Array.of(icmpType));
    loadBase(list);
    between(list);
    verdict(list, NF_DROP);
  });
}

function dupToBase(list: MessageWriter): void {
  loadPayload(list, NFT_PAYLOAD_NETWORK_HEADER, DESTINATION_AT, ADDRESS_BYTES);
  expression(list, 'dup', (data) => {
    data.attributeU32be(NFTA_DUP_SREG_ADDR, NFT_REG_1).attributeU32be(NFTA_DUP_SREG_DEV, NFT_REG_2);
  });
}

/** Makes the table anew, whatever was left of an earlier one. `owned`: see makeAnew. */
export function encodeCreateVmacTable(writer: MessageWriter, table: string, owned: boolean): void {
  batch(writer, () => {
    makeAnew(writer, ipv6(table), owned);
    newMap(writer, table);
    newChain(writer, ipv6(table), { name: CHAIN, hook: NF_INET_LOCAL_OUT, priority: PRIORITY });
    quiet(writer, table, MLD2_LISTENER_REPORT, dupToBase);
    quiet(writer, table, ND_ROUTER_SOLICIT, () => {});
  });
}

export function encodeDeleteVmacTable(writer: MessageWriter, table: string): void {
  batch(writer, () => deleteTable(writer, ipv6(table)));
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
