// What one my.cnf, or the two of a pair, show before any server runs. Each finding has its line.
import type { Finding } from './finding.ts';
import type { OptionFile } from './optionfile.ts';
import { compareServers } from './rules-between.ts';
import { DURABILITY_RULES } from './rules-durability.ts';
import { judge, SETTING_RULES, type Wanted } from './rules-settings.ts';
import { type Settings, settingOf, settingsOfFile } from './settings.ts';

export interface GivenFile {
  readonly name: string;
  readonly file: OptionFile;
}

export function diagnoseFiles(files: readonly GivenFile[], wanted: Wanted): Finding[] {
  const settings = files.map(({ name, file }) => settingsOfFile(name, file));
  const [first, second] = settings;
  return [
    ...files.flatMap(({ name, file }, i) => {
      const each = settings[i];
      if (each === undefined) return [];
      return [...ungrouped(name, file), ...judge([...SETTING_RULES, ...DURABILITY_RULES], each, wanted)];
    }),
    ...(first !== undefined && second !== undefined ? compareServers(first, second) : []),
    ...(first !== undefined && second === undefined ? alone(first) : []),
  ];
}

/** One file cannot be compared; the commonest mistake is to copy it to the other host as it is. */
function alone(settings: Settings): Finding[] {
  const found = ['server_id', 'auto_increment_offset'].flatMap((name) => settingOf(settings, name) ?? []);
  const [first] = found;
  if (first === undefined || first.place === null) return [];
  const what = `${found.map(({ name, value }) => `${name} = ${value}`).join(', ')}: on the other host another must stand`;
  return [
    {
      code: 'copied-file',
      severity: 'note',
      about: settings.about,
      what,
      why: 'a my.cnf that is copied to the other host as it is gives both servers one id: each drops the transactions of the other',
      mend: 'give doctor both files (--my-cnf twice), and it compares them',
      place: first.place,
    },
  ];
}

function ungrouped(name: string, { ungrouped: lines }: OptionFile): Finding[] {
  const [place] = lines;
  if (place === undefined) return [];
  return [
    {
      code: 'no-group',
      severity: 'error',
      about: name,
      what: `${lines.length} ${lines.length === 1 ? 'setting stands' : 'settings stand'} above the first [group]`,
      why: 'a server that reads this file does not start ("Found option without preceding group"); here they are read as if under [mysqld]',
      mend: 'put a line [mysqld] above them',
      place,
    },
  ];
}
