// Takes the comment and the outer blanks off one typed line. Second step of parse.ts, before parameters are replaced: a # that
// comes out of a parameter starts no comment (that is what ${_HASH} is for).
import type { Report } from './findings.ts';
import { join, placeAt, slice, type Text, trim } from './text.ts';

/** Characters that look like a blank and are none: web pages put them between words. The C daemon takes them for letters. */
const LOOKS_BLANK = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]/u;

/** Only double quotes protect a comment sign: that is how the C daemon reads it, although its scripts know both. */
export function stripComment(line: Text, report: Report): Text {
  const kept: Text[] = [];
  let from = 0;
  let quoteAt = -1;
  let i = 0;
  for (; i < line.text.length; i++) {
    const c = line.text.charAt(i);
    if (c === '"') quoteAt = quoteAt < 0 ? i : -1;
    else if (c === '\\') {
      const next = line.text.charAt(i + 1);
      if (quoteAt < 0 && (next === '#' || next === '!')) {
        kept.push(slice(line, from, i));
        from = i + 1;
      }
      i++;
    } else if (quoteAt < 0 && (c === '#' || c === '!')) break;
  }
  kept.push(slice(line, from, Math.min(i, line.text.length)));
  if (quoteAt >= 0) {
    report(
      'error',
      placeAt(line, quoteAt),
      'quote-open',
      'this quoted text has no closing " in the same line',
      'close it with a " in this line: a quoted text cannot go over a line end',
    );
  }
  return trim(kept.length === 1 ? (kept[0] as Text) : join(...kept));
}

/** Reports what only looks like a blank, and puts a blank in its place. Looked for after the comment is off: there it is harmless. */
export function mendBlanks(line: Text, report: Report, seen: { blanks: number }): Text {
  const at = line.text.search(LOOKS_BLANK);
  if (at < 0) return line;
  if (seen.blanks++ === 0) {
    const code = line.text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0');
    report(
      'error',
      placeAt(line, at),
      'blank-lookalike',
      `here stands a character that only looks like a blank (U+${code}); keepalived takes it for a keyword and reads the rest wrongly`,
      `replace it by a plain space wherever it stands${code === '00A0' ? ': sed -i "s/\\xc2\\xa0/ /g" FILE' : ''} (it comes from copying out of a web page)`,
    );
  }
  return trim({ ...line, text: line.text.replace(new RegExp(LOOKS_BLANK, 'gu'), ' ') });
}
