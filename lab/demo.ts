// The demo (`npm run demo`): builds a lab, runs a load, kills the writer's server under it, and shows what that cost.
// Written for somebody who sees twinkeep for the first time: every step says what happens and why it matters.

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { OperatorError } from '../src/core/error.ts';
import { nowMs } from './acks.ts';
import { checkData } from './drill/check.ts';
import { lengthOf, longestGap } from './drill/measure.ts';
import { table } from './drill/report.ts';
import { requireService } from './host.ts';
import { takingDownOnInterrupt } from './interrupt.ts';
import { claimLab, labDown, labUp, requireUnclaimed, serverAnswers, vipHolders } from './lab.ts';
import { type Load, startLoad } from './load.ts';
import { launcher } from './pair.ts';
import { type LabOptions, labOptions, type NodeName, nodeNames, peerOf, writeVip } from './plan.ts';
import { signal, until } from './process.ts';
import { progressOn } from './progress.ts';
import { type StatusWatch, watchStatus } from './statuswatch.ts';

const { values: options } = parseArgs({
  options: { stay: { type: 'boolean', default: false }, name: { type: 'string', default: 'demo' } },
});
const given: Partial<LabOptions> = { name: options.name };
const progress = progressOn(process.stderr);

function say(text = ''): void {
  console.log(text);
}

/** The API's word for what a node is doing, in the words of the manual. */
function roleWord(role: string | undefined): string {
  if (role === undefined) return 'no answer';
  return { writing: 'writer', following: 'standby' }[role] ?? role;
}

/** The pair at a glance, as the kernels, the servers and the agents tell it. */
async function showPair(lab: LabOptions, status: StatusWatch): Promise<void> {
  const holders = await vipHolders(lab);
  const { answers, paired } = status.latest();
  const rows = await Promise.all(
    nodeNames.map(async (node) => [
      `  ${node}`,
      `server ${(await serverAnswers(lab, node)) ? 'up' : 'down'}`,
      roleWord(answers[node]?.body?.nodes.find((n) => n.self)?.role),
      holders.includes(node) ? `holds ${writeVip}` : '',
    ]),
  );
  say(table(rows, 'left'));
  say(
    `  together: ${paired ? 'paired, every acknowledged row is on both' : 'one works alone until the other is back'}`,
  );
  say();
}

async function flowing(load: Load, forMs: number): Promise<void> {
  const end = nowMs() + forMs;
  while (nowMs() < end) {
    await sleep(100);
    progress.tick(`${load.latest().acks} rows acknowledged`);
  }
}

async function whole(status: StatusWatch, what: string): Promise<void> {
  progress.tick(what);
  const since = nowMs();
  if (await until(() => status.latest().atMs > since && status.latest().paired, 60_000)) return;
  throw new OperatorError(
    'demo-not-paired',
    `The pair is not whole after a minute: ${status.latest().sentence}`,
    `Run it again with --stay, then look: ./twinkeep lab status --name ${options.name}`,
  );
}

async function demo(): Promise<void> {
  say(
    'twinkeep keeps two database servers behind one address. This shows it with real servers, in a network of',
  );
  say('its own on this machine: hosts a and b (MariaDB each), an application host, a gateway.');
  say();
  const lab = await labUp(given, progress.say, claimLab);
  const status = watchStatus(lab);
  try {
    await whole(status, 'asking both agents');
    const writer = status.latest().writer ?? 'a';
    progress.say('the pair is whole');
    say();
    await showPair(lab, status);
    await killUnderLoad(lab, writer, status);
  } finally {
    status.stop();
  }
}

async function killUnderLoad(lab: LabOptions, writer: NodeName, status: StatusWatch): Promise<void> {
  say(`Eight connections of an application now insert rows through ${writeVip}.`);
  const load = startLoad(lab);
  await flowing(load, 3000);
  const faultMs = nowMs();
  signal(requireService(lab, writer, 'server'), 'SIGKILL');
  progress.say(`kill -9 of the server on ${writer}, with ${load.latest().acks} rows acknowledged so far`);
  await until(() => load.latest().lastAckMs > faultMs + 300, 20_000);
  say();
  await showPair(lab, status);
  await flowing(load, 2000);
  const lookedMs = nowMs();
  say(`The server on ${writer} is started again by its supervisor and comes back as standby.`);
  await whole(status, `waiting for ${writer} to be standby`);
  progress.say(`${writer} is standby again`);
  say();
  await showPair(lab, status);
  const { acks, failures } = await load.stop();
  const data = await checkData(lab, acks, load.firstSequence);
  const outage = longestGap(
    acks.map((ack) => ack.ackedMs),
    { fromMs: faultMs, toMs: lookedMs },
  );
  const gone = data.missing[writer].length + data.missing[peerOf(writer)].length;
  say('What the application saw:');
  say(
    table([
      ['  longest time without a write', `${lengthOf(outage).toFixed(0)} ms`],
      ['  errors, each mended by connecting again', String(failures.length)],
      ['  rows acknowledged', String(acks.length)],
      ...nodeNames.map((node) => [`  of these missing on ${node}`, String(data.missing[node].length)]),
    ]),
  );
  say();
  say(
    gone === 0
      ? 'No acknowledged row was lost.'
      : `${gone} acknowledged rows are missing. That must not be: please report it with ${lab.dir}.`,
  );
  if (gone > 0) process.exitCode = 1;
}

function farewell(): void {
  const { dir } = labOptions(given);
  const name = `--name ${options.name}`;
  say();
  say('The lab stays. Things to try:');
  const commands = [
    [`  ./twinkeep lab status ${name}`, 'hosts, who holds the address, what twinkeep says'],
    [`  ./twinkeep lab client ${name}`, 'the load again, counted once a second'],
    [`  ./twinkeep lab in ${name} a -- sh`, 'a shell on host a: kill, unplug, look around'],
    [`  ./twinkeep lab in ${name} app -- ${launcher} switchover --config ${dir}/pair.yaml`, ''],
    ['', 'move the role to the other node'],
    [`  ./twinkeep lab down ${name}`, 'end it all'],
    ['  ./twinkeep drill', 'every fault there is, measured, in a lab of its own'],
  ];
  const width = Math.max(...commands.map(([command = '', about]) => (about === '' ? 0 : command.length)));
  for (const [command = '', about = ''] of commands) say(`${command.padEnd(width)}  ${about}`.trimEnd());
}

function explain(error: unknown): void {
  process.exitCode = 1;
  console.error();
  if (error instanceof OperatorError) console.error(`${error.message}\n  ${error.hint}`);
  else console.error(error instanceof Error ? error.message : String(error));
}

let ours = false;
try {
  requireUnclaimed(given);
  ours = true;
  await takingDownOnInterrupt(given, async () => {
    await labDown(given);
    await demo();
  });
  if (options.stay) farewell();
} catch (error) {
  explain(error);
} finally {
  if (ours && !options.stay) {
    await labDown(given);
    progress.say('the lab is gone, nothing of it is left');
  }
}
