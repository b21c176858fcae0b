// A logical dump at the donor, streamed as it comes: for servers without a way to copy files, or without the tool for it.

import { spawn } from 'node:child_process';
import { OperatorError } from '../../core/error.ts';
import type { Given } from './backup.ts';
import type { Line } from './channel.ts';
import { type Login, withOptionFile } from './login.ts';
import type { Throttle } from './throttle.ts';
import { findTool, toolsOf } from './tools.ts';

const COMMON = [
  '--all-databases',
  '--single-transaction',
  '--quick',
  '--routines',
  '--events',
  '--triggers',
  '--hex-blob',
  '--default-character-set=utf8mb4',
  '--flush-privileges',
];

/** The position as a comment (MariaDB), or as a statement that the receiver executes (MySQL: gtid_purged). */
const POSITION: Readonly<Record<'mariadb' | 'mysql', readonly string[]>> = {
  mariadb: ['--master-data=2', '--gtid'],
  mysql: ['--set-gtid-purged=ON'],
};
const SAID_MAX = 4000;

export function giveDump(
  login: Login,
  family: 'mariadb' | 'mysql',
  line: Line,
  throttle: Throttle,
): Promise<Given> {
  const tool = findTool(toolsOf(family).dump) ?? toolsOf(family).dump[0];
  return withOptionFile(login, {}, async (options) => {
    const argv = [`--defaults-file=${options}`, ...COMMON, ...POSITION[family]];
    const child = spawn(tool, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    line.onClosed(() => child.kill('SIGKILL'));
    let said = '';
    child.stderr.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(-SAID_MAX);
    });
    const ended = new Promise<number | string | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(signal ?? code));
    });
    ended.catch(() => undefined);
    let bytes = 0;
    try {
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        await throttle.take(chunk.length);
        await line.write(chunk);
      }
      const end = await ended;
      if (end === 0) return { bytes, lockedMs: null };
      const why = said.trim().split('\n').at(-1) ?? '';
      throw new OperatorError(
        'dump-failed',
        `${tool} ended with ${end}: ${why}`,
        'mend what it names, then run it again',
      );
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  });
}
