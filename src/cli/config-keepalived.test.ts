// `config check` of keepalived.conf files as an operator meets it: real processes, their output and exit codes.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const LAUNCHER = fileURLToPath(new URL('../../twinkeep', import.meta.url));
const CASES = fileURLToPath(new URL('../../test/cases/keepalived', import.meta.url));
const GOOD = `vrrp_instance VI_1 {
  interface h5none0
  virtual_router_id 51
  priority 100
  authentication {
    auth_type PASS
    auth_pass hunter2
  }
  virtual_ipaddress {
    192.0.2.100/24
  }
}
`;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'twinkeep-check-'));
  const save = (name: string, text: string) => writeFileSync(join(dir, name), text);
  save('keepalived.conf', GOOD);
  save('other.conf', GOOD.replace('100\n', '90\n').replace('0.2.100', '0.3.100'));
  save('long.conf', GOOD.replace('hunter2', 'hunter2andmore'));
  save('steering.conf', `global_defs {\n}\n\u001b[31mroot\u202e 7 {\n}\n`);
  save('pair.conf', 'pair: shop\nnodes: {}\n');
  save('check.sh', '#!/bin/sh\nmysqladmin -uroot -psecret77 ping || pkill keepalived\nexit 1\n');
  chmodSync(join(dir, 'check.sh'), 0o755);
  const script = `vrrp_script chk {\n  script "${join(dir, 'check.sh')}"\n  interval 2\n}\n`;
  save(
    'script.conf',
    `global_defs {\n  enable_script_security\n  script_user root\n}\n${script}${GOOD.replace('  priority', '  track_script {\n    chk\n  }\n  priority')}`,
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function check(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(LAUNCHER, ['config', 'check', ...args], {
    cwd: dir,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('a file without mistakes is valid, whether its name or its content tells what it is', () => {
  expect(check('keepalived.conf')).toMatchObject({ status: 0, stderr: '' });
  expect(check('other.conf').stdout).toBe('valid: other.conf: VI_1 (id 51, priority 90, 192.0.3.100)\n');
  expect(check('pair.conf').stderr).toContain('vips.write is missing');
  expect(check('other.conf', '--as', 'pair').status).toBe(1);
});

test("a difference from the other host's file is a mistake that names both places", () => {
  const { status, stderr } = check('keepalived.conf', '--peer', 'other.conf');
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^keepalived\.conf:10:5: 192\.0\.2\.100 is in this file only.* 192\.0\.3\.100 \(other\.conf:10\)/m,
  );
  expect(stderr).toContain('keepalived.conf has one mistake');
});

test('passwords are masked in what is shown, of the file and of its scripts', () => {
  const long = check('long.conf');
  expect(long.status).toBe(1);
  expect(long.stderr).toMatch(
    /long\.conf:7:15: a VRRP password has at most 8 characters.*\n +7 \| +auth_pass \*\*\*\n/,
  );
  const script = check('script.conf', '--on-this-host');
  expect(script.stderr).toMatch(/check\.sh:2:1[0-9]: warning: the password goes over the command line/);
  expect(script.stderr).toMatch(/check\.sh:2:\d+: warning: vrrp_script chk ends keepalived itself/);
  expect(script.stderr).toMatch(/script\.conf:1\d:\d+: this host has no interface h5none0/);
  expect(long.stderr + script.stderr).not.toMatch(/hunter2|secret77/);
});

test('nothing but warnings ends with 0; --json gives both kinds to a program', () => {
  const { status, stdout } = check('script.conf', '--json');
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, findings: [], warnings: [] });
  const published = check(`${CASES}/check-scripts/a/keepalived.conf`, '--no-on-this-host', '--json');
  expect(published.status).toBe(1);
  const answer = JSON.parse(published.stdout);
  expect(answer.findings.map((f: { code: string }) => f.code)).toEqual(
    expect.arrayContaining(['script-security', 'unknown-keyword']),
  );
  expect(answer.warnings.map((f: { code: string }) => f.code)).toContain('ip-vs');
});

test.each([
  [['none/keepalived.conf'], 1, 'the configuration file none/keepalived.conf does not exist'],
  [['keepalived.conf', '--peer', 'none.conf'], 1, 'none.conf does not exist'],
  [['.', '--as', 'keepalived'], 1, 'is a folder'],
  [['steering.conf'], 1, '�[31mroot� 7 '],
  [['pair.conf', '--peer', 'keepalived.conf'], 2, 'are for a keepalived.conf'],
  [['keepalived.conf', '--as', 'ini'], 2, 'keepalived, pair'],
])('%j ends with %i and says why', (args, status, why) => {
  const answer = check(...args);
  expect(answer.status).toBe(status);
  expect(answer.stderr).toContain(why);
});
