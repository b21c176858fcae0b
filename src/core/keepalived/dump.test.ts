// The renderers against what keepalived 2.2.7 wrote for the same instance (its three files, shortened to what both have).
import { describe, expect, test } from 'vitest';
import { initialState, VIRTUAL_ROUTER_DEFAULTS } from '../vrrp/state.ts';
import type { Dump, DumpInstance } from './dump.ts';
import { renderChecks } from './dump-checks.ts';
import { renderData } from './dump-data.ts';
import { renderJson } from './dump-json.ts';
import { renderStatistics, statisticsSince } from './dump-stats.ts';

const ZERO = initialState({ ...VIRTUAL_ROUTER_DEFAULTS, vrid: 1, ownAddress: '10.0.0.1', addresses: [] }, 0)
  .router.statistics;

const NO_SCRIPTS = {
  backup: null,
  master: null,
  fault: null,
  stop: null,
  any: null,
  masterRxLowerPriority: null,
};

const VI_1: DumpInstance = {
  name: 'VI_1',
  version: 2,
  family: 4,
  group: 'G1',
  state: 'FAULT',
  because: 'h2c0 is down',
  faults: ['h2c0 is down'],
  lastTransition: { seconds: 1795290137.801639, text: 'Sat Nov 21 19:42:17.801639 2026' },
  masterDownMs: 3402.343,
  interfaceName: 'h2c0',
  vmac: null,
  sourceAddress: null,
  sourceConfigured: false,
  multicastGroup: '224.0.0.18',
  garp: { delayS: 3, repeat: 5, refreshS: 0, refreshRepeat: 1, lowerPrioDelayS: 3, lowerPrioRepeat: 5 },
  downTimerAdverts: 3,
  lowerPrioNoAdvert: false,
  higherPrioSendAdvert: false,
  vrid: 51,
  basePriority: 150,
  effectivePriority: 153,
  advertIntervalMs: 1000,
  masterIntervalMs: 1000,
  masterPriority: 0,
  accept: true,
  preempt: true,
  preemptDelayMs: 0,
  promoteSecondaries: false,
  trackPrimary: true,
  skipCheckAdvertAddress: false,
  strict: false,
  authentication: { kind: 'pass', password: '1111' },
  addresses: [
    {
      address: '10.77.0.100',
      prefix: 24,
      device: 'h2c0',
      scope: 'global',
      label: 'h2c0:1',
      broadcast: null,
      peer: null,
      set: false,
    },
  ],
  excluded: [
    {
      address: '2001:db8::5',
      prefix: 64,
      device: 'h2c0',
      scope: 'global',
      label: null,
      broadcast: null,
      peer: null,
      set: false,
    },
  ],
  routes: [],
  rules: [],
  unicastTtl: 255,
  checkUnicastSource: false,
  unicastPeers: [],
  trackedInterfaces: [{ name: 'lo', weight: 0, reverse: false }],
  trackedScripts: [{ name: 'chk_a', weight: 0, reverse: false, command: "'/usr/bin/true'" }],
  trackedFiles: [],
  trackedProcesses: [],
  mail: true,
  notifyDeleted: false,
  notifyPriorityChanges: false,
  scripts: { ...NO_SCRIPTS, master: "'/usr/bin/echo' 'm' '1'", any: "'/usr/bin/echo' 'n'" },
  statistics: ZERO,
};

/** Unicast and master: what 2.2.7 shows only then. */
const VI_2: DumpInstance = {
  ...VI_1,
  name: 'VI_2',
  version: 3,
  group: null,
  state: 'MASTER',
  faults: [],
  sourceAddress: '10.77.0.1',
  sourceConfigured: true,
  multicastGroup: null,
  vrid: 52,
  advertIntervalMs: 500,
  masterIntervalMs: 500,
  preempt: false,
  preemptDelayMs: 20_000,
  authentication: { kind: 'none', password: '' },
  addresses: [
    {
      address: '10.77.0.102',
      prefix: 32,
      device: 'h2c0',
      scope: 'global',
      label: null,
      broadcast: null,
      peer: null,
      set: true,
    },
  ],
  excluded: [],
  unicastPeers: [{ address: '10.77.0.2', minTtl: 0, maxTtl: 255 }],
  trackedInterfaces: [],
  trackedScripts: [],
  mail: false,
  scripts: NO_SCRIPTS,
};

