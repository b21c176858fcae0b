// The read VIP with a further replica: it comes after a fresh standby and before the writer, by VRRP among three hosts.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { isUp, onNetwork, requireService } from '../../lab/host.ts';
import { bootHost, crashHost, labDown, labUp } from '../../lab/lab.ts';
import { twinkeep } from '../../lab/pair.ts';
import { type LabOptions, type ServerHost, serverHostsOf } from '../../lab/plan.ts';
import { signal, until } from '../../lab/process.ts';

const READ_VIP = '192.0.2.101';
const given: Partial<LabOptions> = {
  name: `testrepvip-${process.pid}`,
  replicas: 1,
  pairOverrides: `vips: { read: [${READ_VIP}/24] }`,
};
let lab: LabOptions;

beforeAll(async () => {
  lab = await labUp(given, () => {});
});
afterAll(() => labDown(given));

async function holders(): Promise<ServerHost[]> {
  const up = serverHostsOf(lab).filter((host) => isUp(lab, host));
  const held = await Promise.all(
    up.map(async (host) => (await onNetwork(lab, host, ['ip', '-o', 'addr'])).includes(` ${READ_VIP}/`)),
  );
  return up.filter((_, i) => held[i]);
}

async function goesTo(host: ServerHost): Promise<void> {
  let now: ServerHost[] = [];
  const there = await until(
    async () => {
      now = await holders();
      return now.join() === host;
    },
    60_000,
    100,
  );
  expect(there ? host : now).toBe(host);
}

test('the standby has it; then the replica; then, without both, the writer; and back', async () => {
  await goesTo('b');
  await crashHost(lab, 'b');
  await goesTo('r1');
  let status = await twinkeep(lab, ['status']);
  const told = async (): Promise<boolean> => {
    status = await twinkeep(lab, ['status']);
    return status.stdout.includes('held by r1');
  };
  await until(told, 10_000, 200);
  expect(status.stdout).toContain(`read VIP ${READ_VIP}/24: held by r1`);
  expect(status.stdout).not.toMatch(/answers for the VIP|rival|duplicate/);
  signal(requireService(lab, 'r1', 'server'), 'SIGSTOP');
  await goesTo('a');
  signal(requireService(lab, 'r1', 'server'), 'SIGCONT');
  await goesTo('r1');
  await bootHost(lab, 'b');
  await goesTo('b');
});
