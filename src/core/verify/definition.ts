// Definitions of tables, views, triggers, routines and events of two servers, compared as text after what may rightly differ
// between two masters is taken out.

export type ObjectKind =
  | 'schema'
  | 'table'
  | 'view'
  | 'trigger'
  | 'procedure'
  | 'function'
  | 'package'
  | 'package body'
  | 'event'
  | 'sequence'
  | 'setting';

export interface Definition {
  readonly kind: ObjectKind;
  /** schema.name, or the schema alone. */
  readonly name: string;
  /** SHOW CREATE, or what stands for it; null: there, but its text is not shown to this account. */
  readonly text: string | null;
}

export interface DefinitionDifference {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly difference: 'only-writer' | 'only-standby' | 'differs';
  /** Lines that only the writer's, and only the standby's, definition has. */
  readonly writer: readonly string[];
  readonly standby: readonly string[];
}

/** Without what each master counts for itself, or the server sets on the side that an event does not run. */
export function normalised({ kind, text }: Definition): string | null {
  if (text === null) return null;
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  if (kind === 'table') return lines.map(withoutCounter).join('\n');
  if (kind === 'event') return lines.join('\n').replace(/ (ENABLE|DISABLE ON (SLAVE|REPLICA))\b/, ' ENABLE');
  return lines.join('\n');
}

/** Only on the line of the table's own options: a comment of a column may hold the same words. */
const withoutCounter = (line: string): string =>
  line.startsWith(') ') ? line.replace(/ AUTO_INCREMENT=\d+/, '') : line;

const LINES_MAX = 12;

function onlyIn(text: string, other: string): string[] {
  const there = new Map<string, number>();
  for (const line of other.split('\n')) there.set(line.trim(), (there.get(line.trim()) ?? 0) + 1);
  const lines: string[] = [];
  for (const line of text.split('\n').map((each) => each.trim())) {
    const left = there.get(line) ?? 0;
    if (left > 0) there.set(line, left - 1);
    else lines.push(line);
  }
  return lines.slice(0, LINES_MAX);
}

const idOf = ({ kind, name }: Definition): string => `${kind} ${name}`;

/** `foldCase`: a server that keeps names in small letters is compared with one that does not. */
export function compareDefinitions(
  writer: readonly Definition[],
  standby: readonly Definition[],
  foldCase = false,
): readonly DefinitionDifference[] {
  const id = (definition: Definition): string =>
    foldCase ? idOf(definition).toLowerCase() : idOf(definition);
  const there = new Map(standby.map((each) => [id(each), each]));
  const here = new Set(writer.map(id));
  const differences = writer.flatMap((own): DefinitionDifference[] => {
    const { kind, name } = own;
    const other = there.get(id(own));
    if (other === undefined) return [{ kind, name, difference: 'only-writer', writer: [], standby: [] }];
    const [a, b] = [normalised(own), normalised(other)];
    if (a === b || a === null || b === null) return [];
    // Words in another order count too: then whole texts are shown.
    const [onlyA, onlyB] = [onlyIn(a, b), onlyIn(b, a)];
    const shown = onlyA.length + onlyB.length > 0;
    return [
      {
        kind,
        name,
        difference: 'differs',
        writer: shown ? onlyA : a.split('\n').slice(0, LINES_MAX),
        standby: shown ? onlyB : b.split('\n').slice(0, LINES_MAX),
      },
    ];
  });
  const extra = standby
    .filter((each) => !here.has(id(each)))
    .map(
      ({ kind, name }): DefinitionDifference => ({
        kind,
        name,
        difference: 'only-standby',
        writer: [],
        standby: [],
      }),
    );
  return [...differences, ...extra];
}
