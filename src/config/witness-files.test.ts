import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readWitnessFiles } from './witness-files.ts';

const dir = mkdtempSync(join(tmpdir(), 'tk-witness-'));
afterAll(() => rmSync(dir, { recursive: true }));

const none = {
  etcd: ['https://w:2379'],
  caFile: null,
  certFile: null,
  keyFile: null,
  user: null,
  passwordFile: null,
};

function file(name: string, text: string): string {
  writeFileSync(join(dir, name), text, { mode: 0o600 });
  return join(dir, name);
}

test('only what is named is read', () => {
  expect(readWitnessFiles(none)).toEqual({ tls: {}, account: undefined });
  const pem = '-----BEGIN CERTIFICATE-----\n';
  const all = {
    ...none,
    caFile: file('ca', `${pem}1`),
    certFile: file('cert', `${pem}2`),
    keyFile: file('key', `${pem}3`),
    user: 'tk',
    passwordFile: file('password', 'hunter2\n'),
  };
  expect(readWitnessFiles(all)).toEqual({
    tls: { ca: `${pem}1`, cert: `${pem}2`, key: `${pem}3` },
    account: { user: 'tk', password: 'hunter2' },
  });
});

test('a file that is missing or holds something else is refused with its key, and nothing of it is shown', () => {
  expect(() => readWitnessFiles({ ...none, caFile: join(dir, 'nowhere') })).toThrow(
    /witness\.caFile cannot be read.*nowhere/,
  );
  expect(() => readWitnessFiles({ ...none, keyFile: file('der', 'hunter2') })).toThrow(
    /witness\.keyFile names .*holds no PEM$/,
  );
  expect(() => readWitnessFiles({ ...none, user: 'tk', passwordFile: join(dir, 'nowhere') })).toThrow(
    expect.objectContaining({ code: 'secret-missing', hint: expect.stringContaining('etcdctl user add') }),
  );
});
