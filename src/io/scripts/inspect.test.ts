import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { inspectPath, searchPath } from './inspect.ts';

const folder = mkdtempSync(join(tmpdir(), 'tkinspect-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'real'));
mkdirSync(join(folder, 'links'));
writeFileSync(join(folder, 'real', 'check'), '', { mode: 0o750 });
symlinkSync('../real/check', join(folder, 'links', 'check'));
symlinkSync('loop', join(folder, 'links', 'loop'));

const pathsOf = (path: string) => {
  const facts = inspectPath(path);
  return facts.found ? facts.parts.map((part) => part.path) : facts.reason;
};

test('every folder from the root on is looked at, and the script last', () => {
  const paths = pathsOf(join(folder, 'real', 'check'));
  expect(paths.slice(-3)).toEqual([folder, join(folder, 'real'), join(folder, 'real', 'check')]);
  expect(paths[0]).toBe('/');
});

test('of a link the folder that holds it and those of its target both count', () => {
  const paths = pathsOf(join(folder, 'links', 'check'));
  expect(paths).toContain(join(folder, 'links'));
  expect(paths).toContain(join(folder, 'real'));
  expect(paths.at(-1)).toBe(join(folder, 'real', 'check'));
});

test('where the way ends is said in the words of the C library', () => {
  expect(pathsOf(join(folder, 'real', 'none'))).toBe('No such file or directory');
  expect(pathsOf(join(folder, 'real', 'check', 'more'))).toBe('Not a directory');
  expect(pathsOf(join(folder, 'links', 'loop'))).toBe('Too many levels of symbolic links');
});

test('a name without a slash is looked for in the path, and only what may be executed is found', () => {
  writeFileSync(join(folder, 'links', 'tool'), '', { mode: 0o644 });
  writeFileSync(join(folder, 'real', 'tool'), '', { mode: 0o755 });
  expect(searchPath('tool', `${folder}/none:${folder}/links:${folder}/real`)).toBe(
    join(folder, 'real', 'tool'),
  );
  expect(searchPath('tool', `${folder}/links`)).toBe(null);
});
