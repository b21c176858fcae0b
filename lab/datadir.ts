// Data directories that every lab copies: made once, under a name that says of which version, in the project's cache.

import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../src/core/error.ts';
import { projectRoot } from './plan.ts';
import { type Finished, run } from './process.ts';

/** `make` fills the folder; one that was interrupted is never used. */
export async function cachedDataDir(
  release: string,
  make: (unfinished: string) => Promise<Finished>,
): Promise<string> {
  const cache = join(projectRoot, '.cache', 'lab');
  const template = join(cache, `data-${release}`);
  if (existsSync(template)) return template;
  mkdirSync(cache, { recursive: true });
  const unfinished = `${template}.${process.pid}`;
  const made = await make(unfinished);
  if (made.code !== 0) {
    rmSync(unfinished, { recursive: true, force: true });
    const said = (made.stderr || made.stdout).trim().split('\n').slice(-3).join(' ');
    throw new OperatorError(
      'lab-server',
      `The data directory for ${release} could not be made: ${said || `it ended with ${made.code}`}`,
      'Run the server by hand to see all it says.',
    );
  }
  try {
    renameSync(unfinished, template);
  } catch {
    rmSync(unfinished, { recursive: true, force: true }); // another lab made it meanwhile
  }
  return template;
}

/** The folder that a script of scripts/ brings; it says on stderr what it does and why it cannot. */
export async function broughtBy(script: string): Promise<string> {
  const found = await run('sh', [join(projectRoot, 'scripts', script)]);
  if (found.code === 0) return found.stdout.trim();
  const [said = '', hint = ''] = found.stderr.trim().split('\n').slice(-2);
  throw new OperatorError('lab-server', said.trim() || `scripts/${script} failed.`, hint.trim());
}
