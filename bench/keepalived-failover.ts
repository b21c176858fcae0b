// Failover times of twinkeep's keepalived mode and of the C daemon, side by side in one run, with the same files: from the event to the first
// gratuitous ARP of the other host, as a third host hears it. `npm run bench:keepalived [-- --repeats 10 --adverts 1s,100ms --events sigterm]`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { file, instance, VIP } from '../test/interop/configuration.ts';
import { type HeldScript, heldScript, scriptBlock } from '../test/interop/heldscript.ts';
import { killIfThere, sweep } from '../test/interop/network.ts';
import { play, type Role, type Stage } from '../test/interop/stage.ts';

const ADVERTS = {
  '1s': { version: 2, advert: 1, intervalMs: 1000 },
  '100ms': { version: 3, advert: 0.1, intervalMs: 100 },
  '10ms': { version: 3, advert: 0.01, intervalMs: 10 },
} as const;
type AdvertName = keyof typeof ADVERTS;

/** Wall clock, as the capture has it, in fractions of a millisecond. */
const wallMs = (): number => performance.timeOrigin + performance.now();

interface Trial {
  readonly stage: Stage;
  readonly script: HeldScript;
}

/** Each makes the event happen, and says when it did. */
const EVENTS = {
  sigterm: async ({ stage }: Trial) => {
    const at = wallMs();
    stage.daemon('a').signal('SIGTERM');
    return at;
  },
  kill: async ({ stage }: Trial) => {
    const pids = await stage.network.processes('a');
    const at = wallMs();
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) for (const pid of pids) killIfThere(pid, signal);
    return at;
  },
  cable: async ({ stage }: Trial) => {
    // A shell of `ip` that is there already, so that the event is not the start of a process.
    const ip = spawn('ip', ['-n', stage.network.namespace('w'), '-batch', '-'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await sleep(50);
    const at = wallMs();
    ip.stdin.end('link set a0 down\n');
    await once(ip, 'close');
    return at;
  },
  script: async ({ script }: Trial) => {
    const at = wallMs();
    script.fail();
    return at;
  },
} as const;
type EventName = keyof typeof EVENTS;

const EVENT_WORDS: Readonly<Record<EventName, string>> = {
  sigterm: 'SIGTERM',
  kill: 'kill -9 of all its processes',
  cable: 'cable pulled',
  script: 'script fails (weight 0, interval 1, fall 1)',
};

const TRACK = ['track_script {\n    chk\n  }'];

/** One failover from a to b, in milliseconds; `phase`: 0 to 1, of the interval. Null when b was master before the event, which a busy machine can bring about. */
async function measure(
  role: Role,
  event: EventName,
  advert: AdvertName,
  phase: number,
): Promise<number | null> {
  const { version, advert: seconds, intervalMs } = ADVERTS[advert];
  const { result } = await play(role, 1, async (stage) => {
    const script = heldScript(stage, 'chk');
    const words = { version, advert: seconds };
    const tracked = event === 'script';
    await Promise.all([
      stage.start(
        'a',
        file(
          [instance({ ...words, priority: 150, lines: tracked ? TRACK : [] })],
          tracked ? scriptBlock('chk', script.path, 0, 1) : '',
        ),
      ),
      stage.start('b', file([instance({ ...words, priority: 100 })])),
    ]);
    await stage.soleMaster('a', { intervalMs, limitMs: 20_000 });
    await stage.pause(300);
    // Where in its interval the event meets the daemon: the runs are spread over it evenly, for both daemons the same way.
    const runs = script.runs();
    const adverts = stage.adverts({ from: 'a' }).length;
    await stage.until('the next advert, or the next run of the script', () =>
      tracked ? script.runs() > runs : stage.adverts({ from: 'a' }).length > adverts,
    );
    await stage.pause(phase * (tracked ? 1000 : intervalMs));
    const quietSince = wallMs() - 200;
    const at = await EVENTS[event]({ stage, script });
    const heard = () => stage.announcements(VIP, { from: 'b', since: quietSince });
    await stage.until('b announces the VIP', () => heard().length > 0, 10_000);
    const first = heard()[0]?.atMs ?? 0;
    return first < at ? null : first - at;
  });
  return result;
}

/** Enough to see the C daemon's, which come about once in ten. */
const RELOADS = 20;

/** SIGHUPs with 10 ms adverts and an unchanged file: how many made the backup advertise. */
async function reloadFlaps(role: Role, reloads: number): Promise<number> {
  const { result } = await play(role, 1, async (stage) => {
    const words = { version: 3, advert: 0.01 } as const;
    await stage.start('a', file([instance({ ...words, priority: 150 })]));
    await stage.start('b', file([instance({ ...words, priority: 100 })]));
    await stage.soleMaster('a', { intervalMs: 10 });
    let flaps = 0;
    for (let i = 0; i < reloads; i++) {
      const since = wallMs();
      stage.daemon('a').signal('SIGHUP');
      await stage.pause(700);
      if (stage.adverts({ from: 'b', since }).length > 0) flaps++;
    }
    return flaps;
  });
  return result;
}

interface Row {
  readonly event: EventName;
  readonly advert: AdvertName;
  readonly times: Readonly<Record<'t' | 'c', number[]>>;
  flaps: number;
}

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;

function cells(times: readonly number[]): { readonly text: string; readonly median: number } {
  const sorted = [...times].sort((a, b) => a - b);
  const [low, median, high] = [quantile(sorted, 0), quantile(sorted, 0.5), quantile(sorted, 1)];
  const words = [low, median, high].map((ms) => (ms < 100 ? ms.toFixed(1) : ms.toFixed(0)).padStart(6));
  return { text: words.join(' '), median };
}

function print(rows: readonly Row[], repeats: number): void {
  console.log(
    `Milliseconds from the event to the first gratuitous ARP at a third host; ${repeats} runs each.\n`,
  );
  const head = ['', 'adverts', 'twinkeep min/p50/max', 'keepalived min/p50/max', 'ratio of p50'];
  const widths = [46, 8, 22, 22, 12];
  const line = (texts: readonly string[]) =>
    console.log(
      texts
        .map((text, i) => text.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  line(head);
  for (const { event, advert, times, flaps } of rows) {
    const ours = cells(times.t);
    const theirs = cells(times.c);
    const ratio = (ours.median / theirs.median).toFixed(2);
    line([EVENT_WORDS[event], advert, ours.text, theirs.text, ratio]);
    if (flaps > 0) line([`  (${flaps} runs not counted: the backup was master already)`]);
  }
}

async function fill(row: Row, repeats: number): Promise<void> {
  for (let i = 0; i < repeats; i++) {
    // By turns, so that what the machine does meanwhile meets both.
    for (const role of ['t', 'c'] as const) {
      const ms = await measure(role, row.event, row.advert, (i + 0.5) / repeats);
      if (ms === null) row.flaps++;
      else row.times[role].push(ms);
      const name = role === 't' ? 'twinkeep' : 'keepalived';
      writeSync(
        2,
        `${row.event} ${row.advert} ${name}: ${ms === null ? 'not counted' : `${ms.toFixed(1)} ms`}\n`,
      );
    }
  }
}

function chosen<T extends string>(text: string, all: Readonly<Record<T, unknown>>): T[] {
  return text.split(',').map((name) => {
    if (Object.hasOwn(all, name)) return name as T;
    throw new Error(`'${name}' is none of ${Object.keys(all).join(', ')}`);
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      repeats: { type: 'string', default: '3' },
      adverts: { type: 'string', default: Object.keys(ADVERTS).join(',') },
      events: { type: 'string', default: Object.keys(EVENTS).join(',') },
      json: { type: 'boolean', default: false },
    },
  });
  const repeats = Number(values.repeats);
  const rows: Row[] = chosen(values.events, EVENTS).flatMap((event) =>
    chosen(values.adverts, ADVERTS).map((advert) => ({ event, advert, times: { t: [], c: [] }, flaps: 0 })),
  );
  await sweep();
  // Seconds of waiting need no quiet machine: these run at once. The short ones have it to themselves.
  await Promise.all(rows.filter(({ advert }) => advert === '1s').map((row) => fill(row, repeats)));
  for (const row of rows.filter(({ advert }) => advert !== '1s')) await fill(row, repeats);
  const flaps = { t: await reloadFlaps('t', RELOADS), c: await reloadFlaps('c', RELOADS) };
  if (values.json) {
    console.log(JSON.stringify({ repeats, rows, reloadFlaps: flaps }));
    return;
  }
  print(rows, repeats);
  console.log(
    `\nSIGHUP with 10 ms adverts: the backup took over in ${flaps.t} of ${RELOADS} reloads of twinkeep, ${flaps.c} of keepalived.`,
  );
}

await main();
