// The small network of one interop case: hosts a and b, each in a network namespace of its own, and a third host w that is the
// switch between them: it sees every frame with the port that it came in by, and can cut, forge and replay. Bounded and swept: what a killed
// run leaves behind, the next one removes.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { parseIp } from '../../src/core/ip/address.ts';
import { within } from '../linux/namespaces.ts';

const execute = promisify(execFile);
const PREFIX = 'tki';
const COMMAND_MS_MAX = 20_000;

export type HostName = 'a' | 'b';
export type Place = HostName | 'w';

export const ADDRESSES = { a: '10.9.0.1', b: '10.9.0.2', w: '10.9.0.9' } as const;

export async function command(argv: readonly string[]): Promise<string> {
  const [program = '', ...rest] = argv;
  const { stdout } = await execute(program, rest, { timeout: COMMAND_MS_MAX, killSignal: 'SIGKILL' });
  return stdout;
}

interface ShownLink {
  readonly ifname: string;
  readonly ifindex: number;
}
interface ShownAddress {
  readonly ifname: string;
  readonly addr_info: readonly {
    readonly local?: string;
    readonly prefixlen: number;
    readonly label?: string;
  }[];
}

export interface HeldAddress {
  readonly device: string;
  readonly address: string;
  readonly prefix: number;
}

export interface Network {
  namespace(place: Place): string;
  /** `ip` inside the namespace of a place. */
  ip(place: Place, words: string): Promise<string>;
  addresses(place: Place): Promise<HeldAddress[]>;
  /** Whether the kernel of a place takes this address for its own: its routing tables, read without starting a process. */
  holds(place: Place, address: string): boolean;
  /** Frames stop at the switch, the carrier stays: a partition. */
  cut(host: HostName, link?: number): Promise<void>;
  heal(host: HostName, link?: number): Promise<void>;
  /** The host's interface loses its carrier. */
  pull(host: HostName, link?: number): Promise<void>;
  plug(host: HostName, link?: number): Promise<void>;
  /** Interface number at w -> where its frames come from. */
  ports(): Promise<Map<number, { readonly from: HostName; readonly link: number }>>;
  processes(place: Place): Promise<number[]>;
  close(): Promise<void>;
}

let counter = 0;

function isOwnerGone(namespace: string): boolean {
  const owner = new RegExp(`^${PREFIX}-(\\d+)-`).exec(namespace)?.[1];
  return owner !== undefined && !existsSync(`/proc/${owner}`);
}

/** Ends what still runs in namespaces of runs that are gone, and removes these. */
export async function sweep(): Promise<void> {
  for (const line of (await command(['ip', 'netns', 'list'])).split('\n')) {
    const name = line.split(' ')[0] ?? '';
    if (!isOwnerGone(name)) continue;
    for (const pid of await processesIn(name)) killIfThere(pid, 'SIGKILL');
    await command(['ip', 'netns', 'del', name]);
  }
}

async function processesIn(namespace: string): Promise<number[]> {
  const text = await command(['ip', 'netns', 'pids', namespace]);
  return text.split('\n').filter(Boolean).map(Number);
}

export function killIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Every process that a host runs has this namespace, so that ending them needs no names. */
export async function endAll(network: Network, places: readonly Place[]): Promise<void> {
  const deadline = Date.now() + 5000;
  for (;;) {
    const pids = (await Promise.all(places.map((place) => network.processes(place)))).flat();
    if (pids.length === 0 || Date.now() > deadline) return;
    for (const pid of pids) killIfThere(pid, 'SIGKILL');
  }
}

function isOwnHere(address: string): boolean {
  if (address.includes(':')) {
    const hex = Buffer.from(parseIp(address) ?? []).toString('hex');
    return readFileSync('/proc/thread-self/net/if_inet6', 'utf8').includes(hex);
  }
  const trie = readFileSync('/proc/thread-self/net/fib_trie', 'utf8');
  return new RegExp(`\\|-- ${address.replaceAll('.', '\\.')}\\n(?:\\s+/\\d+ .*\\n)*?\\s+/32 host LOCAL`).test(
    trie,
  );
}

