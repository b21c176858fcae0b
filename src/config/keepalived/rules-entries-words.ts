// The words of a rule: what each takes and where it goes. rules-entries.ts reads a line with these, and judges the whole.
import type { IpFamily } from '../../core/ip/address.ts';
import type { NumberRange, RuleAction, RuleKey } from '../../core/netlink/rule.ts';
import { nearest } from '../suggest.ts';
import { quote } from './findings.ts';
import type { RouteNames } from './routenames.ts';
import { readDevice } from './routewords.ts';
import type { Prefix, WordReader } from './wordreader.ts';
import type { Word } from './words.ts';

const U32 = 0xffff_ffff;
const I32 = 0x7fff_ffff;
/** IANA's numbers of the protocols that have ports, and of those that rules are written for. */
const IP_PROTOCOLS = new Map([
  ['icmp', 1],
  ['igmp', 2],
  ['ipip', 4],
  ['tcp', 6],
  ['udp', 17],
  ['dccp', 33],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['ipv6-icmp', 58],
  ['icmpv6', 58],
  ['ospf', 89],
  ['vrrp', 112],
  ['sctp', 132],
  ['udplite', 136],
]);

export type Draft = {
  -readonly [K in keyof Omit<
    RuleKey,
    'family' | 'action' | 'from' | 'to' | 'preference' | 'protocol'
  >]: RuleKey[K];
} & {
  readonly names: RouteNames;
  readonly isStatic: boolean;
  inet: IpFamily | null;
  action: RuleAction | null;
  from: Prefix | null;
  to: Prefix | null;
  preference: number | null;
  protocol: number | null;
  tracked: boolean;
  trackGroup: string | null;
};

type Option = (reader: WordReader, keyword: Word, draft: Draft) => void;

function setAction(reader: WordReader, keyword: Word, draft: Draft, action: RuleAction): void {
  if (draft.action !== null)
    reader.fail(
      keyword,
      'rule-action',
      'the rule does more than one thing',
      'write one of table, goto, nop, blackhole, unreachable, prohibit and l3mdev',
    );
  draft.action = action;
}

const action =
  (which: RuleAction): Option =>
  (reader, keyword, draft) =>
    setAction(reader, keyword, draft, which);

function readRange(reader: WordReader, keyword: Word, max: number): NumberRange | null {
  const word = reader.value(keyword);
  if (word === null) return null;
  const found = /^([0-9]{1,10})(?:-([0-9]{1,10}))?$/.exec(word.text);
  const from = Number(found?.[1]);
  const to = Number(found?.[2] ?? found?.[1]);
  if (found !== null && from <= to && to <= max) return { from, to };
  reader.fail(
    word,
    'value',
    `\`${keyword.text}\` cannot be "${quote(word.text)}"`,
    `write N or N-M, from 0 to ${max}`,
  );
  return null;
}

function readMark(reader: WordReader, keyword: Word): RuleKey['mark'] {
  const word = reader.value(keyword);
  if (word === null) return null;
  const found = /^(0x[0-9a-f]{1,8}|[0-9]{1,10})(?:\/(0x[0-9a-f]{1,8}|[0-9]{1,10}))?$/i.exec(word.text);
  const value = Number(found?.[1]);
  const mask = Number(found?.[2] ?? U32);
  if (found !== null && value <= U32 && mask <= U32) return { value, mask };
  reader.fail(
    word,
    'value',
    `\`fwmark\` cannot be "${quote(word.text)}"`,
    'write MARK or MARK/MASK, as 0x10/0xff',
  );
  return null;
}

