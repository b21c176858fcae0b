// A process dies in the middle of a switchover. The steps are found by time: a switchover is ordered again and again, and the
// process killed a little later after each order, so that over the rounds every step is hit. The product has no hook for this.

import { setTimeout as sleep } from 'node:timers/promises';
import { managerProcess, requireService } from '../host.ts';
import type { NodeName } from '../plan.ts';
import { signal } from '../process.ts';
import type { Fault, Scene } from './fault.ts';

const rounds = 13;
const stepMs = 10;

type Victim = 'manager' | 'agent and manager';

function victimPids(scene: Scene, node: NodeName, victim: Victim): number[] {
  const manager = managerProcess(scene.lab, node)?.pid;
  if (manager === undefined) return [];
  return victim === 'manager' ? [manager] : [requireService(scene.lab, node, 'agent'), manager];
}

async function oneRound(
  scene: Scene,
  at: 'writer' | 'standby',
  victim: Victim,
  offsetMs: number,
): Promise<boolean> {
  const writer = scene.status().writer;
  if (writer === null) return false;
  const standby = writer === 'a' ? 'b' : 'a';
  const node = at === 'writer' ? writer : standby;
  const pids = victimPids(scene, node, victim);
  const when = `${victim} of the ${at} (${node}) killed ${offsetMs.toFixed(0)} ms after the order`;
  const answer = scene.post(writer, '/api/v1/switchovers', { to: standby });
  await sleep(offsetMs);
  for (const pid of pids) signal(pid, 'SIGKILL');
  const whole = await scene.whole();
  scene.mustHold(
    whole,
    `${when}: the pair was not whole again within two minutes: ${scene.status().sentence}`,
  );
  scene.mustHold(await scene.writesFlow(), `${when}: no write came through for 20 s`);
  const { status, text } = await answer;
  const told = status === 0 ? 'no answer' : `answer ${status}: ${text.slice(0, 120)}`;
  scene.mark(`${when}; ${scene.status().writer} is the writer; ${told}`);
  return whole;
}

function killedDuring(name: string, at: 'writer' | 'standby', victim: Victim): Fault {
  return {
    name,
    about: `${rounds} switchovers; the ${victim} of the ${at} killed 0 to ${(rounds - 1) * stepMs} ms after each order`,
    writerAfter: 'either',
    moves: 'many',
    goalMs: null,
    cause: async (scene) => {
      for (let round = 0; round < rounds; round++) {
        // The end of a round finds the pair whole; a moment later it is also at rest.
        await sleep(500);
        if (!(await oneRound(scene, at, victim, stepMs * (round + Math.random())))) return;
      }
    },
    heal: async () => {},
    lookOnMs: 500,
  };
}

export const switchoverFaults: readonly Fault[] = [
  killedDuring('switchover-kill-manager', 'writer', 'manager'),
  killedDuring('switchover-kill-manager-standby', 'standby', 'manager'),
  killedDuring('switchover-kill-node', 'writer', 'agent and manager'),
  killedDuring('switchover-kill-node-standby', 'standby', 'agent and manager'),
];
