// The lab's witness hosts: etcd in a place of its own that can be cut off, crashed, booted and wiped.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { onNetwork, servicePid } from '../../lab/host.ts';
import { labStatus } from '../../lab/inspect.ts';
import { bootHost, crashHost, labDown, labUp, openLab, wipeWitness } from '../../lab/lab.ts';
import { partition, unblock } from '../../lab/network.ts';
import {
  addressOf,
  asHost,
  type HostName,
  type LabOptions,
  labOptions,
  pairFile,
  projectRoot,
} from '../../lab/plan.ts';
import { allPids, argvOf, signal, until } from '../../lab/process.ts';
import { witnessEndpoints } from '../../lab/witness.ts';
import type { WitnessView } from '../../src/core/pair/witness.ts';
import type { SwapOutcome } from '../../src/runtime/ports.ts';

const given = { name: `testw-${process.pid}`, agents: false, serverRestartS: 0.2, witnesses: 3 };
const silent = () => {};
let lab: LabOptions;

beforeAll(async () => {
  lab = await labUp(given, silent);
});
afterAll(() => labDown(given));

/** What etcd on `to` answers a program on `from`; null when it answers nothing of use. */
async function ask(from: HostName, to: HostName, path: string, body: object): Promise<unknown> {
  const url = `http://${addressOf[to]}:2379/v3/kv/${path}`;
  const program = `
    const answer = await fetch(${JSON.stringify(url)}, {
      method: 'POST', body: ${JSON.stringify(JSON.stringify(body))}, signal: AbortSignal.timeout(1000),
    }).catch(() => null);
    console.log(answer?.ok ? await answer.text() : 'null');
    process.exit(0);`;
  return JSON.parse(await onNetwork(lab, from, [process.execPath, '--input-type=module', '--eval', program]));
}
/** Until the end of the test at the latest. */
async function cut(one: HostName, other: HostName): Promise<void> {
  onTestFinished(() => unblock(lab));
  await partition(lab, one, other, false);
}
const key = btoa('k');
const put = (from: HostName, to: HostName, value: string) =>
  ask(from, to, 'put', { key, value: btoa(value) });
async function get(from: HostName, to: HostName): Promise<string | null> {
  const answer = (await ask(from, to, 'range', { key })) as { kvs?: { value: string }[] } | null;
  return answer === null ? null : atob(answer.kvs?.[0]?.value ?? '');
}

test('pair.yaml names the witness, and `status` shows its hosts and services', async () => {
  const file = parse(readFileSync(pairFile(lab), 'utf8')) as { witness?: unknown };
  const etcd = ['http://192.0.2.50:2379', 'http://192.0.2.51:2379', 'http://192.0.2.52:2379'];
  expect(file.witness).toEqual({ etcd });
  const { hosts } = await labStatus(openLab({ name: given.name }));
  const running = hosts.map((host) => [host.name, host.services.map((s) => `${s.name} ${s.state}`).join()]);
  expect(running.slice(-3)).toEqual([
    ['w', 'etcd running'],
    ['w2', 'etcd running'],
    ['w3', 'etcd running'],
  ]);
  expect(hosts).toHaveLength(7);
});

test('a lab has only the hosts that it was built with', () => {
  expect(asHost(lab, 'w3')).toBe('w3');
  expect(() => asHost(labOptions({ witnesses: 1 }), 'w3')).toThrow('no host "w3"');
  expect(() => asHost(labOptions({}), 'w')).toThrow('no host "w"');
});

test('what one node writes the other reads from any member; a partition cuts one node from one member only', async () => {
  await put('a', 'w', 'from a');
  expect(await get('b', 'w3')).toBe('from a');
  await cut('a', 'w');
  expect(await get('a', 'w')).toBeNull();
  expect(await get('a', 'w2')).toBe('from a');
  expect(await get('b', 'w')).toBe('from a');
});

test('a member that is killed is started again; a host that lost power comes back with what it held', async () => {
  const first = servicePid(lab, 'w2', 'etcd') ?? 0;
  expect(signal(first, 'SIGKILL')).toBe(true);
  expect(await until(() => ![null, first].includes(servicePid(lab, 'w2', 'etcd')), 5_000)).toBe(true);
  await put('b', 'w3', 'kept');
  await crashHost(lab, 'w');
  expect(await until(async () => (await get('a', 'w3')) === 'kept', 20_000)).toBe(true);
  await bootHost(lab, 'w');
  expect(await until(async () => (await get('a', 'w')) === 'kept', 20_000)).toBe(true);
});

/** What the project's own client on `from` gets, within 1.5 seconds each. */
async function swapFrom(from: HostName): Promise<{ view: WitnessView; outcome: SwapOutcome }> {
  const program = join(projectRoot, 'test', 'witness', 'swap.ts');
  const said = await onNetwork(lab, from, [process.execPath, program, '1500', ...witnessEndpoints(lab)]);
  return JSON.parse(said) as { view: WitnessView; outcome: SwapOutcome };
}

test('a read and a swap pass over a member whose host does not answer at all; cut off from all, a node hears why', async () => {
  expect(await swapFrom('a')).toMatchObject({ view: { kind: 'empty' }, outcome: { kind: 'swapped' } });
  await cut('a', 'w');
  // Nobody refuses the connection and nobody takes it, so it is sure that this member has not got the swap.
  expect(await swapFrom('a')).toMatchObject({
    view: { kind: 'holds', record: { epoch: 1 } },
    outcome: { kind: 'swapped' },
  });
  await cut('a', 'w2');
  await cut('a', 'w3');
  expect(await swapFrom('a')).toMatchObject({
    view: { kind: 'unreachable', because: expect.stringContaining('http://192.0.2.52:2379') },
    outcome: { kind: 'unknown' },
  });
  await unblock(lab);
  expect(await swapFrom('b')).toMatchObject({ view: { kind: 'holds', record: { epoch: 2 } } });
});

test('a member that the others cannot reach refuses at once, and another takes what it refused', async () => {
  await cut('w', 'w2');
  await cut('w', 'w3');
  const before = (await swapFrom('b')).view;
  const epoch = before.kind === 'holds' ? before.record.epoch : 0;
  // It keeps believing in its leader for an election's time, and a swap that it takes in then is unknown.
  const taken = await until(async () => {
    const { view, outcome } = await swapFrom('a');
    return outcome.kind === 'swapped' && view.kind === 'holds' && view.record.epoch > epoch;
  }, 20_000);
  expect(taken).toBe(true);
});

test('a witness that is wiped answers, and holds nothing', async () => {
  await put('a', 'w', 'gone soon');
  await wipeWitness(lab);
  expect(await get('a', 'w2')).toBe('');
});

test('`down` ends the witness hosts too, also when it is not told of them', async () => {
  expect(await labDown({ name: given.name })).toEqual({ wasThere: true });
  expect(allPids().filter((pid) => argvOf(pid).some((word) => word.includes(lab.dir)))).toEqual([]);
});
