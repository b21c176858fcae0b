// virtual_server_group: lists of addresses, ranges of them, and firewall marks, as the services that the kernel is to have. Used by
// servers.ts.
import { formatIp, type IpFamily, parseIp } from '../../core/ip/address.ts';
import { quote, type Report } from './findings.ts';
import type { TOP } from './schema/index.ts';
import type { Placed, Reading } from './spec.ts';

export type GroupEntry =
  | { readonly kind: 'address'; readonly address: string; readonly port: number }
  | { readonly kind: 'mark'; readonly mark: number; readonly family: IpFamily | null };

/** Of all ranges of a group together: each address is a service of the kernel. */
const ADDRESSES_MAX = 4096;
/** Of all groups together. */
const ADDRESSES_TOTAL_MAX = 65_536;
const MARK_MAX = 4_294_967_295;

type Line = Placed<readonly string[]>;

const toNumber = (bytes: Uint8Array): bigint => bytes.reduce((n, byte) => (n << 8n) | BigInt(byte), 0n);

function toAddress(number: bigint, length: number): string {
  const bytes = new Uint8Array(length);
  let rest = number;
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return formatIp(bytes);
}

type Range =
  | { readonly first: bigint; readonly last: bigint; readonly length: number }
  | { readonly wrong: string };

function maskedRange(host: string, mask: string): Range {
  const bytes = parseIp(host);
  const bits = (bytes?.length ?? 0) * 8;
  if (bytes === null || !/^[0-9]{1,3}$/.test(mask) || Number(mask) > bits) return { wrong: 'is no network' };
  const size = 1n << BigInt(bits - Number(mask));
  const first = toNumber(bytes);
  if (first % size !== 0n) return { wrong: 'has bits behind its mask' };
  return { first, last: first + size - 1n, length: bytes.length };
}

/** `192.0.2.1-10`, `192.0.2.250-192.0.3.10`, `192.0.2.8/29`, or a single address. The short end is decimal, or hexadecimal in IPv6. */
function readRange(text: string): Range {
  const slash = text.indexOf('/');
  if (slash >= 0) return maskedRange(text.slice(0, slash), text.slice(slash + 1));
  const dash = text.indexOf('-');
  const start = parseIp(dash < 0 ? text : text.slice(0, dash));
  if (start === null) return { wrong: 'is no IP address' };
  const first = toNumber(start);
  const { length } = start;
  if (dash < 0) return { first, last: first, length };
  const end = text.slice(dash + 1);
  const whole = parseIp(end);
  if (whole !== null) {
    if (whole.length !== length) return { wrong: 'mixes IPv4 and IPv6' };
    const last = toNumber(whole);
    return last < first ? { wrong: 'ends before it begins' } : { first, last, length };
  }
  const short = length === 4 ? /^[0-9]{1,3}$/ : /^[0-9a-fA-F]{1,4}$/;
  const unit = length === 4 ? 256n : 65_536n;
  const value = short.test(end) ? BigInt(Number.parseInt(end, length === 4 ? 10 : 16)) : unit;
  if (value >= unit) return { wrong: 'has no valid end' };
  const last = first - (first % unit) + value;
  return last <= first ? { wrong: 'ends before it begins' } : { first, last, length };
}

function readMark(line: Line, report: Report): GroupEntry | null {
  const [, number = '', family] = line.value;
  const mark = /^[0-9]{1,10}$/.test(number) ? Number(number) : 0;
  const known = family === undefined || family === 'inet' || family === 'inet6';
  if (mark >= 1 && mark <= MARK_MAX && known)
    return { kind: 'mark', mark, family: family === 'inet6' ? 6 : family === 'inet' ? 4 : null };
  report(
    'error',
    line.at,
    'group-entry',
    `"${quote(line.value.join(' '))}" is no firewall mark`,
    `write fwmark N, with N from 1 to ${MARK_MAX}`,
  );
  return null;
}

function readEntries(line: Line, room: number, report: Report): GroupEntry[] {
  const [text = '', port = '0'] = line.value;
  if (text === 'fwmark') {
    const mark = readMark(line, report);
    return mark === null ? [] : [mark];
  }
  const wrong = (message: string, hint: string): GroupEntry[] => {
    report('error', line.at, 'group-entry', message, hint);
    return [];
  };
  const range = readRange(text);
  if ('wrong' in range)
    return wrong(
      `"${quote(text)}" ${range.wrong}, and is left out`,
      'write 192.0.2.1 3306, 192.0.2.1-10 3306, 192.0.2.8/29 3306 or fwmark 3',
    );
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535)
    return wrong(`"${quote(port)}" is no port`, 'write a number from 1 to 65535');
  const count = range.last - range.first + 1n;
  if (count > BigInt(room))
    return wrong(
      `"${quote(text)}" makes too many addresses (${ADDRESSES_MAX} in a group, ${ADDRESSES_TOTAL_MAX} in all), and is left out`,
      'use a firewall mark: one rule of nftables marks them all',
    );
  return Array.from({ length: Number(count) }, (_, i) => ({
    kind: 'address',
    address: toAddress(range.first + BigInt(i), range.length),
    port: Number(port),
  }));
}

/** The groups by name; of two with one name the first counts. */
export function readGroups(
  reading: Reading<typeof TOP>,
  report: Report,
): ReadonlyMap<string, readonly GroupEntry[]> {
  const groups = new Map<string, readonly GroupEntry[]>();
  let total = 0;
  for (const group of reading.values.virtual_server_group ?? []) {
    const { name, lines } = group.value;
    if (groups.has(name)) {
      report(
        'error',
        group.at,
        'name-twice',
        `there is a virtual_server_group "${quote(name)}" before this one; only the first counts`,
        'give each a name of its own',
      );
      continue;
    }
    const entries: GroupEntry[] = [];
    for (const line of lines) {
      const room = Math.min(ADDRESSES_MAX, ADDRESSES_TOTAL_MAX - total) - entries.length;
      entries.push(...readEntries(line, room, report));
    }
    total += entries.length;
    groups.set(name, entries);
    if (entries.length === 0)
      report(
        'error',
        group.at,
        'group-empty',
        `the group ${quote(name)} has no entries`,
        'add an address and a port',
      );
  }
  return groups;
}
