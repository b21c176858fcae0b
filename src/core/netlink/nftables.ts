// nf_tables messages (include/uapi/linux/netfilter/nf_tables.h), no more than the Rejector needs: a table with two
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
//
// nf_tables takes numbers in network order, and messages only in batches, which take effect as a whole or not at all.

import { type IpFamily, parseIp } from '../ip/address.ts';
import { type MessageWriter, NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST } from './message.ts';

const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFNL_SUBSYS_NFTABLES = 10;
const NFPROTO_INET = 1;
const NFPROTO_IPV4 = 2;
export const NFPROTO_IPV6 = 10;

export const NFT_MSG_NEWTABLE = 0;
export const NFT_MSG_DELTABLE = 2;
export const NFT_MSG_NEWCHAIN = 3;
export const NFT_MSG_NEWRULE = 6;
export const NFT_MSG_NEWSET = 9;
export const NFT_MSG_NEWSETELEM = 12;
export const NFT_MSG_DELSETELEM = 14;

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
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_META_DREG = 1;
const NFTA_META_KEY = 2;
const NFTA_CMP_SREG = 1;
const NFTA_CMP_OP = 2;
const NFTA_CMP_DATA = 3;
const NFTA_PAYLOAD_DREG = 1;
const NFTA_PAYLOAD_BASE = 2;
const NFTA_PAYLOAD_OFFSET = 3;
const NFTA_PAYLOAD_LEN = 4;
const NFTA_LOOKUP_SET = 1;
const NFTA_LOOKUP_SREG = 2;
const NFTA_REJECT_TYPE = 1;
const NFTA_REJECT_ICMP_CODE = 2;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_TIMEOUT = 4;

const NFT_TABLE_F_OWNER = 2;
const NFT_SET_TIMEOUT = 0x10;
const NFT_REG_1 = 1;
const NFT_CMP_EQ = 0;
const NFT_META_NFPROTO = 15;
const NFT_META_L4PROTO = 16;
const NFT_PAYLOAD_NETWORK_HEADER = 1;
const NFT_PAYLOAD_TRANSPORT_HEADER = 2;
const NFT_REJECT_TCP_RST = 1;
const NF_INET_PRE_ROUTING = 0;
const NF_ACCEPT = 1;
const IPPROTO_TCP = 6;
// Before connection tracking (-200), so that a rejected packet leaves no entry behind.
const PRIORITY_RAW = -300;
// nft's numbers for its types, so that `nft list table` shows addresses; the kernel only stores them.
const NFT_TYPE_IPV4_ADDR = 7;
const NFT_TYPE_IPV6_ADDR = 8;

const CHAIN = 'prerouting';

interface SetOfFamily {
  readonly name: string;
  readonly id: number;
  readonly keyType: number;
  readonly keyBytes: number;
  readonly nfproto: number;
  /** Of the destination address in the IP header. */
  readonly offset: number;
}

const SETS: Readonly<Record<IpFamily, SetOfFamily>> = {
  4: {
    name: 'v4',
    id: 1,
    keyType: NFT_TYPE_IPV4_ADDR,
    keyBytes: 4,
    nfproto: NFPROTO_IPV4,
    offset: 16,
  },
  6: {
    name: 'v6',
    id: 2,
    keyType: NFT_TYPE_IPV6_ADDR,
    keyBytes: 16,
    nfproto: NFPROTO_IPV6,
    offset: 24,
  },
};

export interface RejectTable {
  readonly name: string;
  readonly port: number;
}

function batchMark(writer: MessageWriter, type: number, flags: number): void {
  writer
    .begin(type, NLM_F_REQUEST | flags, 0)
    .u8(0)
    .u8(0)
    .u16be(NFNL_SUBSYS_NFTABLES)
    .end();
}

/** Wraps the messages that `write` appends into one batch. The batch's end is what the kernel acknowledges. */
export function batch(writer: MessageWriter, write: () => void): void {
  batchMark(writer.clear(), NFNL_MSG_BATCH_BEGIN, NLM_F_ACK);
  write();
  batchMark(writer, NFNL_MSG_BATCH_END, 0);
}

export function begin(
  writer: MessageWriter,
  message: number,
  flags = 0,
  family = NFPROTO_INET,
): MessageWriter {
  const type = (NFNL_SUBSYS_NFTABLES << 8) | message;
  return writer
    .begin(type, NLM_F_REQUEST | NLM_F_ACK | flags, message + 1)
    .u8(family)
    .u8(0)
    .u16be(0);
}

function newTable(writer: MessageWriter, table: RejectTable, flags: number): void {
  begin(writer, NFT_MSG_NEWTABLE, NLM_F_CREATE)
    .attributeText(NFTA_TABLE_NAME, table.name)
    .attributeU32be(NFTA_TABLE_FLAGS, flags)
    .end();
}

function newSet(writer: MessageWriter, table: RejectTable, set: SetOfFamily): void {
  begin(writer, NFT_MSG_NEWSET, NLM_F_CREATE)
    .attributeText(NFTA_SET_TABLE, table.name)
    .attributeText(NFTA_SET_NAME, set.name)
    .attributeU32be(NFTA_SET_FLAGS, NFT_SET_TIMEOUT)
    .attributeU32be(NFTA_SET_KEY_TYPE, set.keyType)
    .attributeU32be(NFTA_SET_KEY_LEN, set.keyBytes)
    .attributeU32be(NFTA_SET_ID, set.id)
    .end();
}

