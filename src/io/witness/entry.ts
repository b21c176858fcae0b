// What stands in the witness under a pair's key: the record with the pair's name and id, as canonical text, because a
// compare-and-swap compares texts. Written and read by etcd.ts.

import { createHmac } from 'node:crypto';
import { type PairRecord, parseRecord } from '../../core/pair/record.ts';

const FORMAT = 1;

export interface Owner {
  readonly pair: string;
  /** Tells apart two pairs of one name that share a witness: see pairId. */
  readonly pairId: string;
  /** The names of the pair's nodes. */
  readonly nodes: readonly string[];
}

export type ReadEntry =
  | { readonly ok: true; readonly record: PairRecord }
  | { readonly ok: false; readonly because: string };

/** Says which pair this is without telling its key: 16 hexadecimal digits, the same on both nodes. */
export function pairId(pairKey: string): string {
  return createHmac('sha256', pairKey).update('twinkeep pair id').digest('hex').slice(0, 16);
}

export function entryKey(pair: string): string {
  return `/twinkeep/${pair}/record`;
}

export function encodeEntry({ epoch, writer, sync }: PairRecord, { pair, pairId: id }: Owner): string {
  return JSON.stringify({ format: FORMAT, pair, id, record: { epoch, writer, sync } });
}

function parseJson(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** A text from elsewhere, fit for one line of a message. */
export function quote(text: string): string {
  const line = text.replace(/[\s\p{Cc}\u{fffd}]+/gu, ' ').trim();
  return `"${line.length > 80 ? `${line.slice(0, 77)}...` : line}"`;
}

/** Reads an entry back. One that is not exactly what encodeEntry writes could never be swapped, and so is damaged. */
export function readEntry(text: string, owner: Owner): ReadEntry {
  const key = entryKey(owner.pair);
  const damaged = (why: string): ReadEntry => ({
    ok: false,
    because: `the witness holds something under ${key} that is no record of this pair (${why}): ${quote(text)}. Find out who wrote it. If nothing else uses that key, remove it (etcdctl del ${key}) while the pair is up, and the writer puts its record there again`,
  });
  const value = parseJson(text);
  if (value === null) return damaged('it is not readable as JSON');
  if (typeof value['format'] === 'number' && value['format'] > FORMAT) {
    return {
      ok: false,
      because: `a newer version of twinkeep wrote the record under ${key}: run that version on this node too`,
    };
  }
  const { pair, id } = value;
  if (value['format'] !== FORMAT || typeof pair !== 'string' || typeof id !== 'string')
    return damaged('it lacks a format, a pair and an id');
  if (pair !== owner.pair) return damaged('it belongs to another pair');
  if (id !== owner.pairId) {
    return {
      ok: false,
      because: `the record under ${key} belongs to another pair of the same name (its id is ${quote(id)}, this pair's is "${owner.pairId}"): give one of the two another name in pair.yaml, or a witness of its own. If it is this pair with a new secretFile, remove the key (etcdctl del ${key}) while the pair is up`,
    };
  }
  const record = parseRecord(value['record']);
  if (record === null) return damaged('its record is none');
  if (record.writer !== null && !owner.nodes.includes(record.writer)) {
    return {
      ok: false,
      because: `the record under ${key} names the writer ${quote(record.writer)}, and the nodes of this pair are ${owner.nodes.join(' and ')}: was a node renamed in pair.yaml? Use the same file on both hosts, with the names that the pair was set up with`,
    };
  }
  return encodeEntry(record, owner) === text ? { ok: true, record } : damaged('it was edited by hand');
}
