// `twinkeep lab`: two real database hosts, a gateway and an application host on this machine, to try things on.
// The lab itself is in lab/; this file is its command line.

import { type Command, Option } from 'commander';
import { spawnIn } from '../../lab/host.ts';
import { type LabStatus, labStatus } from '../../lab/inspect.ts';
import { takingDownOnInterrupt } from '../../lab/interrupt.ts';
import { labDown, labUp, openLab, requireNoLab } from '../../lab/lab.ts';
import { defaultLoad, startLoad } from '../../lab/load.ts';
import { asHost, defaultLabName, type LabOptions } from '../../lab/plan.ts';
import { progressOn } from '../../lab/progress.ts';
import { OperatorError } from '../core/error.ts';
import { type ServerFamily, serverFamilies } from '../core/family.ts';

interface Where {
  readonly name?: string;
  readonly dir?: string;
}

interface UpOptions extends Where {
  readonly server: ServerFamily;
  readonly agents: boolean;
  /** True: given without a number. */
  readonly witness?: string | true;
  readonly replicas: string;
  readonly serverRestart: string;
  readonly agentRestart: string;
  readonly set: readonly string[];
}

function where(options: Where): Partial<LabOptions> {
  return {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.dir === undefined ? {} : { dir: options.dir }),
  };
}

const collect = (value: string, before: readonly string[]) => [...before, value];

export function register(program: Command): void {
  const lab = program
    .command('lab')
    .description('two real database hosts, a gateway and an application host on this machine (needs root)')
    .addHelpText(
      'after',
      '\nExample:\n  twinkeep lab up && twinkeep lab status && twinkeep lab in a -- ip addr',
    );
  const verb = (name: string, about: string) =>
    lab
      .command(name)
      .description(about)
      .option('--name <name>', 'the lab, when there are several', defaultLabName)
      .option('--dir <folder>', "the lab's folder (default: in the system's folder for temporary files)");

  verb('up', 'build the lab: hosts, servers, set-up, agents')
    .addOption(
      new Option('--server <family>', 'which database servers; mysql is 9.7')
        .choices(serverFamilies)
        .default('mariadb'),
    )
    .option('--no-agents', 'two servers on a network, nothing that watches them')
    .option('--witness [hosts]', 'a third place that decides: etcd on a host of its own (w), or on 3 hosts')
    .option('--replicas <hosts>', 'further replicas, each on a host of its own: 1 (r1) or 2 (r1, r2)', '0')
    .option('--server-restart <seconds>', 'until a server that crashed is started again', '1')
    .option('--agent-restart <seconds>', 'until an agent that crashed is started again', '0.1')
    .option(
      '--set <yaml>',
      "a line for the lab's pair.yaml, e.g. 'failover: {partition: consistency}' or 'vips: {read: [192.0.2.101/24]}'",
      collect,
      [],
    )
    .action(up);
  verb('status', 'hosts, processes, who holds the VIP, what twinkeep says')
    .option('--json', 'machine-readable')
    .action(status);
  verb('in', 'run a command on a host (a shell without one)')
    .argument('<host>', 'a, b, gw, app, a replica: r1, r2, or a witness: w, w2, w3')
    .argument('[command...]', 'the command, after --')
    .action(enter);
  verb('client', 'run the load of the drills and print what it gets, once a second; Ctrl-C ends it').action(
    client,
  );
  verb('down', 'end everything in the lab and remove its folder').action(down);
}

function seconds(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 3600) return value;
  throw new OperatorError(
    'lab-seconds',
    `${option} ${text} is no number of seconds.`,
    'Give 0 to 3600, e.g. 0.1 or 5.',
  );
}

function witnessHosts(given: string | true | undefined): number {
  if (given === undefined) return 0;
  if (given === true || given === '1') return 1;
  if (given === '3') return 3;
  throw new OperatorError(
    'lab-witness',
    `--witness ${given} is no size of a witness.`,
    'Say --witness for one host, or --witness 3: etcd needs an odd number to have a majority.',
  );
}

