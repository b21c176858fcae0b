// Cuts a finished line at its braces. Braces outside double quotes stand for themselves, wherever they are: `vi{`, `{ a`, `b }}`.
// Used by lines.ts for every line; what comes out is what tree.ts builds blocks from.
import type { Report } from './findings.ts';
import { type Definition, findReferences, type Reference } from './parameters.ts';
import { type Place, placeAt, slice, type Text, trim } from './text.ts';

export type Piece =
  | { readonly kind: 'text'; readonly line: Text }
  | { readonly kind: 'open' | 'close'; readonly at: Place };

export function* splitAtBraces(
  line: Text,
  definitions: ReadonlyMap<string, Definition>,
  report: Report,
): Generator<Piece> {
  // What is left of ${NAME} after the replacement has no definition; its braces are no block.
  const left = line.text.includes('${') ? findReferences(line.text).filter((r) => r.braced) : [];
  let next = 0;
  let from = 0;
  let quoted = false;
  for (let i = 0; i < line.text.length; i++) {
    const c = line.text.charAt(i);
    const reference = left[next];
    if (reference?.from === i) {
      // In a quoted script it may be meant for the shell.
      if (!quoted) reportUndefined(line, reference, definitions, report);
      next++;
      i = reference.to - 1;
      continue;
    }
    if (c === '"') quoted = !quoted;
    if (quoted || (c !== '{' && c !== '}')) continue;
    const before = trim(slice(line, from, i));
    if (before.text !== '') yield { kind: 'text', line: before };
    yield { kind: c === '{' ? 'open' : 'close', at: placeAt(line, i) };
    from = i + 1;
  }
  const after = trim(slice(line, from));
  if (after.text !== '') yield { kind: 'text', line: after };
}

function reportUndefined(
  line: Text,
  { name, from }: Reference,
  definitions: ReadonlyMap<string, Definition>,
  report: Report,
): void {
  const place = placeAt(line, from);
  if (definitions.get(name)?.multiline) {
    const message = `the parameter ${name} has several lines, and such a one is replaced only at the end of a line`;
    report('error', place, 'parameter-place', message, 'put it at the end of its line');
  } else {
    const message = `the parameter ${name} is not defined before this line`;
    report('error', place, 'parameter-undefined', message, `define it first: $${name}=value`);
  }
}
