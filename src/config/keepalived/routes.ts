// A line of virtual_routes or static_routes as a RouteSpec: the words of `ip route add` in any order, with keepalived's own
// (no_track, track_group, or, gw). network.ts calls it with the words that the schema kept.
import type { IpFamily } from '../../core/ip/address.ts';
import { PROTOCOL_KEEPALIVED, type RouteSpec, TABLE_MAIN } from '../../core/netlink/route.ts';
import type { Report } from './findings.ts';
import type { RouteNames } from './routenames.ts';
import { type Draft, emptyRoute, readRouteWord } from './routewords.ts';
import { inFamily, WordReader } from './wordreader.ts';
import type { Word } from './words.ts';

/** The one family of all addresses; null when they are mixed. */
function familyOf(draft: Draft): IpFamily | null {
  const texts = [draft.source, draft.via, draft.or, ...draft.nexthops.map((hop) => hop.via)];
  const families = new Set<IpFamily>(draft.inet === null ? [] : [draft.inet]);
  for (const text of texts) if (text !== null) families.add(text.includes(':') ? 6 : 4);
  for (const prefix of [draft.destination, draft.from])
    if (prefix !== null && prefix !== 'any') families.add(prefix.family);
  return families.size > 1 ? null : ([...families][0] ?? 4);
}

function checkDraft(reader: WordReader, first: Word, draft: Draft): IpFamily | null {
  if (draft.destination === null && !reader.failed)
    reader.fail(
      first,
      'route-destination',
      'the route names no network',
      'begin with it: 192.0.2.0/24 or default',
    );
  const family = familyOf(draft);
  if (family === null) {
    reader.fail(first, 'route-family', 'the route mixes IPv4 and IPv6', 'write addresses of one family');
    return null;
  }
  const only = (given: boolean, needs: IpFamily, what: string) => {
    if (given && family !== needs)
      reader.fail(first, 'route-family', `${what} is for IPv${needs} routes only`, `remove ${what}`);
  };
  only(draft.from !== null, 6, '`from`');
  only(draft.expiresS !== null, 6, '`expires`');
  only(draft.preference !== null, 6, '`pref`');
  only(draft.realms !== null, 4, '`realms`');
  if (draft.nexthops.length > 0 && (draft.via !== null || draft.device !== null || draft.or !== null))
    reader.fail(
      first,
      'route-nexthop',
      'the route has a router of its own and `nexthop` besides',
      'write each router as nexthop via ADDRESS dev INTERFACE',
    );
  return family;
}

/** As the C daemon: what it does not mark as its own, or cannot tie to an interface, it does not watch. */
function checkTracking(reader: WordReader, first: Word, draft: Draft): void {
  if (draft.trackGroup !== null && !draft.tracked) {
    reader.complain(
      first,
      'track-both',
      'the route has both track_group and no_track; it is not tracked',
      'remove one of the two',
    );
    draft.trackGroup = null;
  }
  if (!draft.tracked) return;
  if (draft.protocol !== null && draft.protocol !== PROTOCOL_KEEPALIVED) {
    reader.complain(
      first,
      'route-protocol',
      `a route of another protocol cannot be tracked; it becomes protocol keepalived (${PROTOCOL_KEEPALIVED})`,
      'remove protocol, or add no_track',
    );
    draft.protocol = PROTOCOL_KEEPALIVED;
  }
  if (draft.device !== null) return;
  reader.complain(
    first,
    'route-untracked',
    'a route without an interface is not tracked',
    'add dev INTERFACE, or no_track',
  );
  draft.tracked = false;
}

function finish(draft: Draft, family: IpFamily, text: string): RouteSpec {
  const hops = [...draft.nexthops];
  if (draft.or !== null)
    for (const via of [draft.via, draft.or])
      hops.push({ via, device: draft.device, onlink: draft.onlink, weight: 1, realms: null });
  const several = hops.length > 0;
  return {
    text,
    family,
    type: draft.type,
    destination: inFamily(draft.destination ?? 'any', family),
    from: draft.from === null ? null : inFamily(draft.from, family),
    source: draft.source,
    via: several ? null : draft.via,
    device: several ? null : draft.device,
    onlink: several ? false : draft.onlink,
    nexthops: hops,
    table: draft.table ?? TABLE_MAIN,
    protocol: draft.protocol ?? PROTOCOL_KEEPALIVED,
    scope: draft.scope,
    metric: draft.metric,
    tos: draft.tos,
    realms: draft.realms,
    preference: draft.preference,
    expiresS: draft.expiresS,
    ttlPropagate: draft.ttlPropagate,
    metrics: { values: draft.values, locked: draft.locked, congestion: draft.congestion },
    append: draft.append,
    tracked: draft.tracked,
    trackGroup: draft.trackGroup,
  };
}

/** null: something was wrong and is reported; the C daemon leaves such a route out too. */
export function readRoute(
  words: readonly Word[],
  names: RouteNames,
  isStatic: boolean,
  report: Report,
): RouteSpec | null {
  const [first] = words;
  if (first === undefined) return null;
  const reader = new WordReader(words, report);
  const draft = emptyRoute(names, isStatic);
  for (let word = reader.next(); word !== null && !reader.failed; word = reader.next())
    readRouteWord(reader, word, draft);
  if (reader.failed) return null;
  const family = checkDraft(reader, first, draft);
  if (family === null || reader.failed) return null;
  checkTracking(reader, first, draft);
  return finish(draft, family, words.map((word) => word.text).join(' '));
}
