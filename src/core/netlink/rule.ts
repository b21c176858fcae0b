// Policy rules over rtnetlink (ip-rule(8), include/uapi/linux/fib_rules.h): what keepalived.conf calls virtual_rules and
// static_rules. src/config/keepalived/rules-entries.ts makes the specs, src/io/linux/netlink.ts sends them.

import { type Cidr, formatIp, type IpFamily, parseIp } from '../ip/address.ts';
import {
  attributeText,
  attributeU8,
  attributeU32,
  decodeAttributes,
  type MessageWriter,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  viewOf,
} from './message.ts';
import { AF_OF, TABLE_MAIN } from './route.ts';

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

/** FR_ACT_*. */
export const RULE_ACTIONS = {
  lookup: 1,
  goto: 2,
  nop: 3,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
} as const;
export type RuleAction = keyof typeof RULE_ACTIONS;

const HEADER_BYTES = 12;
const FIB_RULE_INVERT = 0x2;

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_GOTO = 4;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_FLOW = 11;
const FRA_TUN_ID = 12;
const FRA_SUPPRESS_IFGROUP = 13;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;
const FRA_L3MDEV = 19;
const FRA_UID_RANGE = 20;
const FRA_PROTOCOL = 21;
const FRA_IP_PROTO = 22;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;

export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

/** What makes one rule differ from another; the kernel lists the same. */
export interface RuleKey {
  readonly family: IpFamily;
  readonly action: RuleAction;
  /** Of a lookup; null for l3mdev and the other actions. */
  readonly table: number | null;
  /** Of a goto: the preference of the rule to go on with. */
  readonly goto: number | null;
  /** Matches what the rest does not. */
  readonly not: boolean;
  readonly from: Cidr | null;
  readonly to: Cidr | null;
  readonly tos: number;
  readonly mark: { readonly value: number; readonly mask: number } | null;
  readonly iif: string | null;
  readonly oif: string | null;
  readonly preference: number;
  /** Source realm in the upper 16 bits; IPv4 only. */
  readonly realms: number | null;
  readonly ipProtocol: number | null;
  readonly sourcePorts: NumberRange | null;
  readonly destinationPorts: NumberRange | null;
  readonly users: NumberRange | null;
  /** The table of the VRF that the packet belongs to. */
  readonly l3mdev: boolean;
  readonly suppressPrefixLength: number | null;
  readonly suppressGroup: number | null;
  readonly tunnelId: number | null;
  readonly protocol: number;
}

/** One rule, as plain data. */
export interface RuleSpec extends RuleKey {
  /** As typed, for messages. */
  readonly text: string;
  /** no_track: its loss is nobody's concern. */
  readonly tracked: boolean;
  /** Of static rules: the track_group whose instances its loss puts into FAULT. */
  readonly trackGroup: string | null;
}

function writePrefix(writer: MessageWriter, type: number, prefix: Cidr | null): void {
  const ip = prefix === null || prefix.prefix === 0 ? null : parseIp(prefix.address);
  if (ip !== null) writer.attribute(type, ip);
}

function writeRange(writer: MessageWriter, type: number, range: NumberRange | null): void {
  if (range === null) return;
  const bytes = new Uint8Array(4);
  const view = viewOf(bytes);
  view.setUint16(0, range.from, true);
  view.setUint16(2, range.to, true);
  writer.attribute(type, bytes);
}

function writeSelectors(writer: MessageWriter, rule: RuleKey): void {
  writePrefix(writer, FRA_SRC, rule.from);
  writePrefix(writer, FRA_DST, rule.to);
  writer.attributeU32(FRA_PRIORITY, rule.preference);
  if (rule.mark !== null) {
    writer.attributeU32(FRA_FWMARK, rule.mark.value).attributeU32(FRA_FWMASK, rule.mark.mask);
  }
  if (rule.iif !== null) writer.attributeText(FRA_IIFNAME, rule.iif);
  if (rule.oif !== null) writer.attributeText(FRA_OIFNAME, rule.oif);
  if (rule.users !== null) {
    const bytes = new Uint8Array(8);
    viewOf(bytes).setUint32(0, rule.users.from, true);
    viewOf(bytes).setUint32(4, rule.users.to, true);
    writer.attribute(FRA_UID_RANGE, bytes);
  }
  if (rule.ipProtocol !== null) writer.attributeU8(FRA_IP_PROTO, rule.ipProtocol);
  writeRange(writer, FRA_SPORT_RANGE, rule.sourcePorts);
  writeRange(writer, FRA_DPORT_RANGE, rule.destinationPorts);
  if (rule.tunnelId !== null) {
    const bytes = new Uint8Array(8);
    viewOf(bytes).setBigUint64(0, BigInt(rule.tunnelId));
    writer.attribute(FRA_TUN_ID, bytes);
  }
}

