// The tree with the tables of schema/ laid over it: every keyword known or reported, every value read or reported. Fifth step of
// parse.ts; config.ts makes the configuration from what comes out, rules.ts judges it.
import { nearest } from '../suggest.ts';
import { quote, type Report } from './findings.ts';
import { listKeywords } from './schema/index.ts';
import type { Placed, Reading, Schema, Spec } from './spec.ts';
import type { Place } from './text.ts';
import type { Statement } from './tree.ts';

/** A name that another program or an older version used, where nearest() would not find the right one. */
const MEANT: Readonly<Record<string, string>> = {
  vip: 'virtual_ipaddress',
  virtual_ip: 'virtual_ipaddress',
  vrid: 'virtual_router_id',
  router_id: 'virtual_router_id',
  no_preempt: 'nopreempt',
  nb_get_retry: 'retry',
  password: 'password_file',
};

const BLOCKS_OF: ReadonlyMap<string, readonly string[]> = (() => {
  const blocks = new Map<string, string[]>();
  for (const { block, keyword } of listKeywords())
    blocks.set(keyword, [...(blocks.get(keyword) ?? []), block.split(' > ').at(-1) ?? '']);
  return blocks;
})();

export function readBlock<S extends Schema>(
  statements: readonly Statement[],
  schema: S,
  head: { name: string; args: Statement['args']; at: Place },
  report: Report,
): Reading<S> {
  const values: Record<string, Placed<unknown>[]> = {};
  for (const statement of statements) {
    const spec = Object.hasOwn(schema, statement.keyword) ? schema[statement.keyword] : undefined;
    if (spec === undefined) {
      reportUnknown(statement, schema, head.name, report);
      continue;
    }
    const value = readStatement(statement, spec, report);
    if (value === undefined) continue;
    const earlier = values[statement.keyword];
    const placed = { value, at: statement.args[0]?.at ?? statement.at };
    if (earlier === undefined || !spec.repeats) values[statement.keyword] = [placed];
    else earlier.push(placed);
    if (earlier !== undefined && !spec.repeats && spec.content === 'none')
      report(
        'warning',
        statement.at,
        'keyword-twice',
        `\`${statement.keyword}\` stands in this block before; the last one counts`,
        'remove one of the two',
      );
  }
  return { args: head.args, at: head.at, values } as unknown as Reading<S>;
}

function readStatement(statement: Statement, spec: Spec<unknown>, report: Report): unknown {
  if (!checkShape(statement, spec, report)) return undefined;
  if (typeof spec.status === 'object')
    report(
      'warning',
      statement.at,
      'not-implemented',
      `\`${statement.keyword}\` is read and not carried out: ${spec.status.not}`,
      'remove it, or keep what depends on it with keepalived',
    );
  if (spec.deprecated !== undefined)
    report(
      'warning',
      statement.at,
      'deprecated',
      `\`${statement.keyword}\` is an old name`,
      `write ${spec.deprecated}`,
    );
  if (typeof spec.content !== 'object') return spec.read(statement, report);
  const head = { name: statement.keyword, args: statement.args, at: statement.at };
  return readBlock(statement.block?.statements ?? [], spec.content, head, report);
}

function checkShape(statement: Statement, spec: Spec<unknown>, report: Report): boolean {
  const { keyword, args, block, at } = statement;
  const [min, max] = spec.words;
  if (args.length < min) {
    const severity = keyword === 'vrrp_instance' || keyword === 'vrrp_sync_group' ? 'error' : 'fatal';
    const what = typeof spec.content === 'object' ? 'name' : 'value';
    report(
      severity,
      at,
      'missing-parameter',
      `\`${keyword}\` has no ${what} behind it`,
      `write ${keyword} and the ${what} in one line`,
    );
    return false;
  }
  const extra = args[max];
  if (extra?.text.startsWith('//')) {
    report(
      'warning',
      extra.at,
      'slash-comment',
      '// starts no comment in keepalived.conf; here it happens to be ignored, elsewhere it is an error',
      'start comments with # or !',
    );
  } else if (extra !== undefined) {
    const severity = spec.content === 'none' ? 'warning' : 'error';
    const hint =
      max === 0 && spec.content === 'none'
        ? `\`${keyword}\` is on by standing there; remove the whole line to switch it off`
        : 'remove the rest of the line, or quote it if it belongs together';
    report(
      severity,
      extra.at,
      'extra-words',
      `"${quote(extra.text)}" and what follows is ignored after \`${keyword}\``,
      hint,
    );
  }
  if (spec.content === 'none' && block !== null) {
    report(
      'error',
      block.openedAt,
      'brace-unexpected',
      `\`${keyword}\` has no block`,
      'remove the { and its }',
    );
  }
  if (spec.content !== 'none' && block === null) {
    report(
      'error',
      at,
      'brace-missing',
      `the { after \`${keyword}\` is missing`,
      `write ${keyword}${args.map((a) => ` ${quote(a.text)}`).join('')} {`,
    );
    return false;
  }
  return true;
}

function reportUnknown(statement: Statement, schema: Schema, block: string, report: Report): void {
  if (report.full('error')) {
    report('error', statement.at, 'unknown-keyword', '', '');
    return;
  }
  const typed = quote(statement.keyword);
  const place = block === '' ? 'at the top of the file' : `in ${block}`;
  if (statement.keyword.startsWith('//')) {
    report(
      'error',
      statement.at,
      'slash-comment',
      '// starts no comment in keepalived.conf',
      'start comments with # or !',
    );
    return;
  }
  if (statement.keyword.startsWith('~')) {
    report(
      'error',
      statement.at,
      'sequence',
      `"${typed}" is no sequence`,
      'write ~SEQ(...), ~SEQx(...) or ~LST(...)',
    );
    return;
  }
  const meant = MEANT[statement.keyword];
  const near =
    meant !== undefined && Object.hasOwn(schema, meant)
      ? meant
      : nearest(statement.keyword, Object.keys(schema));
  const elsewhere = [...new Set(BLOCKS_OF.get(statement.keyword) ?? [])].map((b) =>
    b === '' ? 'the top of the file' : b,
  );
  const belongs = elsewhere.length > 0 ? `it belongs in ${elsewhere.slice(0, 4).join(', ')}` : '';
  const suggestion = near === null ? '' : `did you mean ${near}?`;
  const hint =
    [suggestion, belongs].filter(Boolean).join(' ') ||
    `known here are ${Object.keys(schema).slice(0, 8).join(', ')}, ...`;
  report('error', statement.at, 'unknown-keyword', `\`${typed}\` is not known ${place}`, hint);
}
