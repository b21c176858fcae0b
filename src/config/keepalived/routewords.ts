// The words of a route: what each takes and where it goes. routes.ts reads a line with these, and judges the whole.
import type { IpFamily } from '../../core/ip/address.ts';
import {
  type NextHop,
  type ROUTE_PREFERENCES,
  ROUTE_TYPES,
  type RoutePreference,
  type RouteType,
} from '../../core/netlink/route.ts';
import type { RouteMetricName } from '../../core/netlink/routemetrics.ts';
import { nearest } from '../suggest.ts';
import { quote } from './findings.ts';
import type { RouteNames } from './routenames.ts';
import type { Prefix, WordReader } from './wordreader.ts';
import type { Word } from './words.ts';

const U32 = 0xffff_ffff;

/** A route as far as it is read; what is not typed is null. */
export interface Draft {
  readonly names: RouteNames;
  /** Where static routes stand, a track_group may. */
  readonly isStatic: boolean;
  type: RouteType;
  inet: IpFamily | null;
  destination: Prefix | null;
  from: Prefix | null;
  source: string | null;
  via: string | null;
  or: string | null;
  device: string | null;
  onlink: boolean;
  nexthops: NextHop[];
  table: number | null;
  protocol: number | null;
  scope: number | null;
  metric: number | null;
  tos: number;
  realms: number | null;
  preference: RoutePreference | null;
  expiresS: number | null;
  ttlPropagate: boolean | null;
  values: { [K in RouteMetricName]?: number };
  locked: RouteMetricName[];
  congestion: string | null;
  append: boolean;
  tracked: boolean;
  trackGroup: string | null;
}

type Option = (reader: WordReader, keyword: Word, draft: Draft) => void;

/** A device name that the kernel could know (IFNAMSIZ). */
export function readDevice(reader: WordReader, keyword: Word): string | null {
  const word = reader.value(keyword);
  if (word === null) return null;
  if (word.text.length <= 15 && !/[/\s]/.test(word.text)) return word.text;
  reader.fail(
    word,
    'value',
    `"${quote(word.text)}" cannot be the name of an interface`,
    'names have at most 15 characters and no /',
  );
  return null;
}

/** `via inet6 ADDRESS` is `via ADDRESS` with the family said again. */
function readVia(reader: WordReader, keyword: Word): string | null {
  if (reader.peek() === 'inet' || reader.peek() === 'inet6') reader.next();
  return reader.ip(keyword);
}

function lockable(reader: WordReader, draft: Draft, name: RouteMetricName): void {
  if (reader.peek() !== 'lock') return;
  reader.next();
  draft.locked.push(name);
}

const metric =
  (name: RouteMetricName, max = U32): Option =>
  (reader, keyword, draft) => {
    lockable(reader, draft, name);
    const value = reader.number(keyword, 0, max);
    if (value !== null) draft.values[name] = value;
  };

/** Milliseconds with a unit (`10ms`, `1.5s`), times what the kernel counts in; without a unit the kernel's own number. */
const time =
  (name: RouteMetricName, perMs: number): Option =>
  (reader, keyword, draft) => {
    lockable(reader, draft, name);
    const word = reader.value(keyword);
    if (word === null) return;
    const found = /^([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|msec|msecs|s|sec|secs)?$/.exec(word.text);
    const ms = Number(found?.[1]) * (found?.[2]?.startsWith('s') ? 1000 : 1);
    const value = Math.ceil(found?.[2] === undefined ? ms : ms * perMs);
    if (found !== null && value <= U32) draft.values[name] = value;
    else
      reader.fail(
        word,
        'value',
        `\`${keyword.text}\` cannot be "${quote(word.text)}"`,
        'write a time as 10ms or 0.5s',
      );
  };

const SWITCHES = { enabled: true, on: true, '1': true, disabled: false, off: false, '0': false } as const;

const OPTIONS: Readonly<Record<string, Option>> = {
  inet: (_, __, d) => {
    d.inet = 4;
  },
  inet6: (_, __, d) => {
    d.inet = 6;
  },
  to: (r, k, d) => {
    // As ip(8): a type may stand between: `to unreachable 192.0.2.0/24`.
    if (!Object.hasOwn(ROUTE_TYPES, r.peek() ?? '')) d.destination = r.prefix(k);
  },
  from: (r, k, d) => {
    d.from = r.prefix(k);
  },
  src: (r, k, d) => {
    d.source = r.ip(k);
  },
  via: (r, k, d) => {
    d.via = readVia(r, k);
  },
  gw: (r, k, d) => {
    r.complain(k, 'deprecated', '`gw` is an old name', 'write via');
    d.via = readVia(r, k);
  },
  or: (r, k, d) => {
    r.complain(
      k,
      'deprecated',
      '`or` is an old way to write two routers',
      'write nexthop via A nexthop via B',
    );
    d.or = r.ip(k);
  },
  dev: (r, k, d) => {
    d.device = readDevice(r, k);
  },
  table: (r, k, d) => {
    d.table = r.named(k, d.names.tables, 1, U32);
  },
  protocol: (r, k, d) => {
    d.protocol = r.named(k, d.names.protocols, 0, 255);
  },
  scope: (r, k, d) => {
    d.scope = r.named(k, d.names.scopes, 0, 255);
  },
  metric: (r, k, d) => {
    d.metric = r.number(k, 0, U32);
  },
  tos: (r, k, d) => {
    d.tos = r.named(k, d.names.fields, 0, 255, 16) ?? 0;
  },
  realms: (r, k, d) => {
    d.realms = r.realms(k, d.names.realms);
  },
  pref: (r, k, d) => {
    const choices = { low: 'low', medium: 'medium', high: 'high' } as const satisfies {
      [K in keyof typeof ROUTE_PREFERENCES]: K;
    };
    d.preference = r.choice(k, choices);
  },
  expires: (r, k, d) => {
    d.expiresS = r.number(k, 0, U32);
  },
  'ttl-propagate': (r, k, d) => {
    d.ttlPropagate = r.choice(k, SWITCHES);
  },
  onlink: (_, __, d) => {
    d.onlink = true;
  },
  append: (_, __, d) => {
    d.append = true;
  },
  prepend: (_, __, d) => {
    d.append = false;
  },
  add: (_, __, d) => {
    d.append = false;
  },
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
        '`track_group` is for static routes only',
        'remove it: a virtual route is tracked by its instance',
      );
  },
  nexthop: (r, _, d) => {
    d.nexthops.push(readNextHop(r, d));
  },
  features: (r, k, d) => {
    if (r.choice(k, { ecn: true }) === true) d.values.features = 1;
  },
  congctl: (r, k, d) => {
    if (r.peek() === 'lock') r.next();
    d.congestion = r.value(k)?.text.slice(0, 15) ?? null;
  },
  mtu: metric('mtu'),
  hoplimit: metric('hoplimit', 255),
  advmss: metric('advmss'),
  reordering: metric('reordering'),
  window: metric('window'),
  cwnd: metric('cwnd'),
  ssthresh: metric('ssthresh'),
  initcwnd: metric('initcwnd'),
  initrwnd: metric('initrwnd'),
  quickack: metric('quickack', 1),
  fastopen_no_cookie: metric('fastopen_no_cookie', 1),
  rtt: time('rtt', 8),
  rttvar: time('rttvar', 4),
  rto_min: time('rto_min', 1),
};

