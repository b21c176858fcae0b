// UDP_CHECK: its hexadecimal payload and the reply that it waits for. Used by lvscheckers.ts.
import type { Connection, UdpTarget } from '../../core/checker/target.ts';
import { quote, type Report } from './findings.ts';
import type { Placed } from './spec.ts';
import type { Place } from './text.ts';
import { last } from './values.ts';

interface Values {
  readonly payload?: readonly Placed<readonly string[]>[];
  readonly require_reply?: readonly Placed<readonly string[]>[];
  readonly min_reply_length?: readonly Placed<number>[];
  readonly max_reply_length?: readonly Placed<number>[];
}

interface Pattern {
  readonly bytes: readonly number[];
  readonly mask: readonly number[];
}

/** `Ab12f 3` is AB 12 0F 03: a single digit at the end of a word is a byte. x: these four bits do not count. */
function readHex(words: readonly string[], wildcards: boolean): Pattern | null {
  const bytes: number[] = [];
  const mask: number[] = [];
  const digits = wildcards ? /^[0-9a-fA-FxX]+$/ : /^[0-9a-fA-F]+$/;
  for (const word of words.flatMap((w) => w.split(/\s+/).filter((part) => part !== ''))) {
    if (!digits.test(word)) return null;
    for (let i = 0; i < word.length; i += 2) {
      const pair = word
        .slice(i, i + 2)
        .padStart(2, '0')
        .toLowerCase();
      bytes.push(Number.parseInt(pair.replaceAll('x', '0'), 16));
      mask.push(Number.parseInt(pair.replaceAll(/[^x]/g, 'f').replaceAll('x', '0'), 16));
    }
  }
  return { bytes, mask };
}

const REPLY_BYTES_MAX = 255;

export function readUdp(v: Values, at: Place, connection: Connection, report: Report): UdpTarget {
  const hex = (typed: Placed<readonly string[]> | undefined, wildcards: boolean): Pattern | null => {
    if (typed === undefined) return null;
    const read = readHex(typed.value, wildcards);
    if (read === null)
      report(
        'error',
        typed.at,
        'value',
        `"${quote(typed.value.join(' '))}" is not hexadecimal, and is left out`,
        `write bytes as digits from 0 to f${wildcards ? ', or x for any' : ''}`,
      );
    return read;
  };
  const payload = hex(v.payload?.at(-1), false);
  const reply = hex(v.require_reply?.at(-1), true);
  const minBytes = last(v.min_reply_length) ?? 0;
  const maxBytes = last(v.max_reply_length) ?? REPLY_BYTES_MAX;
  if (minBytes > maxBytes)
    report(
      'error',
      at,
      'value',
      `min_reply_length ${minBytes} is more than max_reply_length ${maxBytes}, so this check always fails`,
      'write the smaller number first',
    );
  const wanted = v.require_reply !== undefined;
  return {
    kind: 'UDP_CHECK',
    connection,
    payload: payload?.bytes ?? null,
    reply: wanted ? { bytes: reply?.bytes ?? [], mask: reply?.mask ?? [], minBytes, maxBytes } : null,
  };
}
