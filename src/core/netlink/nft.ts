// The statements that our nf_tables tables are made of: batch, table, chain, rule, set of addresses, and the expressions of a rule.
// nf_tables takes numbers in network order, and messages only in batches, which take effect as a whole or not at all.
// Used by rejecttable.ts, droptable.ts and vmactable.ts.

import { type IpFamily, parseIp } from '../ip/address.ts';
import { type MessageWriter, NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST } from './message.ts';
import {
  NF_ACCEPT,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_CMP_EQ,
  NFT_META_NFPROTO,
  type NFT_MSG_DELSETELEM,
  NFT_MSG_DELTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_MSG_NEWTABLE,
  NFT_PAYLOAD_NETWORK_HEADER,
  NFT_REG_1,
  NFT_REG_VERDICT,
  NFT_TABLE_F_OWNER,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_CMP_DATA,
  NFTA_CMP_OP,
  NFTA_CMP_SREG,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_IMMEDIATE_DATA,
  NFTA_IMMEDIATE_DREG,
  NFTA_LIST_ELEM,
  NFTA_LOOKUP_SET,
  NFTA_LOOKUP_SREG,
  NFTA_META_DREG,
  NFTA_META_KEY,
  NFTA_PAYLOAD_BASE,
  NFTA_PAYLOAD_DREG,
  NFTA_PAYLOAD_LEN,
  NFTA_PAYLOAD_OFFSET,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_TABLE,
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
  NFTA_TABLE_FLAGS,
  NFTA_TABLE_NAME,
  NFTA_VERDICT_CODE,
} from './nftwords.ts';

const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFNL_SUBSYS_NFTABLES = 10;

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

export interface Table {
  readonly name: string;
  /** NFPROTO_INET or NFPROTO_IPV6. */
  readonly family: number;
}

/**
 * Makes the table anew, whatever was left of an earlier one. `owned` (Linux 5.12): it belongs to the netlink socket that
 * sends this; nobody else can change or flush it, and it goes when the socket is closed or its process dies.
 */
export function makeAnew(writer: MessageWriter, table: Table, owned: boolean): void {
  newTable(writer, table, 0);
  deleteTable(writer, table);
  newTable(writer, table, owned ? NFT_TABLE_F_OWNER : 0);
}

function newTable(writer: MessageWriter, { name, family }: Table, flags: number): void {
  begin(writer, NFT_MSG_NEWTABLE, NLM_F_CREATE, family)
    .attributeText(NFTA_TABLE_NAME, name)
    .attributeU32be(NFTA_TABLE_FLAGS, flags)
    .end();
}

export function deleteTable(writer: MessageWriter, { name, family }: Table): void {
  begin(writer, NFT_MSG_DELTABLE, 0, family).attributeText(NFTA_TABLE_NAME, name).end();
}

export interface Chain {
  readonly name: string;
  /** NF_INET_... */
  readonly hook: number;
  readonly priority: number;
}

/** A base chain that accepts what its rules leave over. */
export function newChain(writer: MessageWriter, table: Table, chain: Chain): void {
  begin(writer, NFT_MSG_NEWCHAIN, NLM_F_CREATE, table.family)
    .attributeText(NFTA_CHAIN_TABLE, table.name)
    .attributeText(NFTA_CHAIN_NAME, chain.name)
    .nest(NFTA_CHAIN_HOOK, (hook) =>
      hook
        .attributeU32be(NFTA_HOOK_HOOKNUM, chain.hook)
        .attributeU32be(NFTA_HOOK_PRIORITY, chain.priority >>> 0),
    )
    .attributeU32be(NFTA_CHAIN_POLICY, NF_ACCEPT)
    .attributeText(NFTA_CHAIN_TYPE, 'filter')
    .end();
}

/** `flags`: NLM_F_APPEND puts it behind the others of its chain. */
export function newRule(
  writer: MessageWriter,
  table: Table,
  chain: string,
  flags: number,
  expressions: (list: MessageWriter) => void,
): void {
  begin(writer, NFT_MSG_NEWRULE, NLM_F_CREATE | flags, table.family)
    .attributeText(NFTA_RULE_TABLE, table.name)
    .attributeText(NFTA_RULE_CHAIN, chain)
    .nest(NFTA_RULE_EXPRESSIONS, expressions)
    .end();
}

/** nft's numbers for its types, so that `nft list table` shows addresses; the kernel only stores them. */
export const ADDRESS_SETS = {
  4: { name: 'v4', id: 1, keyType: 7, keyBytes: 4, nfproto: NFPROTO_IPV4 },
  6: { name: 'v6', id: 2, keyType: 8, keyBytes: 16, nfproto: NFPROTO_IPV6 },
} as const;

export function newAddressSet(writer: MessageWriter, table: Table, family: IpFamily, flags: number): void {
  const set = ADDRESS_SETS[family];
  begin(writer, NFT_MSG_NEWSET, NLM_F_CREATE, table.family)
    .attributeText(NFTA_SET_TABLE, table.name)
    .attributeText(NFTA_SET_NAME, set.name)
    .attributeU32be(NFTA_SET_FLAGS, flags)
    .attributeU32be(NFTA_SET_KEY_TYPE, set.keyType)
    .attributeU32be(NFTA_SET_KEY_LEN, set.keyBytes)
    .attributeU32be(NFTA_SET_ID, set.id)
    .end();
}

/** Each address goes to the set of its family. `more` appends what an element has beside its key. */
export function addressElements(
  writer: MessageWriter,
  table: Table,
  message: typeof NFT_MSG_NEWSETELEM | typeof NFT_MSG_DELSETELEM,
  addresses: readonly string[],
  more: (element: MessageWriter) => void = () => {},
): void {
  for (const set of [ADDRESS_SETS[4], ADDRESS_SETS[6]]) {
    const keys = addresses.map(parseIp).filter((ip) => ip !== null && ip.length === set.keyBytes);
    if (keys.length === 0) continue;
    begin(writer, message, message === NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, table.family)
      .attributeText(NFTA_SET_ELEM_LIST_TABLE, table.name)
      .attributeText(NFTA_SET_ELEM_LIST_SET, set.name)
      .nest(NFTA_SET_ELEM_LIST_ELEMENTS, (list) => {
        for (const key of keys) {
          if (key === null) continue;
          list.nest(NFTA_LIST_ELEM, (element) => {
            element.nest(NFTA_SET_ELEM_KEY, (value) => value.attribute(NFTA_DATA_VALUE, key));
            more(element);
          });
        }
      })
      .end();
  }
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

/** Whether the IP address at `offset` of the packet is in the set of its family. */
export function mustBeIn(writer: MessageWriter, family: IpFamily, offset: number): void {
  const set = ADDRESS_SETS[family];
  loadMeta(writer, NFT_META_NFPROTO);
  mustEqual(writer, Uint8Array.of(set.nfproto));
  loadPayload(writer, NFT_PAYLOAD_NETWORK_HEADER, offset, set.keyBytes);
  expression(writer, 'lookup', (data) => {
    data.attributeText(NFTA_LOOKUP_SET, set.name).attributeU32be(NFTA_LOOKUP_SREG, NFT_REG_1);
  });
}

/** NF_ACCEPT or NF_DROP. */
export function verdict(writer: MessageWriter, code: number): void {
  expression(writer, 'immediate', (data) => {
    data.attributeU32be(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    data.nest(NFTA_IMMEDIATE_DATA, (value) =>
      value.nest(NFTA_DATA_VERDICT, (each) => each.attributeU32be(NFTA_VERDICT_CODE, code)),
    );
  });
}
