// Scripts of a configuration made ready to run: the user, the path, and whether keepalived's script security lets them. Once for each
// configuration; trackers, notify scripts and MISC_CHECK all come here.

import type { Script } from '../../config/keepalived/spec.ts';
import type { Account, KeepalivedConfig } from '../../config/keepalived/types.ts';
import {
  noScriptSecurity,
  noSuchGroup,
  noSuchUser,
  scriptFoundInPath,
  scriptInaccessible,
  scriptNotExecutable,
  scriptUnsafe,
} from '../../core/keepalived/loglines.ts';
import { type Credentials, judgeScript } from '../../core/keepalived/security.ts';
import { findGroup, findUser } from '../../io/scripts/accounts.ts';
import { inspectPath, searchPath } from '../../io/scripts/inspect.ts';
import type { ScriptCommand } from '../../io/scripts/run.ts';

const DEFAULT_USER = 'keepalived_script';

export type Prepared =
  | { readonly kind: 'ready'; readonly command: ScriptCommand; readonly lines: readonly string[] }
  | {
      readonly kind: 'disabled';
      /** 'user': there is nobody to run it as. */
      readonly why: 'user' | 'insecure' | 'missing' | 'not-executable';
      readonly lines: readonly string[];
    };

export interface ScriptDesk {
  /** The same script is looked at once. `user` counts before the one behind the script. */
  prepare(script: Script, user?: Account | null): Prepared;
  /** What keepalived says when scripts run without script security; null: nothing to say. Complete when all were prepared. */
  violation(): string | null;
}

type Owner =
  | { readonly ok: true; readonly ids: Credentials; readonly lines: readonly string[] }
  | { readonly ok: false; readonly lines: readonly string[] };

function ownerOf({ user, group }: Account): Owner {
  const ids = findUser(user);
  if (ids === null) return { ok: false, lines: [noSuchUser(user)] };
  if (group === null) return { ok: true, ids, lines: [] };
  const gid = findGroup(group);
  if (gid === null) return { ok: false, lines: [noSuchGroup(group)] };
  return { ok: true, ids: { uid: ids.uid, gid }, lines: [] };
}

/** keepalived gives a script to root only when it was told so, or when script security is off. */
function defaultOwner({ scriptUser, scriptSecurity }: KeepalivedConfig['global']): Owner {
  if (scriptUser !== null) return ownerOf(scriptUser);
  const found = ownerOf({ user: DEFAULT_USER, group: null });
  if (found.ok || scriptSecurity) return found;
  return { ok: true, ids: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, lines: [] };
}

function locate(program: string): { path: string; lines: readonly string[] } {
  if (program.includes('/')) return { path: program, lines: [] };
  const path = searchPath(program, process.env['PATH'] ?? '/usr/bin:/bin');
  return path === null ? { path: program, lines: [] } : { path, lines: [scriptFoundInPath(program, path)] };
}

function prepareAs(script: Script, owner: Owner, secure: boolean): { prepared: Prepared; insecure: boolean } {
  if (!owner.ok) return { prepared: { kind: 'disabled', why: 'user', lines: owner.lines }, insecure: false };
  const [program = '', ...args] = script.command;
  const { path, lines } = locate(program);
  const { uid, gid } = owner.ids;
  const verdict = judgeScript(inspectPath(path), owner.ids);
  const disabled = (why: 'missing' | 'not-executable' | 'insecure', line: string) => ({
    prepared: { kind: 'disabled', why, lines: [...lines, line] } as const,
    insecure: why === 'insecure',
  });
  if (verdict.kind === 'inaccessible') return disabled('missing', scriptInaccessible(path, verdict.reason));
  if (verdict.kind === 'not-executable')
    return disabled('not-executable', scriptNotExecutable(path, uid, gid));
  if (verdict.kind === 'insecure' && secure) return disabled('insecure', scriptUnsafe(path, true));
  const warned = verdict.kind === 'insecure' ? [...lines, scriptUnsafe(path, false)] : lines;
  return {
    prepared: { kind: 'ready', command: { argv: [path, ...args], uid, gid }, lines: warned },
    insecure: verdict.kind === 'insecure',
  };
}

function makeDesk(config: KeepalivedConfig): ScriptDesk {
  const { global } = config;
  const known = new Map<Script, Prepared>();
  let fallback: Owner | null = null;
  let some = false;
  let insecure = false;
  return {
    prepare(script, user = null) {
      const before = known.get(script);
      if (before !== undefined) return before;
      const account = user ?? (script.user === null ? null : { user: script.user, group: script.group });
      const owner = account === null ? (fallback ?? defaultOwner(global)) : ownerOf(account);
      const made = prepareAs(script, owner, global.scriptSecurity);
      // That there is no default user is said once.
      if (account === null) fallback = { ...owner, lines: [] };
      some ||= made.prepared.kind === 'ready';
      insecure ||= made.insecure;
      known.set(script, made.prepared);
      return made.prepared;
    },
    violation: () => (some && !global.scriptSecurity ? noScriptSecurity(insecure) : null),
  };
}

const desks = new WeakMap<KeepalivedConfig, ScriptDesk>();

/** The desk of this configuration: whoever asks first has it made. */
export function scriptDesk(config: KeepalivedConfig): ScriptDesk {
  const desk = desks.get(config) ?? makeDesk(config);
  desks.set(config, desk);
  return desk;
}
