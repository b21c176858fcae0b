// HTTP_GET and SSL_GET: their URLs, with status codes, digests and patterns. Used by lvscheckers.ts.
import type { Connection, HttpTarget, HttpUrl, TlsClient } from '../../core/checker/target.ts';
import { quote, type Report } from './findings.ts';
import type { CheckerContext } from './lvscheckers.ts';
import type { TOP } from './schema/index.ts';
import type { CHECKERS, URL } from './schema/lvs.ts';
import type { Placed, Reading } from './spec.ts';
import type { Place } from './text.ts';
import { last } from './values.ts';

type HttpBlock = (typeof CHECKERS)['HTTP_GET'] extends { read(...args: never[]): infer R }
  ? NonNullable<R>
  : never;
type Values = HttpBlock['values'];
type UrlReading = Reading<typeof URL>;

const DIGEST = /^[0-9a-fA-F]{32}$/;
const OK: readonly (readonly [number, number])[] = [[200, 299]];

function readStatus(typed: Placed<readonly string[]> | undefined, report: Report): HttpUrl['statusCodes'] {
  if (typed === undefined) return OK;
  const ranges = typed.value.flatMap((text): (readonly [number, number])[] => {
    const found = /^([1-9][0-9]{2})(?:-([1-9][0-9]{2}))?$/.exec(text);
    const [from, to] = [Number(found?.[1]), Number(found?.[2] ?? found?.[1])];
    if (found !== null && from <= to) return [[from, to]];
    report(
      'error',
      typed.at,
      'value',
      `"${quote(text)}" is no status code`,
      'write codes from 100 to 999, or ranges such as 200-299',
    );
    return [];
  });
  return ranges.length > 0 ? ranges : OK;
}

const FLAGS: Readonly<Record<string, string>> = {
  caseless: 'i',
  multiline: 'm',
  dotall: 's',
  utf: 'u',
  ucp: 'u',
};
/** These only say what JavaScript does anyway, or how fast. */
const NOTHING = new Set([
  'dollar_endonly',
  'auto_callout',
  'never_ucp',
  'never_utf',
  'no_auto_possess',
  'no_dotstar_anchor',
  'no_start_optimize',
  'never_backslash_c',
  'use_offset_limit',
  'allow_empty_class',
  'alt_bsux',
]);

function readPattern(v: UrlReading['values'], at: Place, report: Report): HttpUrl['pattern'] {
  const regex = v.regex?.at(-1);
  if (regex === undefined) {
    if (v.regex_no_match ?? v.regex_options ?? v.regex_min_offset ?? v.regex_max_offset)
      report('error', at, 'regex', 'words about a regular expression, and no regex', 'add regex "PATTERN"');
    return null;
  }
  const flags = new Set<string>();
  for (const option of last(v.regex_options) ?? []) {
    const found = FLAGS[option];
    if (found !== undefined) flags.add(found);
    else if (!NOTHING.has(option))
      report(
        'error',
        v.regex_options?.at(-1)?.at ?? at,
        'regex',
        `the option "${quote(option)}" is not carried out: the regular expressions of JavaScript have no such`,
        `known are ${Object.keys(FLAGS).join(', ')}`,
      );
  }
  try {
    new RegExp(regex.value, [...flags].join(''));
  } catch (error) {
    report(
      'error',
      regex.at,
      'regex',
      `"${quote(regex.value)}" is no regular expression, and is left out: ${quote((error as Error).message)}`,
      'mend the pattern; a literal ( is written \\(',
    );
    return null;
  }
  return {
    source: regex.value,
    flags: [...flags].join(''),
    negated: v.regex_no_match !== undefined,
    minOffset: last(v.regex_min_offset) ?? 0,
    maxOffset: last(v.regex_max_offset) ?? null,
  };
}

function readUrl({ values: v, at }: UrlReading, virtualHost: string | null, report: Report): HttpUrl | null {
  const path = v.path?.at(-1);
  if (path === undefined) {
    report('error', at, 'url-path', 'this url has no path, and is left out', 'add path /');
    return null;
  }
  if (/[\s\0]/.test(path.value)) {
    report(
      'error',
      path.at,
      'url-path',
      `"${quote(path.value)}" has blanks, and is left out`,
      'write %20 for a blank',
    );
    return null;
  }
  const digests = (v.digest ?? []).filter((digest) => {
    if (DIGEST.test(digest.value)) return true;
    report(
      'error',
      digest.at,
      'value',
      `"${quote(digest.value)}" is no MD5 digest`,
      'write 32 hexadecimal digits',
    );
    return false;
  });
  return {
    path: path.value,
    digests: digests.map((d) => d.value.toLowerCase()),
    statusCodes: readStatus(v.status_code?.at(-1), report),
    virtualHost: last(v.virtualhost) ?? virtualHost,
    pattern: readPattern(v, at, report),
  };
}

function readTls(top: Reading<typeof TOP>): TlsClient {
  const v = top.values.SSL?.at(-1)?.value.values ?? {};
  return {
    certificateFile: last(v.certificate) ?? null,
    keyFile: last(v.key) ?? null,
    caFile: last(v.ca) ?? null,
    password: last(v.password) ?? null,
  };
}

/** null: without a URL there is nothing to ask, which is reported. */
export function readHttp(
  kind: 'HTTP_GET' | 'SSL_GET',
  v: Values,
  at: Place,
  connection: Connection,
  { top, levels, report }: CheckerContext,
): HttpTarget | null {
  const inherited = levels.map((level) => last(level.virtualhost)).find((host) => host !== undefined);
  const virtualHost = last(v.virtualhost) ?? inherited ?? null;
  const urls = (v.url ?? []).flatMap((url) => readUrl(url.value, virtualHost, report) ?? []);
  if (urls.length === 0) {
    report('error', at, 'url-missing', `this ${kind} has no url, and is left out`, 'add url { path / }');
    return null;
  }
  const typed = last(v.http_protocol) ?? '1.0';
  return {
    kind,
    connection,
    version: typed === '1.0c' ? '1.0C' : typed,
    urls,
    sni: v.enable_sni !== undefined,
    tls: readTls(top),
  };
}
