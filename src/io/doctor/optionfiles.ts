// A my.cnf with everything that it includes, as one list of settings in the order in which a server reads it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { type OptionFile, readOptionFile } from '../../core/doctor/optionfile.ts';
import { OperatorError } from '../../core/error.ts';

/** Files that include each other end here. */
const DEPTH_MAX = 10;

/** Throws OperatorError when the file, or one that it includes, cannot be read. */
export function readOptionFiles(path: string, depth = 0): OptionFile {
  const text = readText(path);
  const file = readOptionFile(path, text);
  if (depth >= DEPTH_MAX) return file;
  const included = file.includes
    .flatMap(({ kind, path: given }) => {
      const at = isAbsolute(given) ? given : join(dirname(path), given);
      return kind === 'file' ? [at] : filesIn(at);
    })
    .map((each) => readOptionFiles(each, depth + 1));
  return {
    settings: [...file.settings, ...included.flatMap((each) => each.settings)],
    ungrouped: [...file.ungrouped, ...included.flatMap((each) => each.ungrouped)],
    includes: [],
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new OperatorError(
      'my-cnf-unreadable',
      `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`,
      'name the file that the server reads: `mariadbd --help --verbose | head` and `mysqld --help --verbose | head` list them',
    );
  }
}

/** An empty or missing folder is no error: Debian's my.cnf names one. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.cnf'))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
