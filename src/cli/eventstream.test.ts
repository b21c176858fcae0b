import { expect, test } from 'vitest';
import { messagesIn } from './eventstream.ts';

test('whole messages are taken, and the beginning of the next one is kept', () => {
  const first = messagesIn('event: writer\ndata: {"a":1}\nid: 4\n\n: ping\n\ndata: {"b"');
  expect(first).toEqual({ data: ['{"a":1}'], rest: 'data: {"b"' });
  expect(messagesIn(`${first.rest}:2}\n\n`)).toEqual({ data: ['{"b":2}'], rest: '' });
  expect(messagesIn('')).toEqual({ data: [], rest: '' });
});
