import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { EventKind } from './state.ts';

const FOLDER = new URL('./', import.meta.url);
const SPEC = readFileSync(new URL('SPEC.md', FOLDER), 'utf8');

/** The compiler keeps this complete. */
const EVENTS: Record<EventKind, true> = {
  start: true,
  stop: true,
  advertisement: true,
  dropped: true,
  timer: true,
  fault: true,
  cleared: true,
  priority: true,
  claim: true,
  yield: true,
  follow: true,
  stalled: true,
  addressLost: true,
  configure: true,
};

describe('SPEC.md', () => {
  it('has a row for every event, and no other', () => {
    const section = SPEC.split('## States and events')[1]?.split('**Becoming MASTER**')[0] ?? '';
    const rows = [...section.matchAll(/^\| `(\w+)` +\|/gm)].map((match) => match[1] ?? '');
    expect(rows.sort()).toEqual(Object.keys(EVENTS).sort());
  });

  it('names for every invariant a test that exists', () => {
    const tests = readdirSync(FOLDER)
      .filter((name) => name.endsWith('.test.ts') && name !== 'spec.test.ts')
      .map((name) => readFileSync(new URL(name, FOLDER), 'utf8'))
      .join('\n');
    const rows = [...SPEC.matchAll(/^\| (V\d+b?) +\| .* \| `(.*)` +\|$/gm)];
    expect(rows.length).toBeGreaterThanOrEqual(13);
    for (const [, invariant, title] of rows) {
      const exists = tests.includes(`it('${title}'`) || tests.includes(`it("${title}"`);
      expect(exists, `${invariant}: no test is called '${title}'`).toBe(true);
    }
  });
});
