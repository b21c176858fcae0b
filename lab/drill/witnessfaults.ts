// Faults of the witness, alone and together with one of the pair. What is promised: as long as both nodes live, losing the
// witness costs nothing; a writer that reaches neither standby nor witness acknowledges nothing; nobody is promoted without it.

import { setTimeout as sleep } from 'node:timers/promises';
import { stopService, wipeWitness } from '../lab.ts';
import { witnessesOf } from '../plan.ts';
import { startWitness } from '../witness.ts';
import type { Fault, Scene } from './fault.ts';

/** Longer than every timer that could make a node go on by itself. */
const quietMs = 6000;

const crashWitness = ({ lab, crash }: Scene): Promise<void> => crash(...witnessesOf(lab));

async function bootWitness({ lab, boot }: Scene): Promise<void> {
  await Promise.all(witnessesOf(lab).map(boot));
}

/** The witness is away and then one of the pair too: the other one is alone and may not go on. */
async function nobodyMayWrite(scene: Scene, lost: 'writer' | 'standby'): Promise<void> {
  await crashWitness(scene);
  await sleep(2000);
  await scene.crash(scene[lost]);
  const crashedMs = scene.mark(`the ${lost} has lost power too`);
  await sleep(quietMs);
  const rows = scene.acknowledgedSince(crashedMs);
  scene.mustHold(rows === 0, `without ${lost} and witness ${rows} rows were acknowledged`);
}

async function witnessBack(scene: Scene, by: 'writer' | 'standby'): Promise<void> {
  scene.mark('the witness boots');
  await bootWitness(scene);
  const flows = await scene.writesFlow(scene[by]);
  scene.mustHold(flows, `with the witness back, the ${by} (${scene[by]}) did not go on within 20 s`);
  scene.mark(`the ${by} acknowledges`);
}

const base = { witness: 'with', goalMs: 0, lookOnMs: 4000 } as const;
const silent = { ...base, goalMs: null, silent: true, lookOnMs: 0 } as const;

export const witnessFaults: readonly Fault[] = [
  {
    ...base,
    name: 'witness-stop',
    about: 'the witness is stopped (SIGTERM), later started again',
    writerAfter: 'same',
    cause: async ({ lab }) =>
      void (await Promise.all(witnessesOf(lab).map((host) => stopService(lab, host, 'etcd')))),
    heal: ({ lab }) => startWitness(lab),
  },
  {
    ...base,
    name: 'witness-crash',
    about: 'the witness loses power, later boots',
    writerAfter: 'same',
    cause: crashWitness,
    heal: bootWitness,
  },
  {
    ...base,
    name: 'witness-wipe',
    about: 'the witness loses all its data and is built anew',
    writerAfter: 'same',
    cause: ({ lab }) => wipeWitness(lab),
    heal: async () => {},
  },
  {
    ...base,
    name: 'witness-wipe-writer-crash',
    about: 'the witness is built anew, and 5 s later the writer loses power; later it boots',
    writerAfter: 'either',
    goalMs: null,
    cause: async (scene) => {
      await wipeWitness(scene.lab);
      await sleep(5000);
      await scene.crash(scene.writer);
      scene.mark('the writer has lost power');
      const flows = await scene.writesFlow();
      scene.mark(flows ? 'the standby took over' : 'nobody took over');
    },
    silent: true,
    heal: ({ boot, writer }) => boot(writer),
  },
  {
    ...silent,
    name: 'witness-and-standby-crash',
    about: 'the witness loses power, then the standby: nobody writes. The witness boots: the writer goes on',
    writerAfter: 'same',
    cause: (scene) => nobodyMayWrite(scene, 'standby'),
    heal: async (scene) => {
      await witnessBack(scene, 'writer');
      await scene.boot(scene.standby);
    },
  },
  {
    ...silent,
    name: 'witness-and-writer-crash',
    about:
      'the witness loses power, then the writer: nobody writes. The witness boots: the standby takes over',
    writerAfter: 'standby',
    cause: (scene) => nobodyMayWrite(scene, 'writer'),
    heal: async (scene) => {
      await witnessBack(scene, 'standby');
      await scene.boot(scene.writer);
    },
  },
  {
    ...silent,
    name: 'witness-and-writer-crash-writer-back',
    about:
      'the witness loses power, then the writer: nobody writes. The writer boots: the pair goes on without a witness',
    writerAfter: 'same',
    cause: (scene) => nobodyMayWrite(scene, 'writer'),
    heal: async (scene) => {
      await scene.boot(scene.writer);
      scene.mustHold(
        await scene.writesFlow(scene.writer),
        'with both nodes back no write came through for 20 s',
      );
      scene.mark('the writer acknowledges; the witness boots');
      await bootWitness(scene);
    },
  },
  {
    ...base,
    name: 'witness-member-and-writer-crash',
    about: 'one of three witness hosts loses power, then the writer: the standby takes over',
    witness: 'three',
    writerAfter: 'standby',
    goalMs: null,
    cause: async (scene) => {
      await scene.crash('w');
      await sleep(3000);
      await scene.crash(scene.writer);
      scene.mark('the writer has lost power');
    },
    heal: async (scene) => {
      await Promise.all([scene.boot('w'), scene.boot(scene.writer)]);
    },
  },
];