function replicaHosts(given: string): number {
  if (/^[012]$/.test(given)) return Number(given);
  throw new OperatorError(
    'lab-replicas',
    `--replicas ${given} is no number of further replicas.`,
    'Give 0, 1 or 2.',
  );
}

async function up(options: UpOptions): Promise<void> {
  const progress = progressOn(process.stderr);
  const wanted: Partial<LabOptions> = {
    ...where(options),
    server: options.server,
    agents: options.agents,
    witnesses: witnessHosts(options.witness),
    replicas: replicaHosts(options.replicas),
    serverRestartS: seconds('--server-restart', options.serverRestart),
    agentRestartS: seconds('--agent-restart', options.agentRestart),
    pairOverrides: options.set.join('\n'),
  };
  requireNoLab(wanted); // before Ctrl-C would take down a lab that was there already
  const built = await takingDownOnInterrupt(wanted, () => labUp(wanted, progress.say));
  progress.say(`the lab "${built.name}" is up`);
  const name = built.name === defaultLabName ? '' : ` --name ${built.name}`;
  console.log(`Its folder (data, logs, pair.yaml): ${built.dir}`);
  console.log(
    `Try: twinkeep lab status${name}   twinkeep lab client${name}   twinkeep lab in${name} a -- sh`,
  );
  console.log(`End it with: twinkeep lab down${name}`);
}

async function status(options: Where & { json?: boolean }): Promise<void> {
  const seen = await labStatus(openLab(where(options)));
  console.log(options.json ? JSON.stringify(seen, null, 2) : statusText(seen));
}

function statusText(seen: LabStatus): string {
  const rows = seen.hosts.map((host) => {
    const services = host.services
      .map((s) => `${s.name} ${s.state}${s.pid === null ? '' : ` (pid ${s.pid})`}`)
      .join(', ');
    return `${host.name.padEnd(4)} ${host.address.padEnd(12)} ${(host.up ? 'up' : 'down').padEnd(5)} ${services}`;
  });
  const by = (holders: readonly string[]) => (holders.length === 0 ? 'nobody' : holders.join(' AND '));
  return [
    `lab "${seen.name}" (${seen.server}) in ${seen.dir}`,
    ...rows.map((row) => `  ${row.trimEnd()}`),
    `  write VIP ${seen.vip} is held by ${by(seen.vipHolders)}`,
    ...seen.readVips.map(({ vip, holders }) => `  read VIP ${vip} is held by ${by(holders)}`),
    ...(seen.twinkeep === '' ? [] : ['', seen.twinkeep]),
  ].join('\n');
}

async function enter(host: string, command: readonly string[], options: Where): Promise<void> {
  const opened = openLab(where(options));
  const argv = command.length > 0 ? command : [process.env['SHELL'] ?? 'sh'];
  const child = spawnIn(opened, asHost(opened, host), argv, 'inherit');
  // Ctrl-C reaches the command itself, by the terminal; we wait for how it ends.
  process.on('SIGINT', () => {});
  process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}

async function client(options: Where): Promise<void> {
  const load = startLoad(openLab(where(options)));
  console.log(
    `${defaultLoad.writers} writers, connect timeout ${defaultLoad.connectTimeoutMs} ms, statement timeout ${defaultLoad.statementTimeoutMs} ms; Ctrl-C ends`,
  );
  let before = load.latest();
  const timer = setInterval(() => {
    const now = load.latest();
    const errors = Object.entries(now.errors)
      .map(([code, count]) => `${code} ${count - (before.errors[code] ?? 0)}`)
      .filter((text) => !text.endsWith(' 0'));
    console.log(
      `${String(now.acks - before.acks).padStart(6)} acknowledged by server ${now.serverId}   errors: ${errors.join(', ') || 'none'}`,
    );
    before = structuredClone(now);
  }, 1000);
  await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  clearInterval(timer);
  const { acks, failures } = await load.stop();
  console.log(`\n${acks.length} rows acknowledged, ${failures.length} errors. Each is in ${load.file}`);
}

async function down(options: Where): Promise<void> {
  const { wasThere } = await labDown(where(options));
  console.log(wasThere ? 'The lab is gone.' : 'There is no such lab; nothing to do.');
}
