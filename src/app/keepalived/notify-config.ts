// What a configuration asks to be told: which scripts, which FIFOs, which mails, for each instance and group. Read once for notify.ts.

import type { GLOBAL_DEFS } from '../../config/keepalived/schema/global.ts';
import type { Reading, Script } from '../../config/keepalived/spec.ts';
import type { InstanceConfig, KeepalivedConfig, Notify } from '../../config/keepalived/types.ts';
import { last } from '../../config/keepalived/values.ts';
import type { InstanceNotices, NoticeSettings, Slot, Subject } from '../../core/keepalived/notices.ts';
import type { MailSettings } from '../../io/notify/mail.ts';
import { awaitedTrackers } from './trackers-config.ts';

export type Side = '' | 'vrrp' | 'lvs';

export interface FifoSettings {
  readonly side: Side;
  readonly path: string;
  readonly user: string | null;
  readonly group: string | null;
  readonly script: Script | null;
}

export interface NotifySettings {
  readonly notices: NoticeSettings;
  readonly scripts: ReadonlyMap<string, Script>;
  readonly fifos: readonly FifoSettings[];
  /** null: nobody is to be written to. */
  readonly mail: MailSettings | null;
  readonly routerId: string;
  /** FIFOs that are left out, and why. */
  readonly lines: readonly string[];
}

/** As 2.2.7 when the file names no server. */
const MAIL_SERVER_DEFAULT = { host: '127.0.0.1', port: 25 };

const MAIL_TIMEOUT_MS_MIN = 1000;

export const scriptKey = (of: Subject, slot: Slot): string => `${of.kind} ${of.name} ${slot}`;

type Globals = Reading<typeof GLOBAL_DEFS>['values'];

/** Several global_defs count as one; the last word counts. */
function globalsOf({ reading }: KeepalivedConfig): Globals {
  return Object.assign({}, ...(reading.values.global_defs ?? []).map(({ value }) => value.values));
}

function scriptsOf(of: Subject, notify: Notify): [string, Script][] {
  const slots = ['any', 'master', 'backup', 'fault', 'stop'] as const;
  return slots.flatMap((slot): [string, Script][] => {
    const script = notify[slot];
    return script === null ? [] : [[scriptKey(of, slot), script]];
  });
}

function instanceValues(config: KeepalivedConfig, instance: InstanceConfig) {
  return config.reading.values.vrrp_instance?.find(({ value }) => value.at === instance.at)?.value.values;
}

function noticesOf(config: KeepalivedConfig, globals: Globals): NoticeSettings {
  const asked = last(globals.vrrp_notify_priority_changes) ?? false;
  const groupsAsking = (config.reading.values.vrrp_sync_group ?? [])
    .filter(({ value }) => last(value.values.notify_priority_changes) === true)
    .flatMap(({ value }) => last(value.values.group) ?? [])
    .map(({ value }) => value);
  const asking = new Set(groupsAsking);
  const instances = config.instances.map((instance): [string, InstanceNotices] => {
    const v = instanceValues(config, instance);
    return [
      instance.name,
      {
        mail: instance.mail,
        priorityChanges: last(v?.notify_priority_changes) ?? (asked || asking.has(instance.name)),
        tellsDeleted: v?.notify_deleted !== undefined,
        awaits: awaitedTrackers(config, instance.name).some((id) => id.startsWith('script ')),
      },
    ];
  });
  // The others are not started: compile.ts.
  const runs = new Set(
    config.instances
      .filter((i) => i.virtualRouterId !== null && (i.interface !== null || i.sourceAddress !== null))
      .map((i) => i.name),
  );
  const groups = config.syncGroups.map(({ name, members, mail }) => {
    const running = members.map((m) => m.value).filter((member) => runs.has(member));
    return [name, { members: new Set(running), mail }] as const;
  });
  return {
    instances: new Map(instances),
    groups: new Map(groups),
    noFaultMail: globals.no_email_faults !== undefined,
    statesOnReload: globals.fifo_write_vrrp_states_on_reload !== undefined,
  };
}

function allScripts(config: KeepalivedConfig): Map<string, Script> {
  const scripts = new Map<string, Script>();
  for (const instance of config.instances) {
    const of: Subject = { kind: 'INSTANCE', name: instance.name };
    for (const [key, script] of scriptsOf(of, instance.notify)) scripts.set(key, script);
    const lower = instance.notifyMasterRxLowerPriority;
    if (lower !== null) scripts.set(scriptKey(of, 'lower'), lower);
    const deleted = last(instanceValues(config, instance)?.notify_deleted);
    if (deleted !== undefined && deleted !== 'alone') scripts.set(scriptKey(of, 'deleted'), deleted);
  }
  for (const { name, notify } of config.syncGroups)
    for (const [key, script] of scriptsOf({ kind: 'GROUP', name }, notify)) scripts.set(key, script);
  return scripts;
}

function fifosOf(config: KeepalivedConfig, globals: Globals): { fifos: FifoSettings[]; lines: string[] } {
  const typed = [
    { side: '', words: last(globals.notify_fifo), script: last(globals.notify_fifo_script) },
    { side: 'vrrp', words: last(globals.vrrp_notify_fifo), script: last(globals.vrrp_notify_fifo_script) },
    { side: 'lvs', words: last(globals.lvs_notify_fifo), script: last(globals.lvs_notify_fifo_script) },
  ] as const;
  const fifos: FifoSettings[] = [];
  const lines: string[] = [];
  for (const { side, words, script } of typed) {
    const [path, user, group] = words ?? [];
    if (path === undefined || (side === 'lvs' && config.virtualServers.length === 0)) continue;
    if (fifos.some((other) => other.side === '' && other.path === path)) {
      const name = side === 'lvs' ? 'LVS' : side;
      lines.push(
        `notify FIFO ${path} has been specified for global and ${name} FIFO - ignoring ${name} FIFO`,
      );
      continue;
    }
    fifos.push({ side, path, user: user ?? null, group: group ?? null, script: script ?? null });
  }
  return { fifos, lines };
}

export function readNotifySettings(config: KeepalivedConfig, hostName: string): NotifySettings {
  const { mail, routerId } = config.global;
  const globals = globalsOf(config);
  return {
    notices: noticesOf(config, globals),
    scripts: allScripts(config),
    ...fifosOf(config, globals),
    mail:
      mail.to.length === 0
        ? null
        : {
            ...(mail.server ?? MAIL_SERVER_DEFAULT),
            helo: mail.helo ?? hostName,
            timeoutMs: Math.max(mail.timeoutMs, MAIL_TIMEOUT_MS_MIN),
            from: mail.from ?? `keepalived@${hostName}`,
            to: mail.to,
          },
    routerId: routerId ?? hostName,
  };
}
