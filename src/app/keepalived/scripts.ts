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
  scriptNotInPath,
  scriptUnsafe,
  scriptWrongType,
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

interface Program {
  readonly argv: readonly [string, ...string[]];
  readonly lines: readonly string[];
}

/** `</dev/tcp/192.0.2.1/3306`, a check from keepalived's own examples, is no program: only bash knows what it means. */
const SHELLS = ['/bin/bash', '/bin/sh'];

/** null: the search path does not have it. */
function locate([program = '', ...args]: readonly string[]): Program | null {
  if (/^[<>]/.test(program)) {
    const shell = SHELLS.find((path) => inspectPath(path).found) ?? '/bin/sh';
    return { argv: [shell, '-c', [program, ...args].join(' ')], lines: [] };
  }
  if (program.includes('/')) return { argv: [program, ...args], lines: [] };
  const path = searchPath(program, process.env['PATH'] ?? '/usr/bin:/bin');
  return path === null ? null : { argv: [path, ...args], lines: [scriptFoundInPath(program, path)] };
}

type Refusal = Exclude<Extract<Prepared, { kind: 'disabled' }>['why'], 'user'>;

/** null: it may be run. */
function refusalOf(path: string, owner: Credentials, secure: boolean): [Refusal, string] | 'warned' | null {
  const verdict = judgeScript(inspectPath(path), owner);
  switch (verdict.kind) {
    case 'good':
      return null;
    case 'inaccessible':
      return ['missing', scriptInaccessible(path, verdict.reason)];
    case 'wrong-type':
      return ['insecure', scriptWrongType(path)];
    case 'not-executable':
      return ['not-executable', scriptNotExecutable(path, owner.uid, owner.gid)];
    case 'insecure':
      return secure ? ['insecure', scriptUnsafe(path, true)] : 'warned';
  }
}

function prepareAs(script: Script, owner: Owner, secure: boolean): { prepared: Prepared; insecure: boolean } {
  const disabled = (why: Extract<Prepared, { kind: 'disabled' }>['why'], lines: readonly string[]) => ({
    prepared: { kind: 'disabled', why, lines } as const,
    insecure: why === 'insecure',
  });
  if (!owner.ok) return disabled('user', owner.lines);
  const program = locate(script.command);
  if (program === null) return disabled('missing', [scriptNotInPath(script.command[0] ?? '')]);
  const { argv, lines } = program;
  const refusal = refusalOf(argv[0], owner.ids, secure);
  if (Array.isArray(refusal)) return disabled(refusal[0], [...lines, refusal[1]]);
  const warned = refusal === 'warned' ? [...lines, scriptUnsafe(argv[0], false)] : lines;
  return {
    prepared: { kind: 'ready', command: { argv, ...owner.ids }, lines: warned },
    insecure: refusal === 'warned',
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