const OPTIONS: Readonly<Record<string, Option>> = {
  inet: (_, __, d) => {
    d.inet = 4;
  },
  inet6: (_, __, d) => {
    d.inet = 6;
  },
  not: (_, __, d) => {
    d.not = true;
  },
  from: (r, k, d) => {
    d.from = r.prefix(k);
  },
  to: (r, k, d) => {
    d.to = r.prefix(k);
  },
  table: (r, k, d) => {
    d.table = r.named(k, d.names.tables, 1, U32);
    setAction(r, k, d, 'lookup');
  },
  preference: (r, k, d) => {
    d.preference = r.number(k, 0, U32);
  },
  tos: (r, k, d) => {
    d.tos = r.named(k, d.names.fields, 0, 255, 16) ?? 0;
  },
  fwmark: (r, k, d) => {
    d.mark = readMark(r, k);
  },
  realms: (r, k, d) => {
    d.realms = r.realms(k, d.names.realms);
  },
  iif: (r, k, d) => {
    d.iif = readDevice(r, k);
  },
  oif: (r, k, d) => {
    d.oif = readDevice(r, k);
  },
  suppress_prefixlength: (r, k, d) => {
    d.suppressPrefixLength = r.number(k, 0, I32);
  },
  suppress_ifgroup: (r, k, d) => {
    d.suppressGroup = r.named(k, d.names.groups, 0, I32);
  },
  'tunnel-id': (r, k, d) => {
    d.tunnelId = r.number(k, 0, Number.MAX_SAFE_INTEGER);
  },
  uidrange: (r, k, d) => {
    d.users = readRange(r, k, U32);
  },
  l3mdev: (r, k, d) => {
    d.l3mdev = true;
    setAction(r, k, d, 'lookup');
  },
  protocol: (r, k, d) => {
    d.protocol = r.named(k, d.names.protocols, 0, 255);
  },
  ipproto: (r, k, d) => {
    const next = r.peek();
    if (next !== null && IP_PROTOCOLS.has(next.toLowerCase())) {
      r.next();
      d.ipProtocol = IP_PROTOCOLS.get(next.toLowerCase()) ?? null;
    } else d.ipProtocol = r.named(k, IP_PROTOCOLS, 1, 255);
  },
  sport: (r, k, d) => {
    d.sourcePorts = readRange(r, k, 65_535);
  },
  dport: (r, k, d) => {
    d.destinationPorts = readRange(r, k, 65_535);
  },
  goto: (r, k, d) => {
    d.goto = r.number(k, 0, U32);
    setAction(r, k, d, 'goto');
  },
  // `type blackhole` is `blackhole`.
  type: () => {},
  nop: action('nop'),
  blackhole: action('blackhole'),
  unreachable: action('unreachable'),
  prohibit: action('prohibit'),
  no_track: (_, __, d) => {
    d.tracked = false;
  },
  track_group: (r, k, d) => {
    const name = r.value(k)?.text ?? null;
    if (d.isStatic) d.trackGroup = name;
    else
      r.fail(
        k,
        'track-group',
        '`track_group` is for static rules only',
        'remove it: a virtual rule is tracked by its instance',
      );
  },
};

const ALIASES: Readonly<Record<string, string>> = {
  lookup: 'table',
  order: 'preference',
  priority: 'preference',
  pref: 'preference',
  dsfield: 'tos',
  dev: 'iif',
  sup_pl: 'suppress_prefixlength',
  sup_group: 'suppress_ifgroup',
  ip_proto: 'ipproto',
  tun_id: 'tunnel-id',
};

export function readRuleWord(reader: WordReader, word: Word, draft: Draft): void {
  const name = Object.hasOwn(ALIASES, word.text) ? (ALIASES[word.text] as string) : word.text;
  const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
  if (option !== undefined) {
    option(reader, word, draft);
    return;
  }
  const near = nearest(word.text, Object.keys(OPTIONS));
  reader.fail(
    word,
    'rule-word',
    `"${quote(word.text)}" is no word of a rule`,
    near === null
      ? 'write it as ip(8) does: from 192.0.2.0/24 table 100 preference 500'
      : `did you mean ${near}?`,
  );
}

export function emptyRule(names: RouteNames, isStatic: boolean): Draft {
  return {
    names,
    isStatic,
    inet: null,
    action: null,
    table: null,
    goto: null,
    not: false,
    from: null,
    to: null,
    tos: 0,
    mark: null,
    iif: null,
    oif: null,
    preference: null,
    realms: null,
    ipProtocol: null,
    sourcePorts: null,
    destinationPorts: null,
    users: null,
    l3mdev: false,
    suppressPrefixLength: null,
    suppressGroup: null,
    tunnelId: null,
    protocol: null,
    tracked: true,
    trackGroup: null,
  };
}
