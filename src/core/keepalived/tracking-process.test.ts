import { describe, expect, test } from 'vitest';
import {
  hasQuorum,
  type ProcessPattern,
  processMatches,
  type QuorumSettings,
  startQuorum,
  stepQuorum,
} from './tracking-process.ts';

const settings: QuorumSettings = { quorum: 1, quorumMax: null, forkDelayMs: 0, terminateDelayMs: 0 };

describe('quorum', () => {
  test.each([
    [0, {}, false],
    [1, {}, true],
    [1, { quorum: 2 }, false],
    [2, { quorum: 2 }, true],
    [1, { quorumMax: 1 }, true],
    [2, { quorumMax: 1 }, false],
    [0, { quorumMax: 0 }, true],
    [1, { quorumMax: 0 }, false],
  ] as const)('of %d processes with %j', (count, own, good) => {
    expect(hasQuorum(count, { ...settings, ...own })).toBe(good);
  });
  test('turns over at once without a delay', () => {
    expect(stepQuorum(startQuorum(1, settings), 0, 5, settings).good).toBe(false);
  });
  test('lost for less than the delay is not lost', () => {
    const slow = { ...settings, terminateDelayMs: 2000 };
    const lost = stepQuorum(startQuorum(1, slow), 0, 1000, slow);
    expect(lost).toEqual({ count: 0, good: true, turnsAtMs: 3000 });
    expect(stepQuorum(lost, 0, 2999, slow).good).toBe(true);
    expect(stepQuorum(lost, 1, 2999, slow)).toEqual({ count: 1, good: true, turnsAtMs: null });
    expect(stepQuorum(lost, 0, 3000, slow).good).toBe(false);
  });
  test('gained waits for the fork delay', () => {
    const slow = { ...settings, forkDelayMs: 500 };
    const gained = stepQuorum(startQuorum(0, slow), 1, 100, slow);
    expect(gained.good).toBe(false);
    expect(stepQuorum(gained, 1, 600, slow).good).toBe(true);
  });
});

describe('a process matches', () => {
  const pattern = (command: string, own: Partial<ProcessPattern> = {}): ProcessPattern => ({
    command,
    parameters: [],
    match: null,
    fullCommand: false,
    ...own,
  });
  const facts = (...argv: string[]) => ({
    comm: (argv[0]?.split('/').at(-1) ?? '').slice(0, 15),
    argv,
  });
  test('by its name, which the kernel cuts off', () => {
    expect(processMatches(pattern('mariadbd'), facts('/usr/sbin/mariadbd', '--user=mysql'))).toBe(true);
    expect(processMatches(pattern('maria'), facts('/usr/sbin/mariadbd'))).toBe(false);
    expect(processMatches(pattern('a-very-long-name-indeed'), facts('/bin/a-very-long-name-indeed'))).toBe(
      true,
    );
  });
  test.each([
    [{ parameters: ['33'] }, ['33'], true],
    [{ parameters: ['33'] }, ['33', '44'], false],
    [{ parameters: ['33'], match: 'partial' }, ['33', '44'], true],
    [{ parameters: ['33'], match: 'partial' }, ['334'], false],
    [{ parameters: ['33'], match: 'initial' }, ['334'], true],
    [{ parameters: ['33'], match: 'initial' }, ['3'], false],
    [{ match: 'partial' }, [], true],
    [{ match: 'partial' }, ['33'], false],
    [{ fullCommand: true }, [], true],
    [{ fullCommand: true }, ['33'], false],
  ] as const)('with %j against the parameters %j: %s', (own, given, matches) => {
    expect(processMatches(pattern('sleep', own), facts('/bin/sleep', ...given))).toBe(matches);
  });
  test('by the path, if one is given', () => {
    const own = { fullCommand: true };
    expect(processMatches(pattern('/opt/sleep', own), facts('/bin/sleep'))).toBe(false);
    expect(processMatches(pattern('/bin/sleep', own), facts('/bin/sleep'))).toBe(true);
  });
});
