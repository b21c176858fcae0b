// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is keepalived's own syntax here
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importPair } from '../import/import.ts';
import type { HostFiles } from '../import/types.ts';
import { parsePair } from '../pair.ts';
import * as limits from './limits.ts';
import { exitStatus, parseKeepalivedConf } from './parse.ts';
import { listKeywords } from './schema/index.ts';
import type { Statement } from './tree.ts';

/** Small, so that reaching one costs nothing; what is counted is the same. */
const SMALL: limits.ReadingLimits = {
  fileCharacters: 100_000,
  lineCharacters: 2_000,
  lines: 2_000,
  pieces: 4_000,
  characters: 200_000,
  replacements: 50,
};
const INCLUDED = [{ file: 'i.conf', text: 'include i.conf\n$A=${A}x\n' }];

const parse = (text: string) => parseKeepalivedConf(text, 'k.conf', () => INCLUDED, { limits: SMALL });
const sizeOf = (tree: readonly Statement[]): number =>
  tree.reduce((sum, s) => sum + 1 + s.args.length + (s.block === null ? 0 : sizeOf(s.block.statements)), 0);
const codes = (text: string) => {
  const { findings, tree } = parse(text);
  // A word has two characters at least, with its blank, and none is free.
  expect(sizeOf(tree)).toBeLessThanOrEqual(SMALL.characters);
  return new Set(findings.map((f) => f.code));
};

describe('no file hangs the parser or fills the memory', () => {
  test('a sequence of a billion', () => {
    expect(codes('~SEQ(X,1,1000000000) router_id a$X')).toContain('too-many-lines');
    expect(codes('~SEQ(X,1,100000) ~SEQ(Y,1,100000) \\\n')).toContain('too-many-lines');
  });
  test('a sequence that makes nothing still ends', () => {
    expect(codes('~SEQ(X,1,1000000000) @nobody a')).toContain('too-many-lines');
    expect(codes('~SEQ(X,1,1000000000)')).toContain('too-many-lines');
  });
  test('parameters that double', () => {
    const doubling = Array.from({ length: 40 }, (_, i) => `$P${i + 1}=\${P${i}} \${P${i}}`).join('\n');
    expect(codes(`$P0=xxxxxxxx\n${doubling}\na \${P40}`)).toContain('parameter-recursion');
  });
  test('many lines of parameters that name themselves', () => {
    expect(codes(`$A=\${A}\n${'a ${A} b\n'.repeat(5_000)}`)).toContain('too-much-text');
  });
  test('a file that is too big, in one line or in many', () => {
    expect(codes('x'.repeat(SMALL.fileCharacters + 1))).toContain('file-too-big');
    expect(codes('x'.repeat(SMALL.lineCharacters + 1))).toContain('line-too-long');
    expect(codes('a b\n'.repeat(SMALL.lines + 1))).toContain('too-many-lines');
    expect(parse('"a" '.repeat(400)).findings.length).toBeGreaterThan(0);
  });
  test('the limits of real files leave room for a thousand instances', () => {
    const one = (i: number) =>
      `vrrp_instance v${i} {\n interface e${i}\n virtual_router_id ${(i % 255) + 1}\n virtual_ipaddress {\n 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/24\n }\n}\n`;
    const text = Array.from({ length: 1000 }, (_, i) => one(i)).join('');
    const { config, findings } = parseKeepalivedConf(text, 'k.conf', () => []);
    expect(config.instances).toHaveLength(1000);
    expect(exitStatus(findings)).toBe(0);
    expect(text.length * 10).toBeLessThan(limits.FILE_CHARACTERS_MAX);
  });
  test('lines full of escapes, of braces and of parameters that nobody defined', () => {
    const full = (piece: string) =>
      `${piece.repeat(Math.floor(SMALL.lineCharacters / piece.length))}\n`.repeat(8);
    expect(codes(full('${a}'))).toContain('parameter-undefined');
    expect(codes(full('\\#{}'))).toContain('unknown-keyword');
    expect(codes(full('\\# '))).toContain('unknown-keyword');
    expect(codes(full('{}'))).toContain('brace-unexpected');
    expect(parse(full('@^x ')).tree).toEqual([]);
  });
  test('lines of a parameter that make nothing, twice in each other', () => {
    const lines = `@nobody a \\\n`.repeat(3_000);
    expect(codes(`$M= \\\n${lines}$M \\\n$M\n\n$M\n`)).toContain('too-much-text');
  });
  test('blocks that never end', () => {
    expect(codes('a {'.repeat(400))).toContain('too-deep');
    expect(codes('global_defs {\n'.repeat(400))).toContain('brace-open');
  });
  test('more findings than anyone reads are counted', () => {
    const { findings } = parse('bogus\n'.repeat(1000));
    expect(findings).toHaveLength(limits.FINDINGS_MAX + 1);
    expect(findings.at(-1)?.message).toContain(`${1000 - limits.FINDINGS_MAX} more`);
  });
});

