// `twinkeep clone`: makes this host's node a fresh copy of the other one, and hands it back to the pair. What it does on this host
// is in app/clonerun.ts; here is what is asked of it, and what it shows.

import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { dataDirectory, lookAtServer, receiverFacts } from '../app/clonefacts.ts';
import { abortClone, type CloneRun, runClone } from '../app/clonerun.ts';
import type { PairView } from '../app/view.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { type CloneJournal, type Method, methods } from '../core/clone/journal.ts';
import { type ClonePlan, planClone } from '../core/clone/plan.ts';
import { formatBytes, parseBytes } from '../core/clone/progress.ts';
import { OperatorError } from '../core/error.ts';
import { lockClone } from '../io/clone/lock.ts';
import { askFacts } from '../io/clone/receive.ts';
import { accepted, askNode } from './api.ts';
import { type Context, contextOf, donate, keptBefore, SCHEMA } from './clone-context.ts';
import { showClones } from './clone-status.ts';
import { type Teller, tellerFor } from './clone-teller.ts';
import { NODE_OPTION_HELP, namedNode, whichNode } from './node.ts';
import { WrongUsage } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';

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

export function register(program: Command): void {
  program
    .command('clone')
    .option('-c, --config <file>', CONFIG_OPTION_HELP)
    .option('--from <node>', 'the node to copy; run it on the host of the other one, which is overwritten')
    .option('--node <name>', NODE_OPTION_HELP)
    .option('--method <method>', `auto, ${methods.join(', ')}`, 'auto')
    .option('--rate <bytes>', 'at most so much a second, e.g. 50MB (default: as fast as it goes)')
    .option(
      '--datadir <dir>',
      'the data directory of a server that does not run (default: the server is asked)',
    )
    .option('--forget-errant', 'go on although this node holds transactions that would be gone')
    .option(
      '--discard-old',
      'remove the old data when the copy is proven; alone: those kept by earlier clones',
    )
    .option('--abort', 'give up a clone that was broken off: the old data are put back')
    .option('--status', 'how far a clone is')
    .option(
      '--donate',
      'on the host that is copied: give the copy with the rights of this command, until Ctrl-C',
    )
    .option('--dry-run', 'say what would be done, or what speaks against it; change nothing')
    .option('--json', 'print steps and progress as JSON lines')
    .addHelpText(
      'after',
      `
Run it as root on the host that is to be overwritten. The writer stays open. The old data are kept beside the data directory
until the copy is proven: its server runs, it has caught up, and the pair is paired. A clone that was broken off goes on
where it was when it is run again. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

Examples:
  twinkeep clone --from a --dry-run
  twinkeep clone --from a --rate 50MB
  twinkeep clone                        (goes on with the one that was broken off)
  twinkeep clone --abort
  twinkeep clone --discard-old
`,
    )
    .action(clone);
}

async function clone(options: CloneOptions): Promise<void> {
  const config = requirePair(options.config, options.json === true);
  const method = [...methods, 'auto' as const].find((each) => each === options.method);
  if (method === undefined) {
    const hint = `one of: auto, ${methods.join(', ')}`;
    throw new WrongUsage('method', `there is no method ${options.method}`, hint);
  }
  const bytesPerS = options.rate === undefined ? null : parseBytes(options.rate);
  if (options.rate !== undefined && bytesPerS === null) {
    throw new WrongUsage('rate', `${options.rate} is no rate`, 'write it as 50MB or 800k, bytes a second');
  }
  const modes = [options.abort, options.status, options.donate].filter(Boolean).length;
  if (modes > 1 || (modes === 1 && options.from !== undefined)) {
    throw new WrongUsage(
      'clone',
      '--abort, --status, --donate and --from exclude each other',
      'give one of them',
    );
  }
  if (options.status) return showClones(config, options.json === true);
  const self = whichNode(config, options.node);
  const context = contextOf(config, self, bytesPerS);
  if (options.donate) return donate(context);
  const release = lockClone(context.folder);
  try {
    await onThisHost(context, options, method);
  } finally {
    release();
  }
}

async function onThisHost(context: Context, options: CloneOptions, method: Method | 'auto'): Promise<void> {
  const teller = tellerFor(options.json === true);
  const journal = context.file.read();
  const unfinished = journal === null || journal.step === 'done' ? null : journal;
  if (options.abort) return abort(context, unfinished, options, teller);
  if (options.from === undefined) {
    if (unfinished !== null && !unfinished.aborting) return goOn(context, unfinished, options, teller);
    if (unfinished?.aborting) return abort(context, unfinished, options, teller);
    if (options.discardOld) return discard(context, journal, options, teller);
    throw new WrongUsage(
      'from',
      'no node is named to be copied, and no clone was broken off',
      'name it: --from NODE',
    );
  }
  const donor = namedNode(context.config, options.from);
  if (donor.name === context.self.name) {
    throw new WrongUsage(
      'same-node',
      `this host is ${donor.name} itself: a clone overwrites the host that it is run on`,
      `run it on the other host, or give the other node with --from`,
    );
  }
  if (unfinished !== null) {
    if (unfinished.aborting) {
      const hint = 'finish that with `twinkeep clone --abort`';
      throw new OperatorError('clone-aborting', 'an earlier clone is being given up', hint);
    }
    return goOn(context, unfinished, options, teller);
  }
  await begin(context, options, method, teller);
}

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

async function begin(context: Context, options: CloneOptions, method: Method | 'auto', teller: Teller) {
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

async function goOn(
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

async function abort(context: Context, journal: CloneJournal | null, options: CloneOptions, teller: Teller) {
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

async function discard(
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
