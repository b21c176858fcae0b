// The interop table as tests: every case with twinkeep first and with twinkeep second. Some at once: each has namespaces of its own.
// `npm run interop` prints the same as a table, and adds the C daemon with itself.

import { beforeAll, describe, test } from 'vitest';
import { CASES } from './cases/index.ts';
import { sweep } from './network.ts';
import { play } from './stage.ts';

beforeAll(sweep);

const ROLES = [
  { role: 'a', words: 'twinkeep first, keepalived second' },
  { role: 'b', words: 'keepalived first, twinkeep second' },
] as const;

describe.concurrent.each(ROLES)('$words', ({ role }) => {
  for (const { number, title, links, run } of CASES) {
    test(`${number} ${title}`, async () => {
      await play(role, links ?? 1, run);
    });
  }
});
