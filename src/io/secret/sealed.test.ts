import { expect, test } from 'vitest';
import { seal, unseal } from './sealed.ts';

test('what is sealed with the key of the pair is opened with it, for the same account only', () => {
  const sealed = seal('key', 'shop admin', 'väterchen');
  expect(unseal('key', 'shop admin', sealed)).toBe('väterchen');
  expect(unseal('key', 'shop replication', sealed)).toBeNull();
  expect(unseal('other', 'shop admin', sealed)).toBeNull();
  expect(sealed).not.toBe(seal('key', 'shop admin', 'väterchen'));
});

test('damaged and hostile bytes are refused, never thrown at', () => {
  const bytes = Buffer.from(seal('key', 'a', 'secret'), 'base64');
  for (let i = 0; i < bytes.length; i += 1) {
    const damaged = Buffer.from(bytes);
    damaged[i] = (damaged[i] ?? 0) ^ 1;
    expect(unseal('key', 'a', damaged.toString('base64'))).toBeNull();
  }
  for (const text of ['', 'x', '%%%', 'A'.repeat(10_000)]) expect(unseal('key', 'a', text)).toBeNull();
});
