// A keepalived.conf from the disk, with its includes, its scripts and the host around it: what `config check`, `config import` and
// whoever else reads a real file start from.
import { readFileSync } from 'node:fs';
import { OperatorError } from '../../core/error.ts';
import { readFilesFromDisk } from './files.ts';
import { hostHere } from './here.ts';
import { FILE_CHARACTERS_MAX } from './limits.ts';
import { type ParsedKeepalivedConf, type ParseOptions, parseKeepalivedConf } from './parse.ts';

/** here: the file is for this host. unknown: perhaps; interfaces that it shares with this host are compared. elsewhere: it is not. */
export type Where = 'here' | 'unknown' | 'elsewhere';

const REASONS: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  ENOENT: ['does not exist', 'check the path'],
  ENOTDIR: ['does not exist', 'check the path'],
  EACCES: ['may not be read by this user', 'run as root, or as the user that owns the file'],
  EPERM: ['may not be read by this user', 'run as root, or as the user that owns the file'],
  EISDIR: ['is a folder', 'name the file in it'],
};

/** Any text file, or an OperatorError that says what it was wanted for. */
export function readTextFile(path: string, what: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const [why, hint] = REASONS[code] ?? [`cannot be read: ${message}`, 'check the disk and the path'];
    throw new OperatorError('file-unreadable', `the ${what} ${path} ${why}`, hint);
  }
  if (text.length <= FILE_CHARACTERS_MAX) return text;
  throw new OperatorError(
    'file-too-big',
    `the ${what} ${path} has more than ${FILE_CHARACTERS_MAX} characters`,
    'check that it is the right file',
  );
}

export function parseKeepalivedFile(
  path: string,
  where: Where,
  options: ParseOptions = {},
): ParsedKeepalivedConf {
  const text = readTextFile(path, 'configuration file');
  const host = where === 'elsewhere' ? {} : { host: hostHere(where === 'here') };
  return parseKeepalivedConf(text, path, readFilesFromDisk, { ...host, ...options });
}
