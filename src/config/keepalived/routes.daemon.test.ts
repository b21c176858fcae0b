// Lines of routes and rules beside the real daemon: the exit status of `keepalived -t` and ours agree, line for line. Where they do not,
// the reason stands beside it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readFilesFromDisk } from './files.ts';
import { exitStatus, parseKeepalivedConf } from './parse.ts';

function missing(): string | null {
  if (spawnSync('keepalived', ['--version']).error) return 'keepalived is not installed';
  if (process.getuid?.() !== 0) return 'a network namespace needs root';
  if (spawnSync('unshare', ['-n', 'true']).status !== 0) return 'no network namespace can be made here';
  return null;
}

const why = missing();
const folder = mkdtempSync(join(tmpdir(), 'keepalived-routes-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Case = readonly [line: string, status: number, daemon?: readonly [status: number, because: string]];

const ROUTES: readonly Case[] = [
  ['192.168.2.0/24 via 10.44.0.254 dev eth0', 0],
  ['192.168.3.0/24 gw 10.44.0.254 dev eth0', 5],
  ['192.168.4.0/24 dev eth0', 0],
  ['192.168.5.0/24 via 10.44.0.254 or 10.44.0.253 dev eth0', 5],
  ['blackhole 192.168.6.0/24', 5],
  ['192.168.7.0/24 dev eth0 protocol bird', 5],
  ['192.168.7.0/24 dev eth0 protocol bird no_track', 0],
  [
    '192.168.8.0/24 table 6909 nexthop via 10.44.0.254 dev eth0 onlink weight 1 nexthop via 10.44.0.253 dev eth0',
    5,
  ],
  ['fd55::/64 via fd44::99 dev eth0 pref high metric 77', 0],
  ['default via 10.44.0.254 dev eth0 table 100', 0],
  ['192.168.9.0/24 via fd44::99 dev eth0', 5],
  ['192.168.10.1 dev eth0 src 10.44.0.1 rtt 10ms rttvar 5ms rto_min 200ms', 0],
  ['inet6 default via fd44::99 dev eth0', 0, [5, 'it passes over the word behind inet6']],
  ['192.168.12.0/24 via 10.44.0.254 weight 3', 5],
  ['192.168.13.0/24 dev eth0 quickack 1 congctl cubic fastopen_no_cookie 1 ttl-propagate enabled', 0],
  ['192.168.15.0/24 dev eth0 table nosuch', 5],
  ['192.168.16.0/24 vai 10.44.0.254', 5],
  ['192.168.17.0/24 via', 2],
  ['via 10.44.0.254', 5],
  ['192.168.24.0/24 dev eth0 scope nowhere2', 5],
  ['192.168.25.0/24 dev eth0 track_group g', 5],
  ['192.168.26.0/24 dev eth0 encap mpls 100', 0],
];

const RULES: readonly Case[] = [
  ['from 192.168.2.0/24 table 1', 5],
  ['to 192.168.2.0/24 table 1 preference 500', 0],
  ['from 10.1.0.0/16 preference 39 goto 40', 0],
  ['to 1:2:3:4:6:6:7:0/112 l3mdev protocol 12 preference 42', 5],
  ['to 1:2:3:4:6:6:7:0/112 l3mdev ipproto UDP sport 10-20 dport 20-30 preference 42', 0],
  ['from all lookup main suppress_prefixlength 0 preference 43', 0],
  ['inet6 from all table 9 preference 44', 0, [5, 'it passes over the word behind inet6']],
  ['from 10.2.0.0/16 blackhole preference 45', 0],
  ['not from 10.4.0.0/16 fwmark 0x10 table 12 preference 47', 0],
  ['from 10.5.0.0/16 table nosuch preference 48', 5],
  ['from 10.6.0.0/16 preference 49', 5],
  ['from 10.7.0.0/16 table 5 preference 50 no_track protocol 4', 0],
  [
    'from 10.8.0.0/16 table 5 sport 10 preference 51',
    0,
    [5, 'it leaves out a port that is no range, and sets the rule without it'],
  ],
  ['from 10.9.0.0/16 table 5 tunnel-id 7 preference 53', 0],
  ['from 10.12.0.0/16 to fd00::/8 table 5 priority 56', 5],
  ['from 10.13.0.0/16 unicast priority 57', 5],
  ['from 10.14.0.0/16 goto 5 priority 58', 5],
  ['from 10.15.0.0/16 table 300 table 301 priority 59', 5],
  ['from 10.16.0.1 table 8 track_group g priority 61', 5],
  ['from 10.18.0.0/16 tabel 8 priority 63', 5],
  ['from 10.19.0.0/16 table', 2],
];

const CASES = [
  ...ROUTES.map(([line, ...rest]) => ({ block: 'static_routes', line, rest })),
  ...RULES.map(([line, ...rest]) => ({ block: 'static_rules', line, rest })),
].map(({ block, line, rest: [status, daemon] }, i) => ({
  line,
  status,
  daemon: daemon?.[0] ?? status,
  path: join(folder, `${i}.conf`),
  text: `${block} {\n ${line}\n}\nvrrp_instance v {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n 10.0.0.9/24\n }\n}\n`,
}));

describe.skipIf(why !== null)(`beside the real keepalived${why ? ` (skipped: ${why})` : ''}`, () => {
  test('it and we say the same of each line', () => {
    for (const { path, text } of CASES) writeFileSync(path, text, { mode: 0o644 });
    const script = `ip link add eth0 type veth peer name eth1; ip link set eth0 up
for f in "$@"; do timeout 10 keepalived -t -f "$f" >/dev/null 2>&1; echo "$?"; done`;
    const paths = CASES.map(({ path }) => path);
    const run = spawnSync('unshare', ['-n', 'sh', '-c', script, 'sh', ...paths], { encoding: 'utf8' });
    const answers = run.stdout.trim().split('\n').map(Number);
    const said = CASES.map(({ line, text, path }, i) => ({
      line,
      status: exitStatus(parseKeepalivedConf(text, path, readFilesFromDisk).findings),
      daemon: answers[i],
    }));
    expect(said).toEqual(CASES.map(({ line, status, daemon }) => ({ line, status, daemon })));
  }, 120_000);
});
