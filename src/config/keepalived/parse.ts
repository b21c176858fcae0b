// keepalived.conf, from text to configuration. The way of a file through this folder:
//   lines.ts (includes, comments, @id, $parameters, ~SEQ, braces) -> tree.ts (statements and blocks) -> read.ts with the tables of
//   schema/ (every keyword known, every value read) -> config.ts (defaults and coercions of the C daemon) -> rules.ts (what hurts).
// Pure: files come through `read`. Bounded: limits.ts. Nothing throws; what is wrong is a finding with file:line:column.
import { makeConfig } from './config.ts';
import { collectFindings, type KeepalivedFinding } from './findings.ts';
import type { Host } from './host.ts';
import { READING_LIMITS, type ReadingLimits } from './limits.ts';
import { type ReadFiles, readLines } from './lines.ts';
import type { Environment } from './parameters.ts';
import { readBlock } from './read.ts';
import { checkRules } from './rules.ts';
import { TOP, TOP_ONLY } from './schema/index.ts';
import { buildTree, type Statement } from './tree.ts';
import type { KeepalivedConfig } from './types.ts';

export type { KeepalivedFinding } from './findings.ts';
export { exitStatus } from './findings.ts';
export type { Host } from './host.ts';
export type { ReadFiles } from './lines.ts';
export { comparePeers } from './peers.ts';
export type { KeepalivedConfig } from './types.ts';

export interface ParseOptions extends Partial<Environment> {
  /** What is known of the host that the file is for; addresses are compared with it. */
  readonly host?: Host;
  /** Default: READING_LIMITS. */
  readonly limits?: ReadingLimits;
}

export interface ParsedKeepalivedConf {
  /** As good as the file allows; with findings of severity `error` it is not what was meant, with `fatal` keepalived would not start. */
  readonly config: KeepalivedConfig;
  /** In the order of the lines of each file. */
  readonly findings: readonly KeepalivedFinding[];
  readonly tree: readonly Statement[];
}

export function parseKeepalivedConf(
  text: string,
  file: string,
  read: ReadFiles,
  options: ParseOptions = {},
): ParsedKeepalivedConf {
  const findings = collectFindings();
  const { report } = findings;
  const environment: Environment = { configId: '', ...options };
  const { limits = READING_LIMITS } = options;
  const tree = buildTree(readLines(text, file, { read, environment, report, limits }), TOP_ONLY, report);
  const top = { name: '', args: [], at: { file, line: 1, column: 1 } };
  const config = makeConfig(readBlock(tree, TOP, top, report), read, report);
  checkRules(config, report, options.host ?? null);
  const order = new Map<string, number>([[file, 0]]);
  for (const finding of findings.list()) if (!order.has(finding.file)) order.set(finding.file, order.size);
  const sorted = [...findings.list()].sort(
    (a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  );
  return { config, findings: sorted, tree };
}
