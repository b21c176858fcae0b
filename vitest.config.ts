// Three projects: `unit` (pure code, beside its source; no root needed), `e2e` (namespaces and real servers, one file after the other; needs
// root), and `keepalived` (the drop-in beside the C daemon: small networks that mostly wait, so that two files run at once; needs root).
import { defineConfig } from 'vitest/config';

const KEEPALIVED = ['test/keepalived/**/*.test.ts', 'test/interop/**/*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'sim/**/*.test.ts', 'lab/**/*.test.ts'] } },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.test.ts'],
          exclude: KEEPALIVED,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'keepalived',
          include: KEEPALIVED,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
