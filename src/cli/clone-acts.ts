// What `twinkeep clone` does on the host that is overwritten: begins, goes on, gives up, removes what was kept, and waits until the
// pair has taken the copy.

import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataDirectory, lookAtServer, receiverFacts } from '../app/clonefacts.ts';
import { abortClone, type CloneRun, runClone } from '../app/clonerun.ts';
import type { PairView } from '../app/view.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import type { CloneJournal, Method } from '../core/clone/journal.ts';
import { type ClonePlan, planClone } from '../core/clone/plan.ts';
import { formatBytes } from '../core/clone/progress.ts';
import { OperatorError } from '../core/error.ts';
import { askFacts } from '../io/clone/receive.ts';
import { accepted, askNode } from './api.ts';
import { type Context, keptBefore, SCHEMA } from './clone-context.ts';
import type { Teller } from './clone-teller.ts';

export interface CloneOptions {
  readonly config?: string;
  readonly node?: string;
  readonly from?: string;
  readonly method: string;
  readonly rate?: string;
  readonly datadir?: string;
  readonly forgetErrant?: boolean;
  readonly discardOld?: boolean;
  readonly abort?: boolean;
  readonly status?: boolean;
  readonly donate?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** The manager answers when the writer has let go of this node. */
const BEGIN_MS_MAX = 30_000;
/** A copy that comes no nearer to being a standby for this long is not proven. */
const STALLED_MS_MAX = 120_000;
const LOOK_MS = 300;
const ROLE_MS_MAX = 4000;

const runOf = (context: Context, journal: CloneJournal, teller: Teller): CloneRun => ({
  ...context.runner(),
  told: teller,
  proven: () => proven(context, journal, teller),
});

function refusal(self: NodeConfig, plan: Extract<ClonePlan, { ok: false }>): OperatorError {
  const [first] = plan.against;
  const because = plan.against.map((each) => each.because).join('; ');
  const lifts = [...new Set(plan.against.map((each) => each.lift))].join('; ');
  return new OperatorError(first?.code ?? 'clone', `${self.name} is not overwritten: ${because}`, lifts);
}

/** This node's role as its own manager says; `unknown` when that does not answer for a while. */
async function roleOf(config: PairConfig, node: NodeConfig): Promise<string> {
  const untilMs = performance.now() + ROLE_MS_MAX;
  do {
    try {
      const view = accepted<PairView>(await askNode(config, node, '/api/v1/pair'));
      return view.nodes.find((each) => each.self)?.role ?? 'unknown';
    } catch {
      await sleep(LOOK_MS); // it may be starting
    }
  } while (performance.now() < untilMs);
  return 'unknown';
}

export async function begin(
  context: Context,
  options: CloneOptions,
  method: Method | 'auto',
  teller: Teller,
) {
  const { config, self, donor, file, folder } = context;
  const role = await roleOf(config, self);
  // The donor is asked last: what it lacks then it will not have.
  const server = await lookAtServer(context.admin.own, SCHEMA);
  const datadir = dataDirectory(server, options.datadir);
  const facts = await askFacts(context.donorAt);
  const receiver = receiverFacts({ config, name: self.name, role, server, datadir, folder, donor: facts });
  const plan = planClone(facts, receiver, { method, forgetErrant: options.forgetErrant === true });
  if (!plan.ok) throw refusal(self, plan);
  if (role === 'unknown') {
    const hint =
      'start it (systemctl start twinkeep): it keeps the pair off this node while it is overwritten';
    throw new OperatorError('agent-silent', `the agent of ${self.name} does not answer`, hint);
  }
  const startedAt = new Date();
  const id = `${startedAt.toISOString().replaceAll(/[-:]|\.\d+Z$/g, '')}-${randomBytes(2).toString('hex')}`;
  const journal: CloneJournal = {
    id,
    from: donor.name,
    to: self.name,
    family: facts.family,
    method: plan.method,
    step: 'receive',
    startedAt: startedAt.toISOString(),
    datadir,
    fresh: `${datadir}.clone-${id}`,
    kept: `${datadir}.before-clone-${id}`,
    history: null,
    position: null,
    forgets: plan.forgets !== null,
    aborting: false,
  };
  const size = facts.dataBytes === null ? '' : ` (about ${formatBytes(facts.dataBytes)})`;
  if (options.dryRun) {
    teller.plan(
      `would make ${self.name} a copy of ${donor.name}${size} by ${plan.because}; the old data would be kept as ${journal.kept}`,
    );
    if (plan.forgets !== null) teller.plan(`would forget: ${plan.forgets}`);
    return;
  }
  teller.step('begin', `${self.name} becomes a copy of ${donor.name}${size}, by ${plan.because}`);
  if (plan.forgets !== null) teller.step('forget', plan.forgets);
  file.write(journal);
  try {
    await tellManager(context, id);
  } catch (error) {
    file.remove();
    await context.refresh().catch(() => undefined);
    throw error;
  }
  await finish(context, journal, options, teller);
}

async function tellManager({ config, self }: Context, id: string): Promise<void> {
  const init = { method: 'POST', body: JSON.stringify({ id }) };
  accepted(await askNode(config, self, '/api/v1/clones', init, BEGIN_MS_MAX));
}

export async function goOn(
  context: Context,
  journal: CloneJournal,
  options: CloneOptions,
  teller: Teller,
): Promise<void> {
  if (options.from !== undefined && options.from !== journal.from) {
    const hint = 'give it up first: `twinkeep clone --abort`';
    throw new OperatorError('clone-under-way', `a clone from ${journal.from} was broken off here`, hint);
  }
  const anew = journal.step === 'receive' ? ': the copy begins anew' : '';
  const what = `goes on with the clone from ${journal.from} that was begun at ${journal.startedAt}, at its step \`${journal.step}\`${anew}`;
  if (options.dryRun) return teller.plan(`would: ${what}`);
  teller.step('go-on', what);
  if (journal.step !== 'prove') await tellManager(context, journal.id);
  await finish(context, journal, options, teller);
}

async function finish(
  context: Context,
  begun: CloneJournal,
  options: CloneOptions,
  teller: Teller,
): Promise<void> {
  const interrupted = (): void => {
    process.stderr.write(
      '\nbroken off: `twinkeep clone` goes on with it, `twinkeep clone --abort` puts the old data back\n',
    );
    process.exit(1);
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  const journal = await runClone(runOf(context, begun, teller), begun);
  const tookS = Math.round((Date.now() - Date.parse(journal.startedAt)) / 1000);
  if (options.discardOld) rmSync(journal.kept, { recursive: true, force: true });
  const kept = options.discardOld ? null : journal.kept;
  const old =
    kept === null
      ? 'the old data are removed'
      : `the old data are kept in ${kept}; \`twinkeep clone --discard-old\` removes them`;
  teller.done(
    `${journal.to} is a copy of ${journal.from}, and the pair has taken it (${tookS} s since it was begun); ${old}`,
    {
      id: journal.id,
      from: journal.from,
      to: journal.to,
      method: journal.method,
      tookS,
      kept,
    },
  );
}

export async function abort(
  context: Context,
  journal: CloneJournal | null,
  options: CloneOptions,
  teller: Teller,
) {
  if (journal === null) {
    const hint = '`twinkeep clone --status` shows the last one';
    throw new OperatorError('no-clone', 'no clone was broken off on this host', hint);
  }
  const what = `the clone from ${journal.from} that was begun at ${journal.startedAt}`;
  if (options.dryRun) return teller.plan(`would give up ${what}, and put the old data back`);
  await abortClone(runOf(context, journal, teller), journal);
  teller.done(`${what} is given up; ${context.self.name} has its old data`, {
    id: journal.id,
    aborted: true,
  });
}

export async function discard(
  context: Context,
  journal: CloneJournal | null,
  options: CloneOptions,
  teller: Teller,
) {
  const server =
    journal === null && options.datadir === undefined ? await lookAtServer(context.admin.own, SCHEMA) : null;
  const datadir = journal?.datadir ?? dataDirectory(server, options.datadir);
  const kept = keptBefore(datadir);
  if (options.dryRun) return teller.plan(`would remove: ${kept.join(', ') || 'nothing'}`);
  for (const each of kept) rmSync(each, { recursive: true, force: true });
  teller.done(kept.length === 0 ? 'there was nothing to remove' : `removed ${kept.join(', ')}`, {
    removed: kept,
  });
}

/** The pair has taken the copy: it catches up, and counts as a standby. */
async function proven({ config, self }: Context, journal: CloneJournal, teller: Teller): Promise<void> {
  let reached = '';
  let sinceMs = performance.now();
  for (;;) {
    const view = await askNode(config, self, '/api/v1/pair').then(
      (answer) => accepted<PairView>(answer),
      () => null,
    );
    const node = view?.nodes.find((each) => each.self);
    if (
      view !== null &&
      node?.role === 'following' &&
      view.record.sync === 'paired' &&
      node.ineligible.length === 0
    )
      return;
    const now = node?.executedGtid ?? '';
    if (now !== reached) {
      reached = now;
      sinceMs = performance.now();
      if (node !== undefined) teller.catchingUp(node.executedGtid, node.lagMs);
    }
    if (performance.now() - sinceMs > STALLED_MS_MAX) {
      const why = node?.ineligible.map((each) => each.because).join('; ') ?? 'its agent does not answer';
      throw new OperatorError(
        'not-proven',
        `${self.name} has not become the standby: ${why}`,
        `mend what it names, and run \`twinkeep clone\` again, which goes on; or \`twinkeep clone --abort\`, which puts the old data (${journal.kept}) back`,
      );
    }
    await sleep(LOOK_MS);
  }
}
