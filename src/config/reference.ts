// Prints docs/CONFIG.md from schema.ts, so that no key goes undocumented. reference.test.ts compares the two, and
// rewrites the page with: npx vitest run --project unit src/config/reference.test.ts -u
import { formatDuration } from './duration.ts';
import type { Field } from './fields.ts';
import { PAIR } from './schema.ts';
import type { Shape } from './section.ts';

const INTRO = `# pair.yaml

One file describes a pair and is the same on both hosts, usually \`/etc/twinkeep/pair.yaml\`. This page is printed from the
table that the parser itself uses (\`src/config/schema.ts\`).

The shortest file that is valid:

\`\`\`yaml
pair: shop
nodes:
  a: { address: 192.0.2.11, interface: eth0 }
  b: { address: 192.0.2.12, interface: eth0 }
vips:
  write: [192.0.2.100/24]
\`\`\`

- Check it after each change: \`twinkeep config check FILE\`. Every mistake is shown at once, with its line and what would be right.
- See it with every default filled in: \`twinkeep config show\`.
- Print the server settings that belong to it: \`twinkeep config render my.cnf --node NAME\`.
- Durations carry their unit: \`100ms\`, \`3s\`, \`1m\`, \`1h\`.
- A relative path starts at the folder of this file.
- Secrets stand in files of their own, mode 0600, never in this one. \`twinkeep setup\` makes those that are missing.
- Which file a verb reads: \`--config FILE\`, else \`$TWINKEEP_CONFIG\`, else \`./pair.yaml\`, else \`/etc/twinkeep/pair.yaml\`.
- \`vips.single\`, \`proxy\` and \`notify\` are
  read and checked, but not served by this version yet. \`config check\` warns where a file uses them.
`;

const cell = (text: string) => text.replaceAll('|', '\\|');

function fallbackText(field: Field<unknown>): string {
  if (!('fallback' in field)) return '*compulsory*';
  if (field.fallbackText !== undefined) return field.fallbackText;
  const { fallback } = field;
  const isDuration = typeof fallback === 'number' && field.form.startsWith('a duration');
  return `\`${isDuration ? formatDuration(fallback) : String(fallback)}\``;
}

const row = (path: string, field: Field<unknown>) =>
  `| \`${path}\` | ${cell(field.meaning)} | ${cell(field.form)} | ${cell(fallbackText(field))} |`;

interface Group {
  readonly path: string;
  readonly meaning: string;
  readonly rows: string[];
}

/** Groups of keys in the order of the schema, each named by its section's path. */
function groups(shape: Shape, path: string, meaning: string): Group[] {
  const own: Group = { path, meaning, rows: [] };
  const below: Group[] = [];
  for (const [key, item] of Object.entries(shape)) {
    const here = path === '' ? key : `${path}.${key}`;
    if (item.kind === 'field') own.rows.push(row(here, item));
    else below.push(...groups(item.keys, item.kind === 'named' ? `${here}.NAME` : here, item.meaning));
  }
  return [own, ...below];
}

export function renderReference(): string {
  const sections = groups(PAIR, '', '').map((group) => {
    const title = group.path === '' ? '## Top level' : `## ${group.path}`;
    const table = ['| key | meaning | right values | default |', '|---|---|---|---|', ...group.rows].join(
      '\n',
    );
    return [title, group.meaning, group.rows.length > 0 ? table : '']
      .filter((part) => part !== '')
      .join('\n\n');
  });
  return `${[INTRO, ...sections]
    .join('\n')
    .replace(/\n(## )/g, '\n\n$1')
    .replace(/\n{3,}/g, '\n\n')}\n`;
}
