// The pieces of lines.ts as a tree of statements: a keyword, its words, and the block behind it. Fourth step of parse.ts; knows
// no keyword, except those that stand at the top only: one of them inside a block shows where a } was forgotten.

import type { Piece } from './braces.ts';
import { quote, type Report } from './findings.ts';
import { BLOCK_DEPTH_MAX } from './limits.ts';
import type { Place, Text } from './text.ts';
import { plainWords, type Word } from './words.ts';

export interface Statement {
  readonly keyword: string;
  readonly args: readonly Word[];
  /** The whole line, for scripts, which are split in another way. */
  readonly line: Text;
  readonly at: Place;
  readonly block: Block | null;
}

export interface Block {
  readonly statements: readonly Statement[];
  readonly openedAt: Place;
  /** null: the file ended before. */
  readonly closedAt: Place | null;
}

interface Open {
  readonly owner: string;
  readonly statements: Mutable[];
  readonly openedAt: Place;
  closedAt: Place | null;
}

interface Mutable extends Omit<Statement, 'block'> {
  block: Open | null;
}

const where = (p: Place, here: Place) => (p.file === here.file ? `line ${p.line}` : `${p.file}:${p.line}`);

export function buildTree(
  pieces: Iterable<Piece>,
  topOnly: ReadonlySet<string>,
  report: Report,
): readonly Statement[] {
  const top: Open = { owner: '', statements: [], openedAt: { file: '', line: 1, column: 1 }, closedAt: null };
  const stack: Open[] = [top];
  let mayOpen: Mutable | null = null;
  for (const piece of pieces) {
    const frame = stack[stack.length - 1] as Open;
    if (piece.kind === 'text') {
      mayOpen = statementOf(piece.line);
      if (mayOpen === null) continue;
      if (stack.length > 1 && topOnly.has(mayOpen.keyword) && mayOpen.args.length < 4) {
        reportForgotten(stack, mayOpen, report);
        stack.length = 1;
      }
      (stack[stack.length - 1] as Open).statements.push(mayOpen);
    } else if (piece.kind === 'open') {
      const next = openBlock(stack, mayOpen, piece.at, report);
      mayOpen = null;
      if (next !== null) stack.push(next);
    } else {
      mayOpen = null;
      if (stack.length > 1) {
        frame.closedAt = piece.at;
        stack.pop();
      } else {
        const hint = 'remove it, or look above for a { that is missing';
        report(
          'error',
          piece.at,
          'brace-extra',
          'this } closes nothing: every block is closed already',
          hint,
        );
      }
    }
  }
  for (const open of stack.slice(1).reverse()) {
    const message = `the { of \`${quote(open.owner)}\` is never closed`;
    report('error', open.openedAt, 'brace-open', message, 'add the } where the block ends');
  }
  return top.statements;
}

function statementOf(line: Text): Mutable | null {
  const [first, ...args] = plainWords(line);
  return first === undefined ? null : { keyword: first.text, args, line, at: first.at, block: null };
}

function openBlock(stack: readonly Open[], owner: Mutable | null, at: Place, report: Report): Open | null {
  const frame = stack[stack.length - 1] as Open;
  if (stack.length > BLOCK_DEPTH_MAX) {
    report(
      'error',
      at,
      'too-deep',
      `more than ${BLOCK_DEPTH_MAX} blocks stand inside each other`,
      'look for a } that is missing',
    );
    return null;
  }
  if (owner !== null) {
    owner.block = { owner: owner.line.text, statements: [], openedAt: at, closedAt: null };
    return owner.block;
  }
  // What stands inside is read as if the braces were not there, so that its own } is not taken for the outer one's.
  report(
    'error',
    at,
    'brace-unexpected',
    'this { belongs to no keyword',
    'remove it, or write the keyword that it belongs to before it',
  );
  return { owner: '{', statements: frame.statements, openedAt: at, closedAt: null };
}

function reportForgotten(stack: readonly Open[], statement: Mutable, report: Report): void {
  for (const open of stack.slice(1).reverse()) {
    report(
      'error',
      open.openedAt,
      'brace-open',
      `the { of \`${quote(open.owner)}\` is not closed before \`${quote(statement.keyword)}\` in ${where(statement.at, open.openedAt)}`,
      `add the } before ${where(statement.at, open.openedAt)}`,
    );
  }
}
