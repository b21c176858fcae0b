// After the healing: what the two servers really hold, compared with what the client was told.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ack } from '../acks.ts';
import { rootSession } from '../database.ts';
import type { LabOptions, NodeName } from '../plan.ts';
import { until } from '../process.ts';
import { differingRows, missingRows, unacknowledgedRows } from './measure.ts';

export interface DataCheck {
  /** Acknowledged rows that the server does not have. Must be empty; a standby that is stuck lacks what the writer has. */
  readonly missing: Readonly<Record<NodeName, readonly string[]>>;
  /** Acknowledged rows that neither server has, nor a salvage. Must be empty, and is worse. */
  readonly lost: readonly string[];
  /** Rows that are there and were never acknowledged: the client had asked, and got no answer. No fault. */
  readonly unacknowledged: number;
  /** Rows that the servers do not agree on. Must be empty. */
  readonly differing: readonly string[];
  /** How many rows of this drill each server has. */
  readonly rows: Readonly<Record<NodeName, number>>;
}

export type Rows = ReadonlyMap<string, string>;

export function compareRows(acks: readonly Ack[], rows: Readonly<Record<NodeName, Rows>>): DataCheck {
  const union = new Map([...rows.a, ...rows.b]);
  return {
    missing: { a: missingRows(acks, rows.a), b: missingRows(acks, rows.b) },
    lost: missingRows(acks, union),
    unacknowledged: unacknowledgedRows(acks, union).length,
    differing: differingRows(rows.a, rows.b),
    rows: { a: rows.a.size, b: rows.b.size },
  };
}

/** Every row of this load on one server, by writer/sequence. */
async function rowsOn(lab: LabOptions, node: NodeName, firstSequence: number): Promise<Rows> {
  const session = await rootSession(lab, node);
  try {
    const found = await session.query<{ id: string; payload: string }>(
      `SELECT CONCAT(writer, '/', sequence) AS id, payload FROM drill.t WHERE sequence >= ${firstSequence}`,
    );
    return new Map(found.map((row) => [row.id, row.payload]));
  } finally {
    session.close();
  }
}

/** Rows that a node has set aside and undone (`salvage: discard`), by writer/sequence: kept in files, in no table any more. */
export function salvagedRows(lab: LabOptions): Set<string> {
  const found = new Set<string>();
  const state = join(lab.dir, 'state');
  for (const node of foldersIn(state))
    for (const salvage of foldersIn(join(state, node, 'salvage'))) {
      const file = join(state, node, 'salvage', salvage, 'transactions.jsonl');
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
      for (const line of lines.filter((each) => each !== '')) {
        const { rows } = JSON.parse(line) as { rows?: readonly { after?: Record<string, unknown> | null }[] };
        for (const { after } of rows ?? []) found.add(`${after?.['writer']}/${after?.['sequence']}`);
      }
    }
  return found;
}

const foldersIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** Compares once the standby has caught up; a standby that does not within `limitMs` is compared as it is. */
export async function checkData(
  lab: LabOptions,
  acks: readonly Ack[],
  firstSequence: number,
  limitMs = 10_000,
): Promise<DataCheck> {
  let check: DataCheck | undefined;
  await until(
    async () => {
      const [a, b] = await Promise.all([rowsOn(lab, 'a', firstSequence), rowsOn(lab, 'b', firstSequence)]);
      check = compareRows(acks, { a, b });
      return check.differing.length === 0;
    },
    limitMs,
    200,
  );
  if (check === undefined) throw new Error('no comparison was made'); // until() always asks once
  const kept = salvagedRows(lab);
  return { ...check, lost: check.lost.filter((row) => !kept.has(row)) };
}
