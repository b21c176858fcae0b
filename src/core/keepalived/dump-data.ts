// keepalived.data (SIGUSR1): what is configured and how it stands, in the C daemon's sections and lines. Its sections about sockets and
// about settings of its own processes are left out: there are no such things here.

import {
  addressLine,
  type Dump,
  type DumpGroup,
  type DumpInstance,
  type DumpInterface,
  type DumpProcess,
  type DumpScripts,
  type DumpTracked,
  type DumpTrackerScript,
  type DumpTrackerValue,
} from './dump.ts';

const section = (title: string): string => `------< ${title} >------`;
const yesNo = (value: boolean): string => (value ? 'yes' : 'no');
const onOff = (value: boolean): string => (value ? 'enabled' : 'disabled');
const truth = (value: boolean): string => (value ? 'true' : 'false');
const weight = ({ weight: w, reverse }: DumpTracked): string => `weight ${w}${reverse ? ' reverse' : ''}`;
/** A heading and what stands below it; nothing when nothing does. */
const below = (heading: string, lines: readonly string[], indent: string): string[] =>
  lines.length === 0 ? [] : [heading, ...lines.map((line) => `${indent}${line}`)];

function scriptLines(s: DumpScripts): string[] {
  const line = (label: string, command: string | null) =>
    command === null ? [] : [`   ${label} script = ${command}`];
  return [
    ...line('Backup state transition', s.backup),
    ...line('Master state transition', s.master),
    ...line('Fault state transition', s.fault),
    ...line('Stop state transition', s.stop),
    ...line('Generic state transition', s.any),
    ...line('Master rx lower priority', s.masterRxLowerPriority),
  ];
}

function standingLines(i: DumpInstance): string[] {
  const unicast = i.multicastGroup === null;
  return [
    ` VRRP Instance = ${i.name}`,
    `   VRRP Version = ${i.version}`,
    ...(i.family === 6 ? ['   Using Native IPv6'] : []),
    ...(i.group === null ? [] : [`   Sync group = ${i.group}`]),
    `   State = ${i.state}`,
    `   State reason = ${i.because}`,
    ...(unicast ? ['   Flags:', '     Using unicast'] : ['   Flags: none']),
    `   Wantstate = ${i.state}`,
    '   Number of config faults = 0',
    `   Number of interface and track script faults = ${i.faults.length}`,
    ...i.faults.map((fault) => `     ${fault}`),
    `   Last transition = ${i.lastTransition.seconds.toFixed(6)} (${i.lastTransition.text})`,
    `   Master down timer = ${Math.round(i.masterDownMs * 1000)} usecs`,
    ...(i.vmac === null
      ? [`   Interface = ${i.interfaceName}`]
      : [
          `   Use VMAC, i/f name ${i.vmac.name}, xmit_base = ${truth(i.vmac.transmitBase)}`,
          `   Interface = ${i.vmac.name}, vmac on ${i.interfaceName}`,
        ]),
    `   Using src_ip = ${i.sourceAddress ?? '(none)'}${i.sourceConfigured ? ' (from configuration)' : ''}`,
    ...(unicast ? [] : [`   Multicast address ${i.multicastGroup}`]),
  ];
}

function settingLines(i: DumpInstance): string[] {
  const interval =
    i.version === 2 ? `${Math.round(i.advertIntervalMs / 1000)} sec` : `${i.advertIntervalMs} milli-sec`;
  const kind = { none: 'none', pass: 'SIMPLE_PASSWORD', ah: 'IPSEC_AH' }[i.authentication.kind];
  return [
    `   Gratuitous ARP delay = ${i.garp.delayS}`,
    `   Gratuitous ARP repeat = ${i.garp.repeat}`,
    `   Gratuitous ARP refresh = ${i.garp.refreshS}`,
    `   Gratuitous ARP refresh repeat = ${i.garp.refreshRepeat}`,
    `   Gratuitous ARP lower priority delay = ${i.garp.lowerPrioDelayS}`,
    `   Gratuitous ARP lower priority repeat = ${i.garp.lowerPrioRepeat}`,
    `   Down timer adverts = ${i.downTimerAdverts}`,
    `   Send advert after receive lower priority advert = ${truth(!i.lowerPrioNoAdvert)}`,
    `   Send advert after receive higher priority advert = ${truth(i.higherPrioSendAdvert)}`,
    `   Virtual Router ID = ${i.vrid}`,
    `   Priority = ${i.basePriority}`,
    `   Effective priority = ${i.effectivePriority}`,
    `   Total priority = ${i.effectivePriority}`,
    `   Advert interval = ${interval}`,
    ...(i.masterIntervalMs === i.advertIntervalMs
      ? []
      : [`   Master advert interval = ${i.masterIntervalMs} milli-sec`]),
    `   Accept = ${onOff(i.accept)}`,
    `   Preempt = ${onOff(i.preempt)}`,
    ...(i.preemptDelayMs === 0 ? [] : [`   Preempt delay = ${i.preemptDelayMs / 1000} secs`]),
    `   Promote_secondaries = ${onOff(i.promoteSecondaries)}`,
    ...(i.version === 2 ? [`   Authentication type = ${kind}`] : []),
    ...(i.authentication.kind === 'none' ? [] : [`   Password = ${i.authentication.password}`]),
  ];
}

