// The reader of included files for a real disk: patterns and braces as glob(3) has them, relative to the file with the include line.
// The parser itself sees no disk; whoever parses a real file passes readFilesFromDisk.
import { globSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { FILE_CHARACTERS_MAX } from './limits.ts';
import type { ReadFiles } from './lines.ts';

export const readFilesFromDisk: ReadFiles = (pattern, from) => {
  const found: { file: string; text: string }[] = [];
  for (const file of globSync(resolve(dirname(from), pattern)).sort()) {
    try {
      const stat = statSync(file);
      // As the C daemon: only plain files that cannot be executed. A few bytes more than the limit is enough to report it.
      if (!stat.isFile() || (stat.mode & 0o111) !== 0) continue;
      if (stat.size > 4 * FILE_CHARACTERS_MAX)
        found.push({ file, text: ' '.repeat(FILE_CHARACTERS_MAX + 1) });
      else found.push({ file, text: readFileSync(file, 'utf8') });
    } catch {
      // Gone or unreadable since it was listed: the parser reports that nothing fits.
    }
  }
  return found;
};
