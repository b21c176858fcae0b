// What an import is given and what comes out: the files of both hosts, what the operator said besides, the pair.yaml.
import type { KeepalivedFinding } from '../keepalived/findings.ts';
import type { ParsedKeepalivedConf } from '../keepalived/parse.ts';
import type { MyCnf } from './mycnf.ts';
import type { CheckMeaning } from './scripts.ts';
import type { Missing } from './yaml.ts';

export interface TextFile {
  readonly file: string;
  readonly text: string;
}

/** One host of the pair as its files show it. */
export interface HostFiles {
  readonly side: 'a' | 'b';
  /** In pair.yaml. */
  readonly name: string;
  /** As the operator said; null: to be found. */
  readonly address: string | null;
  readonly conf: ParsedKeepalivedConf;
  readonly mycnf: readonly TextFile[];
  readonly scripts: readonly TextFile[];
}

export interface ImportOptions {
  readonly pair: string | null;
  /** Of VIPs that were typed without one. */
  readonly vipPrefix: number | null;
  readonly gateway: string | null;
}

/** A host with its files understood. */
export interface Host extends HostFiles {
  readonly settings: MyCnf;
  readonly checks: readonly CheckMeaning[];
}

export type Say = (
  severity: 'error' | 'warning',
  place: { readonly file: string; readonly line: number; readonly column: number },
  code: string,
  message: string,
  hint: string,
) => void;

export interface ImportResult {
  readonly text: string;
  /** Disagreements between the files, and what in them cannot go on. In the order of the files given. */
  readonly findings: readonly KeepalivedFinding[];
  readonly missing: readonly Missing[];
  /** Nothing to fill in, and a valid pair.yaml. */
  readonly complete: boolean;
}