function instanceLines(i: DumpInstance): string[] {
  return [
    ...standingLines(i),
    ...settingLines(i),
    `   Virtual IP (${i.addresses.length}):`,
    ...i.addresses.map((a) => `     ${addressLine(a)}`),
    ...below('   Virtual IP Excluded :', i.excluded.map(addressLine), '     '),
    ...(i.multicastGroup === null
      ? [
          `   Unicast TTL = ${i.unicastTtl}`,
          `   Check unicast src : ${yesNo(i.checkUnicastSource)}`,
          '   Unicast Peer :',
          ...i.unicastPeers.map((p) => `     ${p.address} min_ttl ${p.minTtl} max_ttl ${p.maxTtl}`),
        ]
      : []),
    ...below('   Virtual Routes :', i.routes, '     '),
    ...below('   Virtual Rules :', i.rules, '     '),
    ...below(
      '   Tracked interfaces :',
      i.trackedInterfaces.map((t) => `${t.name} ${weight(t)}`),
      '     ',
    ),
    ...below(
      '   Tracked scripts :',
      i.trackedScripts.map((t) => `${t.name} ${weight(t)}`),
      '     ',
    ),
    ...below(
      '   Tracked files :',
      i.trackedFiles.map((t) => `${t.name}, ${weight(t)}`),
      '     ',
    ),
    ...below(
      '   Tracked processes :',
      i.trackedProcesses.map((t) => `${t.name}, ${weight(t)}`),
      '     ',
    ),
    `   Using smtp notification = ${yesNo(i.mail)}`,
    `   Notify deleted = ${i.notifyDeleted ? 'Deleted' : 'Fault'}`,
    ...scriptLines(i.scripts),
    `   Notify priority changes = ${truth(i.notifyPriorityChanges)}`,
  ];
}

function groupLines(g: DumpGroup): string[] {
  return [
    ` VRRP Sync Group = ${g.name}, ${g.state}`,
    `   Num member fault ${g.faultMembers}, num member init ${g.initMembers}`,
    ...below('   VRRP member instances :', g.members, '     '),
    `   Using smtp notification = ${yesNo(g.mail)}`,
    ...scriptLines(g.scripts),
  ];
}

const tracking = (instances: readonly DumpTracked[]): string[] =>
  below(
    '   Tracking instances :',
    instances.map((t) => `${t.name}, ${weight(t)}`),
    '     ',
  );

function scriptTrackerLines(s: DumpTrackerScript): string[] {
  return [
    ` VRRP Script = ${s.name}`,
    `   Command = ${s.command}`,
    `   Interval = ${s.intervalMs / 1000} sec`,
    `   Timeout = ${s.timeoutMs / 1000} sec`,
    `   Weight = ${s.weight}${s.reverse ? ' reverse' : ''}`,
    `   Rise = ${s.rise}`,
    `   Fall = ${s.fall}`,
    `   Status = ${s.status}`,
    ...(s.exitStatus === null ? [] : [`   Last exit status = ${s.exitStatus}`]),
    `   Last result = ${s.because}`,
    ...tracking(s.instances),
    // Whether it runs this very moment; exporters refuse a script without this line.
    '   State = idle',
  ];
}

const fileLines = (f: DumpTrackerValue): string[] => [
  ` Track file = ${f.name}`,
  `   File = ${f.of}`,
  `   Status = ${f.value ?? 0}`,
  `   Weight = ${f.weight}`,
  ...tracking(f.instances),
];

const seconds = (ms: number): string => `${(ms / 1000).toFixed(6)}s`;

const processLines = (p: DumpProcess): string[] => [
  ` VRRP Track process = ${p.name}`,
  `   Process = ${p.of}`,
  ...(p.parameters === 'none' ? [] : [`   Param match = ${p.parameters}`]),
  `   Min processes = ${p.quorum}`,
  `   Current processes = ${p.value ?? 0}`,
  `   Have quorum = ${truth(p.good === true)}`,
  `   Weight = ${p.weight}`,
  `   Terminate delay = ${seconds(p.terminateDelayMs)}`,
  `   Fork delay = ${seconds(p.forkDelayMs)}`,
  `   Full command = ${truth(p.fullCommand)}`,
  ...tracking(p.instances),
];

function interfaceLines(i: DumpInterface): string[] {
  const flags = [
    i.up ? 'UP' : 'DOWN',
    ...(i.running ? ['RUNNING'] : []),
    ...(i.loopback ? ['loopback'] : []),
  ];
  return [
    ` Name = ${i.name}`,
    `   index = ${i.index}`,
    `   IPv4 address = ${i.ipv4 ?? '(none)'}`,
    `   IPv6 address = ${i.ipv6 ?? '(none)'}`,
    ...(i.mac === null || i.loopback ? [] : [`   MAC = ${i.mac}`]),
    `   State = ${flags.join(', ')}`,
    `   MTU = ${i.mtu}`,
    `   HW Type = ${i.loopback ? 'LOOPBACK' : 'ETHERNET'}`,
    ...below(
      '   Tracking VRRP instances :',
      i.instances.map((t) => `${t.name}, ${weight(t)}`),
      '     ',
    ),
  ];
}

export function renderData(dump: Dump): string {
  const optional = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [section(title), ...lines];
  const indented = (lines: readonly string[]) => lines.map((line) => `     ${line}`);
  return [
    section('Global definitions'),
    ...dump.global.map(([label, value]) => (value === null ? ` ${label}` : ` ${label} = ${value}`)),
    ...optional('Static Addresses', indented(dump.staticAddresses.map(addressLine))),
    ...optional('Static Routes', indented(dump.staticRoutes)),
    ...optional('Static Rules', indented(dump.staticRules)),
    ...optional('VRRP Topology', dump.instances.flatMap(instanceLines)),
    ...optional('VRRP Sync groups', dump.groups.flatMap(groupLines)),
    ...optional('VRRP Scripts', dump.scripts.flatMap(scriptTrackerLines)),
    ...optional('VRRP Track files', dump.files.flatMap(fileLines)),
    ...optional('VRRP Track processes', dump.processes.flatMap(processLines)),
    ...optional('Interfaces', dump.interfaces.flatMap(interfaceLines)),
    '',
  ].join('\n');
}
