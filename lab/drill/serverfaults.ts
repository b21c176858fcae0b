// Faults in which the server answers and cannot serve: its disk is full, or it has no connection left.

import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer, waitForServer } from '../database.ts';
import { mustRunIn, spawnIn } from '../host.ts';
import { stopService } from '../lab.ts';
import { applicationPasswordFile, applicationUser } from '../pair.ts';
import { hostDir, type NodeName, projectRoot, writeVip } from '../plan.ts';
import { serverOf } from '../server.ts';
import type { Fault, Scene } from './fault.ts';

/** MySQL's first log-in of an account takes a whole round of RSA, and the machine may be busy. */
const hoardedMsMax = 30_000;

/** Puts a node's data on a disk of its own, in memory: the machine's own disk cannot be filled for one host. */
async function moveToSmallDisk({ lab }: Scene, node: NodeName): Promise<void> {
  const data = join(hostDir(lab, node), 'data');
  await stopService(lab, node, 'server');
  const script = `
    size=$(($(du -sm "$1" | cut -f1) + ${serverOf(lab).spareMb}))
    mkdir /run/small && mount -t tmpfs -o size=\${size}m,mode=700 tmpfs /run/small && chown mysql:mysql /run/small
    cp -a --sparse=always "$1/." /run/small/ && mount --move /run/small "$1"`;
  await mustRunIn(lab, node, ['sh', '-ec', script, 'small-disk', data]);
  await startServer(lab, node);
  await waitForServer(lab, node);
}

const ballast = ({ lab }: Scene, node: NodeName) => join(hostDir(lab, node), 'data', 'ballast');

async function order(scene: Scene, to: NodeName): Promise<void> {
  const from = to === 'a' ? 'b' : 'a';
  const { status, text } = await scene.post(from, '/api/v1/switchovers', { to });
  scene.mustHold(
    status === 200,
    `the switchover to ${to} was answered with ${status}: ${text.slice(0, 200)}`,
  );
}

/** What ends the hoarding of a drill in progress; it also ends with the drill's process. */
const releases = new WeakMap<Scene, () => void>();

async function hoardConnections(scene: Scene): Promise<void> {
  const { lab } = scene;
  const argv = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    join(projectRoot, 'lab/drill/hoard.ts'),
  ];
  const options = ['--host', writeVip, '--user', applicationUser];
  const password = ['--password-file', applicationPasswordFile(lab)];
  const child = spawnIn(lab, 'app', [...argv, ...options, ...password], 'pipe');
  releases.set(scene, () => child.stdin?.end());
  if (child.stdout !== null) await once(child.stdout, 'data', { signal: AbortSignal.timeout(hoardedMsMax) });
}

export const serverFaults: readonly Fault[] = [
  {
    name: 'disk-full',
    about: 'the role is moved to a node with a small disk, which is then filled; later it is emptied',
    writerAfter: 'same',
    moves: 'many',
    goalMs: 2000,
    cause: async (scene) => {
      await moveToSmallDisk(scene, scene.standby);
      scene.mustHold(await scene.whole(), 'the pair was not whole again with a small disk');
      await order(scene, scene.standby);
      scene.mustHold(await scene.whole(), 'the pair was not whole again after the switchover');
      scene.mark(`the disk of ${scene.standby}, now the writer, is full`);
      const fill = `dd if=/dev/zero of="$1" bs=1M 2>/dev/null || true; dd if=/dev/zero of="$1.rest" bs=1k 2>/dev/null || true`;
      await mustRunIn(scene.lab, scene.standby, ['sh', '-c', fill, 'fill', ballast(scene, scene.standby)]);
      scene.mustHold(await scene.writesFlow(scene.writer), `${scene.writer} did not take over within 20 s`);
      scene.mark(`${scene.writer} acknowledges`);
    },
    heal: async (scene) => {
      const file = ballast(scene, scene.standby);
      await mustRunIn(scene.lab, scene.standby, ['rm', '-f', file, `${file}.rest`]);
    },
    lookOnMs: 2000,
  },
  {
    name: 'connections-exhausted',
    about:
      'a client takes every connection of the writer and keeps them; a switchover is ordered, and must succeed',
    writerAfter: 'standby',
    goalMs: null,
    cause: async (scene) => {
      await hoardConnections(scene);
      scene.mark('the writer refuses new connections');
      await sleep(2000);
      await order(scene, scene.standby);
    },
    heal: async (scene) => releases.get(scene)?.(),
    lookOnMs: 2000,
  },
];
