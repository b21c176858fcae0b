import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dataHead, encodeWord, type Frame, frameReader } from './frames.ts';

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The frames of a stream that arrives in these pieces; neighbouring data as one. */
function readAll(pieces: readonly Uint8Array[]): { frames: Frame[]; between: boolean } {
  const reader = frameReader();
  const frames: Frame[] = [];
  for (const piece of pieces) {
    const read = reader.push(piece);
    if (!read.ok) throw new Error(read.reason);
    for (const frame of read.frames) {
      const last = frames.at(-1);
      if (frame.kind === 'data' && last?.kind === 'data')
        frames[frames.length - 1] = { kind: 'data', bytes: join([last.bytes, frame.bytes]) };
      else frames.push(frame);
    }
  }
  return { frames, between: reader.between() };
}

const message = fc.oneof(
  fc.record({ word: fc.jsonValue() }),
  fc.record({ data: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
);

test('what was sent is read again, however the network cuts it', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat(400)), (messages, cuts) => {
      const sent = join(
        messages.flatMap((each) =>
          'word' in each ? [encodeWord(each)] : [dataHead(each.data.length), each.data],
        ),
      );
      const pieces: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) {
        pieces.push(sent.subarray(at, at + cut));
        at += cut;
      }
      pieces.push(sent.subarray(at));
      const { frames, between } = readAll(pieces);
      expect(between).toBe(true);
      const words = frames.flatMap((each) => (each.kind === 'word' ? [each.text] : []));
      expect(words).toEqual(messages.flatMap((each) => ('word' in each ? [JSON.stringify(each)] : [])));
      const data = join(frames.flatMap((each) => (each.kind === 'data' ? [each.bytes] : [])));
      expect(data).toEqual(join(messages.flatMap((each) => ('data' in each ? [each.data] : []))));
    }),
  );
});

test('a stream that ends inside a frame is seen to', () => {
  const word = encodeWord({ kind: 'end' });
  expect(readAll([word.subarray(0, word.length - 1)]).between).toBe(false);
  expect(readAll([dataHead(3), Uint8Array.of(1, 2)]).between).toBe(false);
  expect(readAll([dataHead(3), Uint8Array.of(1, 2, 3)]).between).toBe(true);
});

test('bytes of something else are refused, not waited for', () => {
  const reader = frameReader();
  expect(reader.push(new TextEncoder().encode('GET / HTTP/1.1\r\n'))).toMatchObject({ ok: false });
  expect(frameReader().push(Uint8Array.of(1, 255, 255, 255, 255))).toMatchObject({ ok: false });
});
