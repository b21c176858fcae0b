// The manager's part in clones: gives copies of its own server to the other node, and, when this node is the one to be overwritten,
// makes the pair leave it alone for as long as the journal in the state folder says so, over any restart.

import { type CloneJournal, mendingBecause } from '../core/clone/journal.ts';
import type { PairState } from '../core/pair/state.ts';
import { listenForClones } from '../io/clone/channel.ts';
import { type DonorOptions, serveDonor } from '../io/clone/donor.ts';
import { openCloneFile } from '../io/clone/journalfile.ts';
import type { Clones } from '../io/http/clones.ts';
import type { Clock } from '../runtime/ports.ts';
import { refuse } from './orderdesk.ts';

export interface CloneDeskOptions {
  readonly pair: string;
  readonly self: { readonly name: string; readonly address: string };
  readonly peer: { readonly name: string };
  readonly port: number;
  readonly secret: string;
  readonly admin: DonorOptions['admin'];
  /** The state folder of this node. */
  readonly folder: string;
  readonly clock: Clock;
  readonly state: () => PairState;
  readonly mend: (because: string | null) => void;
  readonly say: (level: 'info' | 'warn', code: string, because: string) => void;
}

export interface CloneDesk {
  readonly clones: Clones;
  stop(): void;
}

const LOOK_MS = 1000;
/** The writer writes `alone` within about a second of hearing that its standby is mended. */
const RELEASED_MS_MAX = 20_000;
const POLL_MS = 50;

export function startCloneDesk(options: CloneDeskOptions): CloneDesk {
  const { self, peer, state } = options;
  const file = openCloneFile(options.folder);
  /** The sentence that is ours: others mend too. */
  let told: string | null = null;
  let unreadable = '';

  function journal(): CloneJournal | null {
    try {
      const found = file.read();
      unreadable = '';
      return found;
    } catch (error) {
      const { message } = error as Error;
      if (message !== unreadable) options.say('warn', 'clone-journal', message);
      unreadable = message;
      return null;
    }
  }

  function refresh(): void {
    const found = journal();
    // What cannot be read may say that the data are half a copy.
    const because = found === null && unreadable !== '' ? unreadable : mendingBecause(found);
    if (because === told && (because === null || state().mending === because)) return;
    const { role } = state();
    if (because !== null && role !== 'following' && role !== 'starting') return;
    told = because;
    options.mend(because);
  }

  async function begin(id: string): ReturnType<Clones['begin']> {
    const startedMs = options.clock.bootMs();
    if (journal()?.id !== id) {
      const hint = 'run `twinkeep clone` on the host that is to be overwritten';
      return refuse(404, 'no-clone', `${file.path} names no clone ${id}`, hint);
    }
    const { role } = state();
    if (role !== 'following' && role !== 'starting') {
      const hint = `\`twinkeep switchover --to ${peer.name}\` first; or clone the other way round`;
      return refuse(
        409,
        'is-writer',
        `${self.name} is ${role}: a clone would overwrite the writer's data`,
        hint,
      );
    }
    refresh();
    const isReleased = (): boolean => {
      const now = state();
      return now.mending !== null && now.operation === null && now.record.sync === 'alone';
    };
    while (!isReleased()) {
      if (options.clock.bootMs() - startedMs > RELEASED_MS_MAX) {
        const message = `${peer.name} still counts on ${self.name} after ${RELEASED_MS_MAX / 1000} s: its commits may wait for what would be overwritten`;
        return refuse(
          409,
          'still-paired',
          message,
          'see `twinkeep status`; both agents must reach each other',
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const tookMs = Math.round(options.clock.bootMs() - startedMs);
    return { ok: true, because: `the pair leaves ${self.name} alone`, tookMs };
  }

  const donor = listenForClones(
    { pair: options.pair, secret: options.secret, self: self.name, peer: peer.name },
    { address: self.address, port: options.port },
    {
      line: (line) =>
        serveDonor(line, {
          name: self.name,
          admin: options.admin,
          role: () => state().role,
          say: options.say,
        }),
      warning: (code, because) => options.say('warn', code, because),
    },
  );
  refresh();
  const timer = setInterval(refresh, LOOK_MS);

  return {
    clones: {
      view() {
        const found = journal();
        if (found === null) return null;
        const { id, from, to, method, step, startedAt, aborting } = found;
        return { id, from, to, method, step, startedAt, aborting, progress: file.readProgress() };
      },
      begin,
      refresh,
    },
    stop() {
      clearInterval(timer);
      donor.close();
    },
  };
}
