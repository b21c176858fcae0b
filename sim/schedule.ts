// What a seed draws: the configuration of the pair, and the faults that befall it.

import type { Fault, What } from './faults.ts';
import type { Path, Place } from './network.ts';
import type { NodeName } from './node.ts';
import type { Random } from './random.ts';
import type { Family } from './server.ts';
import type { SimConfig } from './simulation.ts';

const NODES: readonly NodeName[] = ['a', 'b'];
const KINDS = [
  null,
  null,
  'pair',
  'pair',
  'go-alone',
  'takeover',
  'handover',
  'stand-down',
  'reopen',
] as const;
const PATHS: readonly Path[] = ['vrrp', 'peer', 'sql', 'gateway', 'clients'];

function drawLinkFault(random: Random, witness: boolean): What {
  const kind = random.whole(0, witness ? 5 : 4);
  const one = random.pick(NODES);
  const other = one === 'a' ? 'b' : 'a';
  if (kind === 0) return { kind: 'partition', oneWay: random.chance(0.3), from: one };
  if (kind === 1) return { kind: 'cable', node: one };
  if (kind === 2) return { kind: 'cut', path: 'all', from: one, to: 'any', both: random.chance(0.6) };
  if (kind === 5) return { kind: 'cut', path: 'witness', from: one, to: 'witness', both: random.chance(0.5) };
  const path = random.pick(PATHS);
  const to: Place = path === 'gateway' ? 'gateway' : path === 'clients' ? 'clients' : other;
  return { kind: 'cut', path, from: one, to, both: random.chance(0.6) };
}

function drawHostFault(random: Random, witness: boolean): What {
  const kind = random.whole(0, witness ? 7 : 6);
  const one = random.pick(NODES);
  if (kind === 0)
    return { kind: 'kill', node: one, part: random.pick(['agent', 'manager', 'server'] as const) };
  if (kind === 1)
    return { kind: 'freeze', node: one, part: random.pick(['agent', 'manager', 'server', 'host'] as const) };
  if (kind === 2) return { kind: 'power', nodes: random.chance(0.25) ? NODES : [one] };
  if (kind === 3 || kind === 6)
    return { kind: 'slow-applier', node: one, applyMsMax: random.between(20, 800) };
  if (kind === 4) return { kind: 'kill', node: one, part: 'server' };
  if (kind === 5) {
    return {
      kind: 'crash-at-order',
      node: one,
      nth: random.whole(1, 5),
      of: random.pick(KINDS),
      delayMs: random.chance(0.6) ? 0 : random.between(0, 500),
      phase: random.pick(['before', 'after'] as const),
      part: random.pick(['agent', 'manager', 'server', 'host'] as const),
      victim: random.chance(0.75) ? one : one === 'a' ? 'b' : 'a',
    };
  }
  return { kind: 'pause', node: one };
}

function drawOther(random: Random, witness: boolean): What {
  const one = random.pick(NODES);
  const kind = random.whole(0, witness ? 8 : 6);
  if (kind === 0 || kind === 1) return { kind: 'switchover' };
  if (kind === 2) return { kind: 'stop-agent', node: one };
  if (kind === 3) return { kind: 'maintenance' };
  if (kind === 4) return { kind: 'shutdown', node: one };
  if (kind === 5) {
    const delayMsMax = random.between(2, witness ? 400 : 40);
    return { kind: 'weather', loss: random.between(0, 0.3), duplicates: random.between(0, 0.2), delayMsMax };
  }
  if (kind === 6) return { kind: 'slow-replication', replicationMsMax: random.between(50, 800) };
  if (kind === 7) return { kind: 'witness-down' };
  return { kind: 'witness-slow', slowMs: random.between(50, 2500) };
}

/** A firewall drops protocol 112, and nothing else happens: nothing may move. */
function drawSilentVrrp(random: Random): Fault[] {
  const from = random.pick(NODES);
  const cut = {
    kind: 'cut',
    path: 'vrrp',
    from,
    to: from === 'a' ? 'b' : 'a',
    both: random.chance(0.5),
  } as const;
  return [{ ...cut, atMs: random.between(0, 1000), forMs: random.between(200, 8000) }];
}

/** A schedule of 1 to 12 faults, some of them close together: that is where they hurt. */
export function drawFaults(random: Random, witness: boolean, wipes: boolean, family: Family): Fault[] {
  const faults: Fault[] = [];
  if (random.chance(0.04)) return drawSilentVrrp(random);
  const count = random.whole(1, 12);
  let atMs = random.between(0, 2000);
  for (let i = 0; i < count; i++) {
    const draw = random.pick([drawLinkFault, drawHostFault, drawHostFault, drawOther]);
    const forMs = random.chance(0.4) ? random.skewed(30, 20_000) : random.between(200, 9000);
    faults.push({ ...draw(random, witness), atMs, forMs });
    atMs += random.chance(0.5) ? random.between(0, 400) : random.between(400, 6000);
  }
  if (wipes && random.chance(0.2))
    faults.push({ kind: 'witness-wipe', atMs: random.between(0, atMs), forMs: 0 });
  // An orderly stop of MySQL tells clients OK that wait: nothing but not doing it helps (docs/MYSQL.md).
  const borne = faults.filter(({ kind }) => family === 'mariadb' || kind !== 'shutdown');
  return borne.sort((x, y) => x.atMs - y.atMs);
}

export function drawConfig(random: Random, witness: 'on' | 'off' | 'any', family: Family): SimConfig {
  return {
    family,
    witness: witness === 'any' ? random.chance(0.5) : witness === 'on',
    partition: random.chance(0.7) ? 'availability' : 'consistency',
    holdAfterFailoverMs: random.pick([0, 0, 3000, 60_000]),
    gatewayChecked: random.chance(0.6),
    advertIntervalMs: random.pick([100, 100, 200]),
    clients: random.whole(2, 4),
    driftMax: 1e-3,
  };
}
