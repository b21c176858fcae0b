// May this script be run? Decided over what stat(2) says of each part of its path, as keepalived's script security asks for it.
// Used by src/io/scripts/inspect.ts when the configuration is read.

export interface PathPart {
  readonly path: string;
  readonly kind: 'directory' | 'file' | 'other';
  readonly uid: number;
  readonly gid: number;
  /** The permission bits, with set-uid, set-gid and sticky. */
  readonly mode: number;
}

/** From `/` to the script itself, links resolved; or why the way ends. */
export type PathFacts =
  | { readonly found: true; readonly parts: readonly PathPart[] }
  | { readonly found: false; readonly reason: string };

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
}

export type Verdict =
  | { readonly kind: 'good' }
  /** Somebody besides root could change what root would run; `part` is where. */
  | { readonly kind: 'insecure'; readonly part: string }
  | { readonly kind: 'inaccessible'; readonly reason: string }
  | { readonly kind: 'wrong-type' }
  | { readonly kind: 'not-executable' };

const ROOT = 0;
const STICKY = 0o1000;
const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;

/** The bits of `mode` that count for these credentials, as three bits: 4 read, 2 write, 1 execute. */
function bitsFor(part: PathPart, who: Credentials): number {
  if (part.uid === who.uid) return (part.mode >> 6) & 7;
  if (part.gid === who.gid) return (part.mode >> 3) & 7;
  return part.mode & 7;
}

function mayPass(part: PathPart, who: Credentials): boolean {
  if (who.uid === ROOT) return part.kind === 'directory' || (part.mode & 0o111) !== 0;
  return (bitsFor(part, who) & 1) !== 0;
}

/** In a sticky directory (/tmp) others can add files, but not replace this one. */
function othersMayChange(part: PathPart): boolean {
  if (part.uid !== ROOT) return true;
  if (part.kind === 'directory' && (part.mode & STICKY) !== 0) return false;
  return (part.mode & OTHERS_WRITE) !== 0 || ((part.mode & GROUP_WRITE) !== 0 && part.gid !== ROOT);
}

export function judgeScript(facts: PathFacts, who: Credentials): Verdict {
  if (!facts.found) return { kind: 'inaccessible', reason: facts.reason };
  const script = facts.parts.at(-1);
  if (facts.parts.slice(0, -1).some((part) => !mayPass(part, who)))
    return { kind: 'inaccessible', reason: 'Permission denied' };
  if (script?.kind !== 'file') return { kind: 'wrong-type' };
  if (!mayPass(script, who)) return { kind: 'not-executable' };
  const open = who.uid === ROOT ? facts.parts.find(othersMayChange) : undefined;
  return open === undefined ? { kind: 'good' } : { kind: 'insecure', part: open.path };
}
