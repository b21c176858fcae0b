// The lines inside the blocks that are lists: addresses with their options, what an instance tracks, unicast peers. Used by the
// tables in schema/.
import { formatIp, parseIp } from '../../core/ip/address.ts';
import { quote, type Report } from './findings.ts';
import { VMAC_ADDRESS } from './schema/reasons.ts';
import { lines, type Placed, type Spec } from './spec.ts';
import type { Statement } from './tree.ts';
import type { Word } from './words.ts';

export interface AddressEntry {
  /** Canonical text. */
  readonly address: string;
  /** As typed; without one keepalived takes 32 or 128. */
  readonly prefix: number;
  readonly prefixTyped: boolean;
  readonly device: string | null;
  readonly label: string | null;
  readonly scope: string | null;
  readonly broadcast: string | null;
  readonly peer: string | null;
  readonly tracked: boolean;
  /** Of static addresses: the track_group whose instances its loss puts into FAULT. */
  readonly trackGroup: string | null;
  readonly useVmac: boolean;
  /** The rest, as typed: home, -nodad, preferred_lft 0, ... */
  readonly options: readonly string[];
}

const WITH_VALUE = ['dev', 'label', 'scope', 'brd', 'broadcast', 'peer', 'track_group', 'preferred_lft'];
const ALONE = ['home', '-nodad', 'mngtmpaddr', 'noprefixroute', 'autojoin', 'no_track', 'use_vmac'];

function readAddressEntry(line: Statement, report: Report): AddressEntry | undefined {
  const [host = '', mask, more] = line.keyword.split('/');
  const bytes = parseIp(host);
  const widest = bytes?.length === 16 ? 128 : 32;
  const prefix = mask === undefined ? widest : /^[0-9]{1,3}$/.test(mask) ? Number(mask) : Number.NaN;
  if (bytes === null || more !== undefined || !(prefix <= widest)) {
    report(
      'error',
      line.at,
      'address',
      `"${quote(line.keyword)}" is no address`,
      'write it as 192.0.2.100/24 dev eth0',
    );
    return undefined;
  }
  const options = readOptions(line.args, report);
  checkOptions(line, mask !== undefined, options, report);
  const value = (...names: string[]) => names.map((n) => options.get(n)).find((v) => v !== undefined) ?? null;
  const known = new Set([
    'dev',
    'label',
    'scope',
    'brd',
    'broadcast',
    'peer',
    'no_track',
    'use_vmac',
    'track_group',
  ]);
  return {
    address: formatIp(bytes),
    prefix,
    prefixTyped: mask !== undefined,
    device: value('dev'),
    label: value('label'),
    scope: value('scope'),
    broadcast: value('brd', 'broadcast'),
    peer: value('peer'),
    tracked: !options.has('no_track'),
    trackGroup: value('track_group'),
    useVmac: options.has('use_vmac'),
    options: [...options]
      .filter(([name]) => !known.has(name))
      .map(([name, v]) => (v === '' ? name : `${name} ${v}`)),
  };
}

const SCOPES: ReadonlySet<string> = new Set(['global', 'site', 'link', 'host', 'nowhere']);

function checkOptions(
  line: Statement,
  prefixTyped: boolean,
  options: Map<string, string>,
  report: Report,
): void {
  const scope = options.get('scope');
  if (scope !== undefined && !SCOPES.has(scope) && !(/^[0-9]{1,3}$/.test(scope) && Number(scope) <= 255)) {
    report(
      'error',
      line.at,
      'address-option',
      `"${quote(scope)}" is no scope of an address, and is ignored`,
      `write one of ${[...SCOPES].join(', ')}, or a number from 0 to 255`,
    );
    options.delete('scope');
  }
  if (options.has('use_vmac'))
    report(
      'warning',
      line.at,
      'not-implemented',
      `\`use_vmac\` of an address is read and not carried out: ${VMAC_ADDRESS}`,
      'write use_vmac in the instance, or an instance of its own on that interface',
    );
  if (prefixTyped && options.has('peer'))
    report(
      'error',
      line.at,
      'address-peer',
      'an address with a peer has no length of its own; that of the peer counts',
      'write ADDRESS peer ADDRESS/LENGTH',
    );
}

