// Reads a secret from its file. Every password, token and key of the pair comes through here; none is ever printed.
import { readFileSync, statSync } from 'node:fs';
import { OperatorError } from '../core/error.ts';

export interface Secret {
  readonly value: string;
  /** A sentence when others may read the file; null when it is kept well. */
  readonly warning: string | null;
}

const BYTES_MAX = 4096;

const MADE_BY_SETUP = '`twinkeep setup` makes it; on a further host, copy it from the other node of the pair';

/** `what` names the secret in messages: "password of the replication account". Throws OperatorError only. */
export function readSecret(path: string, what: string, ifMissing = MADE_BY_SETUP): Secret {
  const { text, mode } = readFile(path, what, ifMissing);
  const value = text.replace(/\r?\n$/, '');
  if (value === '') {
    throw new OperatorError(
      'secret-empty',
      `the file ${path}, which should hold the ${what}, is empty`,
      'write the secret into it, alone on one line; `twinkeep setup` makes a missing file, so removing it helps too',
    );
  }
  if (/[\r\n\0]/.test(value)) {
    throw new OperatorError(
      'secret-malformed',
      `the file ${path} holds more than one line, and the ${what} is one line`,
      'leave the secret alone in the file',
    );
  }
  const warning =
    (mode & 0o007) === 0
      ? null
      : `${path}, which holds the ${what}, may be read by every user of this host: chmod 600 ${path}`;
  return { value, warning };
}

function readFile(path: string, what: string, ifMissing: string): { text: string; mode: number } {
  try {
    const { mode, size } = statSync(path);
    if (size > BYTES_MAX) {
      throw new OperatorError(
        'secret-malformed',
        `the file ${path} is too large to hold only the ${what}`,
        'name the file that holds the secret alone',
      );
    }
    return { text: readFileSync(path, 'utf8'), mode };
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new OperatorError(
        'secret-missing',
        `the ${what} is missing: there is no file ${path}`,
        ifMissing,
      );
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new OperatorError(
        'secret-unreadable',
        `the ${what} cannot be read: this user may not open ${path}`,
        'run as the user that owns the file, or as root',
      );
    }
    throw new OperatorError(
      'secret-unreadable',
      `the ${what} cannot be read from ${path} (${code})`,
      'check the path and the disk',
    );
  }
}
