// The values that come out, beside what the real daemon says it took (`keepalived --dump-conf`): defaults and coercions.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseKeepalivedConf } from './parse.ts';
import type { InstanceConfig, ScriptConfig } from './types.ts';

const why =
  spawnSync('keepalived', ['--version']).error ||
  process.getuid?.() !== 0 ||
  spawnSync('unshare', ['-n', 'true']).status !== 0
    ? 'keepalived, root or network namespaces are missing'
    : null;

const INSTANCES = [
  '',
  'state MASTER',
  'state MASTER\nnopreempt\npriority 90',
  'nopreempt\npriority 20\nadvert_int 5',
  'version 3\nadvert_int 0.25\npreempt_delay 3',
  'version 3\nadvert_int 41',
  'advert_int 0.4',
  'advert_int 2.5',
  'garp_master_delay 1\ngarp_master_repeat 2\ngarp_lower_prio_repeat 3\ngarp_master_refresh 60\ndown_timer_adverts 4',
  'garp_master_delay 7\ngarp_master_repeat 9',
  'priority 300',
  'authentication {\nauth_type PASS\nauth_pass 123456789\n}',
  'higher_prio_send_advert\nlower_prio_no_advert on',
  'state Master\nsmtp_alert',
  'track_script {\n s1\n s2 weight -7\n}',
];
const SCRIPTS = ['interval 3\nfall 2', 'interval 2\ntimeout 1\nrise 4\nweight 10', 'interval 0'];

const GLOBALS = [
  '',
  'vrrp_garp_master_refresh_repeat 2\nvrrp_garp_master_delay 8\nvrrp_version 3\nsmtp_alert',
  'vrrp_min_garp\nvrrp_down_timer_adverts 5\nvrrp_higher_prio_send_advert',
];

const textWith = (globals: string) =>
  [
    `global_defs {\n enable_script_security\n script_user root\n${globals}\n}`,
    ...SCRIPTS.map((more, i) => `vrrp_script s${i} {\n script "/bin/true 'a b' c"\n ${more}\n}`),
    ...INSTANCES.map(
      (more, i) =>
        `vrrp_instance v${i} {\n interface eth0\n virtual_router_id ${i + 1}\n virtual_ipaddress {\n 10.0.0.${i + 10}/24\n }\n${more}\n}`,
    ),
  ].join('\n');

/** The blocks of the dump by their heads (`VRRP Instance = v0`), each as its `name = value` lines. */
function readDump(said: string): Map<string, Map<string, string>> {
  const blocks = new Map<string, Map<string, string>>();
  let block = new Map<string, string>();
  for (const line of said.split('\n').map((each) => each.replace(/^.*? \d{4}: /, ''))) {
    const [name = '', value] = line.split(' = ').map((part) => part.trim());
    if (/^ (VRRP Instance|VRRP Script) = /.test(line)) {
      block = new Map();
      blocks.set(line.trim(), block);
    } else if (/^ {3}\S/.test(line) && value !== undefined) block.set(name, value);
    else if (/^ ?\S/.test(line)) block = new Map();
  }
  return blocks;
}

