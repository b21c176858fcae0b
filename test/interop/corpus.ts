// Files for `-t`, and the exit code that keepalived 2.2.7 ends with: 0 good, 2 a parameter is missing, 4 fatal, 5 errors but it would run,
// 6 script security.

import { instance } from './configuration.ts';

export interface CorpusFile {
  readonly name: string;
  /** Null: there is no such file. */
  readonly text: string | null;
  readonly code: number;
  /** Where twinkeep ends otherwise on purpose. */
  readonly differs?: { readonly code: number; readonly why: string };
}

const one = (lines: readonly string[], more: Parameters<typeof instance>[0] = {}) =>
  `global_defs {\n  script_user root\n}\n${instance({ lines, ...more })}`;

export const CORPUS: readonly CorpusFile[] = [
  { name: 'good', text: one([]), code: 0 },
  {
    name: 'braces-anywhere',
    text: 'vrrp_instance vi{\nstate BACKUP\ninterface eth0\nvirtual_router_id 51\npriority 90\nvirtual_ipaddress {\n10.9.0.100\n}}\n',
    code: 0,
  },
  { name: 'comments', text: `! one\n# two\n${one(['nopreempt # three'])}`, code: 0 },
  { name: 'empty', text: '', code: 0 },
  {
    name: 'absent',
    text: null,
    code: 0,
    differs: {
      code: 6,
      why: 'what is not there is not good',
    },
  },
  { name: 'missing-parameter', text: one(['preempt_delay']), code: 2 },
  { name: 'unknown-keyword', text: one(['prioritty 3']), code: 5 },
  { name: 'unknown-block', text: `${one([])}\nvrrp_instanze x {\n  state BACKUP\n}\n`, code: 5 },
  { name: 'slashes-for-a-comment', text: one(['garp_master_delay 3 // three seconds']), code: 0 },
  { name: 'vrid-out-of-range', text: one([], { vrid: 256 }), code: 5 },
  { name: 'priority-out-of-range', text: one([], { priority: 300 }), code: 5 },
  { name: 'state-misspelt', text: one(['state Master']), code: 5 },
  { name: 'master-with-nopreempt', text: one(['nopreempt'], { state: 'MASTER' }), code: 5 },
  { name: 'duplicate-vrid', text: one([]) + instance({ name: 'VI_2', vips: ['10.9.0.101'] }), code: 5 },
  { name: 'duplicate-instance', text: one([]) + instance({ vrid: 52, vips: ['10.9.0.101'] }), code: 5 },
  { name: 'no-such-interface', text: one([], { interfaceName: 'eth9' }), code: 5 },
  { name: 'no-such-script', text: one(['track_script {\n absent\n }']), code: 5 },
  {
    name: 'script-not-there',
    text: `vrrp_script x {\n  script "/nowhere/x.sh"\n  interval 1\n}\n${one(['track_script {\n x\n }'])}`,
    code: 5,
  },
  { name: 'brace-left-open', text: one([]).trimEnd().slice(0, -1), code: 5 },
  { name: 'brace-too-many', text: `${one([])}\n}\n`, code: 5 },
  { name: 'include-of-nothing', text: `${one([])}\ninclude @FOLDER@/none.conf\n`, code: 0 },
  {
    name: 'long-password',
    text: one(['authentication {\n auth_type PASS\n auth_pass 123456789\n }'], { version: 2 }),
    code: 5,
  },
  { name: 'v2-fractional-interval', text: one([], { version: 2, advert: 1.5 }), code: 5 },
  {
    name: 'authentication-with-version-3',
    text: one(['authentication {\n auth_type PASS\n auth_pass 1234\n }']),
    code: 5,
  },
  { name: 'bad-address', text: one([], { vips: ['10.9.0.300'] }), code: 5 },
  {
    name: 'fractional-script-interval',
    text: `vrrp_script x {\n  script "/bin/true"\n  interval 0.5\n}\n${one(['track_script {\n x\n }'])}`,
    code: 6,
  },
];
