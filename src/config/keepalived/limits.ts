// Bounds of the parser, so that no file can hang it or fill the memory. The C daemon has none of them: `$A=$A` hangs it, and
// ~SEQ(X,1,1000000000) fills the memory. Each has a finding of its own that names it.

/** Characters of one file. The biggest real files (thousands of instances) are below. */
export const FILE_CHARACTERS_MAX = 4 * 1024 * 1024;
/** Characters of one line after its parameters were replaced. The C daemon cuts at 1,024. */
export const LINE_CHARACTERS_MAX = 16 * 1024;
/** Lines after includes, parameters and sequences were expanded. */
export const LINES_MAX = 200_000;
/** Statements and braces, of which a line may hold many. */
export const PIECES_MAX = 500_000;
/** Characters of all expanded lines together. */
export const CHARACTERS_MAX = 16 * 1024 * 1024;
/** What a line costs in characters beside its own, so that lines which make nothing are bounded too. */
export const CHARACTERS_PER_EXPANSION = 32;
/** Files that include files. */
export const INCLUDE_DEPTH_MAX = 16;
export const FILES_MAX = 512;
/** Parameters inside parameters, sequences inside sequences. */
export const EXPANSION_DEPTH_MAX = 20;
/** Parameters replaced in one line. */
export const REPLACEMENTS_MAX = 512;

/** What grows with a file, as one object: a test reads under smaller ones, and counts. */
export interface ReadingLimits {
  readonly fileCharacters: number;
  readonly lineCharacters: number;
  readonly lines: number;
  readonly pieces: number;
  readonly characters: number;
  readonly replacements: number;
}

export const READING_LIMITS: ReadingLimits = {
  fileCharacters: FILE_CHARACTERS_MAX,
  lineCharacters: LINE_CHARACTERS_MAX,
  lines: LINES_MAX,
  pieces: PIECES_MAX,
  characters: CHARACTERS_MAX,
  replacements: REPLACEMENTS_MAX,
};

/** Blocks inside blocks; the grammar needs five. */
export const BLOCK_DEPTH_MAX = 32;
/** Findings kept of each severity; what comes after is counted only. */
export const FINDINGS_MAX = 300;
