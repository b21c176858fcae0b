import { expect, test } from 'vitest';
import { renderReference } from './reference.ts';
import { PAIR } from './schema.ts';
import type { Shape } from './section.ts';

function paths(shape: Shape, path: string): string[] {
  return Object.entries(shape).flatMap(([key, item]) => {
    const here = path === '' ? key : `${path}.${key}`;
    if (item.kind === 'field') return [here];
    return paths(item.keys, item.kind === 'named' ? `${here}.NAME` : here);
  });
}

test('docs/CONFIG.md is what the schema prints (rewrite it with -u)', async () => {
  await expect(renderReference()).toMatchFileSnapshot('../../docs/CONFIG.md');
});

test('every key has a row with a meaning, its right values and a default', () => {
  const page = renderReference();
  for (const path of paths(PAIR, '')) {
    expect(page, path).toMatch(
      new RegExp(`^\\| \`${path.replaceAll('.', '\\.')}\` \\| .{8,} \\| .{3,} \\| .{3,} \\|$`, 'm'),
    );
  }
});

test('no default is printed as an object', () => {
  expect(renderReference()).not.toMatch(/\[object|undefined|NaN/);
});
