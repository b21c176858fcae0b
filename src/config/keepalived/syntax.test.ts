// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is keepalived's own syntax here
import { describe, expect, test } from 'vitest';
import { type ParseOptions, parseKeepalivedConf } from './parse.ts';
import { renderTree } from './render.ts';

const NO_FILES = () => [];

function parse(lines: string | readonly string[], options: ParseOptions = {}) {
  const text = typeof lines === 'string' ? lines : lines.join('\n');
  return parseKeepalivedConf(text, '/etc/k/k.conf', NO_FILES, options);
}

const tree = (lines: string | readonly string[], options?: ParseOptions) =>
  renderTree(parse(lines, options).tree).trimEnd().split('\n').filter(Boolean);
const codes = (lines: string | readonly string[]) =>
  parse(lines).findings.map((f) => `${f.line}:${f.column} ${f.code}`);

// What comes out was compared with the real daemon (2.2.7): it names the words that it does not know.
describe('comments and quotes', () => {
  test('! and # start a comment anywhere outside of double quotes', () => {
    expect(tree(['! all', 'a # b', 'c "x # y" d ! e', "f 'x # y'"])).toEqual(['a', 'c "x # y" d', "f 'x"]);
  });
  test('an escaped # is part of the word', () => {
    expect(tree('auth_pass ab\\#cd e')).toEqual(['auth_pass ab#cd e']);
  });
  test('a # inside a password cuts it, as keepalived does', () => {
    expect(tree('auth_pass ab#cd')).toEqual(['auth_pass ab']);
  });
  test('a quoted text that is not closed is reported where it opens', () => {
    expect(codes('router_id "a b')).toContain('1:11 quote-open');
  });
  test('an empty quoted word is a word', () => {
    expect(tree('a "" b')).toEqual(['a "" b']);
  });
});

describe('braces', () => {
  const whole = ['vrrp_instance vi {', '  virtual_ipaddress {', '    10.0.0.9', '  }', '}'];
  test.each([
    ['with a blank', 'vrrp_instance vi {\nvirtual_ipaddress {\n10.0.0.9\n}\n}'],
    ['without a blank', 'vrrp_instance vi{\nvirtual_ipaddress{\n10.0.0.9}}'],
    ['in the next line', 'vrrp_instance vi\n{\nvirtual_ipaddress\n\n{\n10.0.0.9\n}\n}'],
    ['all in one line', 'vrrp_instance vi { virtual_ipaddress { 10.0.0.9 } }'],
  ])('a block opens %s', (_how, text) => {
    expect(tree(text)).toEqual(whole);
  });
  test('braces in double quotes are text, in single quotes they are not', () => {
    expect(tree('a "x{y"')).toEqual(['a x{y']);
    expect(tree("a 'x{\nb\n}")).toEqual(["a 'x {", '  b', '}']);
  });
  test('a block that is not closed is reported at its {', () => {
    expect(codes('global_defs {\n router_id a\n')).toEqual(['1:13 brace-open']);
  });
  test('a } that is forgotten is found at the next keyword of the top', () => {
    const { findings, tree: found } = parse(
      'vrrp_instance a {\n virtual_ipaddress {\n 10.0.0.9\n}\nglobal_defs {\n}\n',
    );
    const open = findings.find((f) => f.code === 'brace-open');
    expect(open).toMatchObject({ line: 1, column: 17, hint: 'add the } before line 5' });
    expect(found.map((s) => s.keyword)).toEqual(['vrrp_instance', 'global_defs']);
  });
  test('a } too many is reported', () => {
    expect(codes('global_defs {\n}\n}')).toEqual(['3:1 brace-extra']);
  });
  test('a { without a keyword is reported, and its } closes it and nothing else', () => {
    expect(codes('global_defs { {\n}\n}')).toEqual(['1:15 brace-unexpected']);
  });
});

