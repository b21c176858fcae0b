// The replies of an SMTP server (RFC 5321, 4.2), put together from what arrives in pieces.

/** More than any greeting has. */
const REPLY_CHARS_MAX = 8192;

export type SmtpReply =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'reply'; readonly code: number; readonly rest: string }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Of all that came so far: the first reply, its last line being the one with a blank behind the number. */
export function readReply(text: string): SmtpReply {
  let from = 0;
  for (;;) {
    const end = text.indexOf('\n', from);
    if (end < 0) {
      return text.length > REPLY_CHARS_MAX
        ? { kind: 'malformed', reason: 'the reply does not end' }
        : { kind: 'incomplete' };
    }
    const line = text.slice(from, end).replace(/\r$/, '');
    const found = /^([2-5][0-9]{2})([ -]|$)/.exec(line);
    if (found === null) return { kind: 'malformed', reason: 'a line without a reply code' };
    if (found[2] !== '-') return { kind: 'reply', code: Number(found[1]), rest: text.slice(end + 1) };
    from = end + 1;
  }
}
