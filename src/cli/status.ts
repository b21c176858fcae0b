// `twinkeep status`: who holds what, who is well, and what a failure now would cost, as the nodes' own APIs say.

import type { Command } from 'commander';
import type { ReadNodeView } from '../app/readvips.ts';
import type { PairView, Reason } from '../app/view.ts';
import type { PairConfig } from '../config/types.ts';
import { askAll } from './api.ts';
import { painter } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
}

/** Each node about itself where it answers, otherwise as the other knows it. */
export interface Reads {
  readonly vips: readonly string[];
  readonly prefer: string;
  readonly heldBy: readonly string[];
  readonly nodes: readonly (ReadNodeView & { readonly answers: boolean })[];
}

function mergeReads(config: PairConfig, views: readonly PairView[]): Reads | null {
  const [known] = views.flatMap(({ reads }) => (reads === null || reads === undefined ? [] : [reads]));
  if (known === undefined) return null;
  const nodes = config.nodes.flatMap(({ name }) => {
    const own = views.find((view) => view.askedNode === name);
    const told = (own?.reads ?? known).nodes.find((node) => node.name === name);
    return told === undefined ? [] : [{ ...told, answers: own !== undefined }];
  });
  const replicas = (leadingView(views)?.replicas ?? []).filter((each) => each.silentBecause === null);
  const heldBy = [
    ...nodes.filter((node) => node.holds).map((node) => node.name),
    ...replicas.filter(({ statement }) => statement?.reads?.holds).map(({ name }) => name),
  ];
  return { vips: known.vips, prefer: known.prefer, heldBy, nodes };
}

/** What the nodes say together: each about itself where it answers, otherwise what the other knows of it. */
export interface Status {
  readonly pair: string;
  readonly epoch: number;
  readonly writer: string | null;
  readonly sync: string;
  readonly ifWriterFails: string;
  /** Null: not under maintenance. */
  readonly maintenance: string | null;
  /** Why the role does not move by itself now. */
  readonly holds: readonly Reason[];
  /** Null: none is configured. */
  readonly witness: string | null;
  readonly warnings: readonly Reason[];
  readonly vips: readonly { readonly address: string; readonly heldBy: readonly string[] }[];
  /** The read VIPs; null: none are configured. */
  readonly reads: Reads | null;
  readonly nodes: readonly (PairView['nodes'][number] & { readonly answers: boolean })[];
  /** As the leading node hears of them. */
  readonly replicas: PairView['replicas'];
}

/** Each rule once: the nodes say the same, some seconds apart. */
function distinct(reasons: readonly Reason[], key: (reason: Reason) => string): Reason[] {
  return [...new Map(reasons.map((each) => [key(each), each])).values()];
}

/** The view that counts: the writer's own where it answers, otherwise the one of the latest epoch. */
export function leadingView<V extends PairView>(views: readonly V[]): V | undefined {
  const newest = [...views].sort((a, b) => b.record.epoch - a.record.epoch);
  const [first] = newest;
  return (
    newest.find(
      (view) => view.record.writer === view.askedNode && view.record.epoch === first?.record.epoch,
    ) ?? first
  );
}

export function merge(config: PairConfig, views: readonly PairView[]): Status {
  const leading = leadingView(views);
  const nodes = config.nodes.flatMap(({ name }) => {
    const own = views.find((view) => view.askedNode === name);
    const told = (own ?? leading)?.nodes.find((node) => node.name === name);
    return told === undefined ? [] : [{ ...told, answers: own !== undefined }];
  });
  return {
    pair: config.pair,
    epoch: leading?.record.epoch ?? 0,
    writer: leading?.record.writer ?? null,
    sync: leading?.record.sync ?? 'alone',
    ifWriterFails: leading?.ifWriterFails ?? '',
    maintenance: views.find((view) => view.maintenance !== null)?.maintenance ?? null,
    holds: distinct(
      views.flatMap((view) => view.nodes.find((node) => node.self)?.held ?? []),
      (each) => each.code,
    ),
    witness: leading?.witness ?? null,
    warnings: distinct(
      views.flatMap((view) => view.warnings),
      (each) => each.because,
    ),
    vips: (leading?.vips ?? []).map((address) => ({
      address,
      heldBy: nodes.filter((node) => node.holdsWriteVip).map((node) => node.name),
    })),
    reads: mergeReads(config, views),
    nodes,
    replicas: leading?.replicas ?? [],
  };
}

