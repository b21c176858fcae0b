import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OperatorError } from '../core/error.ts';
import { loadPair } from './load.ts';
import { readSecret } from './secret.ts';

const TEXT = `pair: shop
nodes:
  a: { address: 192.0.2.11, interface: eth0 }
  b: { address: 192.0.2.12, interface: eth0 }
vips: { write: [192.0.2.100/24] }
mysql: { admin: { passwordFile: /etc/twinkeep/admin.password } }
vrrp: { version: 2, authentication: { type: pass, passwordFile: ../vrrp.password } }
notify: { scripts: { fault: bin/on-fault } }
stateDir: state
`;

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'twinkeep-load-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function failure(action: () => unknown): OperatorError {
  try {
    action();
  } catch (error) {
    if (error instanceof OperatorError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

test('relative paths start at the folder of the file, absolute ones stay', () => {
  mkdirSync(join(dir, 'etc'));
  const file = join(dir, 'etc', 'pair.yaml');
  writeFileSync(file, TEXT);
  const parsed = loadPair(file);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.findings));
  const { config } = parsed;
  expect(config.file).toBe(file);
  expect(config.secretFile).toBe(join(dir, 'etc/pair.key'));
  expect(config.api.tokenFile).toBe(join(dir, 'etc/api.token'));
  expect(config.mysql.replication.passwordFile).toBe(join(dir, 'etc/repl.password'));
  expect(config.mysql.admin.passwordFile).toBe('/etc/twinkeep/admin.password');
  expect(config.vrrp.authentication).toEqual({ type: 'pass', passwordFile: join(dir, 'vrrp.password') });
  expect(config.notify?.scripts).toEqual({
    writer: null,
    standby: null,
    fault: join(dir, 'etc/bin/on-fault'),
  });
  expect(config.stateDir).toBe(join(dir, 'etc/state'));
});

test('findings name the file as it was typed', () => {
  const file = join(dir, 'pair.yaml');
  writeFileSync(file, 'pair: 1.5\n');
  const parsed = loadPair(file);
  expect(parsed.ok).toBe(false);
  if (!parsed.ok) expect(new Set(parsed.findings.map((f) => f.file))).toEqual(new Set([file]));
});

test('a missing file and a folder are told apart', () => {
  expect(failure(() => loadPair(join(dir, 'none.yaml'))).code).toBe('config-missing');
  expect(failure(() => loadPair(dir))).toMatchObject({
    code: 'config-unreadable',
    hint: expect.stringContaining('pair.yaml'),
  });
});

test('a secret loses one newline, and nothing else', () => {
  const file = join(dir, 'secret');
  writeFileSync(file, ' two words \n', { mode: 0o600 });
  expect(readSecret(file, 'password')).toEqual({ value: ' two words ', warning: null });
  writeFileSync(file, 'no newline');
  expect(readSecret(file, 'password').value).toBe('no newline');
});

test('a secret that everyone may read is a warning that does not show it', () => {
  const file = join(dir, 'secret');
  writeFileSync(file, 'hunter2\n');
  chmodSync(file, 0o644);
  const { warning } = readSecret(file, 'password of the admin account');
  expect(warning).toContain('chmod 600');
  expect(warning).not.toContain('hunter2');
  chmodSync(file, 0o640);
  expect(readSecret(file, 'password').warning).toBeNull();
});

test.each([
  ['', 'secret-empty'],
  ['\n', 'secret-empty'],
  ['hunter2\nhunter3\n', 'secret-malformed'],
  ['h'.repeat(5_000), 'secret-malformed'],
])('a secret file that holds %j is refused without showing it', (content, code) => {
  const file = join(dir, 'secret');
  writeFileSync(file, content);
  const error = failure(() => readSecret(file, 'password'));
  expect(error.code).toBe(code);
  expect(`${error.message} ${error.hint}`).not.toContain('hunter2');
});

test('a missing secret names the verb that makes it', () => {
  const error = failure(() => readSecret(join(dir, 'none'), 'password of the admin account'));
  expect(error.code).toBe('secret-missing');
  expect(error.message).toContain('password of the admin account');
  expect(error.hint).toContain('twinkeep setup');
});
