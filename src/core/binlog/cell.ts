// One column's value in a rows event. Numbers and times become the text that a server would print (time zone UTC), so that
// no digit is lost; strings and everything else that is bytes stay bytes until the column's character set is known.
import type { ByteReader } from './bytes.ts';
import { type MappedColumn, TYPE } from './tablemap.ts';

export type Cell = null | string | Uint8Array;

/** A type that this program does not read; the raw event is kept. */
export class UnreadableType extends Error {}

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');
const clock = (hours: number, minutes: number, seconds: number): string =>
  `${pad(hours, 2)}:${pad(minutes, 2)}:${pad(seconds, 2)}`;

/** Fractions are stored in pairs of digits: the text has as many as the column. */
function fraction(value: number, digits: number): string {
  return digits === 0 ? '' : `.${pad(value, digits + (digits & 1)).slice(0, digits)}`;
}

const fractionBytes = (digits: number): number => (digits + 1) >> 1;

export function dateText(year: number, month: number, day: number): string {
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

/** Days since 1970-01-01 as a date (the Gregorian calendar, Howard Hinnant's civil_from_days). */
function civil(days: number): string {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return dateText(yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day);
}

/** Seconds since 1970 as the server prints a TIMESTAMP in UTC. */
export function utcText(seconds: number): string {
  if (seconds === 0) return '0000-00-00 00:00:00';
  const inDay = ((seconds % 86_400) + 86_400) % 86_400;
  const time = clock(Math.floor(inDay / 3600), Math.floor(inDay / 60) % 60, inDay % 60);
  return `${civil(Math.floor(seconds / 86_400))} ${time}`;
}

function datetime2(reader: ByteReader, digits: number): string {
  const packed = reader.bigEndian(5) - 0x80_0000_0000;
  const yearMonth = Math.floor(packed / 2 ** 22);
  const day = Math.floor(packed / 2 ** 17) % 32;
  const time = packed % 2 ** 17;
  const part = fraction(reader.bigEndian(fractionBytes(digits)), digits);
  const date = dateText(Math.floor(yearMonth / 13), yearMonth % 13, day);
  return `${date} ${clock(time >> 12, (time >> 6) & 63, time & 63)}${part}`;
}

function time2(reader: ByteReader, digits: number): string {
  const bytes = fractionBytes(digits);
  // Whole and fraction are one number below zero for a negative time, so that the bytes sort.
  const packed = reader.bigEndian(3 + bytes) - 0x80_0000 * 256 ** bytes;
  const size = Math.abs(packed);
  const whole = Math.floor(size / 256 ** bytes);
  const part = fraction(size % 256 ** bytes, digits);
  const sign = packed < 0 ? '-' : '';
  return `${sign}${clock((whole >> 12) & 1023, (whole >> 6) & 63, whole & 63)}${part}`;
}

/** Bytes that the leftover digits of a DECIMAL take (decimal.c: dig2bytes). */
const DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

function decimal(reader: ByteReader, precision: number, scale: number): string {
  const whole = precision - scale;
  const leading = DIGIT_BYTES[whole % 9] ?? 0;
  const trailing = DIGIT_BYTES[scale % 9] ?? 0;
  const size = leading + Math.floor(whole / 9) * 4 + Math.floor(scale / 9) * 4 + trailing;
  const bytes = Uint8Array.from(reader.bytes(size));
  const negative = ((bytes[0] ?? 0) & 0x80) === 0;
  bytes[0] = (bytes[0] ?? 0) ^ 0x80;
  if (negative) for (let i = 0; i < size; i++) bytes[i] = (bytes[i] ?? 0) ^ 0xff;
  let at = 0;
  const take = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 256 + (bytes[at++] ?? 0);
    return value;
  };
  let digits = leading === 0 ? '' : String(take(leading));
  for (let i = 0; i < Math.floor(whole / 9); i++) digits += pad(take(4), 9);
  let part = '';
  for (let i = 0; i < Math.floor(scale / 9); i++) part += pad(take(4), 9);
  if (trailing > 0) part += pad(take(trailing), scale % 9);
  const text = `${digits.replace(/^0+(?=\d)/, '') || '0'}${scale === 0 ? '' : `.${part}`}`;
  return negative ? `-${text}` : text;
}

/** The temporal types from before 5.6. */
function oldTemporal(reader: ByteReader, type: number): string {
  if (type === TYPE.timestamp) return utcText(reader.uint(4));
  if (type === TYPE.datetime) {
    const digits = reader.uint64().toString().padStart(14, '0');
    return digits.replace(/^(....)(..)(..)(..)(..)(..)$/, '$1-$2-$3 $4:$5:$6');
  }
  const value = reader.int(3);
  const size = Math.abs(value);
  const text = clock(Math.floor(size / 10_000), Math.floor(size / 100) % 100, size % 100);
  return value < 0 ? `-${text}` : text;
}

function dateOf(reader: ByteReader): string {
  const packed = reader.uint(3);
  return dateText(packed >> 9, (packed >> 5) & 15, packed & 31);
}

/** Integers come signed; the column's definition tells whether they are. */
export function readCell(reader: ByteReader, { type, meta }: MappedColumn): Cell {
  switch (type) {
    case TYPE.tiny:
      return String(reader.int(1));
    case TYPE.short:
      return String(reader.int(2));
    case TYPE.int24:
      return String(reader.int(3));
    case TYPE.long:
      return String(reader.int(4));
    case TYPE.longlong:
      return String(reader.int64());
    case TYPE.float:
      return String(reader.float());
    case TYPE.double:
      return String(reader.double());
    case TYPE.newdecimal:
      return decimal(reader, meta >> 8, meta & 0xff);
    case TYPE.year: {
      const year = reader.uint(1);
      return year === 0 ? '0000' : String(1900 + year);
    }
    case TYPE.date:
    case TYPE.newdate:
      return dateOf(reader);
    case TYPE.timestamp2: {
      const seconds = reader.bigEndian(4);
      const part = reader.bigEndian(fractionBytes(meta));
      return utcText(seconds) + fraction(part, meta);
    }
    case TYPE.datetime2:
      return datetime2(reader, meta);
    case TYPE.time2:
      return time2(reader, meta);
    case TYPE.timestamp:
    case TYPE.datetime:
    case TYPE.time:
      return oldTemporal(reader, type);
    case TYPE.enum:
      return String(reader.uint(meta === 2 ? 2 : 1));
    case TYPE.set:
      return String(little(reader.bytes(meta)));
    case TYPE.bit:
      return String(big(reader.bytes((meta + 7) >> 3)));
    default:
      return readBytes(reader, type, meta);
  }
}

const big = (bytes: Uint8Array): bigint => bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
const little = (bytes: Uint8Array): bigint => big(Uint8Array.from(bytes).reverse());

function readBytes(reader: ByteReader, type: number, meta: number): Uint8Array {
  switch (type) {
    case TYPE.string:
    case TYPE.varchar:
    case TYPE.varString:
      return reader.bytes(reader.uint(meta > 255 ? 2 : 1));
    case TYPE.blob:
    case TYPE.tinyBlob:
    case TYPE.mediumBlob:
    case TYPE.longBlob:
    case TYPE.geometry:
    case TYPE.vector:
      return reader.bytes(reader.uint(meta));
    case TYPE.json:
      throw new UnreadableType('a JSON column in its binary form');
    default:
      throw new UnreadableType(`a column of type ${type}`);
  }
}