const PIECES = [
  ...new Set(listKeywords().map((k) => k.keyword)),
  ...[
    '{',
    '}',
    '\n',
    ' ',
    '"',
    "'",
    '\\',
    '#',
    '!',
    '@',
    '@^a ',
    '$',
    '$A',
    '${A}',
    '$A=',
    '${',
    '~SEQ(',
    '~LST(',
    ')',
    ',',
    'A',
    '\t',
    '\r\n',
  ],
  ...[
    '1',
    '-1',
    '300',
    '1.5',
    '10.0.0.1',
    '10.0.0.1/24',
    'fe80::1',
    'MASTER',
    'on',
    'weight',
    'dev',
    'eth0',
    'include x',
    '\u00a0',
    '\ufeff',
    '\0',
    '__proto__',
    'constructor',
  ],
];

/** What holds for every text: a configuration comes out, and each finding is one line about a place in the text. */
function holds(source: string): void {
  const { findings, config, tree } = parse(source);
  const lines = source.split('\n');
  for (const f of findings) {
    expect(f.message).not.toBe('');
    expect(f.hint).not.toBe('');
    expect(f.message).not.toContain('\n');
    if (f.file !== 'k.conf') continue;
    expect(f.line).toBeLessThanOrEqual(lines.length);
    expect(f.column).toBeLessThanOrEqual((lines[f.line - 1] ?? '').length + 1);
    expect(f.line * f.column).toBeGreaterThan(0);
  }
  expect(sizeOf(tree)).toBeLessThanOrEqual(SMALL.characters);
  expect(config.global.vrrpVersion === 2 || config.global.vrrpVersion === 3).toBe(true);
}

const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...PIECES) },
  fc.string({ maxLength: 6, unit: 'binary' }),
);

test('any text gives a configuration, and findings that stand in the text', () => {
  const text = fc.array(piece, { maxLength: 80 }).map((parts) => parts.join(''));
  fc.assert(fc.property(text, holds), { numRuns: 400 });
});

const PUBLISHED = ['gtid-pair', 'one-vip', 'read-write-vips', 'check-scripts'].map((name) =>
  readFileSync(new URL(`../../../test/cases/keepalived/${name}/a/keepalived.conf`, import.meta.url), 'utf8'),
);

/** At one place of a file: something taken away, put in, or said again. */
const change = fc.record({
  at: fc.nat(5_000),
  cut: fc.nat(40),
  put: fc.array(piece, { maxLength: 3 }),
  again: fc.nat(60),
});

const published = fc
  .tuple(fc.constantFrom(...PUBLISHED), fc.array(change, { minLength: 1, maxLength: 6 }))
  .map(([source, changes]) =>
    changes.reduce((text, { at, cut, put, again }) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + put.join('') + text.slice(from + cut) + text.slice(from, from + again);
    }, source),
  );

test('published files with a few changes in them', () => {
  fc.assert(fc.property(published, holds), { numRuns: 250 });
});

test('what is changed in one of two files is compared and imported without a crash, and the result is YAML', () => {
  const side = (name: 'a' | 'b', source: string, script: string): HostFiles => ({
    side: name,
    name,
    address: null,
    conf: parseKeepalivedConf(source, `${name}.conf`, () => [], { limits: SMALL }),
    mycnf: [{ file: 'my.cnf', text: script }],
    scripts: [{ file: 'mysql_check.sh', text: script }],
  });
  fc.assert(
    fc.property(published, published, fc.string({ maxLength: 300, unit: 'binary' }), (a, b, script) => {
      const options = { pair: null, vipPrefix: null, gateway: null };
      const { text, complete, missing } = importPair(side('a', a, script), side('b', b, script), options);
      const parsed = parsePair(text, 'pair.yaml');
      expect(complete).toBe(parsed.ok);
      expect(complete && missing.length > 0).toBe(false);
      // Whatever stands in the files, the result is YAML of the sections that were written, each once.
      if (!parsed.ok) expect(parsed.findings.map((f) => f.code)).not.toContain('yaml-syntax');
    }),
    { numRuns: 100 },
  );
});
