// Faults of clocks. No process here can be given another wall clock, and no clock be made to run faster: what can be had is an
// agent that starts in a time namespace, where CLOCK_MONOTONIC and CLOCK_BOOTTIME are a day ahead of the other host's.

import { startService } from '../host.ts';
import { stopService } from '../lab.ts';
import { setCable } from '../network.ts';
import { agentService } from '../pair.ts';
import type { Fault } from './fault.ts';

const aheadS = 24 * 3600;

export const clockFaults: readonly Fault[] = [
  {
    name: 'clock-ahead',
    about:
      "the standby's agent is started again with its clocks a day ahead; then the writer's cable is pulled",
    writerAfter: 'standby',
    sides: true,
    goalMs: null,
    cause: async (scene) => {
      const { lab, writer, standby } = scene;
      await stopService(lab, standby, 'agent');
      const service = agentService(lab, standby);
      const clocks = ['unshare', '--time', '--monotonic', String(aheadS), '--boottime', String(aheadS), '--'];
      await startService(lab, standby, { ...service, argv: [...clocks, ...service.argv] });
      scene.mustHold(
        await scene.whole(),
        'the pair was not whole again with the clocks of the standby a day ahead',
      );
      scene.mark("the writer's cable is pulled");
      await setCable(lab, writer, false);
    },
    heal: ({ lab, writer }) => setCable(lab, writer, true),
    lookOnMs: 5000,
  },
];
