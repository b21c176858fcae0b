// Which transactions of this node are saved already (`twinkeep salvage`): a clone over it loses none of them.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** GTIDs, each or as sets, joined by commas; empty: none. */
export function salvagedGtids(folder: string): string {
  const salvage = join(folder, 'salvage');
  let ids: string[];
  try {
    ids = readdirSync(salvage);
  } catch {
    return '';
  }
  const gtids = ids.flatMap((id) => {
    try {
      const index = JSON.parse(readFileSync(join(salvage, id, 'index.json'), 'utf8')) as {
        transactions?: readonly { gtid?: unknown }[];
      };
      return (index.transactions ?? []).map((each) => String(each.gtid ?? ''));
    } catch {
      return []; // not whole, or not ours: what it holds does not count as saved
    }
  });
  return gtids.filter((gtid) => gtid !== '').join(',');
}