function readOptions(args: readonly Word[], report: Report): Map<string, string> {
  const options = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as Word;
    if (ALONE.includes(word.text)) options.set(word.text, '');
    else if (WITH_VALUE.includes(word.text)) {
      const value = args[++i];
      if (value === undefined)
        report(
          'fatal',
          word.at,
          'missing-parameter',
          `nothing follows \`${word.text}\``,
          'write its value behind it',
        );
      else options.set(word.text, value.text);
    } else {
      const code = word.text.startsWith('//') ? 'slash-comment' : 'address-option';
      const hint =
        code === 'slash-comment'
          ? 'start comments with # or !'
          : `known are ${[...WITH_VALUE, ...ALONE].join(', ')}; write each address in a line of its own`;
      report('error', word.at, code, `"${quote(word.text)}" is no option of an address`, hint);
    }
  }
  return options;
}

export const addresses = (): Spec<readonly Placed<AddressEntry>[]> => lines(readAddressEntry);

export interface TrackEntry {
  readonly name: string;
  /** null: the weight of the tracked thing itself counts. */
  readonly weight: number | null;
  readonly reverse: boolean;
  /** false: neither reverse nor noreverse stands there, so that of the tracked thing counts. */
  readonly reverseTyped: boolean;
}

export const tracks = (weightMax: number): Spec<readonly Placed<TrackEntry>[]> =>
  lines((line, report) => {
    const [keyword, weight, reverse, ...more] = line.args;
    const value =
      weight === undefined ? null : /^[+-]?[0-9]+$/.test(weight.text) ? Number(weight.text) : Number.NaN;
    const wrong =
      (keyword !== undefined && (keyword.text !== 'weight' || weight === undefined)) ||
      (value !== null && !(Math.abs(value) <= weightMax)) ||
      (reverse !== undefined && !['reverse', 'noreverse', 'no_reverse'].includes(reverse.text)) ||
      more.length > 0;
    if (wrong) {
      const hint = `write \`${quote(line.keyword)}\`, or \`${quote(line.keyword)} weight N\` with N from -${weightMax} to ${weightMax}, then perhaps reverse`;
      report(
        'error',
        keyword?.at ?? line.at,
        'track-option',
        `the words after "${quote(line.keyword)}" cannot be read`,
        hint,
      );
    }
    return {
      name: line.keyword,
      weight: Number.isNaN(value) ? null : value,
      reverse: reverse?.text === 'reverse',
      reverseTyped: reverse !== undefined,
    };
  });

export interface UnicastPeer {
  readonly address: string;
  readonly minTtl: number | null;
  readonly maxTtl: number | null;
}

export const peers = (): Spec<readonly Placed<UnicastPeer>[]> =>
  lines((line, report) => {
    const bytes = parseIp(line.keyword.replace(/%.*$/, ''));
    if (bytes === null) {
      report(
        'error',
        line.at,
        'address',
        `"${quote(line.keyword)}" is no IP address`,
        'write one address a line',
      );
      return undefined;
    }
    const ttl = (name: string): number | null => {
      const at = line.args.findIndex((a) => a.text === name);
      const text = at < 0 ? undefined : line.args[at + 1]?.text;
      return text !== undefined && /^[0-9]{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : null;
    };
    return { address: formatIp(bytes), minTtl: ttl('min_ttl'), maxTtl: ttl('max_ttl') };
  });

/** Routes and rules: their words with their places; network.ts reads them once the names of routing tables are known. */
export const wordLines = (): Spec<readonly Placed<readonly Word[]>[]> =>
  lines((line) => [{ text: line.keyword, at: line.at }, ...line.args]);

/** Others: kept word by word. */
export const rows = (): Spec<readonly Placed<readonly string[]>[]> =>
  lines((line) => [line.keyword, ...line.args.map((a) => a.text)]);
