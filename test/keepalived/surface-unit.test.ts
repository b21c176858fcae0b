// The systemd unit of the drop-in, looked over by systemd itself.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readCommandLine } from '../../src/cli/keepalived-options.ts';

const UNIT = resolve(import.meta.dirname, '../../packaging/keepalived/twinkeep-keepalived.service');
const text = readFileSync(UNIT, 'utf8');

test.skipIf(spawnSync('systemd-analyze', ['--version']).error !== undefined)(
  'systemd has nothing to object to in it',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'twinkeep-unit-'));
    try {
      // Where it is installed there is the program; here something else has to stand for it.
      const copy = join(folder, 'twinkeep-keepalived.service');
      writeFileSync(copy, text.replaceAll('/usr/bin/twinkeep', '/bin/true'));
      const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', copy], {
        encoding: 'utf8',
      });
      expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test('it starts the verb with options that the verb knows', () => {
  const [, words = ''] = /^ExecStart=\/usr\/bin\/twinkeep keepalived (.*)$/m.exec(text) ?? [];
  const line = readCommandLine(words.split(' ').filter((word) => !word.startsWith('$')));
  expect(line).toMatchObject({ kind: 'run' });
});
