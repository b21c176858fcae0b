// `config import` as an operator meets it: real processes, their output, the file that they write, and exit codes.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadPair } from '../config/load.ts';

const LAUNCHER = fileURLToPath(new URL('../../twinkeep', import.meta.url));
const CASES = fileURLToPath(new URL('../../test/cases', import.meta.url));
const files = (name: string) => [
  '--a',
  `${CASES}/keepalived/${name}/a/keepalived.conf`,
  '--b',
  `${CASES}/keepalived/${name}/b/keepalived.conf`,
];

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'twinkeep-import-'));
  writeFileSync(join(dir, 'empty.conf'), 'global_defs {\n}\n');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function twinkeep(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(LAUNCHER, ['config', ...args], { cwd: dir, encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('what the files do not say is asked for by the option that says it, and ends with 1; with it the result passes the check', () => {
  const asked = twinkeep('import', ...files('one-vip'));
  expect(asked.status).toBe(1);
  expect(asked.stderr).toMatch(/^to fill in: nodes\.a\.address: .*\(--node-a a=192\.0\.2\.11\)$/m);
  expect(asked.stdout).toMatch(/^ {4}address: FILL-IN {3}# FILL IN: /m);
  writeFileSync(join(dir, 'asked.yaml'), asked.stdout);
  expect(twinkeep('check', 'asked.yaml').stderr).toMatch(
    /asked\.yaml:\d+:\d+: nodes\.a\.address must be an IPv4 or IPv6 address/,
  );

  const nodes = [
    '--node-a',
    'db1=172.30.23.11',
    '--node-b',
    'db2=172.30.23.12',
    '--pair',
    'shop',
    '--vip-prefix',
    '24',
  ];
  const done = twinkeep(
    'import',
    ...files('one-vip'),
    ...nodes,
    '--gateway',
    '172.30.23.1',
    '-o',
    'pair.yaml',
  );
  expect({ status: done.status, stdout: done.stdout }).toEqual({ status: 0, stdout: '' });
  expect(done.stderr).toContain('complete: pair.yaml is a valid pair.yaml');
  expect(twinkeep('check', 'pair.yaml')).toMatchObject({ status: 0, stderr: '' });
  expect(loadPair(join(dir, 'pair.yaml'))).toMatchObject({
    ok: true,
    config: {
      pair: 'shop',
      nodes: [{ name: 'db1' }, { name: 'db2' }],
      vips: { write: [{ address: '172.30.23.200', prefix: 24 }] },
      failover: { gateway: '172.30.23.1' },
      vrrp: { authentication: { type: 'pass', passwordFile: join(dir, 'vrrp.password') } },
    },
  });
});

test('a file that is there stays as it is without --force; --dry-run writes nothing', () => {
  const target = join(dir, 'mine.yaml');
  writeFileSync(target, 'mine\n', { mode: 0o600 });
  const refused = twinkeep('import', ...files('gtid-pair'), '-o', 'mine.yaml');
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('mine.yaml is there already, and nothing was written');
  expect(readFileSync(target, 'utf8')).toBe('mine\n');
  const dry = twinkeep('import', ...files('gtid-pair'), '-o', 'other.yaml', '--dry-run');
  expect([dry.status, existsSync(join(dir, 'other.yaml'))]).toEqual([0, false]);
  expect(dry.stdout).toContain('pair: mysql-23');
  expect(twinkeep('import', ...files('gtid-pair'), '-o', 'mine.yaml', '--force').status).toBe(0);
  expect(readFileSync(target, 'utf8')).toBe(dry.stdout);
});

test('disagreements and what a pair cannot live with are shown with their places, on stderr; passwords are nowhere', () => {
  const scripts = ['mysql_check.sh', 'mysql_down.sh'].map(
    (name) => `${CASES}/keepalived/check-scripts/${name}`,
  );
  const { status, stdout, stderr } = twinkeep(
    'import',
    ...files('check-scripts'),
    ...[
      '--mycnf-a',
      `${CASES}/mysql/position-pair.cnf`,
      '--check-script-a',
      ...scripts,
      '--check-script-b',
      ...scripts,
    ],
  );
  expect(status).toBe(0);
  expect(stderr).toMatch(/position-pair\.cnf:7:1: slave_skip_errors = all: /);
  expect(stderr).toMatch(/position-pair\.cnf:4:1: binlog_ignore_db = /);
  const typed = twinkeep('import', ...files('gtid-pair'));
  expect(typed.stderr).toMatch(
    /gtid-pair\/a\/keepalived\.conf:39:9: 192\.168\.11\.100 is taken for a typing error: 192\.168\.91\.100 \(.*b\/keepalived\.conf:39\)/,
  );
  expect(stdout + stderr + typed.stdout + typed.stderr).not.toMatch(/123456a|\b1111\b/);
});

test('a result that is no valid pair is shown with its own lines', () => {
  writeFileSync(join(dir, 'pair.yaml'), 'another one\n');
  const nodes = ['--node-a', 'a=10.1.0.1', '--node-b', 'b=10.1.0.2', '--vip-prefix', '24'];
  const { status, stderr } = twinkeep('import', ...files('one-vip'), ...nodes, '--dry-run');
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /pair\.yaml:\d+:\d+: the VIP 172\.30\.23\.200\/24 is not in one network with a \(10\.1\.0\.1\).*\n +\d+ \| +write: \[172/,
  );
  expect(stderr).toContain('the result is not valid');
});

test('--json gives the text, what is missing and the findings to a program', () => {
  const { status, stdout } = twinkeep('import', ...files('read-write-vips'), '--json');
  expect(status).toBe(1);
  const answer = JSON.parse(stdout);
  expect(answer).toMatchObject({
    complete: false,
    file: null,
    missing: [{ path: 'nodes.a.address' }, { path: 'nodes.b.address' }],
  });
  expect(answer.text).toContain('write: [172.30.23.200/32]');
  expect(answer.findings.map((f: { code: string }) => f.code)).toContain('blank-lookalike');
});

test.each([
  [['import', '--a', 'x'], 2, "required option '--b <file>'"],
  [['import', '--a', 'none.conf', '--b', 'empty.conf'], 1, 'none.conf does not exist'],
  [['import', '--a', 'empty.conf', '--b', './empty.conf'], 2, 'name the same file'],
  [['import', ...files('one-vip'), '--node-a', 'DB 1=10.0.0.1'], 2, 'NAME=ADDRESS'],
  [['import', ...files('one-vip'), '--node-a', 'a=10.0.0.300'], 2, 'is no IP address'],
  [['import', ...files('one-vip'), '--node-a', 'x', '--node-b', 'x'], 2, 'both nodes are called x'],
  [['import', ...files('one-vip'), '--vip-prefix', 'wide'], 2, 'for example 24'],
  [['import', ...files('one-vip'), '--mycnf-a', 'none.cnf'], 1, 'the my.cnf none.cnf does not exist'],
  [['import', ...files('gtid-pair'), '-o', 'nowhere/pair.yaml'], 1, 'nowhere/pair.yaml cannot be written'],
])('%j ends with %i and says why', (args, status, why) => {
  const answer = twinkeep(...args);
  expect(answer.status).toBe(status);
  expect(answer.stderr).toContain(why);
});

test('a file without an instance is no half of a pair', () => {
  const [, a = ''] = files('one-vip');
  const { status, stderr } = twinkeep('import', '--a', a, '--b', 'empty.conf');
  expect(status).toBe(1);
  expect(stderr).toContain('empty.conf has no vrrp_instance');
});
