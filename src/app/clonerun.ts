// A clone, step by step, on the host that is overwritten. Each step is written to the journal before the next one begins, and can
// be done again: a clone that was broken off goes on where it was. Run by cli/clone.ts, as root.

import { rm } from 'node:fs/promises';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { type CloneJournal, type Step, swapMoves, undoMoves } from '../core/clone/journal.ts';
import { historyOfCopy } from '../core/clone/position.ts';
import { addSample, type Progress, progressOf, type Sample } from '../core/clone/progress.ts';
import { OperatorError } from '../core/error.ts';
import { carryOut, give, type Owner, ownerOf, type Places, seen } from '../io/clone/disk.ts';
import type { CloneFile } from '../io/clone/journalfile.ts';
import { receiveDump } from '../io/clone/load.ts';
import { byServer, receiveByPlugin } from '../io/clone/plugin.ts';
import {
  backupPosition,
  type DonorAt,
  prepareBackup,
  type ReceivedCopy,
  receiveBackup,
  type Watcher,
} from '../io/clone/receive.ts';
import { serversIn, startServer, stopServer } from '../io/clone/service.ts';
import { formatOf, positionCopy, repositionWriter, waitForAnswer } from '../io/clone/statements.ts';
import type { Endpoint } from '../io/database/connection.ts';

export interface CloneRun {
  readonly config: PairConfig;
  readonly self: NodeConfig;
  readonly donor: NodeConfig;
  readonly donorAt: DonorAt;
  readonly admin: { readonly own: Endpoint; readonly donor: Endpoint };
  readonly replication: { readonly user: string; readonly password: string };
  readonly commands: { readonly stop: string; readonly start: string };
  readonly bytesPerS: number | null;
  readonly file: CloneFile;
  /** The manager reads the journal again. */
  readonly refresh: () => Promise<void>;
  /** Waits until the pair has taken the copy for good; throws when it does not. */
  readonly proven: () => Promise<void>;
  readonly told: Told;
}

export interface Told {
  step(step: string, because: string): void;
  progress(progress: Progress): void;
}

const ANSWER_MS_MAX = 60_000;
const PROGRESS_EVERY_MS = 500;

const placesOf = ({ datadir, fresh, kept }: CloneJournal): Places => ({ datadir, fresh, kept });

function watcher(run: CloneRun): Watcher {
  let samples: readonly Sample[] = [];
  let total: number | null = null;
  let toldMs = 0;
  return {
    begun(bytesTotal) {
      total = bytesTotal;
    },
    bytes(bytes) {
      const nowMs = performance.now();
      if (nowMs - toldMs < PROGRESS_EVERY_MS) return;
      toldMs = nowMs;
      samples = addSample(samples, { atMs: nowMs, bytes });
      const progress = progressOf(samples, total);
      run.told.progress(progress);
      run.file.writeProgress(progress);
    },
    stage: () => undefined,
  };
}

function historyFrom(copy: ReceivedCopy, position: string | null): { history: string; position: string } {
  const again = 'run `twinkeep clone` again: the copy begins anew';
  if (position === null) {
    const because =
      "the copy does not name its position in the donor's history: is the binary log of the donor on?";
    throw new OperatorError('copy-without-position', because, again);
  }
  const history = historyOfCopy(copy.before, copy.after, position);
  if (!history.ok) throw new OperatorError('copy-mixed', history.reason, again);
  return { history: history.state, position };
}

async function receive(run: CloneRun, journal: CloneJournal): Promise<Partial<CloneJournal>> {
  const { told } = run;
  switch (journal.method) {
    case 'backup': {
      const copy = await receiveBackup(run.donorAt, run.bytesPerS, journal.fresh, watcher(run));
      const locked = copy.lockedMs === null ? '' : `; commits were held back for ${copy.lockedMs} ms`;
      told.step('received', `${copy.bytes} bytes${locked}`);
      return historyFrom(copy, backupPosition(journal.fresh));
    }
    case 'clone-plugin':
      await receiveByPlugin({
        ...run.admin,
        bytesPerS: run.bytesPerS,
        fresh: journal.fresh,
        datadir: journal.datadir,
        owner: owner(journal),
        keepsUuid: !journal.forgets,
        watch: watcher(run),
      });
      return {};
    case 'dump': {
      const { copy, position } = await receiveDump({
        family: journal.family,
        at: run.donorAt,
        bytesPerS: run.bytesPerS,
        fresh: journal.fresh,
        datadir: journal.datadir,
        owner: owner(journal),
        format: await formatOf(run.admin.own),
        watch: watcher(run),
      });
      told.step('received', `${copy.bytes} bytes`);
      return journal.family === 'mysql' ? {} : historyFrom(copy, position);
    }
  }
}

