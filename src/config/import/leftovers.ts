// What stands in the files and has no line in pair.yaml: each with what becomes of it, as comments at the end. And the notify section.
// Used by import.ts.
import type { Placed } from '../keepalived/spec.ts';
import type { InstanceConfig } from '../keepalived/types.ts';
import { at, isLinkLocal, type Roles } from './instances.ts';
import type { CheckMeaning } from './scripts.ts';
import type { Host } from './types.ts';
import { type Item, listValue, note, section, value } from './yaml.ts';

const MAIL = /^[^\s@<>]+@[^\s@<>]+$/;
const HOST = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;

/** Keywords of an instance that have no counterpart, and why none is needed. */
const DROPPED: Readonly<Record<string, string>> = {
  track_interface: 'the agent watches the interface of its node by itself',
  track_file: 'files are not watched; a role is held back with `twinkeep maintenance on`',
  vrrp_track_file: 'files are not watched; a role is held back with `twinkeep maintenance on`',
  track_process: 'the agent watches the server itself, not its process',
  virtual_routes: 'routes do not move with a role; `twinkeep keepalived` moves them',
  virtual_rules: 'rules do not move with a role; `twinkeep keepalived` moves them',
  use_vmac: 'VIPs live on the real interface, and gratuitous ARP tells of each move',
  use_ipvlan: 'VIPs live on the real interface, and gratuitous ARP tells of each move',
  garp_master_delay: 'the agent announces its VIPs in its own rhythm',
  garp_master_refresh: 'the agent announces its VIPs in its own rhythm',
  down_timer_adverts: 'a pair counts three, as VRRP does',
  mcast_dst_ip: "VRRP's own multicast group is used",
  notify_stop: 'there is no script for the end of the agent',
  dont_track_primary: 'a node whose interface is lost holds no VIP',
  strict_mode: 'the agent speaks by the RFC',
  no_accept: 'a VIP that takes no connection is of no use here',
};

const placesOf = (
  hosts: readonly Host[],
  found: (h: Host) => readonly { file: string; line: number }[],
): string => hosts.flatMap((h) => found(h).map(at)).join(', ');

function instanceNotes(hosts: readonly Host[]): string[] {
  return Object.entries(DROPPED).flatMap(([keyword, why]) => {
    const typed = (i: InstanceConfig) => (i.placeOf(keyword) === i.at ? [] : [i.placeOf(keyword)]);
    const places = placesOf(hosts, (h) => h.conf.config.instances.flatMap(typed));
    return places === '' ? [] : [`${keyword} (${places}): ${why}.`];
  });
}

interface Told {
  readonly what: string;
  readonly text: string;
}

function checkNote(c: CheckMeaning): Told {
  const { command } = c;
  const what = `${command.owner} (${at(command.script.at)})`;
  const told = (text: string): Told => ({ what, text: `${command.script.command[0] ?? ''}: ${text}` });
  const read = c.file === null ? ' Its text was not given (--check-script-a, --check-script-b).' : '';
  const kills = c.kills
    ? ' It ended keepalived itself, which nothing started again; here a node that is ill hands over, and takes part again once it is well.'
    : '';
  const looks = c.looksAt.length > 0 ? `it looks at ${c.looksAt.join(', ')}. ` : '';
  if (command.kind === 'notify')
    return told(c.kills ? 'not needed: it ended keepalived to make the address move.' : 'not run.');
  if (c.kind === 'mysql')
    return told(
      `${looks}Replaced: the agent keeps a connection to its server, asks it every 200 ms (mysql.probe), sees it close at once, and knows both replication threads and the lag of both nodes. A standby whose channel stops because the other host died is no ill standby: it takes over.${kills}${read}`,
    );
  if (c.kind === 'gateway')
    return told(
      `${looks}replaced by failover.gateway: a node that cannot reach it does not promote itself.${kills}`,
    );
  return told(
    `not recognised, and not run: the agent judges its server and its network, nothing else. ${looks}${kills}${read}`.trim(),
  );
}

/** What is true of both hosts is said once. */
function together(told: readonly Told[]): string[] {
  const byText = new Map<string, string[]>();
  for (const { what, text } of told) byText.set(text, [...(byText.get(text) ?? []), what]);
  return [...byText].map(([text, whats]) => `${whats.join(' and ')}, ${text}`);
}

function checkNotes(hosts: readonly Host[], roles: Roles): string[] {
  const checks = hosts.flatMap((h) => h.checks);
  const notes = together(checks.filter((c) => c.command.kind === 'check' || c.kills).map(checkNote));
  if (checks.some((c) => c.command.kind === 'check') || roles.write.length === 0) return notes;
  return [...notes, 'No check script: the server alone could die, and nothing moved. Now it does.'];
}

