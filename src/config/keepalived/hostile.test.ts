// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is keepalived's own syntax here
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as limits from './limits.ts';
import { exitStatus, parseKeepalivedConf } from './parse.ts';
import { listKeywords } from './schema/index.ts';

const parse = (text: string) =>
  parseKeepalivedConf(text, 'k.conf', () => [{ file: 'i.conf', text: 'include i.conf\n$A=${A}x\n' }]);
const codes = (text: string) => new Set(parse(text).findings.map((f) => f.code));

describe('no file hangs the parser or fills the memory', { timeout: 120_000 }, () => {
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
    expect(codes(`$A=\${A}\n${'a ${A} b\n'.repeat(50_000)}`)).toContain('too-much-text');
  });
  test('a file of several megabytes, in one line or in many', () => {
    expect(codes('x'.repeat(limits.FILE_CHARACTERS_MAX + 1))).toContain('file-too-big');
    expect(codes('x'.repeat(1_000_000))).toContain('line-too-long');
    expect(codes('a b\n'.repeat(limits.FILE_CHARACTERS_MAX / 4 - 1))).toContain('too-many-lines');
    expect(parse('"a" '.repeat(4000)).findings.length).toBeGreaterThan(0);
  });
  test('a megabyte of instances is read whole', () => {
    const one = (i: number) =>
      `vrrp_instance v${i} {\n interface e${i}\n virtual_router_id ${(i % 255) + 1}\n virtual_ipaddress {\n 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/24\n }\n}\n`;
    const { config, findings } = parse(Array.from({ length: 9000 }, (_, i) => one(i)).join(''));
    expect(config.instances).toHaveLength(9000);
    expect(exitStatus(findings)).toBe(0);
  });
  test('lines full of escapes, of braces and of parameters that nobody defined', () => {
    const full = (piece: string) =>
      `${piece.repeat(Math.floor(limits.LINE_CHARACTERS_MAX / piece.length))}\n`.repeat(60);
    expect(codes(full('${a}'))).toContain('parameter-undefined');
    expect(codes(full('\\#{}'))).toContain('unknown-keyword');
    expect(codes(full('\\# '))).toContain('unknown-keyword');
    expect(codes(full('{}'))).toContain('brace-unexpected');
    expect(parse(full('@^x ')).tree).toEqual([]);
  });
  test('lines of a parameter that make nothing, twice in each other', () => {
    const lines = `@nobody a \\\n`.repeat(20_000);
    expect(codes(`$M= \\\n${lines}$M \\\n$M\n\n$M\n`)).toContain('too-much-text');
  });
  test('blocks that never end', () => {
    expect(codes('a {'.repeat(4000))).toContain('too-deep');
    expect(codes('global_defs {\n'.repeat(4000))).toContain('brace-open');
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

test('any text gives a configuration, and findings that stand in the text', { timeout: 120_000 }, () => {
  const text = fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...PIECES) },
        fc.string({ maxLength: 6, unit: 'binary' }),
      ),
      { maxLength: 80 },
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (source) => {
      const { findings, config } = parse(source);
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
      expect(config.global.vrrpVersion === 2 || config.global.vrrpVersion === 3).toBe(true);
    }),
    { numRuns: 1500 },
  );
});
