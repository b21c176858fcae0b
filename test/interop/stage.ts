// What a case plays on: two hosts with their daemons, the switch that watches, and the judgements. They rest on what the wire
// and the kernel say; a log line counts only where a case is about the log.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crash, type Daemon, type Kind, type StartOptions, signalAll, startDaemon } from './daemons.ts';
import { type HostName, type Network, openNetwork } from './network.ts';
import { type Advert, type Arp, type Capture, capture, inject, type Seen } from './packets.ts';

/** Who runs what: `a` twinkeep first, `b` twinkeep second, `c` the C daemon with itself, `t` twinkeep with itself. */
export const ROLES = ['a', 'b', 'c', 't'] as const;
export type Role = (typeof ROLES)[number];

const KINDS: Readonly<Record<Role, Readonly<Record<HostName, Kind>>>> = {
  a: { a: 'twinkeep', b: 'keepalived' },
  b: { a: 'keepalived', b: 'twinkeep' },
  c: { a: 'keepalived', b: 'keepalived' },
  t: { a: 'twinkeep', b: 'twinkeep' },
};

// Generous: a machine busy with other things delays everything, and what never comes is a failure all the same.
const WAIT_MS_MAX = 40_000;
/** How long a state that is there already is looked at. */
const STEADY_MS = 600;

export type More = Partial<Pick<StartOptions, 'more' | 'before' | 'waits' | 'checkers'>>;

export class Unmet extends Error {}

export interface AdvertFilter {
  readonly from?: HostName;
  readonly vrid?: number;
  /** Milliseconds of the wall clock: a `mark()`. */
  readonly since?: number;
  readonly priority?: number;
}

export interface Stage {
  readonly role: Role;
  readonly kinds: Readonly<Record<HostName, Kind>>;
  readonly network: Network;
  /** A folder of this case. */
  readonly folder: string;
  start(host: HostName, configuration: string, more?: More): Promise<Daemon>;
  daemon(host: HostName): Daemon;
  crash(host: HostName): Promise<void>;
  freeze(host: HostName): Promise<void>;
  thaw(host: HostName): Promise<void>;
  mark(): number;
  adverts(filter?: AdvertFilter): Advert[];
  /** Gratuitous ARPs for an address. */
  announcements(address: string, filter?: { readonly from?: HostName; readonly since?: number }): Arp[];
  say(packet: Uint8Array, destination?: string): void;
  holders(vip: string): Promise<HostName[]>;
  /** Waits until it is so. */
  until(what: string, check: () => boolean | Promise<boolean>, limitMs?: number): Promise<void>;
  /** Waits until this host alone advertises (over some intervals) and alone holds the address. */
  soleMaster(host: HostName, what?: Partial<MasterWords>): Promise<void>;
  /** Waits until both advertise and both hold the address. */
  twoMasters(what?: Partial<MasterWords>): Promise<void>;
  pause(ms: number): Promise<void>;
  /** Everything, for a failure's text. */
  story(): string;
}

export interface MasterWords {
  readonly vrid: number;
  readonly vip: string;
  /** Of the slowest router. */
  readonly intervalMs: number;
  readonly limitMs: number;
}
const MASTER: MasterWords = { vrid: 51, vip: '10.9.0.100', intervalMs: 100, limitMs: WAIT_MS_MAX };

export function expect(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Unmet(what);
}

function line(seen: Seen, firstMs: number): string {
  const at = `${(seen.atMs - firstMs).toFixed(1).padStart(9)} ${seen.from}${seen.link}`;
  if (seen.kind === 'arp') return `${at} ARP ${seen.operation} ${seen.senderIp} -> ${seen.targetIp}`;
  const { version, vrid, priority, addresses, source, ttl } = seen;
  return `${at} v${version} vrid ${vrid} priority ${priority} [${addresses.join(' ')}] from ${source} ttl ${ttl}`;
}

class RealStage implements Stage {
  readonly role: Role;
  readonly kinds: Readonly<Record<HostName, Kind>>;
  readonly network: Network;
  readonly folder = mkdtempSync(join(tmpdir(), 'tki-'));
  readonly #capture: Capture;
  readonly #daemons = new Map<HostName, Daemon>();
  readonly #past: string[] = [];

  constructor(role: Role, network: Network, captured: Capture) {
    this.role = role;
    this.kinds = KINDS[role];
    this.network = network;
    this.#capture = captured;
  }

  async start(host: HostName, configuration: string, more: More = {}): Promise<Daemon> {
    const { network, folder } = this;
    const before = this.#daemons.get(host);
    if (before !== undefined) this.#past.push(`--- ${host} before\n${before.log()}`);
    const daemon = await startDaemon({
      network,
      host,
      kind: this.kinds[host],
      folder,
      configuration,
      ...more,
    });
    this.#daemons.set(host, daemon);
    return daemon;
  }