async function toCopy(run: CloneRun, journal: CloneJournal): Promise<void> {
  const moves = swapMoves(seen(placesOf(journal)));
  if (moves === null) throw misplaced(journal);
  await carryOut(moves, placesOf(journal));
  await startServer(run.commands, journal.datadir);
  await answering(run, journal);
}

const misplaced = (journal: CloneJournal): OperatorError =>
  new OperatorError(
    'clone-misplaced',
    `the directories are not where the clone left them: ${journal.datadir}, ${journal.fresh}, ${journal.kept}`,
    'somebody moved them: put them back as their names say, then run it again',
  );

const answering = (run: CloneRun, journal: CloneJournal): Promise<void> =>
  waitForAnswer(run.admin.own, () => serversIn(journal.datadir).length > 0, ANSWER_MS_MAX);

/** The server's account owns the old data directory, wherever that is by now. */
function owner(journal: CloneJournal): Owner {
  const { kept } = seen(placesOf(journal));
  return ownerOf(kept ? journal.kept : journal.datadir);
}

async function position(run: CloneRun, journal: CloneJournal): Promise<void> {
  const { donor, config, replication, admin } = run;
  await startServer(run.commands, journal.datadir);
  await answering(run, journal);
  await positionCopy(admin.own, journal, { host: donor.address, port: config.mysql.port, ...replication });
  if (journal.position !== null && journal.history !== null)
    await repositionWriter(admin.donor, journal.position);
}

interface StepWork {
  readonly because: (run: CloneRun, journal: CloneJournal) => string;
  /** What it changes in the journal, besides the step. */
  readonly work: (run: CloneRun, journal: CloneJournal) => Promise<Partial<CloneJournal>>;
  readonly next: Step;
}

const nothing = async (work: Promise<void>): Promise<Partial<CloneJournal>> => {
  await work;
  return {};
};

const WORK: Readonly<Record<Exclude<Step, 'done'>, StepWork>> = {
  receive: {
    because: (_run, journal) => `copying ${journal.from} into ${journal.fresh} (${journal.method})`,
    work: receive,
    next: 'prepare',
  },
  prepare: {
    because: () => 'bringing the copy to one moment',
    work: async (_run, journal) => {
      if (journal.method === 'backup') await prepareBackup(journal.fresh);
      await give(journal.fresh, owner(journal));
      return {};
    },
    next: 'stop',
  },
  stop: {
    because: (run) => `stopping the server (${run.commands.stop})`,
    work: (run, journal) => nothing(stopServer(run.commands, journal.datadir)),
    next: 'swap',
  },
  swap: {
    because: (run, journal) =>
      `keeping the old data as ${journal.kept}, and starting the copy (${run.commands.start})`,
    work: (run, journal) => nothing(toCopy(run, journal)),
    next: 'position',
  },
  position: {
    because: (_run, { position: at }) =>
      `replicating from where the copy stands${at === null ? '' : ` (${at})`}`,
    work: (run, journal) => nothing(position(run, journal)),
    next: 'prove',
  },
  prove: {
    because: (run) => `catching up with ${run.donor.name}, until the pair is paired`,
    work: (run) => nothing(run.refresh().then(run.proven)),
    next: 'done',
  },
};

/** Goes on from the journal's step to the end; the journal at the end. */
export async function runClone(run: CloneRun, begun: CloneJournal): Promise<CloneJournal> {
  let journal = begun;
  while (journal.step !== 'done') {
    const { because, work, next } = WORK[journal.step];
    run.told.step(journal.step, because(run, journal));
    journal = { ...journal, ...(await work(run, journal)), step: next };
    run.file.write(journal);
  }
  await run.refresh();
  return journal;
}

/** Puts the old data back, and forgets the clone. */
export async function abortClone(run: CloneRun, begun: CloneJournal): Promise<void> {
  const journal = { ...begun, aborting: true };
  run.file.write(journal);
  await run.refresh();
  const places = placesOf(journal);
  const moves = undoMoves(seen(places));
  if (moves === null) throw misplaced(journal);
  const isMoved = moves.some((move) => move.kind === 'rename');
  if (isMoved) {
    run.told.step('stop', `stopping the server (${run.commands.stop})`);
    await stopServer(run.commands, journal.datadir);
  }
  run.told.step(
    'undo',
    isMoved ? `putting the old data back at ${journal.datadir}` : 'removing what was copied',
  );
  await carryOut(moves, places);
  await rm(byServer(journal.fresh), { recursive: true, force: true });
  // What was wrong may be the old data: the clone is given up all the same, whether their server starts or not.
  run.file.remove();
  await run.refresh();
  run.told.step('start', `starting the server (${run.commands.start})`);
  try {
    await startServer(run.commands, journal.datadir);
    await answering(run, journal);
  } catch (error) {
    run.told.step('start', `the old data are back, but ${(error as Error).message}`);
  }
}
