// A pair.yaml in the making: keys with the sentences that explain them, and places that a person must fill in. Rendered as text, with
// each sentence as a comment above its line. Used by all of this folder.

export type Item =
  | { readonly kind: 'value'; readonly key: string; readonly value: string; readonly why: readonly string[] }
  /** Unknown: `option` is the command line's way to say it. */
  | {
      readonly kind: 'fill';
      readonly key: string;
      readonly what: string;
      readonly option: string;
      readonly why: readonly string[];
    }
  | {
      readonly kind: 'section';
      readonly key: string;
      readonly why: readonly string[];
      readonly items: readonly Item[];
    }
  /** Nothing but a comment. */
  | { readonly kind: 'note'; readonly text: string }
  /** Comments that belong together; those that start with `- ` are a list. */
  | { readonly kind: 'notes'; readonly texts: readonly string[] };

/** Stands where a value is missing; no key takes it, so that the file cannot pass for finished. */
export const FILL_IN = 'FILL-IN';
const WIDTH = 110;

export const value = (key: string, text: string | number | boolean, ...why: readonly string[]): Item => ({
  kind: 'value',
  key,
  value: typeof text === 'string' ? scalar(text) : String(text),
  why,
});

export const listValue = (key: string, texts: readonly string[], ...why: readonly string[]): Item => ({
  kind: 'value',
  key,
  value: `[${texts.map(scalar).join(', ')}]`,
  why,
});

export const fill = (key: string, what: string, option: string, ...why: readonly string[]): Item => ({
  kind: 'fill',
  key,
  what,
  option,
  why,
});

export const note = (text: string): Item => ({ kind: 'note', text });

/** null where nothing would stand in it. */
export const section = (key: string, items: readonly Item[], ...why: readonly string[]): Item | null =>
  items.some((i) => i.kind !== 'note' && i.kind !== 'notes') ? { kind: 'section', key, why, items } : null;

const PLAIN = /^[A-Za-z/][A-Za-z0-9_./@-]*$|^[0-9][0-9a-z]*$|^[0-9]+(?:\.[0-9]+){3}(?:\/[0-9]+)?$/;
const WORDS_OF_YAML = /^(?:true|false|yes|no|on|off|null|y|n)$/i;

/** Numbers, addresses and plain words as they are; everything else quoted. What is quoted holds no line end. */
function scalar(text: string): string {
  return PLAIN.test(text) && !WORDS_OF_YAML.test(text) && !/^[0-9]+$|^0[0-9ox]|^[0-9]+e[0-9]+$/.test(text)
    ? text
    : JSON.stringify(text);
}

/** A file's words go into comments: no line end and no control character may break out of one. */
const tame = (text: string): string => text.replace(/[\s\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();

function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  const hang = text.startsWith('- ') ? '  ' : '';
  let line = '';
  for (const word of tame(text).split(' ')) {
    if (line !== '' && indent.length + line.length + word.length + 3 > WIDTH) {
      lines.push(line);
      line = hang + word;
    } else line += (line === '' ? '' : ' ') + word;
  }
  return [...lines, line].map((each) => `${indent}# ${each}`);
}

function renderItem(item: Item, indent: string): string[] {
  if (item.kind === 'note') return comment(item.text, indent);
  if (item.kind === 'notes') return item.texts.flatMap((text) => comment(text, indent));
  const why = item.why.flatMap((each) => comment(each, indent));
  if (item.kind === 'value') return [...why, `${indent}${item.key}: ${item.value}`];
  if (item.kind === 'fill')
    return [
      ...why,
      `${indent}${item.key}: ${FILL_IN}   # FILL IN: ${tame(item.what)} (${tame(item.option)})`,
    ];
  return [
    ...why,
    `${indent}${scalar(item.key)}:`,
    ...item.items.flatMap((each) => renderItem(each, `${indent}  `)),
  ];
}

/** Sections apart from each other by an empty line. */
export function renderPairYaml(items: readonly Item[]): string {
  return `${items.map((item) => renderItem(item, '').join('\n')).join('\n\n')}\n`;
}

export interface Missing {
  /** `nodes.a.address` */
  readonly path: string;
  readonly what: string;
  readonly option: string;
}

export function missingIn(items: readonly Item[], path = ''): Missing[] {
  return items.flatMap((item): Missing[] => {
    if (item.kind === 'fill') return [{ path: path + item.key, what: item.what, option: item.option }];
    return item.kind === 'section' ? missingIn(item.items, `${path}${item.key}.`) : [];
  });
}
