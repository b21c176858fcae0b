// no_accept in a real kernel: the VIP answers ARP and neighbour solicitations and takes nothing else, until it is allowed again; the
// host's own addresses are not touched.

import { afterEach, expect, test } from 'vitest';
import { openAcceptGuard } from '../../src/app/keepalived/wire/accept.ts';
import { createNamespace, createPair, deleteNamespaces, shell, within } from './namespaces.ts';

afterEach(deleteNamespaces);

const TABLE = 'tk_accept_test';

function lab(): [host: string, client: string] {
  const pair = createPair(['10.77.0.1/24', 'fd77::1/64'], ['10.77.0.2/24', 'fd77::2/64']);
  shell(
    `ip -n ${pair[0]} addr add 10.77.0.100/24 dev eth0; ip -n ${pair[0]} addr add fd77::100/64 dev eth0 nodad`,
  );
  return pair;
}

function answers(client: string, address: string, waitS = 2): boolean {
  try {
    shell(`ip netns exec ${client} ping -q -c 1 -W ${waitS} ${address}`);
    return true;
  } catch {
    return false;
  }
}

const neighbour = (client: string, address: string): string =>
  /lladdr (\S+)/.exec(shell(`ip -n ${client} neigh show ${address}`))?.[1] ?? '';

test('denied addresses answer ARP and neighbour discovery only; allowed ones answer again', () => {
  const [host, client] = lab();
  const guard = within(host, () => openAcceptGuard(TABLE));
  try {
    guard.deny(['10.77.0.100', 'fd77::100']);
    expect(answers(client, '10.77.0.100', 0.3)).toBe(false);
    expect(answers(client, 'fd77::100', 0.3)).toBe(false);
    expect(neighbour(client, '10.77.0.100')).toMatch(/^[0-9a-f:]{17}$/);
    expect(neighbour(client, 'fd77::100')).toMatch(/^[0-9a-f:]{17}$/);
    expect(answers(client, '10.77.0.1')).toBe(true);
    expect(answers(client, 'fd77::1')).toBe(true);
    guard.allow(['10.77.0.100', 'fd77::100']);
    expect(answers(client, '10.77.0.100')).toBe(true);
    expect(answers(client, 'fd77::100')).toBe(true);
  } finally {
    guard.close();
  }
  expect(shell(`ip netns exec ${host} nft list tables`)).toBe('');
});

test('nothing leaves in the name of a denied address', () => {
  const [host, client] = lab();
  const guard = within(host, () => openAcceptGuard(TABLE));
  try {
    guard.deny(['10.77.0.100']);
    expect(() => shell(`ip netns exec ${host} ping -q -c 1 -W 0.3 -I 10.77.0.100 10.77.0.2`)).toThrow();
    expect(answers(client, '10.77.0.1')).toBe(true);
  } finally {
    guard.close();
  }
});

test('an address that two instances deny stays denied until both allow it; what is not denied may be allowed', () => {
  const [host, client] = lab();
  const guard = within(host, () => openAcceptGuard(TABLE));
  try {
    guard.deny(['10.77.0.100'], 'VI_1');
    guard.deny(['10.77.0.100'], 'VI_2');
    guard.deny(['10.77.0.100'], 'VI_2');
    guard.allow(['10.77.0.100', '10.77.0.101'], 'VI_2');
    expect(answers(client, '10.77.0.100', 0.3)).toBe(false);
    guard.allow(['10.77.0.100'], 'VI_1');
    expect(answers(client, '10.77.0.100')).toBe(true);
  } finally {
    guard.close();
  }
});

test('a thousand addresses are denied and allowed; the table is readable by nft', () => {
  const host = createNamespace('many');
  const guard = within(host, () => openAcceptGuard(TABLE));
  try {
    const many = Array.from({ length: 1000 }, (_, i) =>
      i % 2 ? `fd00::${i.toString(16)}` : `10.1.${i >> 8}.${i & 255}`,
    );
    guard.deny(many);
    const listed = shell(`ip netns exec ${host} nft list table inet ${TABLE}`);
    expect(listed).toContain('ip daddr @v4 drop');
    expect(listed).toContain('ip6 saddr @v6 drop');
    expect(listed).toContain('icmpv6 type nd-neighbor-solicit accept');
    expect(listed).toContain('10.1.3.230');
    expect(listed).toContain('fd00::3e7');
    guard.allow(many);
    expect(shell(`ip netns exec ${host} nft list table inet ${TABLE}`)).not.toContain('elements');
  } finally {
    guard.close();
  }
});

test('a second daemon with the same table is refused with a sentence', () => {
  const host = createNamespace('twice');
  const guard = within(host, () => openAcceptGuard(TABLE));
  try {
    expect(() => within(host, () => openAcceptGuard(TABLE))).toThrow(/another process owns the table/);
  } finally {
    guard.close();
  }
});
