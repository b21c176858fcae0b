// The interfaces part of keepalived.data: what the kernel says of each interface now, and which instances it concerns.

import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { DumpInstance, DumpInterface, DumpTracked } from '../../core/keepalived/dump.ts';

const IFF_UP = 1;
const IFF_LOOPBACK = 8;

function attribute(name: string, file: string): string {
  try {
    return readFileSync(`/sys/class/net/${name}/${file}`, 'utf8').trim();
  } catch {
    return '';
  }
}

function namesNow(): string[] {
  try {
    return readdirSync('/sys/class/net').filter((name) => attribute(name, 'ifindex') !== '');
  } catch {
    return [];
  }
}

function concerned(instances: readonly DumpInstance[], name: string): DumpTracked[] {
  return instances.flatMap((instance): DumpTracked[] => {
    const tracked = instance.trackedInterfaces.find((t) => t.name === name);
    if (tracked !== undefined)
      return [{ name: instance.name, weight: tracked.weight, reverse: tracked.reverse }];
    const own = instance.vmac?.name === name || instance.interfaceName === name;
    return own && instance.trackPrimary ? [{ name: instance.name, weight: 0, reverse: false }] : [];
  });
}

export function interfacesNow(instances: readonly DumpInstance[]): DumpInterface[] {
  const addresses = networkInterfaces();
  return namesNow()
    .map((name): DumpInterface => {
      const flags = Number(attribute(name, 'flags'));
      const own = addresses[name] ?? [];
      return {
        name,
        index: Number(attribute(name, 'ifindex')),
        ipv4: own.find(({ family }) => family === 'IPv4')?.address ?? null,
        ipv6: own.find(({ family }) => family === 'IPv6')?.address ?? null,
        mac: attribute(name, 'address') || null,
        up: (flags & IFF_UP) !== 0,
        running: attribute(name, 'carrier') === '1',
        loopback: (flags & IFF_LOOPBACK) !== 0,
        mtu: Number(attribute(name, 'mtu')),
        instances: concerned(instances, name),
      };
    })
    .sort((a, b) => a.index - b.index);
}
