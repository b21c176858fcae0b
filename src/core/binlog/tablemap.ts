// TABLE_MAP: names the table of the rows events that follow, and the type of each column as the binary log writes it.
import { ByteReader, textOf } from './bytes.ts';
import { type Decoded, decoding } from './event.ts';

/** As binary logs number them (enum_field_types). */
export const TYPE = {
  decimal: 0,
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  newdate: 14,
  varchar: 15,
  bit: 16,
  timestamp2: 17,
  datetime2: 18,
  time2: 19,
  vector: 242,
  json: 245,
  newdecimal: 246,
  enum: 247,
  set: 248,
  tinyBlob: 249,
  mediumBlob: 250,
  longBlob: 251,
  blob: 252,
  varString: 253,
  string: 254,
  geometry: 255,
} as const;

export interface MappedColumn {
  readonly type: number;
  /** What the type needs: a length, a number of length bytes, precision and scale. */
  readonly meta: number;
}

export interface TableMap {
  readonly id: number;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly MappedColumn[];
}

const metaBytes = (type: number): number => {
  switch (type) {
    case TYPE.float:
    case TYPE.double:
    case TYPE.timestamp2:
    case TYPE.datetime2:
    case TYPE.time2:
    case TYPE.json:
    case TYPE.vector:
    case TYPE.tinyBlob:
    case TYPE.mediumBlob:
    case TYPE.longBlob:
    case TYPE.blob:
    case TYPE.geometry:
    // MariaDB's compressed BLOB.
    case 140:
      return 1;
    case TYPE.varchar:
    case TYPE.bit:
    case TYPE.newdecimal:
    case TYPE.enum:
    case TYPE.set:
    case TYPE.varString:
    case TYPE.string:
    // MariaDB's compressed VARCHAR.
    case 141:
      return 2;
    default:
      return 0;
  }
};

/** STRING hides ENUM, SET and lengths above 255 in its two bytes (log_event.h). */
function stringColumn(high: number, low: number): MappedColumn {
  if (high === TYPE.enum || high === TYPE.set) return { type: high, meta: low };
  if (high !== 0 && (high & 0x30) !== 0x30)
    return { type: TYPE.string, meta: low | (((high & 0x30) ^ 0x30) << 4) };
  return { type: TYPE.string, meta: low };
}

export function decodeTableMap(body: Uint8Array): Decoded<TableMap> {
  return decoding('a table map', () => {
    const reader = new ByteReader(body);
    const id = reader.uint(6);
    reader.skip(2);
    const schema = textOf(reader.bytes(reader.uint(1)));
    reader.skip(1);
    const table = textOf(reader.bytes(reader.uint(1)));
    reader.skip(1);
    const types = [...reader.bytes(reader.length())];
    const metas = new ByteReader(reader.bytes(reader.length()));
    const columns = types.map((type): MappedColumn => {
      if (type === TYPE.string) return stringColumn(metas.uint(1), metas.uint(1));
      if (type === TYPE.newdecimal) return { type, meta: (metas.uint(1) << 8) | metas.uint(1) };
      if (type === TYPE.bit) {
        const rest = metas.uint(1);
        return { type, meta: metas.uint(1) * 8 + rest };
      }
      const count = metaBytes(type);
      return { type, meta: count === 0 ? 0 : metas.uint(count) };
    });
    return { id, schema, table, columns };
  });
}
