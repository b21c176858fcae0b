// Plays many cases, some at once, and prints who passed.

import type { Case } from './case.ts';
import { play, type Role } from './stage.ts';

/** What the table shows unless asked otherwise. */
export const COLUMNS: readonly Role[] = ['a', 'b', 'c'];

const HEADINGS: Readonly<Record<Role, string>> = {
  a: 'twinkeep first',
  b: 'twinkeep second',
  c: 'C with C',
  t: 'twinkeep with itself',
};

export interface Outcome {
  readonly number: number;
  readonly role: Role;
  /** Null: passed. */
  readonly failure: string | null;
  readonly remark: string | null;
  readonly seconds: number;
}

async function outcomeOf(each: Case, role: Role, verbose: boolean): Promise<Outcome> {
  const start = performance.now();
  const ended = (failure: string | null, remark: string | null): Outcome => ({
    number: each.number,
    role,
    failure,
    remark,
    seconds: (performance.now() - start) / 1000,
  });
  try {
    const { result, story } = await play(role, each.links ?? 1, (stage) => each.run(stage));
    if (verbose) console.log(story);
    return ended(null, result ?? null);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (verbose) console.log(text, error instanceof Error ? error.stack : '');
    return ended(text.split('\n---')[0] ?? text, null);
  }
}

/** In an order that keeps `atOnce` of them busy; each has its own namespaces. */
export async function playAll(
  cases: readonly Case[],
  roles: readonly Role[],
  atOnce: number,
  verbose: boolean,
): Promise<Outcome[]> {
  const waiting = cases.flatMap((each) => roles.map((role) => ({ each, role })));
  const total = waiting.length;
  const outcomes: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const outcome = await outcomeOf(next.each, next.role, verbose);
      outcomes.push(outcome);
      const word = outcome.failure === null ? 'passed' : 'FAILED';
      const seconds = outcome.seconds.toFixed(1);
      console.error(
        `${outcomes.length}/${total} case ${outcome.number} ${HEADINGS[outcome.role]}: ${word} (${seconds} s)`,
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return outcomes;
}

export function printTable(
  cases: readonly Case[],
  roles: readonly Role[],
  outcomes: readonly Outcome[],
): void {
  const of = (number: number, role: Role) =>
    outcomes.find((each) => each.number === number && each.role === role);
  const width = Math.max(...cases.map(({ title }) => title.length));
  const cells = (number: string, title: string, rest: readonly string[]) =>
    [number.padStart(3), title.padEnd(width), ...rest.map((text) => text.padEnd(15))].join('  ').trimEnd();
  console.log(
    cells(
      '',
      '',
      roles.map((role) => HEADINGS[role]),
    ),
  );
  for (const { number, title, differs } of cases) {
    const words = roles.map((role) => (of(number, role)?.failure === null ? 'passed' : 'FAILED'));
    console.log(cells(String(number), title, words));
    if (differs !== undefined) console.log(`     on purpose: ${differs}`);
    for (const role of roles) {
      const { failure, remark } = of(number, role) ?? { failure: 'was not played', remark: null };
      if (failure !== null) console.log(`     ${HEADINGS[role]}: ${failure.replaceAll('\n', '\n       ')}`);
      else if (remark !== null) console.log(`     ${HEADINGS[role]}: ${remark}`);
    }
  }
  const failed = outcomes.filter(({ failure }) => failure !== null).length;
  const longest = Math.max(...outcomes.map(({ seconds }) => seconds));
  console.log(
    `${outcomes.length - failed} of ${outcomes.length} passed; the longest took ${longest.toFixed(1)} s`,
  );
}

/** The same for a page of the documentation. */
export function printMarkdown(
  cases: readonly Case[],
  roles: readonly Role[],
  outcomes: readonly Outcome[],
): void {
  const row = (cells: readonly string[]): void => console.log(`| ${cells.join(' | ')} |`);
  row(['', 'case', ...roles.map((role) => HEADINGS[role])]);
  row(['---:', '---', ...roles.map(() => '---')]);
  for (const { number, title, differs } of cases) {
    const words = roles.map((role) => {
      const { failure, remark } = outcomes.find((each) => each.number === number && each.role === role) ?? {
        failure: 'was not played',
        remark: null,
      };
      if (failure !== null) return `**failed**: ${failure.split('\n')[0]}`;
      return remark === null ? 'passed' : `passed: ${remark}`;
    });
    row([String(number), differs === undefined ? title : `${title}. *On purpose: ${differs}*`, ...words]);
  }
}