describe('parameters', () => {
  test('replace $NAME before a blank, a comma or the end, and ${NAME} anywhere', () => {
    expect(tree(['$A=foo', '$A', '${A}bar', '$A,x', '$Abar', '$B c'])).toEqual([
      'foo',
      'foobar',
      'foo,x',
      '$Abar',
      '$B c',
    ]);
  });
  test('a blank before the = makes it no definition', () => {
    expect(tree(['$A = foo', '$A x'])).toEqual(['$A = foo', '$A x']);
  });
  test('are looked up late, so a value may name what is defined after it', () => {
    expect(tree(['$X=10.2.${S}', '$S=0', '${X}.1', '$S=7', '${X}.1'])).toEqual(['10.2.0.1', '10.2.7.1']);
  });
  test('of several lines become these lines, at the end of a line only', () => {
    expect(tree(['$M= \\', 'foo1 \\', 'foo2 $P \\', 'foo3', '$P=9', '$M', 'x $M z'])).toEqual([
      'foo1',
      'foo2 9',
      'foo3',
      'x $M z',
    ]);
  });
  test('of several lines may start behind the =', () => {
    expect(tree(['$M=foo0 \\', 'foo1', '$M'])).toEqual(['foo0', 'foo1']);
  });
  test('of several lines end at an empty line', () => {
    expect(tree(['$M= \\', 'foo1 \\', '', 'foo2', '$M'])).toEqual(['foo2', 'foo1']);
  });
  test('of several lines stand in each other and set parameters', () => {
    const text = [
      '$R= \\',
      'r${N} \\',
      'rr',
      '$V= \\',
      'v1 \\',
      '$N=1 \\',
      '$R \\',
      '$N=2 \\',
      '$R \\',
      'v2',
      '$V',
    ];
    expect(tree(text)).toEqual(['v1', 'r1', 'rr', 'r2', 'rr', 'v2']);
  });
  test('of several lines may hold blocks', () => {
    expect(tree(['$I= \\', 'vrrp_instance v${N} { \\', 'priority 9 \\', '}', '$N=1', '$I'])).toEqual([
      'vrrp_instance v1 {',
      '  priority 9',
      '}',
    ]);
  });
  test('that keepalived defines itself', () => {
    expect(tree(['a ${_HASH}x ${_BANG}', '${_PWD}', '${_INSTANCE}'], { configId: 'h1' })).toEqual([
      'a #x !',
      '/etc/k',
      'h1',
    ]);
    expect(tree('a${_RANDOM 5 7}', { random: (min, max) => min + max })).toEqual(['a12']);
  });
  test('that are not defined are reported, and do not open a block', () => {
    expect(codes('router_id a${NOPE}')).toContain('1:12 parameter-undefined');
    expect(tree('router_id a${NOPE}')).toEqual(['router_id a${NOPE}']);
  });
  test('keep the place of what was typed', () => {
    const [finding] = parse(['$PRIO=300', 'vrrp_instance v {', ' priority $PRIO', '}']).findings.filter(
      (f) => f.code === 'value',
    );
    expect(finding).toMatchObject({ line: 1, column: 7 });
  });
  test('a parameter that names itself ends, with a finding', () => {
    expect(codes(['$A=$A', '$A x'])).toContain('2:1 parameter-recursion');
    expect(codes(['$A=$B $B', '$B=$A $A', '$A x'])).toContain('3:1 parameter-recursion');
  });
});

test('the first line of several may be for another host, a definition or a sequence', () => {
  expect(tree(['$M= \\', '@two a \\', 'b', '$M'], { configId: 'one' })).toEqual(['b']);
  expect(tree(['$M= \\', '$X=1 \\', 'b $X', '$M'])).toEqual(['b 1']);
  expect(tree(['$M= \\', '~SEQ(X,1,2) a$X \\', 'b', '$M'])).toEqual(['a1', 'a2', 'b']);
});

