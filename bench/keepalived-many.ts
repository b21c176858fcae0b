// Many virtual routers on one daemon, beside a loaded core: does one flap, and what does it cost? twinkeep's keepalived mode and the C daemon one
// after the other, in the same set-up: 1,000 instances at 1 s adverts, then 100 at 100 ms. `npm run bench:vrrp [-- --minutes 10]`.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { file, instance } from '../test/interop/configuration.ts';
import { type Daemon, type Kind, startDaemon } from '../test/interop/daemons.ts';
import { type HostName, type Network, openNetwork, sweep } from '../test/interop/network.ts';
import { capture, type Seen } from '../test/interop/packets.ts';

const TICKS_PER_S = 100; // getconf CLK_TCK on every Linux that Node runs on
const HOSTS = ['a', 'b'] as const;
/** VRIDs on one interface; there are 255. */
const PER_LINK_MAX = 250;
const SETTLE_MS_MAX = 120_000;

interface Setup {
  readonly name: string;
  readonly instances: number;
  readonly advertS: number;
}
const SETUPS: readonly Setup[] = [
  { name: '1,000 instances at 1 s', instances: 1000, advertS: 1 },
  { name: '100 instances at 100 ms', instances: 100, advertS: 0.1 },
];

interface Router {
  readonly link: number;
  readonly vrid: number;
  readonly vip: string;
}

function routersOf({ instances }: Setup, links: number): Router[] {
  const perLink = instances / links;
  return Array.from({ length: instances }, (_, i) => {
    const link = Math.floor(i / perLink);
    const vrid = (i % perLink) + 1;
    return { link, vrid, vip: `10.${100 + link}.0.${vrid}` };
  });
}

function configuration(setup: Setup, links: number, priority: number): string {
  return file(
    routersOf(setup, links).map(({ link, vrid, vip }) =>
      instance({
        name: `VI_${link}_${vrid}`,
        interfaceName: `eth${link}`,
        vrid,
        priority,
        advert: setup.advertS,
        vips: [`${vip}/32`],
      }),
    ),
  );
}

/** What the third host hears, counted and not kept: an hour of it would not fit. */
class Ear {
  /** Since it was last cleared. */
  adverts = 0;
  /** Adverts of the backup, and goodbyes of the master: either is a flap. */
  backupAdverts = 0;
  goodbyes = 0;
  gapMsMax = 0;
  readonly #last = new Map<number, number>();

  hear(seen: Seen): void {
    if (seen.kind !== 'advert') return;
    if (seen.from === 'b') this.backupAdverts++;
    else if (seen.priority === 0) this.goodbyes++;
    else this.#hearMaster(seen.link * 256 + seen.vrid, seen.atMs);
  }

  #hearMaster(router: number, atMs: number): void {
    this.adverts++;
    const before = this.#last.get(router);
    if (before !== undefined) this.gapMsMax = Math.max(this.gapMsMax, atMs - before);
    this.#last.set(router, atMs);
  }

  clear(): void {
    this.adverts = 0;
    this.backupAdverts = 0;
    this.goodbyes = 0;
    this.gapMsMax = 0;
    this.#last.clear();
  }
}

interface Cost {
  readonly cpuMs: number;
  readonly rssKb: number;
  readonly pssKb: number;
}

async function costOf(network: Network, host: HostName): Promise<Cost> {
  const sum = { cpuMs: 0, rssKb: 0, pssKb: 0 };
  for (const pid of await network.processes(host)) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const kb = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    sum.rssKb += kb('Rss');
    sum.pssKb += kb('Pss');
    sum.cpuMs += ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_S;
  }
  return sum;
}

async function held(network: Network, host: HostName, routers: readonly Router[]): Promise<number> {
  const there = new Set((await network.addresses(host)).map(({ address }) => address));
  return routers.filter(({ vip }) => there.has(vip)).length;
}

interface Result {
  readonly setup: string;
  readonly kind: Kind;
  /** From the start of a to its last VIP. */
  readonly readyMs: number;
  readonly seconds: number;
  readonly backupAdverts: number;
  readonly goodbyes: number;
  readonly advertsShare: number;
  readonly gapMsMax: number;
  readonly heldAtEnd: Readonly<Record<HostName, number>>;
  readonly costs: Readonly<Record<HostName, Cost>>;
}

/** A busy loop that keeps one core for itself, as far as the scheduler lets it. */
function loadCore(core: number): ChildProcess {
  return spawn('taskset', ['-c', String(core), process.execPath, '-e', 'for (;;);'], { stdio: 'ignore' });
}

