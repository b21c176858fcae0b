// What the doctor looks at on a host: secrets, disks, the clock, the gateway, VIPs, rivals, the packet filter. Changes nothing;
// what cannot be looked at is null.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { DiskFacts, FileMode, HostFacts } from '../../core/doctor/facts.ts';

export interface HostWanted {
  readonly node: string;
  readonly interface: string;
  readonly vips: readonly string[];
  readonly gateway: string | null;
  readonly secrets: readonly { readonly path: string; readonly what: string }[];
  /** Folders that must not fill up: the state's, and the server's as it names them. */
  readonly folders: readonly string[];
  /** Names the server's process; null: not known. */
  readonly serverPidFile: string | null;
}

const COMMAND_MS_MAX = 2_000;

/** Output and exit code; null when there is no such command, or it does not end. */
function run(command: string, args: readonly string[]): Promise<{ code: number; stdout: string } | null> {
  return new Promise((resolve) => {
    execFile(command, [...args], { timeout: COMMAND_MS_MAX, maxBuffer: 4 << 20 }, (error, stdout) => {
      if (error === null) resolve({ code: 0, stdout });
      else resolve(typeof error.code === 'number' ? { code: error.code, stdout } : null);
    });
  });
}

export async function gatherHost(wanted: HostWanted): Promise<HostFacts> {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return {
    node: wanted.node,
    secrets: wanted.secrets.map(modeOf),
    disks: disksOf(wanted.folders),
    clockSynchronised: await clockSynchronised(),
    gatewayAnswers: wanted.gateway === null ? null : await pings(wanted.gateway),
    vipsHere: wanted.vips.filter((vip) => addresses.some(({ address }) => address === vip)),
    interfaceExists:
      wanted.interface in networkInterfaces() || existsSync(`/sys/class/net/${wanted.interface}`),
    rivals: rivals(),
    lacksCapabilities: lackedCapabilities(),
    droppedBy: await droppedBy(),
    kernel: Object.fromEntries(
      ['arp_ignore', 'arp_announce', 'rp_filter'].flatMap((name) => {
        const value = readText(`/proc/sys/net/ipv4/conf/all/${name}`);
        return value === null ? [] : [[name, value.trim()]];
      }),
    ),
    openFilesMax: openFilesMax(wanted.serverPidFile),
  };
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function modeOf({ path, what }: { readonly path: string; readonly what: string }): FileMode {
  try {
    const { mode } = statSync(path);
    return { path, what, open: (mode & 0o007) !== 0, problem: null };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === 'ENOENT' ? 'there is no such file' : `it cannot be looked at (${code})`;
    return { path, what, open: false, problem };
  }
}

/** One a file system. */
function disksOf(folders: readonly string[]): DiskFacts[] {
  const disks = folders.flatMap((path): (DiskFacts & { device: number })[] => {
    try {
      const { bavail, blocks, bsize } = statfsSync(path);
      return [{ path, freeBytes: bavail * bsize, totalBytes: blocks * bsize, device: statSync(path).dev }];
    } catch {
      return [];
    }
  });
  return [...new Map(disks.map((disk) => [disk.device, disk])).values()].map(
    ({ device: _, ...facts }) => facts,
  );
}

async function clockSynchronised(): Promise<boolean | null> {
  if (existsSync('/run/systemd/timesync/synchronized')) return true;
  const said = await run('timedatectl', ['show', '-p', 'NTPSynchronized', '--value']);
  const word = said?.code === 0 ? said.stdout.trim() : '';
  return word === 'yes' ? true : word === 'no' ? false : null;
}

async function pings(gateway: string): Promise<boolean | null> {
  const answer = await run('ping', ['-c', '2', '-i', '0.2', '-W', '1', gateway]);
  return answer === null ? null : answer.code === 0;
}

/** Programs that move addresses or masters as well. */
const RIVALS = new Set([
  'keepalived',
  'pacemakerd',
  'corosync',
  'heartbeat',
  'ucarp',
  'mmm_agentd',
  'orchestrator',
]);

function rivals(): string[] {
  const found = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const name = readText(`/proc/${pid}/comm`)?.trim() ?? '';
    if (RIVALS.has(name)) found.add(name);
  }
  return [...found].sort();
}

/** capabilities(7): their bits in CapEff. */
const NEEDED = { CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n };

function lackedCapabilities(): string[] {
  const held = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText('/proc/self/status') ?? '')?.[1];
  if (held === undefined) return [];
  return Object.entries(NEEDED)
    .filter(([, bit]) => ((BigInt(`0x${held}`) >> bit) & 1n) === 0n)
    .map(([name]) => name);
}

async function droppedBy(): Promise<string[] | null> {
  const said = await run('nft', ['list', 'ruleset']);
  return said === null || said.code !== 0 ? null : dropsOfVrrp(said.stdout);
}

/** What of an `nft list ruleset` keeps VRRP (IP protocol 112) out: a rule that drops it, or a closed chain that lets none in. */
export function dropsOfVrrp(ruleset: string): string[] {
  const found: string[] = [];
  const chains = ruleset.split(/\n\s*chain /).slice(1);
  for (const chain of chains) {
    const [head = '', ...rest] = chain.split('\n');
    const name = head.replace(/\s*\{.*/, '');
    const rules = rest.map((line) => line.trim());
    const about = rules.filter(
      (rule) => /\b(vrrp|112)\b/.test(rule) && /(protocol|l4proto|nexthdr)/.test(rule),
    );
    const drops = about.find((rule) => /\b(drop|reject)\b/.test(rule));
    if (drops !== undefined) found.push(`chain ${name}: ${drops}`);
    const hook = rules.find((rule) => rule.startsWith('type filter hook input'));
    const closed = hook !== undefined && /policy drop/.test(hook);
    if (closed && !rules.some((rule) => /\baccept\b/.test(rule) && letsVrrpIn(rule)))
      found.push(`chain ${name}: policy drop, and no rule accepts protocol 112`);
  }
  return found;
}

/** A rule that accepts protocol 112 by name, or everything from somewhere, or that jumps where we do not look. */
const letsVrrpIn = (rule: string): boolean =>
  /\b(vrrp|112)\b/.test(rule) || /^(ip6? saddr \S+ )?(counter \S.* )?accept$/.test(rule);

function openFilesMax(pidFile: string | null): number | null {
  const pid = pidFile === null ? undefined : readText(pidFile)?.trim();
  if (pid === undefined || !/^\d+$/.test(pid)) return null;
  const soft = /^Max open files\s+(\d+)/m.exec(readText(`/proc/${pid}/limits`) ?? '')?.[1];
  return soft === undefined ? null : Number(soft);
}