function setUp(namespace: (place: Place) => string, links: number): string {
  const w = namespace('w');
  const lines = [w, namespace('a'), namespace('b')].map(
    (n) => `ip netns add ${n}; ip -n ${n} link set lo up`,
  );
  for (let link = 0; link < links; link++) {
    lines.push(`ip -n ${w} link add br${link} type bridge mcast_snooping 0`);
    lines.push(`ip -n ${w} addr add 10.9.${link}.9/24 dev br${link}`, `ip -n ${w} link set br${link} up`);
    for (const [host, last] of [
      ['a', 1],
      ['b', 2],
    ] as const) {
      const n = namespace(host);
      lines.push(`ip -n ${w} link add ${host}${link} type veth peer name eth${link} netns ${n}`);
      lines.push(`ip -n ${w} link set ${host}${link} master br${link} up`);
      lines.push(`ip -n ${n} addr add 10.9.${link}.${last}/24 dev eth${link}`);
      lines.push(`ip -n ${n} link set eth${link} up`);
    }
  }
  return lines.join('\n');
}

export async function openNetwork(links = 1): Promise<Network> {
  const id = `${PREFIX}-${process.pid}-${counter++}`;
  const namespace = (place: Place): string => `${id}-${place}`;
  const ip = (place: Place, words: string): Promise<string> =>
    command(['ip', '-n', namespace(place), ...words.split(' ')]);
  const atSwitch = async (words: string): Promise<void> => void (await ip('w', words));

  const network: Network = {
    namespace,
    ip,
    async addresses(place) {
      const shown = JSON.parse(await ip(place, '-j addr show')) as ShownAddress[];
      return shown.flatMap(({ ifname, addr_info }) =>
        (addr_info ?? []).flatMap(({ local, prefixlen }) =>
          local === undefined ? [] : [{ device: ifname, address: local, prefix: prefixlen }],
        ),
      );
    },
    holds: (place, address) => within(namespace(place), () => isOwnHere(address)),
    cut: (host, link = 0) => atSwitch(`link set ${host}${link} nomaster`),
    heal: (host, link = 0) => atSwitch(`link set ${host}${link} master br${link}`),
    pull: (host, link = 0) => atSwitch(`link set ${host}${link} down`),
    plug: (host, link = 0) => atSwitch(`link set ${host}${link} up`),
    async ports() {
      const shown = JSON.parse(await ip('w', '-j link show')) as ShownLink[];
      return new Map(
        shown.flatMap(({ ifname, ifindex }) => {
          const match = /^([ab])(\d)$/.exec(ifname);
          return match === null ? [] : [[ifindex, { from: match[1] as HostName, link: Number(match[2]) }]];
        }),
      );
    },
    processes: (place) => processesIn(namespace(place)),
    async close() {
      await endAll(network, ['a', 'b', 'w']);
      for (const place of ['a', 'b', 'w'] as const) {
        if (existsSync(`/run/netns/${namespace(place)}`))
          await command(['ip', 'netns', 'del', namespace(place)]);
      }
    },
  };
  try {
    await command(['sh', '-ec', setUp(namespace, links)]);
  } catch (error) {
    await network.close();
    throw error;
  }
  return network;
}

/** A raw socket for VRRP is open where this process lives: its daemon takes part in an election. Kernel's own table. */
export function listensForVrrp(pid: number): boolean {
  try {
    // The local port is the protocol: 112, or 51 for AH.
    const tables = ['raw', 'raw6'].map((name) => readFileSync(`/proc/${pid}/net/${name}`, 'utf8'));
    return /:(0070|0033) /.test(tables.join(''));
  } catch {
    return false;
  }
}
