// The lab's witness: etcd on a host of its own, or on three as one cluster, with its data in the host's folder, so that it
// survives a crash of the host.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../src/core/error.ts';
import { onNetwork, startService } from './host.ts';
import { addressOf, hostDir, type LabOptions, type WitnessName, witnessesOf } from './plan.ts';
import { run } from './process.ts';

const clientPort = 2379;
const memberPort = 2380;
/** Members find each other and choose a leader within two seconds; a busy machine takes longer. */
const leaderMsMax = 30_000;

const clientUrl = (host: WitnessName) => `http://${addressOf[host]}:${clientPort}`;
const memberUrl = (host: WitnessName) => `http://${addressOf[host]}:${memberPort}`;
const dataDir = (lab: LabOptions, host: WitnessName) => join(hostDir(lab, host), 'etcd');

/** What stands in the lab's pair.yaml as witness.etcd. */
export function witnessEndpoints(lab: LabOptions): string[] {
  return witnessesOf(lab).map(clientUrl);
}

export async function requireEtcd(): Promise<void> {
  const found = await run('etcd', ['--version']).catch(() => null);
  if (found?.code === 0) return;
  throw new OperatorError(
    'lab-witness',
    'The witness of the lab is an etcd, and etcd does not run on this machine.',
    'Install it: apt-get install etcd-server (scripts/prepare --tests does it too), or build the lab without --witness.',
  );
}

export async function startEtcd(lab: LabOptions, host: WitnessName): Promise<void> {
  const members = witnessesOf(lab).map((name) => `${name}=${memberUrl(name)}`);
  await startService(lab, host, {
    name: 'etcd',
    policy: 'on-abnormal', // as Debian's etcd.service has it
    restartS: lab.serverRestartS,
    argv: [
      ...['etcd', '--name', host, '--data-dir', dataDir(lab, host), '--logger', 'zap', '--log-level', 'warn'],
      ...['--listen-client-urls', `${clientUrl(host)},http://127.0.0.1:${clientPort}`],
      ...['--advertise-client-urls', clientUrl(host)],
      ...['--listen-peer-urls', memberUrl(host), '--initial-advertise-peer-urls', memberUrl(host)],
      ...['--initial-cluster', members.join(','), '--initial-cluster-token', lab.name],
    ],
  });
}

/** Asks from within the host's network, where only a process of its own can ask. */
async function waitForLeader(lab: LabOptions, host: WitnessName): Promise<void> {
  const ask = `
    const endMs = performance.now() + ${leaderMsMax};
    for (;;) {
      const answer = await fetch('${clientUrl(host)}/health').then((r) => r.json()).catch(() => ({}));
      if (answer.health === 'true') process.exit(0); // a kept connection would hold it open
      if (performance.now() > endMs) throw new Error('no leader');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }`;
  try {
    await onNetwork(lab, host, [process.execPath, '--input-type=module', '--eval', ask]);
  } catch {
    throw new OperatorError(
      'lab-witness',
      `The witness on host ${host} has no leader after ${leaderMsMax / 1000} s.`,
      `Its log: ${join(hostDir(lab, host), 'etcd.log')}`,
    );
  }
}

/** Starts every member and waits until each can be asked; nothing to do in a lab without a witness. */
export async function startWitness(lab: LabOptions): Promise<void> {
  await Promise.all(witnessesOf(lab).map((host) => startEtcd(lab, host)));
  await Promise.all(witnessesOf(lab).map((host) => waitForLeader(lab, host)));
}

/** Only while its etcd is stopped. One member of three that lost its data must be added anew: wipe all or none. */
export function removeEtcdData(lab: LabOptions, host: WitnessName): void {
  rmSync(dataDir(lab, host), { recursive: true, force: true });
}
