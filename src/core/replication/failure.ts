// A replication error as a server words it, taken apart: its number, the table, the key, the place in the source's log.
// MariaDB 10.x, MySQL 5.6 to 9.x.

export interface ReplicationFailure {
  /** Of the server; 0 when the text names none. */
  readonly number: number;
  /** The server's own words. */
  readonly text: string;
  /** As schema.table; null: the text names none. */
  readonly table: string | null;
  readonly kind: 'insert' | 'update' | 'delete' | null;
  /** The values of the key that is there already, joined by "-", and the key's name. */
  readonly duplicate: { readonly entry: string; readonly key: string } | null;
  /** The transaction, where the text names it. */
  readonly gtid: string | null;
  /** Of the failing event: file and end in the source's binary log. */
  readonly place: { readonly file: string; readonly end: number } | null;
}

const KINDS: Readonly<Record<string, ReplicationFailure['kind']>> = {
  write: 'insert',
  update: 'update',
  delete: 'delete',
};

/** MySQL's coordinator says only that a worker failed; the worker's number is inside its text. */
function numberIn(text: string): number {
  const named = /Error_code: (?:MY-)?0*(\d+)/.exec(text) ?? /error code:? '?(?:MY-)?0*(\d+)/i.exec(text);
  const outer = /\(error (\d+)\)\s*$/.exec(text);
  return Number(named?.[1] ?? outer?.[1] ?? 0);
}

function tableIn(text: string): string | null {
  const row = /event on table ([^\s;]+)[;,]/i.exec(text)?.[1];
  if (row !== undefined) return row;
  const missing = /Table '([^']+)' doesn't exist/.exec(text)?.[1];
  if (missing !== undefined) return missing;
  const schema = /Default database: '([^']*)'/.exec(text)?.[1] ?? '';
  const named =
    /Query: '\s*(?:insert\s+(?:ignore\s+)?into|replace\s+into|update|delete\s+from|(?:alter|drop|create)\s+table(?:\s+if(?:\s+not)?\s+exists)?)\s+([`\w$.]+)/i.exec(
      text,
    )?.[1];
  if (named === undefined) return /table '?`?([\w$]+\.[\w$]+)/i.exec(text)?.[1] ?? null;
  const plain = named.replaceAll('`', '');
  return plain.includes('.') || schema === '' ? plain : `${schema}.${plain}`;
}

/** `text` as ChannelStatus.applierError and receiverError have it: the server's words, then "(error N)". */
export function readFailure(text: string): ReplicationFailure {
  const kind = /Could not execute (Write|Update|Delete)_rows/i.exec(text)?.[1]?.toLowerCase();
  const duplicate = /Duplicate entry '(.*?)' for key '([^']+)'/.exec(text);
  const place = /(?:master|source) log ([^\s,]+), end_log_pos (\d+)/.exec(text);
  const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?::[a-z_][a-z0-9_]*)?:\\d+';
  const gtid = new RegExp(`GTID (\\d+-\\d+-\\d+)|transaction '(${uuid})'`, 'i').exec(text);
  return {
    number: numberIn(text),
    text,
    table: tableIn(text),
    kind: kind === undefined ? null : (KINDS[kind] ?? null),
    duplicate:
      duplicate === null
        ? null
        : { entry: duplicate[1] ?? '', key: (duplicate[2] ?? '').replace(/^.*\./, '') },
    gtid: gtid?.[1] ?? gtid?.[2] ?? null,
    place: place === null ? null : { file: place[1] ?? '', end: Number(place[2]) },
  };
}