function encodeRule(
  writer: MessageWriter,
  sequence: number,
  type: number,
  flags: number,
  rule: RuleKey,
): void {
  const table = rule.action === 'lookup' && !rule.l3mdev ? (rule.table ?? TABLE_MAIN) : 0;
  writer
    .begin(type, NLM_F_REQUEST | NLM_F_ACK | flags, sequence)
    .u8(AF_OF[rule.family])
    .u8(rule.to?.prefix ?? 0)
    .u8(rule.from?.prefix ?? 0)
    .u8(rule.tos)
    .u8(table < 256 ? table : 0)
    .u8(0)
    .u8(0)
    .u8(RULE_ACTIONS[rule.action])
    .u32(rule.not ? FIB_RULE_INVERT : 0);
  writeSelectors(writer, rule);
  if (table !== 0) writer.attributeU32(FRA_TABLE, table);
  if (rule.l3mdev) writer.attributeU8(FRA_L3MDEV, 1);
  if (rule.goto !== null) writer.attributeU32(FRA_GOTO, rule.goto);
  if (rule.realms !== null) writer.attributeU32(FRA_FLOW, rule.realms);
  if (rule.suppressPrefixLength !== null)
    writer.attributeU32(FRA_SUPPRESS_PREFIXLEN, rule.suppressPrefixLength);
  if (rule.suppressGroup !== null) writer.attributeU32(FRA_SUPPRESS_IFGROUP, rule.suppressGroup);
  writer.attributeU8(FRA_PROTOCOL, rule.protocol).end();
}

export function encodeAddRule(writer: MessageWriter, sequence: number, rule: RuleKey): void {
  encodeRule(writer, sequence, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
}

export function encodeRemoveRule(writer: MessageWriter, sequence: number, rule: RuleKey): void {
  encodeRule(writer, sequence, RTM_DELRULE, 0, rule);
}

/** Asks for the rules of one family. */
export function encodeDumpRules(writer: MessageWriter, sequence: number, family: IpFamily): void {
  writer.begin(RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  writer.u8(AF_OF[family]).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0).end();
}

export type DecodedRule =
  | { readonly ok: true; readonly rule: RuleKey }
  | { readonly ok: false; readonly reason: string };

const ACTION_OF = new Map<number, RuleAction>(
  (Object.entries(RULE_ACTIONS) as [RuleAction, number][]).map(([name, number]) => [number, name]),
);

function prefixOf(payload: Uint8Array | undefined, prefix: number, family: IpFamily): Cidr | null {
  if (payload === undefined || payload.length !== (family === 4 ? 4 : 16)) return null;
  return { address: formatIp(payload), family, prefix };
}

function rangeOf(payload: Uint8Array | undefined): NumberRange | null {
  if (payload === undefined || payload.length < 4) return null;
  return { from: viewOf(payload).getUint16(0, true), to: viewOf(payload).getUint16(2, true) };
}

/** The number of an attribute that holds all ones when it says nothing. */
function unlessAllOnes(payload: Uint8Array | undefined): number | null {
  const value = attributeU32(payload);
  return value === 0xffff_ffff ? null : value;
}

/** The body of an RTM_NEWRULE or RTM_DELRULE. */
export function decodeRule(body: Uint8Array): DecodedRule {
  if (body.length < HEADER_BYTES) return { ok: false, reason: 'the rule message is cut short' };
  const family = body[0] === AF_OF[4] ? 4 : body[0] === AF_OF[6] ? 6 : null;
  if (family === null) return { ok: false, reason: `rule of family ${body[0]}` };
  const action = ACTION_OF.get(body[7] ?? 0);
  if (action === undefined) return { ok: false, reason: `rule with the unknown action ${body[7]}` };
  const attributes = decodeAttributes(body, HEADER_BYTES);
  const users = attributes.get(FRA_UID_RANGE);
  const tunnel = attributes.get(FRA_TUN_ID);
  const mark = attributeU32(attributes.get(FRA_FWMARK));
  const l3mdev = attributeU8(attributes.get(FRA_L3MDEV)) === 1;
  const table = attributeU32(attributes.get(FRA_TABLE)) ?? body[4] ?? 0;
  return {
    ok: true,
    rule: {
      family,
      action,
      table: action === 'lookup' && !l3mdev ? table : null,
      goto: attributeU32(attributes.get(FRA_GOTO)),
      not: (viewOf(body).getUint32(8, true) & FIB_RULE_INVERT) !== 0,
      from: prefixOf(attributes.get(FRA_SRC), body[2] ?? 0, family),
      to: prefixOf(attributes.get(FRA_DST), body[1] ?? 0, family),
      tos: body[3] ?? 0,
      mark:
        mark === null ? null : { value: mark, mask: attributeU32(attributes.get(FRA_FWMASK)) ?? 0xffff_ffff },
      iif: attributeText(attributes.get(FRA_IIFNAME)),
      oif: attributeText(attributes.get(FRA_OIFNAME)),
      preference: attributeU32(attributes.get(FRA_PRIORITY)) ?? 0,
      realms: attributeU32(attributes.get(FRA_FLOW)),
      ipProtocol: attributeU8(attributes.get(FRA_IP_PROTO)),
      sourcePorts: rangeOf(attributes.get(FRA_SPORT_RANGE)),
      destinationPorts: rangeOf(attributes.get(FRA_DPORT_RANGE)),
      users:
        users === undefined || users.length < 8
          ? null
          : { from: viewOf(users).getUint32(0, true), to: viewOf(users).getUint32(4, true) },
      l3mdev,
      suppressPrefixLength: unlessAllOnes(attributes.get(FRA_SUPPRESS_PREFIXLEN)),
      suppressGroup: unlessAllOnes(attributes.get(FRA_SUPPRESS_IFGROUP)),
      tunnelId: tunnel === undefined || tunnel.length < 8 ? null : Number(viewOf(tunnel).getBigUint64(0)),
      protocol: attributeU8(attributes.get(FRA_PROTOCOL)) ?? 0,
    },
  };
}
