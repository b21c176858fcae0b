// The lab's network: one bridge in a namespace of its own, a cable (veth pair) to each host, and the ways to break it.

import { onNetwork, requireUp } from './host.ts';
import { addressOf, type HostName, type LabOptions, macOf, prefixLength } from './plan.ts';

const ipBatch = ['ip', '-batch', '-'];
const lines = (...commands: string[]) => `${commands.join('\n')}\n`;

/** Multicast snooping off: the bridge floods VRRP like a plain switch. No spanning tree: a port forwards at once. */
export async function buildSwitch(lab: LabOptions): Promise<void> {
  await onNetwork(
    lab,
    'switch',
    ipBatch,
    lines(
      'link add br0 type bridge mcast_snooping 0 stp_state 0 forward_delay 0',
      'link set br0 addrgenmode none up',
    ),
  );
  await nft(
    lab,
    lines('table bridge lab {', 'chain forward { type filter hook forward priority 0; policy accept; }', '}'),
  );
}

function nft(lab: LabOptions, script: string): Promise<string> {
  return onNetwork(lab, 'switch', ['nft', '-f', '-'], script);
}

/** A cable between the bridge (the port is named after the host) and the host's eth0, with the host's address. */
export async function connectHost(lab: LabOptions, host: HostName): Promise<void> {
  const pid = requireUp(lab, host);
  await onNetwork(
    lab,
    'switch',
    ipBatch,
    lines(
      `link add name ${host} type veth peer name eth0 address ${macOf[host]} netns ${pid}`,
      `link set dev ${host} master br0 addrgenmode none up`,
    ),
  );
  await onNetwork(
    lab,
    host,
    ipBatch,
    lines(
      `addr add ${addressOf[host]}/${prefixLength} brd + dev eth0`,
      'link set eth0 up',
      ...(host === 'gw' ? [] : [`route add default via ${addressOf.gw}`]),
    ),
  );
}

/** Takes the cable away for good: the host's eth0 is gone with it. */
export async function removeCable(lab: LabOptions, host: HostName): Promise<void> {
  await onNetwork(lab, 'switch', ipBatch, lines(`link del dev ${host}`));
}

/** Pulls or plugs the cable at the switch: the host sees its carrier go and come. */
export async function setCable(lab: LabOptions, host: HostName, plugged: boolean): Promise<void> {
  await onNetwork(lab, 'switch', ipBatch, lines(`link set dev ${host} ${plugged ? 'up' : 'down'}`));
}

/** Drops VRRP (protocol 112, and 51 for its authenticated form) from every host: the firewall mistake. */
export async function blockVrrp(lab: LabOptions): Promise<void> {
  await nft(lab, lines('add rule bridge lab forward ip protocol { 112, 51 } counter drop'));
}

/** One direction between two hosts. */
export interface Way {
  readonly from: HostName;
  readonly to: HostName;
}

export function bothWays(x: HostName, ...others: readonly HostName[]): Way[] {
  return others.flatMap((y) => [
    { from: x, to: y },
    { from: y, to: x },
  ]);
}

/** Drops what is sent on these ways, on all of them from one moment on. Every other neighbour is still reached. */
export async function cutWays(lab: LabOptions, ways: readonly Way[]): Promise<void> {
  await nft(
    lab,
    lines(
      ...ways.map(
        ({ from, to }) => `add rule bridge lab forward iifname "${from}" oifname "${to}" counter drop`,
      ),
    ),
  );
}

/** Drops everything that `from` sends to `to`, and the other way round unless `oneWay`. Both keep every other neighbour. */
export async function partition(
  lab: LabOptions,
  from: HostName,
  to: HostName,
  oneWay: boolean,
): Promise<void> {
  await cutWays(lab, oneWay ? [{ from, to }] : bothWays(from, to));
}

/** Lifts every block and partition. */
export async function unblock(lab: LabOptions): Promise<void> {
  await nft(lab, lines('flush chain bridge lab forward'));
}
