// Every command that a configuration runs, with who runs it: for the rules that look at scripts, and for the import.
import type { Script } from './spec.ts';
import type { KeepalivedConfig, Notify } from './types.ts';

export interface Command {
  readonly script: Script;
  /** `check`: its exit status counts. `notify`: it is told something. */
  readonly kind: 'check' | 'notify';
  /** `vrrp_script chk`, `notify_master of VI_1`, `MISC_CHECK`. */
  readonly owner: string;
  /** Of a vrrp_script: the C daemon disables one that is missing, and says so. */
  readonly tracked: boolean;
  /** Given its own user, the global script_user does not matter; null: it has none. */
  readonly ownUser: string | null;
}

const notifies = (n: Notify, of: string): [Script | null, string][] => [
  [n.any, `notify of ${of}`],
  [n.master, `notify_master of ${of}`],
  [n.backup, `notify_backup of ${of}`],
  [n.fault, `notify_fault of ${of}`],
  [n.stop, `notify_stop of ${of}`],
];

export function commandsOf(config: KeepalivedConfig): Command[] {
  const commands: Command[] = config.scripts.map((s) => ({
    script: s.script,
    kind: 'check',
    owner: `vrrp_script ${s.name}`,
    tracked: true,
    ownUser: s.script.user ?? s.user?.user ?? null,
  }));
  const add = (kind: Command['kind'], script: Script | null, owner: string) => {
    if (script !== null) commands.push({ script, kind, owner, tracked: false, ownUser: script.user });
  };
  for (const each of [...config.instances, ...config.syncGroups])
    for (const [script, owner] of notifies(each.notify, each.name)) add('notify', script, owner);
  for (const v of config.virtualServers) {
    add('notify', v.quorumUp, `quorum_up of ${v.address}`);
    add('notify', v.quorumDown, `quorum_down of ${v.address}`);
    for (const r of v.realServers) {
      add('notify', r.notifyUp, `notify_up of ${r.address}`);
      add('notify', r.notifyDown, `notify_down of ${r.address}`);
      for (const c of r.checkers) add('check', c.script, c.kind);
    }
  }
  return commands;
}
