// The vrrp section of the imported pair: what the write instance says on the wire, so that nothing else on the network notices the move.
// Used by import.ts.
import { formatDuration } from '../duration.ts';
import type { InstanceConfig } from '../keepalived/types.ts';
import { at, from, hasSix, type Roles, type Twin } from './instances.ts';
import type { Say } from './types.ts';
import { fill, type Item, section, value } from './yaml.ts';

/** Three adverts and not quite one more, as VRRP counts. */
const MISSED = 4;
const FAST_MS = 100;

function idItem({ a, b }: Twin): Item {
  const place = at(a.placeOf('virtual_router_id'));
  const { virtualRouterId: id } = a;
  if (id === null && b.virtualRouterId !== null)
    return value(
      'id',
      b.virtualRouterId,
      `From ${at(b.placeOf('virtual_router_id'))}; the other file has none.`,
    );
  if (id === null)
    return fill(
      'id',
      'a number from 1 to 255 that no other VRRP group of the network uses',
      'write it here',
      `${place} has no valid one.`,
    );
  const differs = b.virtualRouterId !== null && b.virtualRouterId !== id;
  return value(
    'id',
    id,
    `From ${place}${differs ? `. The other file has ${b.virtualRouterId} (${at(b.placeOf('virtual_router_id'))}): two groups, and both hosts held the address` : ''}.`,
  );
}

function interval({ a, b }: Twin, version: 2 | 3): Item {
  const ms = Math.min(a.advertIntervalMs, b.advertIntervalMs);
  const place = [a, b].map((i) => from(i, 'advert_int')).join(' and ');
  const slow = `so a dead host is missed after up to ${formatDuration(ms * MISSED)}`;
  const better =
    ms > FAST_MS
      ? ` Nothing but these two agents will speak here, so once both hosts are moved \`version: 3\` and \`advertInterval: ${FAST_MS}ms\` (without authentication) bring that down to ${formatDuration(FAST_MS * MISSED)}.`
      : '';
  const differ = a.advertIntervalMs === b.advertIntervalMs ? '' : ` They differ; the shorter is taken.`;
  return value(
    'advertInterval',
    formatDuration(version === 2 ? Math.max(1000, ms) : ms),
    `From advert_int (${place}), ${slow}.${differ}${better}`,
  );
}

/** Only the host with the higher priority could take the address back, so its word counts. */
function preempt({ a, b }: Twin): Item {
  const higher = a.priority >= b.priority ? a : b;
  const place = at(higher.preempt ? higher.at : higher.placeOf('nopreempt'));
  const delay =
    higher.preempt && higher.preemptDelayMs > 0
      ? ` preempt_delay has no counterpart: the role goes back once the node has caught up.`
      : '';
  return value(
    'preempt',
    higher.preempt,
    higher.preempt
      ? `No nopreempt at the host with the higher priority (${place}): it takes the role back when it returns.${delay} Each way back is an interruption; \`false\` spares it.`
      : `nopreempt (${place}): a host that returns does not take the role back.`,
  );
}

function peers(i: InstanceConfig): Item {
  return i.unicastPeers.length > 0
    ? value('peers', 'unicast', `unicast_peer in ${at(i.placeOf('unicast_peer'))}.`)
    : value('peers', 'multicast', 'No unicast_peer in the files.');
}

function authentication({ a, b }: Twin, version: 2 | 3): Item | null {
  const used = a.authentication.type !== 'none' ? a : b;
  if (used.authentication.type === 'none' || version === 3) return null;
  const { type } = used.authentication;
  return section(
    'authentication',
    [
      value('type', type, `From ${at(used.placeOf('authentication'))}.`),
      value(
        'passwordFile',
        'vrrp.password',
        `The password is not copied: put the word behind auth_pass (${at(used.placeOf('authentication'))}) alone into this file, with mode 0600, on both hosts.`,
      ),
    ],
    'VRRP passwords travel in clear, or are hashed in a way that is easy to break: they keep mistakes out, nobody else.',
  );
}

export function vrrpSection(roles: Roles, say: Say): Item | null {
  const [twin] = roles.write;
  if (twin === undefined) return null;
  const six = hasSix(roles);
  const version = !six && twin.a.version === twin.b.version ? twin.a.version : 3;
  if (twin.a.authentication.type !== twin.b.authentication.type)
    say(
      'warning',
      twin.a.placeOf('authentication'),
      'import-authentication',
      `one host authenticates and the other does not, or in another way (${at(twin.b.placeOf('authentication'))})`,
      'see vrrp.authentication in the result',
    );
  const others = roles.write.slice(1).map((t) => `${t.a.virtualRouterId} (${t.a.name})`);
  const ids =
    others.length > 0
      ? [`The ids ${others.join(', ')} are free then: all write VIPs move as one group.`]
      : [];
  const items: (Item | null)[] = [
    idItem(twin),
    value(
      'version',
      version,
      version === 2
        ? `As in the files (keepalived takes 2 where none is given).`
        : `As ${six ? 'IPv6 needs it' : 'in the files'}.`,
    ),
    interval(twin, version),
    preempt(twin),
    peers(twin.a.unicastPeers.length > 0 ? twin.a : twin.b),
    authentication(twin, version),
  ];
  return section(
    'vrrp',
    items.filter((i) => i !== null),
    ...ids,
  );
}
