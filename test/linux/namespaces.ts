// Network namespaces for the tests of src/io/linux. A test's thread enters one for the length of a synchronous call;
// sockets opened inside stay in it, so that one test can hold both ends of a wire.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { check } from '../../src/io/linux/libc.ts';

const CLONE_NEWNET = 0x4000_0000;
const setns = koffi.load(null).func('int setns(int fd, int type)') as unknown as (
  fd: number,
  type: number,
) => number;

const PREFIX = 'tkl-';
const created: string[] = [];

export function shell(command: string): string {
  return execFileSync('sh', ['-ec', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A new namespace with its loopback up. The name gets this project's prefix and the process id. */
export function createNamespace(name: string): string {
  const full = `${PREFIX}${process.pid}-${name}`;
  shell(`ip netns add ${full} && ip -n ${full} link set lo up`);
  created.push(full);
  return full;
}

export function deleteNamespaces(): void {
  for (const name of created.splice(0)) shell(`ip netns del ${name}`);
}

/** Runs `work`, and what it spawns, inside the namespace. Synchronous only: an await would take the thread along. */
export function within<T>(namespace: string, work: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const there = openSync(`/run/netns/${namespace}`, 'r');
  try {
    check(setns(there, CLONE_NEWNET), 'setns');
    return work();
  } finally {
    check(setns(home, CLONE_NEWNET), 'setns');
    closeSync(there);
    closeSync(home);
  }
}

/** Two namespaces joined by a wire: eth0 at both ends, with the given addresses (with prefix lengths). */
export function createPair(a: string[], b: string[]): [string, string] {
  const left = createNamespace('a');
  const right = createNamespace('b');
  shell(`ip -n ${left} link add eth0 type veth peer name eth0 netns ${right}`);
  for (const [name, addresses] of [
    [left, a],
    [right, b],
  ] as const) {
    for (const address of addresses) {
      shell(`ip -n ${name} addr add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`);
    }
    shell(`ip -n ${name} link set eth0 up`);
  }
  if ([...a, ...b].some((address) => address.includes(':'))) {
    // IPv6 is deaf until the kernel's link watch has added the interface's multicast route, about a second after "up".
    for (const name of [left, right]) {
      shell(
        `until ip -n ${name} -6 route show table local dev eth0 | grep -q ^multicast; do sleep 0.05; done`,
      );
    }
  }
  return [left, right];
}
