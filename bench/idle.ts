// What an idle node costs: resident memory and CPU of the agent's processes at 100 ms adverts, and, in the same run,
// of keepalived's at the same interval. `npm run bench:idle [-- SECONDS]`; needs root (it builds a lab).

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { forbidRestart, managerProcess, requireUp, servicePid, spawnIn } from '../lab/host.ts';
import { labDown, labUp } from '../lab/lab.ts';
import type { HostName, LabOptions, NodeName } from '../lab/plan.ts';
import { processesOf, sleep } from '../lab/process.ts';

const TICKS_PER_S = 100; // getconf CLK_TCK on every Linux that Node runs on
const SETTLE_MS = 10_000;

interface Usage {
  readonly rssKb: number;
  readonly pssKb: number;
  readonly cpuMs: number;
}

function usageOf(pid: number): Usage {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kb = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return {
    rssKb: kb('Rss'),
    pssKb: kb('Pss'),
    cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_S,
  };
}

interface Subject {
  readonly name: string;
  readonly pids: readonly number[];
}

function subjectsOf(lab: LabOptions, node: NodeName): Subject[] {
  const agent = servicePid(lab, node, 'agent');
  const manager = managerProcess(lab, node)?.pid ?? null;
  if (agent === null || manager === null) throw new Error(`the agent of ${node} is not running`);
  return [
    { name: `twinkeep agent on ${node}`, pids: [agent] },
    { name: `twinkeep manager on ${node}`, pids: [manager] },
    { name: `twinkeep on ${node}, both`, pids: [agent, manager] },
  ];
}

/** keepalived's parent and VRRP child on a host that has nothing else to do; null when it is not installed. */
async function startKeepalived(lab: LabOptions, host: HostName, priority: number): Promise<Subject | null> {
  const file = join(lab.dir, `keepalived-${host}.conf`);
  writeFileSync(
    file,
    `vrrp_instance bench {
  state BACKUP
  interface eth0
  virtual_router_id 77
  version 3
  priority ${priority}
  advert_int 0.1
  virtual_ipaddress {
    192.0.2.177/24
  }
}
`,
  );
  const child = spawnIn(
    lab,
    host,
    ['keepalived', '-n', '-P', '-l', '-f', file, '-p', `/run/k-${host}.pid`, '-r', `/run/v-${host}.pid`],
    'pipe',
  );
  await sleep(2000);
  if (child.exitCode !== null) return null;
  const pids = processesOf(requireUp(lab, host))
    .filter((each) => each.argv[0]?.includes('keepalived'))
    .map((each) => each.pid);
  return pids.length === 0 ? null : { name: `keepalived on ${host}`, pids };
}

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? '30');
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  const lab = await labUp({ name: 'bench' }, progress);
  try {
    const peers = [await startKeepalived(lab, 'gw', 100), await startKeepalived(lab, 'app', 90)];
    progress(`letting the pair settle for ${SETTLE_MS / 1000} s, then measuring for ${seconds} s`);
    await sleep(SETTLE_MS);
    const subjects = [
      ...subjectsOf(lab, 'a'),
      ...subjectsOf(lab, 'b'),
      ...peers.filter((peer) => peer !== null),
    ];
    const sum = (subject: Subject, key: keyof Usage): number =>
      subject.pids.reduce((total, pid) => total + usageOf(pid)[key], 0);
    const before = subjects.map((subject) => sum(subject, 'cpuMs'));
    await sleep(seconds * 1000);
    console.log('idle, 100 ms adverts                RSS MB   PSS MB   CPU % of a core');
    for (const [i, subject] of subjects.entries()) {
      const cpu = (sum(subject, 'cpuMs') - (before[i] ?? 0)) / (seconds * 10);
      const mb = (key: 'rssKb' | 'pssKb'): string => (sum(subject, key) / 1024).toFixed(1).padStart(8);
      console.log(`${subject.name.padEnd(34)} ${mb('rssKb')} ${mb('pssKb')} ${cpu.toFixed(2).padStart(17)}`);
    }
    console.log('RSS counts the pages that both processes share twice (Node itself); PSS counts them once.');
    console.log('Goal: both processes of a node under 130 MB and under 1 % of a core.');
  } finally {
    forbidRestart(lab, 'a', 'agent');
    forbidRestart(lab, 'b', 'agent');
    await labDown({ name: 'bench' });
  }
}

await main();
