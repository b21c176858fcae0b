// `npm run interop`: plays the cases and prints the table. `npm run interop -- 12 --role a --verbose` plays one.

import { parseArgs } from 'node:util';
import { CASES } from './cases/index.ts';
import { sweep } from './network.ts';
import { ROLES, type Role } from './stage.ts';
import { COLUMNS, playAll, printMarkdown, printTable } from './table.ts';

const USAGE = `npm run interop [-- NUMBER... [--role a|b|c|t]... [--verbose] [--markdown] [--at-once N]]
  a: twinkeep first, keepalived second   b: keepalived first, twinkeep second
  c: keepalived with itself              t: twinkeep with itself
`;

function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      role: { type: 'string', multiple: true, default: [...COLUMNS] },
      markdown: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      'at-once': { type: 'string', default: '4' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const roles = values.role.filter(isRole);
  const cases = CASES.filter(
    ({ number }) => positionals.length === 0 || positionals.includes(String(number)),
  );
  const atOnce = Number(values['at-once']);
  if (values.help || roles.length !== values.role.length || cases.length === 0 || !(atOnce >= 1)) {
    process.stderr.write(USAGE);
    return values.help ? 0 : 2;
  }
  await sweep();
  const outcomes = await playAll(cases, roles, atOnce, values.verbose);
  (values.markdown ? printMarkdown : printTable)(cases, roles, outcomes);
  return outcomes.some(({ failure }) => failure !== null) ? 1 : 0;
}

process.exitCode = await main();
