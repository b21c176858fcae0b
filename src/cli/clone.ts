// `twinkeep clone`: makes this host's node a fresh copy of the other one, and hands it back to the pair. The command line; what it
// does is in clone-acts.ts and app/clonerun.ts.

import type { Command } from 'commander';
import { type Method, methods } from '../core/clone/journal.ts';
import { parseBytes } from '../core/clone/progress.ts';
import { OperatorError } from '../core/error.ts';
import { lockClone } from '../io/clone/lock.ts';
import { abort, begin, type CloneOptions, discard, goOn } from './clone-acts.ts';
import { type Context, contextOf, donate } from './clone-context.ts';
import { showClones } from './clone-status.ts';
import { tellerFor } from './clone-teller.ts';
import { NODE_OPTION_HELP, namedNode, whichNode } from './node.ts';
import { WrongUsage } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';

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
