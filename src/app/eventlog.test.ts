import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openEventFile } from '../io/state/eventfile.ts';
import { openEventLog, reignBegan } from './eventlog.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twinkeep-events-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const failures: string[] = [];
const open = (bytesMax?: number, epoch = 1) => {
  const file = openEventFile(folder, (because) => failures.push(because), bytesMax);
  return { file, log: openEventLog('a', file, () => epoch) };
};
const path = (name = 'events.jsonl'): string => join(folder, name);
const onDisk = (): string =>
  ['events.old.jsonl', 'events.jsonl']
    .map((name) => (size(name) > 0 ? readFileSync(path(name), 'utf8') : ''))
    .join('');
const size = (name: string): number => statSync(path(name), { throwIfNoEntry: false })?.size ?? 0;

test('events outlive the process, and their numbers go on', () => {
  const first = open();
  first.log.add('info', 'writer', 'a is the writer of epoch 1');
  first.log.add('warn', 'alone', 'b is silent');
  first.file.flush();
  const second = open(undefined, 2);
  second.log.add('info', 'paired', 'b receives again');
  expect(second.log.kept().map((event) => [event.sequence, event.epoch, event.code])).toEqual([
    [1, 1, 'writer'],
    [2, 1, 'alone'],
    [3, 2, 'paired'],
  ]);
});

test('an event that was written twice is one, and what is no event of this node is left out', async () => {
  const { log, file } = open();
  log.add('info', 'one', 'first');
  // Still under way: the end of the process writes it again.
  file.flush();
  await vi.waitFor(() => expect(readFileSync(path(), 'utf8').match(/first/g)).toHaveLength(2));
  appendFileSync(
    path(),
    '{"sequence":2,"time":"2026-11-21T10:00:00.000Z","node":"b"}\nnonsense\n{"sequence":',
  );
  const again = open();
  again.log.add('info', 'two', 'second');
  expect(again.log.kept().map((event) => event.because)).toEqual(['first', 'second']);
  await vi.waitFor(() => expect(readFileSync(path(), 'utf8')).toContain('"second"'));
  expect(
    open()
      .log.kept()
      .map((event) => event.because),
  ).toEqual(['first', 'second']);
});

test('a full file is set aside, so that two files of bounded size are all there is', async () => {
  const { log } = open(1000);
  for (let i = 0; i < 60; i++) {
    log.add('info', 'tick', `event number ${i}`);
    await vi.waitFor(() => expect(onDisk()).toContain(`number ${i}"`));
  }
  expect(size('events.jsonl')).toBeLessThan(1200);
  expect(size('events.old.jsonl')).toBeLessThan(1200);
  const kept = open().log.kept();
  expect(kept.at(-1)?.sequence).toBe(60);
  expect(kept.length).toBeLessThan(20);
});

test('a disk that takes nothing is said once, and disturbs nobody', async () => {
  rmSync(folder, { recursive: true });
  writeFileSync(folder, 'no folder');
  const { log } = open();
  failures.length = 0;
  for (let i = 0; i < 3; i++) {
    log.add('info', 'tick', `${i}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await vi.waitFor(() => expect(failures).toHaveLength(1));
  expect(log.kept()).toHaveLength(3);
});

test('the beginning of a reign is when its writer said so, else the first that was heard of its epoch', () => {
  const { log } = open(undefined, 4);
  log.add('info', 'record', 'b says: epoch 4, writer b, alone');
  expect(reignBegan(log.kept(), 4)?.code).toBe('record');
  log.add('info', 'writer', 'a is the writer of epoch 4');
  log.add('info', 'writer', 'only its manager was restarted');
  expect(reignBegan(log.kept(), 4)?.because).toBe('a is the writer of epoch 4');
  expect(reignBegan(log.kept(), 5)).toBeNull();
});