describe('lines for one host', () => {
  const lines = ['@one a', '@^one b', '@two $X=2', '@one $X=1', 'c $X', '@ d', '@one'];
  test('@id keeps the line on that host and @^id on the others', () => {
    expect(tree(lines, { configId: 'one' })).toEqual(['a', 'c 1']);
    expect(tree(lines, { configId: 'two' })).toEqual(['b', 'c 2']);
  });
  test('a parameter may make a line conditional', () => {
    expect(tree(['$M=@one', '$M a', '$M b'], { configId: 'two' })).toEqual([]);
  });
});

describe('sequences', () => {
  test('~SEQ counts from start to end, down too', () => {
    expect(tree(['~SEQ(X,1,3) a$X', '~SEQ(X,2) a${X}'])).toEqual(['a1', 'a2', 'a3', 'a1', 'a2']);
    expect(tree('~SEQ(W,3,1) d${W}')).toEqual(['d3', 'd2', 'd1']);
    expect(tree('~SEQ(W,168,2,172) d${W}')).toEqual(['d168', 'd170', 'd172']);
  });
  test('~SEQx counts in hexadecimal', () => {
    expect(tree('~SEQx(Z, 0x90, 0x10, 0xb0) fe80::${Z}')).toEqual(['fe80::90', 'fe80::a0', 'fe80::b0']);
  });
  test('sequences stand in each other, and repeat parameters of several lines', () => {
    expect(tree('~SEQ(X,1,2) ~SEQ(Y,1,2) b${X}${Y}')).toEqual(['b11', 'b12', 'b21', 'b22']);
    expect(tree(['$R= \\', 'r${I} \\', 'rr${I}', '~SEQ(I,1,2) $R'])).toEqual(['r1', 'rr1', 'r2', 'rr2']);
  });
  test('~LST takes values and groups of values', () => {
    expect(tree('~LST(X,a,b) foo${X}')).toEqual(['fooa', 'foob']);
    expect(tree('~LST({P, Q}, {1,2},{3,4}) z${P}q${Q}')).toEqual(['z1q2', 'z3q4']);
  });
  test.each([
    '~SEQ(X,1,0,3) a',
    '~SEQ(X,1,-1,3) a',
    '~SEQ() a',
    '~SEQ(X,a) b',
    '~SEQ(X,1',
    '~LST(X) a',
    '~LST({A,B},1) a',
    '~LST(V, one two) k',
    '~FOO(1) a',
  ])('%s is reported', (text) => expect(codes(text)).toEqual(['1:1 sequence']));
});

describe('includes', () => {
  const files: Record<string, string> = {
    'x/a.conf': 'router_id ${ID}\ninclude b.conf',
    'b.conf': ' bogus',
    'loop.conf': 'include loop.conf',
  };
  const read = (pattern: string) =>
    pattern in files ? [{ file: `/etc/k/${pattern}`, text: files[pattern] ?? '' }] : [];
  const included = (text: string) => parseKeepalivedConf(text, '/etc/k/k.conf', read);
  test('are read in their place, with the parameters so far, and findings name their file', () => {
    const { findings, config } = included('$ID=me\nglobal_defs {\n include x/a.conf\n}');
    expect(config.global.routerId).toBe('me');
    expect(findings).toMatchObject([{ file: '/etc/k/b.conf', line: 1, column: 2, code: 'unknown-keyword' }]);
  });
  test('a missing file is a warning, and an error where the line asks for it', () => {
    expect(included('include no.conf').findings).toMatchObject([
      { code: 'include-missing', severity: 'warning' },
    ]);
    expect(included('includea no.conf').findings).toMatchObject([
      { code: 'include-required', severity: 'error' },
    ]);
  });
  test('a file that includes itself ends, with a finding', () => {
    expect(included('include loop.conf').findings).toMatchObject([{ code: 'include-depth' }]);
  });
});

test('characters that only look like a blank are reported once and read as blanks', () => {
  const { findings, config } = parse(['\u00a0', 'global_defs {', '\u00a0 router_id\u00a0me', '}']);
  expect(findings.map((f) => f.code)).toEqual(['blank-lookalike']);
  expect(config.global.routerId).toBe('me');
});