function newChain(writer: MessageWriter, table: RejectTable): void {
  begin(writer, NFT_MSG_NEWCHAIN, NLM_F_CREATE)
    .attributeText(NFTA_CHAIN_TABLE, table.name)
    .attributeText(NFTA_CHAIN_NAME, CHAIN)
    .nest(NFTA_CHAIN_HOOK, (hook) =>
      hook
        .attributeU32be(NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING)
        .attributeU32be(NFTA_HOOK_PRIORITY, PRIORITY_RAW >>> 0),
    )
    .attributeU32be(NFTA_CHAIN_POLICY, NF_ACCEPT)
    .attributeText(NFTA_CHAIN_TYPE, 'filter')
    .end();
}

export function expression(writer: MessageWriter, name: string, write: (data: MessageWriter) => void): void {
  writer.nest(NFTA_LIST_ELEM, (element) => {
    element.attributeText(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, write);
  });
}

export function loadMeta(writer: MessageWriter, key: number): void {
  expression(writer, 'meta', (data) => {
    data.attributeU32be(NFTA_META_KEY, key).attributeU32be(NFTA_META_DREG, NFT_REG_1);
  });
}

export function loadPayload(writer: MessageWriter, base: number, offset: number, bytes: number): void {
  expression(writer, 'payload', (data) => {
    data.attributeU32be(NFTA_PAYLOAD_DREG, NFT_REG_1).attributeU32be(NFTA_PAYLOAD_BASE, base);
    data.attributeU32be(NFTA_PAYLOAD_OFFSET, offset).attributeU32be(NFTA_PAYLOAD_LEN, bytes);
  });
}

export function mustEqual(writer: MessageWriter, value: Uint8Array): void {
  expression(writer, 'cmp', (data) => {
    data.attributeU32be(NFTA_CMP_SREG, NFT_REG_1).attributeU32be(NFTA_CMP_OP, NFT_CMP_EQ);
    data.nest(NFTA_CMP_DATA, (operand) => operand.attribute(NFTA_DATA_VALUE, value));
  });
}

function newRule(writer: MessageWriter, table: RejectTable, set: SetOfFamily): void {
  begin(writer, NFT_MSG_NEWRULE, NLM_F_CREATE)
    .attributeText(NFTA_RULE_TABLE, table.name)
    .attributeText(NFTA_RULE_CHAIN, CHAIN)
    .nest(NFTA_RULE_EXPRESSIONS, (list) => {
      loadMeta(list, NFT_META_NFPROTO);
      mustEqual(list, Uint8Array.of(set.nfproto));
      loadPayload(list, NFT_PAYLOAD_NETWORK_HEADER, set.offset, set.keyBytes);
      expression(list, 'lookup', (data) => {
        data.attributeText(NFTA_LOOKUP_SET, set.name).attributeU32be(NFTA_LOOKUP_SREG, NFT_REG_1);
      });
      loadMeta(list, NFT_META_L4PROTO);
      mustEqual(list, Uint8Array.of(IPPROTO_TCP));
      loadPayload(list, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
      mustEqual(list, Uint8Array.of(table.port >> 8, table.port & 0xff));
      expression(list, 'reject', (data) => {
        data.attributeU32be(NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST).attributeU8(NFTA_REJECT_ICMP_CODE, 0);
      });
    })
    .end();
}

/**
 * Makes the table anew, whatever was left of an earlier one. `owned` (Linux 5.12): the table belongs to the netlink
 * socket that sends this; nobody else can change or flush it, and it goes when the socket is closed or its process dies.
 */
export function encodeCreateRejectTable(writer: MessageWriter, table: RejectTable, owned: boolean): void {
  batch(writer, () => {
    newTable(writer, table, 0);
    begin(writer, NFT_MSG_DELTABLE).attributeText(NFTA_TABLE_NAME, table.name).end();
    newTable(writer, table, owned ? NFT_TABLE_F_OWNER : 0);
    newSet(writer, table, SETS[4]);
    newSet(writer, table, SETS[6]);
    newChain(writer, table);
    newRule(writer, table, SETS[4]);
    newRule(writer, table, SETS[6]);
  });
}

export function encodeDeleteRejectTable(writer: MessageWriter, table: RejectTable): void {
  batch(writer, () => {
    begin(writer, NFT_MSG_DELTABLE).attributeText(NFTA_TABLE_NAME, table.name).end();
  });
}

function elements(
  writer: MessageWriter,
  message: number,
  table: RejectTable,
  addresses: readonly string[],
  timeoutMs: number | null,
): void {
  for (const family of [4, 6] as const) {
    const set = SETS[family];
    const keys = addresses.map(parseIp).filter((ip) => ip !== null && ip.length === set.keyBytes);
    if (keys.length === 0) continue;
    begin(writer, message, timeoutMs === null ? 0 : NLM_F_CREATE)
      .attributeText(NFTA_SET_ELEM_LIST_TABLE, table.name)
      .attributeText(NFTA_SET_ELEM_LIST_SET, set.name)
      .nest(NFTA_SET_ELEM_LIST_ELEMENTS, (list) => {
        for (const key of keys) {
          if (key === null) continue;
          list.nest(NFTA_LIST_ELEM, (element) => {
            element.nest(NFTA_SET_ELEM_KEY, (value) => value.attribute(NFTA_DATA_VALUE, key));
            if (timeoutMs !== null) element.attribute(NFTA_SET_ELEM_TIMEOUT, bigEndian64(timeoutMs));
          });
        }
      })
      .end();
  }
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
    elements(writer, NFT_MSG_DELSETELEM, table, present, null);
    elements(writer, NFT_MSG_NEWSETELEM, table, addresses, Math.max(1, Math.ceil(timeoutMs)));
  });
}

/** Takes the addresses out of the sets; refused as a whole (ENOENT) when one is not in. */
export function encodeAcceptAddresses(
  writer: MessageWriter,
  table: RejectTable,
  addresses: readonly string[],
): void {
  batch(writer, () => elements(writer, NFT_MSG_DELSETELEM, table, addresses, null));
}