const ALIASES: Readonly<Record<string, string>> = {
  oif: 'dev',
  preference: 'metric',
  priority: 'metric',
  dsfield: 'tos',
  proto: 'protocol',
};

/** Words that keepalived knows and this program does not carry out. */
const NOT: Readonly<Record<string, string>> = {
  encap: 'tunnels of routes (MPLS, IP, ILA, SEG6) are not made',
  vrf: 'VRFs are not looked at; write the number of its table: table N',
  as: 'route NAT has been gone from Linux since 2.6',
};

const optionOf = (text: string): Option | undefined => {
  const name = Object.hasOwn(ALIASES, text) ? (ALIASES[text] as string) : text;
  return Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
};

function readNextHop(reader: WordReader, draft: Draft): NextHop {
  const hop = { via: null, device: null, onlink: false, weight: 1, realms: null } as {
    -readonly [K in keyof NextHop]: NextHop[K];
  };
  for (;;) {
    switch (reader.peek()) {
      case 'via':
        hop.via = readVia(reader, reader.next() as Word);
        break;
      case 'dev':
      case 'oif':
        hop.device = readDevice(reader, reader.next() as Word);
        break;
      case 'weight':
        hop.weight = reader.number(reader.next() as Word, 1, 256) ?? 1;
        break;
      case 'realms':
        hop.realms = reader.realms(reader.next() as Word, draft.names.realms);
        break;
      case 'onlink':
        reader.next();
        hop.onlink = true;
        break;
      default:
        return hop;
    }
  }
}

export function readRouteWord(reader: WordReader, word: Word, draft: Draft): void {
  const option = optionOf(word.text);
  if (option !== undefined) {
    option(reader, word, draft);
    return;
  }
  if (Object.hasOwn(ROUTE_TYPES, word.text)) {
    draft.type = word.text as RouteType;
    return;
  }
  if (Object.hasOwn(NOT, word.text)) {
    reader.failed = true;
    reader.warn(
      word,
      'not-implemented',
      `a route with \`${word.text}\` is read and not carried out: ${NOT[word.text]}`,
      'remove the route, or keep it with another program',
    );
    return;
  }
  if (draft.destination === null && /^([0-9a-f]*[.:]|default$|all$|any$)/i.test(word.text)) {
    draft.destination = reader.prefixOf(word);
    return;
  }
  const near = nearest(word.text, [...Object.keys(OPTIONS), ...Object.keys(ROUTE_TYPES)]);
  reader.fail(
    word,
    'route-word',
    `"${quote(word.text)}" is no word of a route`,
    near === null
      ? 'write it as ip(8) does: 192.0.2.0/24 via 198.51.100.1 dev eth0'
      : `did you mean ${near}?`,
  );
}

export function emptyRoute(names: RouteNames, isStatic: boolean): Draft {
  return {
    names,
    isStatic,
    type: 'unicast',
    inet: null,
    destination: null,
    from: null,
    source: null,
    via: null,
    or: null,
    device: null,
    onlink: false,
    nexthops: [],
    table: null,
    protocol: null,
    scope: null,
    metric: null,
    tos: 0,
    realms: null,
    preference: null,
    expiresS: null,
    ttlPropagate: null,
    values: {},
    locked: [],
    congestion: null,
    append: false,
    tracked: true,
    trackGroup: null,
  };
}