  daemon(host: HostName): Daemon {
    const daemon = this.#daemons.get(host);
    if (daemon === undefined) throw new Error(`no daemon was started at ${host}`);
    return daemon;
  }

  crash(host: HostName): Promise<void> {
    return crash(this.network, host);
  }
  freeze(host: HostName): Promise<void> {
    return signalAll(this.network, host, 'SIGSTOP');
  }
  thaw(host: HostName): Promise<void> {
    return signalAll(this.network, host, 'SIGCONT');
  }
  mark(): number {
    return Date.now();
  }
  pause(ms: number): Promise<void> {
    return sleep(ms);
  }

  adverts({ from, vrid, since = 0, priority }: AdvertFilter = {}): Advert[] {
    return this.#capture.seen.filter(
      (seen): seen is Advert =>
        seen.kind === 'advert' &&
        seen.atMs >= since &&
        (from === undefined || seen.from === from) &&
        (vrid === undefined || seen.vrid === vrid) &&
        (priority === undefined || seen.priority === priority),
    );
  }

  announcements(
    address: string,
    { from, since = 0 }: { readonly from?: HostName; readonly since?: number } = {},
  ): Arp[] {
    return this.#capture.seen.filter(
      (seen): seen is Arp =>
        seen.kind === 'arp' &&
        seen.atMs >= since &&
        seen.senderIp === address &&
        seen.targetIp === address &&
        (from === undefined || seen.from === from),
    );
  }

  say(packet: Uint8Array, destination?: string): void {
    inject(this.network, packet, destination);
  }

  async holders(vip: string): Promise<HostName[]> {
    return (['a', 'b'] as const).filter((host) => this.network.holds(host, vip));
  }

  async until(what: string, check: () => boolean | Promise<boolean>, limitMs = WAIT_MS_MAX): Promise<void> {
    const end = performance.now() + limitMs;
    while (!(await check())) {
      if (performance.now() > end) throw new Unmet(`not within ${limitMs / 1000} s: ${what}`);
      await sleep(25);
    }
  }

  async #advertising({ vrid, intervalMs }: MasterWords): Promise<string> {
    const window = this.adverts({ vrid, since: Date.now() - 3.5 * intervalMs });
    return [...new Set(window.filter(({ priority }) => priority > 0).map(({ from }) => from))].sort().join();
  }

  async soleMaster(host: HostName, what: Partial<MasterWords> = {}): Promise<void> {
    const words = { ...MASTER, ...what };
    const start = performance.now();
    await this.until(
      `${host} alone is master of router ${words.vrid} and holds ${words.vip}`,
      async () =>
        performance.now() - start > Math.min(3.5 * words.intervalMs, STEADY_MS) &&
        (await this.#advertising(words)) === host &&
        (await this.holders(words.vip)).join() === host,
      words.limitMs,
    );
  }

  async twoMasters(what: Partial<MasterWords> = {}): Promise<void> {
    const words = { ...MASTER, ...what };
    await this.until(
      `both are masters of router ${words.vrid} and hold ${words.vip}`,
      async () =>
        (await this.#advertising(words)) === 'a,b' && (await this.holders(words.vip)).join() === 'a,b',
      words.limitMs,
    );
  }

  story(): string {
    const { seen } = this.#capture;
    const first = seen[0]?.atMs ?? 0;
    const wire = seen.length <= 400 ? seen : [...seen.slice(0, 150), ...seen.slice(-250)];
    const logs = [...this.#daemons].map(([host, daemon]) => `--- ${host}: ${daemon.kind}\n${daemon.log()}`);
    return [
      `--- wire (${seen.length})`,
      ...wire.map((each) => line(each, first)),
      ...this.#past,
      ...logs,
    ].join('\n');
  }

  async close(): Promise<void> {
    this.#capture.close();
    await this.network.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Opens a stage, plays, and clears it away whatever happened. A failure's text gets the whole story. */
export async function play<T>(
  role: Role,
  links: number,
  work: (stage: Stage) => Promise<T>,
): Promise<{ readonly result: T; readonly story: string }> {
  const network = await openNetwork(links);
  let stage: RealStage;
  try {
    stage = new RealStage(role, network, await capture(network));
  } catch (error) {
    await network.close();
    throw error;
  }
  try {
    const result = await work(stage);
    return { result, story: stage.story() };
  } catch (error) {
    if (error instanceof Error) error.message = `${error.message}\n${stage.story()}`;
    throw error;
  } finally {
    await stage.close();
  }
}
