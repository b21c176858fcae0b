// Faults of power: both hosts at once, in either order of return, and the standby that comes back alone with old data.

import { setTimeout as sleep } from 'node:timers/promises';
import { rootSession, waitForServer } from '../database.ts';
import type { NodeName } from '../plan.ts';
import type { Fault, Scene } from './fault.ts';

/** How much later the second host comes back. */
const laterMs = 10_000;

/** The server that was booted alone has not been opened: it acknowledged nothing and refuses to. */
async function mustBeClosed(scene: Scene, node: NodeName, sinceMs: number, because: string): Promise<void> {
  await waitForServer(scene.lab, node);
  const session = await rootSession(scene.lab, node);
  const [row] = await session.query<{ closed: number }>('SELECT @@GLOBAL.read_only AS closed');
  session.close();
  const rows = scene.acknowledgedSince(sinceMs, node);
  scene.mustHold(rows === 0, `${node}, booted alone, acknowledged ${rows} rows: ${because}`);
  scene.mustHold(row?.closed === 1, `${node}, booted alone, was open for writes: ${because}`);
}

function bothCrash(name: string, about: string, first: 'writer' | 'standby'): Fault {
  return {
    name,
    about,
    witness: 'without',
    writerAfter: 'same',
    goalMs: null,
    silent: true,
    cause: async (scene) => {
      await scene.crash('a', 'b');
      const bootedMs = scene.mark(`the ${first} boots alone`);
      await scene.boot(scene[first]);
      await sleep(laterMs);
      await mustBeClosed(scene, scene[first], bootedMs, 'it cannot know what the other one acknowledged');
    },
    heal: (scene) => scene.boot(scene[first === 'writer' ? 'standby' : 'writer']),
    lookOnMs: 0,
  };
}

/** With a witness the first one back may go on where it surely lacks nothing; where it may, it waits for the other. */
function bothCrashWitnessed(name: string, about: string, first: 'writer' | 'standby'): Fault {
  return {
    name,
    about,
    witness: 'with',
    writerAfter: first === 'writer' ? 'same' : 'either',
    goalMs: null,
    silent: true,
    cause: async (scene) => {
      await scene.crash('a', 'b');
      scene.mark(`the ${first} boots alone`);
      await scene.boot(scene[first]);
      const flows = await scene.writesFlow();
      scene.mark(flows ? `the ${first} acknowledges` : `the ${first} does not open`);
    },
    heal: (scene) => scene.boot(scene[first === 'writer' ? 'standby' : 'writer']),
    lookOnMs: 2000,
  };
}

export const powerFaults: readonly Fault[] = [
  {
    name: 'both-crash',
    about: 'both hosts lose power together and boot together',
    writerAfter: 'same',
    writerAfterWithWitness: 'either',
    goalMs: null,
    silent: true,
    cause: ({ crash }) => crash('a', 'b'),
    heal: async ({ boot }) => void (await Promise.all([boot('a'), boot('b')])),
    lookOnMs: 1000,
  },
  bothCrash(
    'both-crash-writer-first',
    'both hosts lose power; the writer boots, the standby 10 s later: nobody opens before',
    'writer',
  ),
  bothCrash(
    'both-crash-standby-first',
    'both hosts lose power; the standby boots, the writer 10 s later: nobody opens before',
    'standby',
  ),
  bothCrashWitnessed(
    'both-crash-writer-first-witness',
    'both hosts lose power; the writer boots and may go on by the witness, the standby follows',
    'writer',
  ),
  bothCrashWitnessed(
    'both-crash-standby-first-witness',
    'both hosts lose power; the standby boots and may go on by the witness, the writer follows',
    'standby',
  ),
  {
    name: 'stale-standby',
    about:
      'the standby loses power, the writer goes on alone, loses power too; the standby boots alone with old data',
    writerAfter: 'same',
    goalMs: null,
    silent: true,
    cause: async (scene) => {
      await scene.crash(scene.standby);
      scene.mustHold(await scene.writesFlow(), 'the writer did not go on alone');
      scene.mark('the writer goes on alone');
      await sleep(1000);
      await scene.crash(scene.writer);
      const bootedMs = scene.mark('the standby boots alone');
      await scene.boot(scene.standby);
      await sleep(8000);
      await mustBeClosed(scene, scene.standby, bootedMs, 'it lacks what the writer acknowledged alone');
    },
    heal: ({ boot, writer }) => boot(writer),
    lookOnMs: 0,
  },
];
