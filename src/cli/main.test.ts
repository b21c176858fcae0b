// The command line as an operator meets it: real processes, their output and exit codes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const LAUNCHER = fileURLToPath(new URL('../../twinkeep', import.meta.url));
const GOOD = `pair: shop
nodes:
  a: { address: 192.0.2.11, interface: eth0 }
  b: { address: 192.0.2.12, interface: eth0 }
vips: { write: [192.0.2.100/24] }
`;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'twinkeep-cli-'));
  writeFileSync(join(dir, 'pair.yaml'), GOOD);
  writeFileSync(join(dir, 'later.yaml'), `${GOOD}proxy: { workers: 2 }\n`);
  writeFileSync(
    join(dir, 'bad.yaml'),
    `${GOOD}mysql: { password: hunter2, prot: 3306 }\nvrrp: { id: 300 }\n`,
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function twinkeep(args: readonly string[], env: Record<string, string> = {}) {
  const { TWINKEEP_CONFIG: _, ...inherited } = process.env;
  const { status, stdout, stderr } = spawnSync(LAUNCHER, args, {
    cwd: dir,
    encoding: 'utf8',
    env: { ...inherited, ...env },
  });
  return { status, stdout, stderr };
}

test('--help lists every verb, the exit codes and an example, and ends with 0', () => {
  const { status, stdout } = twinkeep(['--help']);
  expect(status).toBe(0);
  for (const word of [
    'setup',
    'agent',
    'status',
    'why',
    'events',
    'switchover',
    'maintenance',
    'promote',
    'config',
    'lab',
    'drill',
    'Exit codes',
    'Examples',
  ]) {
    expect(stdout).toContain(word);
  }
});

test.each([
  [['config', '--help']],
  [['config', 'check', '--help']],
  [['config', 'render', '--help']],
  [['config', 'show', '--help']],
  [['help', 'config']],
  [['why', '--help']],
  [['events', '--help']],
  [['maintenance', '--help']],
  [['promote', '--help']],
])('%j gives an example and the exit codes', (args) => {
  const { status, stdout } = twinkeep(args);
  expect(status).toBe(0);
  expect(stdout).toMatch(/Examples?:/);
  expect(stdout).toContain('Exit codes');
});

test.each([
  [[]],
  [['confg']],
  [['config', 'chek']],
  [['config', 'check', '--colour']],
  [['config', 'render', 'ini']],
  [['config', 'show', '--config']],
  [['why', 'aa']],
  [['why', '--since', 'soon']],
  [['events', '--level', 'loud']],
  [['maintenance', 'maybe']],
  [['maintenance', 'off', '--reason', 'done']],
  [['promote', '--to', 'b']],
  [['promote', '--force', '--to', 'c']],
  [['switchover', '--to', 'c']],
])('wrong usage %j ends with 2, and says what is wrong on stderr', (args) => {
  const { status, stdout, stderr } = twinkeep(args);
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).not.toBe('');
});

test('a valid file is said to be valid, with 0, by argument, option, environment and default place', () => {
  for (const args of [['pair.yaml'], ['--config', 'pair.yaml'], []]) {
    const { status, stdout, stderr } = twinkeep(['config', 'check', ...args]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('valid: pair.yaml: pair shop of a (192.0.2.11');
  }
  expect(twinkeep(['config', 'check'], { TWINKEEP_CONFIG: 'bad.yaml' }).status).toBe(1);
});

test('every mistake is shown with file:line:column, the line, a caret below it, and the mend; secrets are masked', () => {
  const { status, stdout, stderr } = twinkeep(['config', 'check', 'bad.yaml']);
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^bad\.yaml:6:10: `password` is refused/m);
  expect(stderr).toMatch(
    /^bad\.yaml:6:29: there is no key `prot` in mysql\n +6 \| mysql: { password: \*\*\*, prot: 3306 }\n +\| {25}\^\n +did you mean `port`\?/m,
  );
  expect(stderr).toMatch(/^bad\.yaml:7:13: vrrp\.id must be/m);
  expect(stderr).toContain('bad.yaml has 3 mistakes');
  expect(stderr).not.toContain('hunter2');
  expect(stderr).not.toContain('\u001b');
});

test('--json gives the same findings to a program, on stdout', () => {
  const { status, stdout } = twinkeep(['config', 'check', 'bad.yaml', '--json']);
  expect(status).toBe(1);
  const answer = JSON.parse(stdout);
  expect(answer.ok).toBe(false);
  expect(answer.findings.map((f: { line: number; code: string }) => [f.line, f.code])).toEqual([
    [6, 'secret-in-file'],
    [6, 'unknown-key'],
    [7, 'wrong-value'],
  ]);
  const refused = JSON.parse(twinkeep(['config', 'show', '--config', 'bad.yaml', '--json']).stdout);
  expect(refused.error).toMatchObject({ code: 'config-invalid', findings: { length: 3 } });
});

test('a missing file is refused in one sentence and a hint', () => {
  const { status, stderr } = twinkeep(['config', 'check', 'none.yaml']);
  expect(status).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(2);
});

test('a key that is not served yet is a warning, and the file is valid', () => {
  const { status, stdout, stderr } = twinkeep(['config', 'check', 'later.yaml']);
  expect(status).toBe(0);
  expect(stdout).toContain('valid:');
  expect(stderr).toMatch(
    /^later\.yaml:6:8: warning: proxy is understood but not served by this version yet/m,
  );
});

test('config show is itself a valid file, which shows the same', () => {
  const { stdout } = twinkeep(['config', 'show']);
  writeFileSync(join(dir, 'shown.yaml'), stdout);
  expect(twinkeep(['config', 'show', '--config', 'shown.yaml'])).toEqual({ status: 0, stdout, stderr: '' });
});

test('config render prints the settings of the node that is named, and of no other host', () => {
  expect(twinkeep(['config', 'render', 'my.cnf', '--node', 'b']).stdout).toMatch(/^server_id = 512$/m);
  const elsewhere = twinkeep(['config', 'render', 'my.cnf']);
  expect(elsewhere.status).toBe(1);
  expect(elsewhere.stderr).toContain('choose one with --node');
  expect(twinkeep(['config', 'render', 'my.cnf', '--node', 'c']).stderr).toContain(
    'a (192.0.2.11) and b (192.0.2.12)',
  );
});
