// What a clone takes: rate and duration of `twinkeep clone` beside mariadb-backup alone (its stream unpacked on the same host,
// through a pipe), in the same run on the same data; and the longest wait that writing clients saw meanwhile, beside their longest
// wait without any of it. `npm run bench:clone [-- MEGABYTES]`; needs root (it builds a lab) and three times that much disk.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { rootSession } from '../lab/database.ts';
import { runIn, spawnIn } from '../lab/host.ts';
import { labDown, labUp } from '../lab/lab.ts';
import { defaultLoad, startLoad } from '../lab/load.ts';
import { launcher } from '../lab/pair.ts';
import { hostDir, type LabOptions, pairFile } from '../lab/plan.ts';
import { sleep } from '../lab/process.ts';
import { serverSocket } from '../lab/server.ts';

const megabytes = Number(process.argv[2] ?? 1024);
const given: Partial<LabOptions> = {
  name: `cln-bench-${process.pid}`,
  // What is measured here keeps the machine's disks busy; nobody shall take that for a failure.
  pairOverrides: 'mysql: {probe: {interval: 1s, deadline: 60s}}',
};
const MIB = 1024 * 1024;
const ROWS_A_STATEMENT = 10_000;
const QUIET_MS = 10_000;

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}
interface Copied extends Span {
  readonly bytes: number;
}

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const seconds = ({ fromMs, toMs }: Span): number => (toMs - fromMs) / 1000;
const rate = (copied: Copied): number => copied.bytes / MIB / seconds(copied);

/** Rows of 1 KiB that do not compress, at the writer only: the copy has to bring them. */
async function fill(lab: LabOptions): Promise<void> {
  const session = await rootSession(lab, 'a');
  await session.query('SET SESSION sql_log_bin = 0');
  await session.query(
    'CREATE TABLE drill.sbtest (id INT PRIMARY KEY AUTO_INCREMENT, k INT NOT NULL, c BLOB, KEY (k))',
  );
  const rows = (megabytes * MIB) / 1100;
  for (let done = 0; done < rows; done += ROWS_A_STATEMENT) {
    await session.query(
      `INSERT INTO drill.sbtest (k, c) SELECT FLOOR(RAND() * 1e9), RANDOM_BYTES(1000) FROM drill.seq_1_to_${ROWS_A_STATEMENT}`,
    );
  }
  session.close();
}

/** The stream of mariadb-backup, unpacked beside: what a copy costs without this program. */
async function backupAlone(lab: LabOptions): Promise<Copied> {
  const dir = hostDir(lab, 'a');
  const target = join(dir, 'alone');
  const options = join(dir, 'alone.cnf');
  writeFileSync(
    options,
    `[mariadb-backup]\nuser=root\nsocket=${serverSocket}\ndatadir=${join(dir, 'data')}\n`,
    { mode: 0o600 },
  );
  mkdirSync(target);
  const fromMs = nowMs();
  const command = `mariadb-backup --defaults-file=${options} --backup --stream=mbstream 2>${dir}/alone.log | tee >(wc -c >${dir}/alone.bytes) | mbstream -x -C ${target}`;
  const { code, stderr } = await runIn(lab, 'a', ['bash', '-o', 'pipefail', '-c', command]);
  const toMs = nowMs();
  if (code !== 0) throw new Error(`mariadb-backup alone ended with ${code}: ${stderr}`);
  await sleep(200);
  const bytes = Number((await runIn(lab, 'a', ['cat', `${dir}/alone.bytes`])).stdout);
  rmSync(target, { recursive: true });
  return { fromMs, toMs, bytes };
}

async function clone(
  lab: LabOptions,
  ...args: string[]
): Promise<{ copied: Copied; whole: Span; said: string }> {
  const fromMs = nowMs();
  const child = spawnIn(
    lab,
    'b',
    [launcher, 'clone', ...args, '--discard-old', '--json', '--config', pairFile(lab)],
    'pipe',
  );
  let receive = 0;
  let received: Copied | null = null;
  let said = '';
  if (child.stdout === null) throw new Error('no pipe');
  createInterface({ input: child.stdout }).on('line', (text) => {
    const event = text.startsWith('{"event"')
      ? (JSON.parse(text) as { step?: string; because?: string })
      : {};
    if (event.step === 'receive') receive = nowMs();
    if (event.step === 'received') {
      said = event.because ?? '';
      received = { fromMs: receive, toMs: nowMs(), bytes: Number.parseInt(said, 10) };
    }
    if (event.step === undefined && !text.includes('progress')) said += `\n${text}`;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0 || received === null) throw new Error(`clone ended with ${code}: ${said}`);
  return { copied: received, whole: { fromMs, toMs: nowMs() }, said };
}

async function main(): Promise<void> {
  console.log(`building a lab and ${megabytes} MiB of rows`);
  const lab = await labUp(given, () => {});
  await runIn(lab, 'a', [launcher, 'maintenance', 'on', '--config', pairFile(lab)]);
  await fill(lab);
  console.log('measuring');
  const load = startLoad(lab, {
    ...defaultLoad,
    writers: 2,
    pauseMs: 10,
    statementTimeoutMs: 60_000,
    connectTimeoutMs: 5000,
  });
  await sleep(2000);
  const quiet = { fromMs: nowMs(), toMs: 0 };
  await sleep(QUIET_MS);
  quiet.toMs = nowMs();
  const before = await backupAlone(lab);
  const { copied, whole, said } = await clone(lab, '--from', 'a');
  const after = await backupAlone(lab);
  const acks = (await load.stop()).acks;
  const longest = ({ fromMs, toMs }: Span): number =>
    Math.max(
      0,
      ...acks
        .filter((ack) => ack.ackedMs >= fromMs && ack.sentMs <= toMs)
        .map((ack) => ack.ackedMs - ack.sentMs),
    );
  const alone = (rate(before) + rate(after)) / 2;
  const row = (name: string, span: Copied): void =>
    console.log(
      `${name.padEnd(36)} ${(span.bytes / MIB).toFixed(0).padStart(6)} MiB ${seconds(span).toFixed(1).padStart(7)} s ${rate(span).toFixed(1).padStart(7)} MiB/s   longest wait of a commit ${longest(span).toFixed(0)} ms`,
    );
  console.log(`without a copy: longest wait of a commit ${longest(quiet).toFixed(0)} ms`);
  row('mariadb-backup alone, before', before);
  row('twinkeep clone, the copy', copied);
  row('mariadb-backup alone, after', after);
  console.log(
    `twinkeep clone, until paired: ${seconds(whole).toFixed(1)} s; longest wait of a commit ${longest(whole).toFixed(0)} ms`,
  );
  console.log(`rate of the copy beside mariadb-backup alone: ${(rate(copied) / alone).toFixed(2)}`);
  console.log(said.split('\n')[0]);
}

try {
  await main();
} finally {
  await labDown(given);
}