function serverNotes(host: Host): string[] {
  return host.conf.config.virtualServers.map((v) => {
    const place = `virtual_server ${v.address} (${at(v.at)})`;
    const [real, ...more] = v.realServers;
    if (real !== undefined && more.length === 0)
      return `${place} with one real_server, ${real.address}: it was there for its check (${real.checkers.map((c) => c.kind).join(', ') || 'none'}), which the agent's own replaces. No balancing is lost.`;
    return `${place} with ${v.realServers.length} real servers: balancing by ip_vs has no counterpart in pair.yaml. Reads go to vips.read; further servers can be named below \`replicas\`. Who needs ip_vs keeps this block with \`twinkeep keepalived\`, on hosts of its own.`;
  });
}

function otherNotes(hosts: readonly Host[]): string[] {
  const notes: string[] = [];
  const local = placesOf(hosts, (h) =>
    h.conf.config.instances.flatMap((i) =>
      i.addresses.filter((e) => isLinkLocal(e.value.address)).map((e) => e.at),
    ),
  );
  if (local !== '')
    notes.push(
      `The link-local address (${local}): not a VIP that clients connect to; the agent needs none to send from.`,
    );
  const groups = placesOf(hosts, (h) => h.conf.config.syncGroups.map((g) => g.at));
  if (groups !== '')
    notes.push(`vrrp_sync_group (${groups}): the write VIPs move together anyway, and with the writer role.`);
  const values = (h: Host) =>
    h.conf.config.reading.values as Readonly<Record<string, readonly Placed<unknown>[] | undefined>>;
  for (const keyword of ['static_ipaddress', 'static_routes', 'static_rules']) {
    const places = placesOf(hosts, (h) => (values(h)[keyword] ?? []).map((p) => p.at));
    if (places !== '')
      notes.push(`${keyword} (${places}): belongs into the network configuration of the host.`);
  }
  for (const keyword of [
    'notify_fifo',
    'vrrp_notify_fifo',
    'lvs_notify_fifo',
    'vrrp_startup_delay',
  ] as const) {
    const places = placesOf(
      hosts,
      (h) =>
        h.conf.config.reading.values.global_defs?.flatMap((g) =>
          (g.value.values[keyword] ?? []).map((p) => p.at),
        ) ?? [],
    );
    if (places !== '')
      notes.push(
        keyword === 'vrrp_startup_delay'
          ? `${keyword} (${places}): a node that starts waits for its peer and its record, not for a time.`
          : `${keyword} (${places}): \`twinkeep events --follow\` and the API tell each change.`,
      );
  }
  return notes;
}

/** As lines below a title; null when nothing was left. */
export function leftovers(a: Host, b: Host, roles: Roles): Item[] {
  const hosts = [a, b];
  const all = [
    ...checkNotes(hosts, roles),
    ...hosts.flatMap(serverNotes),
    ...instanceNotes(hosts),
    ...otherNotes(hosts),
  ];
  return all.length === 0
    ? []
    : [
        note('What else stood in the files, and what becomes of it:'),
        ...all.map((text) => note(`- ${text}`)),
      ];
}

function email(a: Host, b: Host): Item | null {
  const { to, from, server } =
    a.conf.config.global.mail.to.length > 0 ? a.conf.config.global.mail : b.conf.config.global.mail;
  const good = to.filter((each) => MAIL.test(each));
  if (good.length === 0) return null;
  const items: (Item | null)[] = [
    listValue('to', good, 'notification_email in the files.'),
    from !== null && MAIL.test(from) ? value('from', from, 'notification_email_from.') : null,
    server !== null && HOST.test(server.host)
      ? value('server', `${server.host}:${server.port}`, 'smtp_server.')
      : null,
  ];
  return section(
    'email',
    items.filter((i) => i !== null),
  );
}

/** Only programs without arguments fit: pair.yaml names a file. */
function scripts(i: InstanceConfig): { item: Item | null; notes: string[] } {
  const items: Item[] = [];
  const notes: string[] = [];
  for (const [key, script] of [
    ['writer', i.notify.master],
    ['standby', i.notify.backup],
    ['fault', i.notify.fault],
  ] as const) {
    if (script === null) continue;
    const [program = '', ...args] = script.command;
    if (args.length === 0 && program.startsWith('/'))
      items.push(value(key, program, `From ${at(script.at)}.`));
    else
      notes.push(
        `- notify_${key === 'writer' ? 'master' : key === 'standby' ? 'backup' : 'fault'} (${at(script.at)}) has arguments or no absolute path: write a script that calls it, and name that below notify.scripts.${key}.`,
      );
  }
  if (i.notify.any !== null)
    notes.push(
      `- notify (${at(i.notify.any.at)}) is told the state as an argument; here each state has a script of its own: notify.scripts.writer, standby and fault.`,
    );
  return { item: section('scripts', items), notes };
}

export function notifySection(
  a: Host,
  b: Host,
  roles: Roles,
): { readonly item: Item | null; readonly notes: readonly Item[] } {
  const twin = roles.write[0];
  const ofScripts = twin === undefined ? { item: null, notes: [] } : scripts(twin.a);
  const item = section(
    'notify',
    [email(a, b), ofScripts.item].filter((i) => i !== null),
  );
  return { item, notes: ofScripts.notes.map(note) };
}