const DUMP: Dump = {
  global: [
    ['Network namespace', '(default)'],
    ['Script security enabled', null],
  ],
  staticAddresses: [],
  staticRoutes: [],
  staticRules: [],
  instances: [VI_1, VI_2],
  groups: [],
  scripts: [],
  files: [],
  processes: [],
  interfaces: [],
};

describe('the JSON', () => {
  // Written by keepalived 2.2.7 for the same instance; lines broken here.
  const C_DAEMON =
    String.raw`[{"data":{"iname":"VI_1","dont_track_primary":0,"skip_check_adv_addr":0,"strict_mode":0,
"vmac_ifname":"","ifp_ifname":"h2c0","master_priority":0,"last_transition":1795290137.801639,"garp_delay":3,"garp_refresh":0,
"garp_rep":5,"garp_refresh_rep":1,"garp_lower_prio_delay":3,"garp_lower_prio_rep":5,"lower_prio_no_advert":0,
"higher_prio_send_advert":0,"vrid":51,"base_priority":150,"effective_priority":153,"vipset":false,"promote_secondaries":false,
"adver_int":1,"master_adver_int":1,"accept":1,"nopreempt":false,"preempt_delay":0,"state":3,"wantstate":3,"version":2,
"smtp_alert":true,"notify_deleted":false,"script_master":"'\/usr\/bin\/echo' 'm' '1'","script":"'\/usr\/bin\/echo' 'n'",
"vips":["10.77.0.100\/24 dev h2c0 scope global label h2c0:1"],
"evips":["2001:db8::5\/64 dev h2c0 scope global preferred_lft forever"],"track_ifp":["lo"],"track_script":["'\/usr\/bin\/true'"],
"auth_type":1,"auth_data":"1111"},"stats":{"advert_rcvd":0,"advert_sent":0,"become_master":0,"release_master":0,
"packet_len_err":0,"advert_interval_err":0,"ip_ttl_err":0,"invalid_type_rcvd":0,"addr_list_err":0,"invalid_authtype":0,
"authtype_mismatch":0,"auth_failure":0,"pri_zero_rcvd":0,"pri_zero_sent":0}}]`.replaceAll('\n', '');

  test('is byte for byte what the C daemon wrote', () => {
    expect(renderJson([VI_1])).toBe(C_DAEMON);
  });

  test('of a master in unicast has no keys that the C daemon leaves out, and times in seconds', () => {
    const [{ data }] = JSON.parse(renderJson([VI_2]));
    expect(data).toMatchObject({ state: 2, adver_int: 0.5, preempt_delay: 20, vipset: true, auth_type: 0 });
    for (const key of ['auth_data', 'evips', 'vroutes', 'script', 'track_ifp', 'track_script'])
      expect(data).not.toHaveProperty(key);
  });
});

describe('the JSON of version 2', () => {
  test('has the instances and the tracked processes under names, with the keys of 2.3', () => {
    const text = renderJson([VI_1], 2, [
      {
        name: 'asterisk',
        of: 'asterisk',
        value: 3,
        good: true,
        weight: 0,
        instances: [],
        parameters: 'none',
        quorum: 1,
        forkDelayMs: 0,
        terminateDelayMs: 1500,
        fullCommand: false,
      },
    ]);
    const { vrrp, track_process } = JSON.parse(text);
    expect(vrrp).toEqual(JSON.parse(renderJson([VI_1])));
    expect(track_process).toEqual([
      {
        process: 'asterisk',
        param_match: 'none',
        min_processes: 1,
        current_processes: 3,
        have_quorum: true,
        weight: 0,
        terminate_delay: 1.5,
        fork_delay: 0,
        fork_delay_timer_running: false,
        terminate_delay_timer_running: false,
        full_command: false,
      },
    ]);
  });
});

