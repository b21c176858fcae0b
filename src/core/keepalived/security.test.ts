import { describe, expect, test } from 'vitest';
import { judgeScript, type PathPart } from './security.ts';

const ROOT = { uid: 0, gid: 0 };
const NOBODY = { uid: 65_534, gid: 65_534 };

const directory = (path: string, own: Partial<PathPart> = {}): PathPart => ({
  path,
  kind: 'directory',
  uid: 0,
  gid: 0,
  mode: 0o755,
  ...own,
});
const file = (own: Partial<PathPart> = {}): PathPart => ({ ...directory('/d/script'), kind: 'file', ...own });
const judge = (parts: readonly PathPart[], who = ROOT) =>
  judgeScript({ found: true, parts: [directory('/'), ...parts] }, who);

describe('what root runs', () => {
  test('may be changed by root only, as may the way there', () => {
    expect(judge([directory('/d'), file()])).toEqual({ kind: 'good' });
  });
  test.each([
    ['anybody may write to it', [directory('/d'), file({ mode: 0o757 })], '/d/script'],
    [
      'a group that is not root may write to it',
      [directory('/d'), file({ mode: 0o775, gid: 5 })],
      '/d/script',
    ],
    ['it belongs to somebody else', [directory('/d'), file({ uid: 5 })], '/d/script'],
    ['anybody may write to its folder', [directory('/d', { mode: 0o777 }), file()], '/d'],
    ['its folder belongs to somebody else', [directory('/d', { uid: 5 }), file()], '/d'],
  ])('is insecure when %s', (_why, parts, part) => {
    expect(judge(parts)).toEqual({ kind: 'insecure', part });
  });
  test('may lie in a sticky folder such as /tmp, and be written by the group root', () => {
    expect(judge([directory('/d', { mode: 0o1777 }), file({ mode: 0o775 })])).toEqual({ kind: 'good' });
  });
});

describe('what another user runs', () => {
  test('may be changed by anybody: nothing of root is at stake', () => {
    expect(judge([directory('/d', { mode: 0o777 }), file({ mode: 0o777 })], NOBODY)).toEqual({
      kind: 'good',
    });
  });
  test('must be reachable for it', () => {
    expect(judge([directory('/d', { mode: 0o700 }), file()], NOBODY)).toEqual({
      kind: 'inaccessible',
      reason: 'Permission denied',
    });
  });
  test('must be executable for it, not only for others', () => {
    expect(judge([directory('/d'), file({ mode: 0o744 })], NOBODY)).toEqual({ kind: 'not-executable' });
    const own = { uid: NOBODY.uid, mode: 0o655 };
    expect(judge([directory('/d'), file(own)], NOBODY)).toEqual({ kind: 'not-executable' });
  });
});

test('root cannot run what nobody may execute, and nobody a folder', () => {
  expect(judge([directory('/d'), file({ mode: 0o644 })])).toEqual({ kind: 'not-executable' });
  expect(judge([directory('/d')])).toEqual({ kind: 'wrong-type' });
});

test('what is not there is inaccessible, with the reason', () => {
  expect(judgeScript({ found: false, reason: 'No such file or directory' }, ROOT)).toEqual({
    kind: 'inaccessible',
    reason: 'No such file or directory',
  });
});