async function run(setup: Setup, kind: Kind, seconds: number, core: number): Promise<Result> {
  const links = Math.max(4, Math.ceil(setup.instances / PER_LINK_MAX));
  const routers = routersOf(setup, links);
  const folder = mkdtempSync(join(tmpdir(), 'tki-'));
  const network = await openNetwork(links);
  const ear = new Ear();
  const captured = await capture(network, (seen) => ear.hear(seen));
  const load = loadCore(core);
  try {
    const start = (host: HostName): Promise<Daemon> =>
      startDaemon({
        network,
        host,
        kind,
        folder,
        configuration: configuration(setup, links, host === 'a' ? 150 : 100),
      });
    const begin = performance.now();
    await start('a');
    while ((await held(network, 'a', routers)) < setup.instances) {
      if (performance.now() - begin > SETTLE_MS_MAX) throw new Error(`${kind}: not all VIPs are set`);
      await sleep(200);
    }
    const readyMs = performance.now() - begin;
    await start('b');
    await sleep(Math.max(5000, 4000 * setup.advertS));

    ear.clear();
    const before = { a: await costOf(network, 'a'), b: await costOf(network, 'b') };
    const from = performance.now();
    while (performance.now() - from < seconds * 1000) {
      await sleep(Math.min(30_000, seconds * 1000));
      process.stderr.write(
        `${setup.name}, ${kind}: ${Math.round((performance.now() - from) / 1000)} s, ${ear.backupAdverts} adverts of the backup\n`,
      );
    }
    const passedMs = performance.now() - from;
    const after = { a: await costOf(network, 'a'), b: await costOf(network, 'b') };
    const spent = (host: HostName): Cost => ({
      ...after[host],
      cpuMs: after[host].cpuMs - before[host].cpuMs,
    });
    return {
      setup: setup.name,
      kind,
      readyMs,
      seconds: passedMs / 1000,
      backupAdverts: ear.backupAdverts,
      goodbyes: ear.goodbyes,
      advertsShare: ear.adverts / ((setup.instances * passedMs) / (setup.advertS * 1000)),
      gapMsMax: ear.gapMsMax,
      heldAtEnd: { a: await held(network, 'a', routers), b: await held(network, 'b', routers) },
      costs: { a: spent('a'), b: spent('b') },
    };
  } finally {
    load.kill('SIGKILL');
    captured.close();
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function print(results: readonly Result[]): void {
  for (const each of results) {
    const flaps = each.backupAdverts + each.goodbyes;
    console.log(
      `\n${each.setup}, ${each.kind}, ${Math.round(each.seconds)} s beside a busy loop on one core`,
    );
    console.log(
      `  flaps: ${flaps === 0 ? 'none' : `${each.backupAdverts} adverts of the backup, ${each.goodbyes} goodbyes of the master`}; ` +
        `VIPs at the end: ${each.heldAtEnd.a} at the master, ${each.heldAtEnd.b} at the backup`,
    );
    console.log(
      `  adverts: ${(each.advertsShare * 100).toFixed(1)} % of what the interval says; the longest silence of a router was ${each.gapMsMax.toFixed(0)} ms; ` +
        `all VIPs set ${(each.readyMs / 1000).toFixed(1)} s after the start`,
    );
    for (const host of HOSTS) {
      const { cpuMs, rssKb, pssKb } = each.costs[host];
      const share = (cpuMs / (each.seconds * 10)).toFixed(2);
      console.log(
        `  ${host === 'a' ? 'master' : 'backup'}: ${(cpuMs / 1000).toFixed(2)} s of CPU (${share} % of a core), ` +
          `RSS ${(rssKb / 1024).toFixed(1)} MB, PSS ${(pssKb / 1024).toFixed(1)} MB`,
      );
    }
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      /** The core that is kept busy. */
      core: { type: 'string', default: '0' },
      only: { type: 'string' },
      setup: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  await sweep();
  const kinds = (['twinkeep', 'keepalived'] as const).filter(
    (kind) => values.only === undefined || kind === values.only,
  );
  const results: Result[] = [];
  for (const setup of SETUPS.filter(
    ({ instances }) => values.setup === undefined || String(instances) === values.setup,
  ))
    for (const kind of kinds)
      results.push(await run(setup, kind, Number(values.minutes) * 60, Number(values.core)));
  if (values.json) console.log(JSON.stringify(results, null, 2));
  else print(results);
  if (
    results.some(({ kind, backupAdverts, goodbyes }) => kind === 'twinkeep' && backupAdverts + goodbyes > 0)
  ) {
    process.exitCode = 1;
  }
}

await main();
