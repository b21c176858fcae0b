// How long a standby that was away takes to be paired again, by how long it was away while the writer went on writing:
// `node bench/rejoin.ts [SECONDS...]` (default 10 300); needs root (it builds a lab). From the start of its host to `paired`.

import { setTimeout as sleep } from 'node:timers/promises';
import { rootSession } from '../lab/database.ts';
import { bootHost, crashHost, labDown, labUp } from '../lab/lab.ts';
import { twinkeep } from '../lab/pair.ts';
import type { LabOptions } from '../lab/plan.ts';

const NAME = 'bench-rejoin';
const PAIRED_MS_MAX = 600_000;
/** Clients that write one row a transaction. */
const CLIENTS = 4;

async function sync(lab: LabOptions): Promise<string> {
  const { stdout } = await twinkeep(lab, ['status', '--json']);
  return stdout === '' ? '' : String((JSON.parse(stdout) as { sync?: string }).sync);
}

/** Writes until it is told to stop; resolves with the number of transactions. */
async function write(lab: LabOptions, client: number, running: () => boolean): Promise<number> {
  const session = await rootSession(lab, 'a');
  let count = 0;
  try {
    for (; running(); count++) {
      await session.query(`INSERT INTO drill.rejoin (client, payload) VALUES (${client}, REPEAT('x', 200))`);
    }
    return count;
  } finally {
    session.close();
  }
}

async function away(lab: LabOptions, seconds: number): Promise<void> {
  await crashHost(lab, 'b');
  while ((await sync(lab)) !== 'alone') await sleep(100);
  let running = true;
  const clients = Array.from({ length: CLIENTS }, (_, client) => write(lab, client, () => running));
  await sleep(seconds * 1000);
  running = false;
  const missed = (await Promise.all(clients)).reduce((sum, count) => sum + count, 0);
  // A writer that is written to while the standby catches up: one client goes on.
  let going = true;
  const client = write(lab, CLIENTS, () => going);
  const startedMs = performance.now();
  await bootHost(lab, 'b');
  for (;;) {
    if ((await sync(lab)) === 'paired') break;
    if (performance.now() - startedMs > PAIRED_MS_MAX) throw new Error('not paired within ten minutes');
    await sleep(50);
  }
  const tookS = (performance.now() - startedMs) / 1000;
  going = false;
  await client;
  console.log(
    `away ${seconds} s, ${missed} transactions missed: paired ${tookS.toFixed(1)} s after its host was started`,
  );
}

const lab = await labUp({ name: NAME }, () => undefined);
try {
  const session = await rootSession(lab, 'a');
  await session.query(
    'CREATE TABLE drill.rejoin (id BIGINT AUTO_INCREMENT PRIMARY KEY, client INT, payload VARCHAR(200)) ENGINE=InnoDB',
  );
  session.close();
  const asked = process.argv.slice(2).map(Number);
  for (const seconds of asked.length > 0 ? asked : [10, 300]) await away(lab, seconds);
} finally {
  await labDown({ name: NAME });
}