/** The further replicas, one a line below a heading; none: nothing. */
export function replicaRows(replicas: PairView['replicas']): string[][] {
  if (replicas.length === 0) return [];
  return [
    ['REPLICA', 'ADDRESS', 'STATE', 'SERVER', 'SOURCE', 'LAG', 'GTID'],
    ...replicas.map(({ name, address, statement, silentBecause }) => [
      name,
      address,
      silentBecause === null ? (statement?.role ?? 'starting') : 'silent',
      statement === null || silentBecause !== null ? '-' : statement.server.replace(/^(\w+): .*/s, '$1'),
      statement?.source ?? '-',
      statement?.lagMs == null || silentBecause !== null ? '-' : `${Math.round(statement.lagMs)} ms`,
      statement === null || statement.executedGtid === '' ? '-' : statement.executedGtid,
    ]),
  ];
}

export const ROLE_WORDS: Readonly<Record<string, string>> = {
  writing: 'writer',
  following: 'standby',
  promoting: 'taking over',
  'handing-over': 'handing over',
};

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Who holds the read VIPs, and because of what; `nobody`: how to say that nobody does. */
export function readLines({ reads }: Pick<Status, 'reads'>, nobody: string): string[] {
  if (reads === null) return [];
  const { vips, heldBy, nodes } = reads;
  const held = vips.map(
    (vip) => `read VIP ${vip}: held by ${heldBy.length === 0 ? nobody : heldBy.join(' and ')}`,
  );
  // The node that does not hold them says why not, which is what one asks.
  const why = nodes.filter((node) => node.answers).map((node) => `  ${node.name}: ${node.because}`);
  return [...held, ...why];
}

function print(status: Status): void {
  const paint = painter(process.stdout);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const sayReason = (label: string, { because, lift }: Reason): void => {
    say(paint('yellow', `${label}: ${because}`));
    say(paint('dim', `  lifts: ${lift}`));
  };
  say(
    `${paint('bold', `pair ${status.pair}`)}  epoch ${status.epoch}, ${
      status.writer === null ? 'no writer yet' : `writer ${status.writer}, ${status.sync}`
    }`,
  );
  say('');
  say(
    table([
      ['NODE', 'ADDRESS', 'ROLE', 'SERVER', 'REPLICATION', 'LAG', 'WRITE VIP', 'GTID'],
      ...status.nodes.map((node) => [
        node.name,
        node.address,
        ROLE_WORDS[node.role] ?? node.role,
        // The reason stands among the warnings.
        node.server.replace(/^(\w+): .*/s, '$1'),
        node.role === 'following' ? (node.replicating ? 'runs' : 'does not run') : '-',
        node.lagMs === null ? '-' : `${Math.round(node.lagMs)} ms`,
        node.holdsWriteVip ? 'held' : '-',
        node.executedGtid === '' ? '-' : node.executedGtid,
      ]),
    ]),
  );
  const replicas = replicaRows(status.replicas);
  if (replicas.length > 0) say(`\n${table(replicas)}`);
  say('');
  const nobody = status.nodes.every((node) => node.answers) ? 'nobody' : 'nobody who answers';
  for (const vip of status.vips)
    say(`write VIP ${vip.address}: held by ${vip.heldBy.length === 0 ? nobody : vip.heldBy.join(' and ')}`);
  for (const line of readLines(status, nobody)) say(line);
  say(status.ifWriterFails);
  for (const node of status.nodes) {
    if (node.role !== 'writing' && node.role !== 'following') say(`${node.name}: ${node.because}`);
    if (!node.answers)
      say(paint('yellow', `${node.name}: its API does not answer; this is what the other node knows`));
  }
  // Maintenance is one of them: it says itself how it ends.
  for (const hold of status.holds) sayReason('hold', hold);
  if (status.witness !== null) say(`witness: ${status.witness}`);
  for (const warning of status.warnings) sayReason('warning', warning);
}

async function status(options: Options): Promise<void> {
  const config = requirePair(options.config);
  const answers = await askAll(config, '/api/v1/pair');
  const merged = merge(
    config,
    answers.map((answer) => answer.body as PairView),
  );
  if (options.json) process.stdout.write(`${JSON.stringify(merged, null, 2)}\n`);
  else print(merged);
}

export function register(program: Command): void {
  program
    .command('status')
    .option('-c, --config <file>', CONFIG_OPTION_HELP)
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      `
Asks both nodes; shows what one knows of the other where one does not answer.
Exit codes: 0 done, 1 no node answers, 2 wrong usage.

Example:
  twinkeep status --config /etc/twinkeep/pair.yaml
`,
    )
    .action(status);
}
