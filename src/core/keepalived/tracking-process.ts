// vrrp_track_process as a machine: from the number of matching processes to quorum, with the delays that keep a restart from counting;
// and which process matches. Driven by src/app/keepalived/trackers-process.ts.

export interface QuorumSettings {
  readonly quorum: number;
  /** More than this is a failure too; null: any number will do. */
  readonly quorumMax: number | null;
  /** From quorum gained to counting as good. */
  readonly forkDelayMs: number;
  /** From quorum lost to counting as bad. */
  readonly terminateDelayMs: number;
}

export interface QuorumState {
  readonly count: number;
  readonly good: boolean;
  /** When `good` will turn over, unless the count does before; null: nothing is under way. */
  readonly turnsAtMs: number | null;
}

export function hasQuorum(count: number, { quorum, quorumMax }: QuorumSettings): boolean {
  // `quorum_max 0` asks that none runs; the default quorum of 1 could never be met together with it.
  if (quorumMax === 0) return count === 0;
  return count >= quorum && (quorumMax === null || count <= quorumMax);
}

/** The first count decides at once. */
export function startQuorum(count: number, settings: QuorumSettings): QuorumState {
  return { count, good: hasQuorum(count, settings), turnsAtMs: null };
}

export function stepQuorum(
  state: QuorumState,
  count: number,
  nowMs: number,
  settings: QuorumSettings,
): QuorumState {
  const good = hasQuorum(count, settings);
  if (good === state.good) return { count, good, turnsAtMs: null };
  const delayMs = good ? settings.forkDelayMs : settings.terminateDelayMs;
  const turnsAtMs = state.turnsAtMs ?? nowMs + delayMs;
  if (nowMs < turnsAtMs) return { count, good: state.good, turnsAtMs };
  return { count, good, turnsAtMs: null };
}

export interface ProcessPattern {
  /** As typed: a name, or a path. */
  readonly command: string;
  readonly parameters: readonly string[];
  /** null: exactly these. 'partial': further ones may follow. 'initial': the last one may go on, too. */
  readonly match: 'initial' | 'partial' | null;
  /** Compared with the command line instead of the name. */
  readonly fullCommand: boolean;
}

/** One process as /proc shows it. */
export interface ProcessFacts {
  /** Its name, which the kernel cuts off at 15 characters. */
  readonly comm: string;
  /** Its command line; empty for kernel threads. */
  readonly argv: readonly string[];
}

const COMM_LENGTH_MAX = 15;

export const needsCommandLine = (pattern: ProcessPattern): boolean =>
  pattern.fullCommand || pattern.parameters.length > 0 || pattern.match !== null;

function parametersMatch(pattern: ProcessPattern, given: readonly string[]): boolean {
  const { parameters, match } = pattern;
  if (match === null) {
    // Without parameters any will do, unless the whole command line was asked for.
    if (parameters.length === 0 && !pattern.fullCommand) return true;
    return given.length === parameters.length && parameters.every((word, i) => word === given[i]);
  }
  if (parameters.length === 0) return given.length === 0;
  return parameters.every((word, i) => {
    const open = match === 'initial' && i === parameters.length - 1;
    return open ? given[i]?.startsWith(word) === true : given[i] === word;
  });
}

export function processMatches(pattern: ProcessPattern, { comm, argv }: ProcessFacts): boolean {
  const name = pattern.command.slice(pattern.command.lastIndexOf('/') + 1);
  if (!needsCommandLine(pattern))
    return pattern.command.includes('/')
      ? argv[0] === pattern.command || comm === name.slice(0, COMM_LENGTH_MAX)
      : comm === name.slice(0, COMM_LENGTH_MAX);
  const [program = '', ...given] = argv;
  const programMatches = pattern.command.includes('/')
    ? program === pattern.command
    : program.slice(program.lastIndexOf('/') + 1) === name;
  return programMatches && parametersMatch(pattern, given);
}