describe('the data', () => {
  const text = renderData(DUMP);

  test('has the lines of the C daemon for an instance in FAULT', () => {
    expect(text).toContain(`------< VRRP Topology >------
 VRRP Instance = VI_1
   VRRP Version = 2
   Sync group = G1
   State = FAULT
`);
    expect(text).toContain(`   Last transition = 1795290137.801639 (Sat Nov 21 19:42:17.801639 2026)
   Master down timer = 3402343 usecs
   Interface = h2c0
   Using src_ip = (none)
   Multicast address 224.0.0.18
   Gratuitous ARP delay = 3
`);
    expect(text).toContain(`   Advert interval = 1 sec
   Accept = enabled
   Preempt = enabled
   Promote_secondaries = disabled
   Authentication type = SIMPLE_PASSWORD
   Password = 1111
   Virtual IP (1):
     10.77.0.100/24 dev h2c0 scope global label h2c0:1
   Virtual IP Excluded :
     2001:db8::5/64 dev h2c0 scope global preferred_lft forever
   Tracked interfaces :
     lo weight 0
   Tracked scripts :
     chk_a weight 0
   Using smtp notification = yes
`);
  });

  test('has those of a master in unicast', () => {
    expect(text).toContain(`   Advert interval = 500 milli-sec
   Accept = enabled
   Preempt = disabled
   Preempt delay = 20 secs
   Promote_secondaries = disabled
   Virtual IP (1):
     10.77.0.102 dev h2c0 scope global set
   Unicast TTL = 255
   Check unicast src : no
   Unicast Peer :
     10.77.0.2 min_ttl 0 max_ttl 255
`);
  });

  test('leaves out sections with nothing in them', () => {
    expect(text.match(/------<.*/g)).toEqual([
      '------< Global definitions >------',
      '------< VRRP Topology >------',
    ]);
  });
});

describe('the statistics', () => {
  const busy = {
    ...ZERO,
    advertsSent: 21,
    becameMaster: 1,
    dropped: {
      ...ZERO.dropped,
      'auth-digest': 2,
      'auth-password': 1,
      length: 4,
      'too-short': 1,
      checksum: 9,
    },
  };

  test('are the C daemon’s lines, with each drop under its counter', () => {
    expect(renderStatistics([{ name: 'VI_2', statistics: busy }])).toBe(`VRRP Instance: VI_2
  Advertisements:
    Received: 0
    Sent: 21
  Became master: 1
  Released master: 0
  Packet Errors:
    Length: 5
    TTL: 0
    Invalid Type: 0
    Advertisement Interval: 0
    Address List: 0
  Authentication Errors:
    Invalid Type: 0
    Type Mismatch: 0
    Failure: 3
  Priority Zero:
    Received: 0
    Sent: 0
`);
  });

  test('count from zero again after they were cleared, also after the wire thread began anew', () => {
    expect(statisticsSince({ ...busy, advertsSent: 25 }, busy)).toMatchObject({
      advertsSent: 4,
      becameMaster: 0,
    });
    expect(statisticsSince(ZERO, busy).advertsSent).toBe(0);
  });
});

test('the checks show each real server with what its checkers last said', () => {
  const text = renderChecks({
    ipvs: false,
    virtualServers: [
      {
        name: '[192.0.2.100]:tcp:3306',
        quorumUp: true,
        quorum: 1,
        hysteresis: 0,
        aliveWeight: 1,
        sorryServerInUse: false,
        suspended: false,
        realServers: [
          {
            name: '[10.0.0.1]:tcp:3306',
            alive: false,
            set: false,
            weight: 1,
            effectiveWeight: 0,
            checkers: [
              {
                kind: 'TCP_CHECK',
                target: '[10.0.0.1]:tcp:3306',
                up: false,
                hasRun: true,
                because: 'refused',
              },
            ],
          },
        ],
      },
    ],
  });
  expect(text).toContain('   RIP = [10.0.0.1]:tcp:3306, weight = 0\n   Alive = no\n');
  expect(text).toContain('     State = DOWN\n     Last failure = refused\n');
});