function instanceAsDumped(i: InstanceConfig): Record<string, string> {
  const seconds = i.version === 2 ? `${i.advertIntervalMs / 1000} sec` : `${i.advertIntervalMs} milli-sec`;
  return {
    'VRRP Version': String(i.version),
    Wantstate: i.state,
    'Virtual Router ID': String(i.virtualRouterId),
    Priority: String(i.priority),
    'Advert interval': seconds,
    Preempt: i.preempt ? 'enabled' : 'disabled',
    'Gratuitous ARP delay': String(i.garp.masterDelayMs / 1000),
    'Gratuitous ARP repeat': String(i.garp.masterRepeat),
    'Gratuitous ARP refresh': String(i.garp.refreshMs / 1000),
    'Gratuitous ARP refresh repeat': String(i.garp.refreshRepeat),
    'Gratuitous ARP lower priority delay': String(i.garp.lowerPrioDelayMs / 1000),
    'Gratuitous ARP lower priority repeat': String(i.garp.lowerPrioRepeat),
    'Down timer adverts': String(i.downTimerAdverts),
    'Send advert after receive lower priority advert': String(!i.lowerPriorityNoAdvert),
    'Send advert after receive higher priority advert': String(i.higherPrioritySendAdvert),
    'Using smtp notification': i.mail ? 'yes' : 'no',
    ...(i.authentication.type === 'none'
      ? i.version === 2 && { 'Authentication type': 'none' }
      : { Password: i.authentication.password }),
    ...(i.preemptDelayMs > 0 ? { 'Preempt delay': `${i.preemptDelayMs / 1000} secs` } : {}),
  };
}

/** Whether the dump has every line on this instance. */
function isWhole(
  dump: ReturnType<typeof readDump>,
  instance: Parameters<typeof instanceAsDumped>[0],
): boolean {
  const said = dump.get(`VRRP Instance = ${instance.name}`);
  return Object.keys(instanceAsDumped(instance)).every((key) => said?.has(key) === true);
}

const scriptAsDumped = (s: ScriptConfig): Record<string, string> => ({
  Interval: `${s.intervalMs / 1000} sec`,
  Timeout: `${(s.timeoutMs ?? 0) / 1000} sec`,
  Weight: String(s.weight),
  Rise: String(s.rise),
  Fall: String(s.fall),
});

/** Starts the daemon in a namespace of its own, and ends it as soon as it has said what it took. */
const ASK = `ip link add eth0 type veth peer name eth1; ip link set eth0 up; ip link set eth1 up
ip addr add 10.0.0.2/24 dev eth0
timeout -s TERM 30 keepalived -P -n -l -d -f "$1/k.conf" -p "$1/p" -r "$1/r" > "$1/said" 2>&1 & pid=$!
for n in $(seq 200); do grep -q -- '< Interfaces >' "$1/said" && break; sleep 0.1; done
kill $pid; wait $pid; cat "$1/said"`;

describe.skipIf(why !== null)(`beside the real keepalived${why ? ` (skipped: ${why})` : ''}`, () => {
  test.each(GLOBALS)('every value is the one that it takes, with %j', { timeout: 60_000 }, (globals) => {
    const folder = mkdtempSync(join(tmpdir(), 'keepalived-values-'));
    const file = join(folder, 'k.conf');
    const text = textWith(globals);
    writeFileSync(file, text, { mode: 0o644 });
    const { config } = parseKeepalivedConf(text, file, () => []);
    const ask = () =>
      readDump(spawnSync('unshare', ['-n', 'sh', '-c', ASK, 'sh', folder], { encoding: 'utf8' }).stdout);
    let dump = ask();
    // Two of its processes write to one file, and now and then a line of one stands within a line of the other.
    for (let again = 0; again < 3 && !config.instances.every((i) => isWhole(dump, i)); again++) dump = ask();
    rmSync(folder, { recursive: true });
    const ours: Record<string, Record<string, string>> = {};
    for (const i of config.instances) ours[`VRRP Instance = ${i.name}`] = instanceAsDumped(i);
    for (const s of config.scripts) {
      // The daemon drops what no instance tracks before it dumps.
      if (dump.has(`VRRP Script = ${s.name}`)) ours[`VRRP Script = ${s.name}`] = scriptAsDumped(s);
    }
    const theirs = Object.fromEntries(
      Object.entries(ours).map(([head, values]) => [
        head,
        Object.fromEntries(Object.keys(values).map((key) => [key, dump.get(head)?.get(key)])),
      ]),
    );
    expect(Object.keys(ours).length).toBeGreaterThan(INSTANCES.length);
    expect(ours).toEqual(theirs);
  });
});
