// This machine as the Host of a file: its interfaces with their addresses, its scripts with their rights, its accounts. For
// `config check` and for the drop-in, where the file is for the host that it is read on.
import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import type { Host, ScriptFile } from './host.ts';

/** A script longer than this is a program, and not looked through. */
const SCRIPT_BYTES_MAX = 256 * 1024;
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

function interfacesHere(): Record<string, readonly string[]> {
  const found: Record<string, string[]> = {};
  try {
    for (const name of readdirSync('/sys/class/net')) found[name] = [];
  } catch {
    // No sysfs: the interfaces that have addresses are known all the same.
  }
  for (const [name, addresses] of Object.entries(networkInterfaces()))
    found[name] = (addresses ?? []).map((a) => a.cidr).filter((cidr) => cidr !== null);
  return found;
}

/** As the C daemon's check: an owner other than root, or a write bit for the group or all, on the file or a folder above it. */
function changeableBy(path: string): string | null {
  for (let at = path; ; at = dirname(at)) {
    const { uid, gid, mode } = statSync(at);
    const folder = at !== path;
    // In a sticky folder nobody replaces what another one owns.
    const sticky = folder && (mode & 0o1000) !== 0;
    if (uid !== 0) return `its owner (user ${uid})`;
    if ((mode & 0o002) !== 0 && !sticky) return 'every account';
    if ((mode & 0o020) !== 0 && gid !== 0 && !sticky) return `group ${gid}`;
    if (at === '/') return null;
  }
}

function executableByAll(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === '/') return true;
  }
}

function textOf(path: string, size: number): string | null {
  if (size > SCRIPT_BYTES_MAX) return null;
  const bytes = Buffer.alloc(size);
  const file = openSync(path, 'r');
  try {
    readSync(file, bytes, 0, size, 0);
  } finally {
    closeSync(file);
  }
  return bytes.includes(0) ? null : bytes.toString('utf8');
}

function mayExecute(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function scriptHere(program: string): ScriptFile | null {
  const places = program.includes('/') ? [program] : SYSTEM_PATH.map((folder) => join(folder, program));
  for (const place of places) {
    try {
      const path = realpathSync(place);
      const stat = statSync(path);
      if (!stat.isFile()) continue;
      return {
        path: place,
        executable: mayExecute(path),
        executableByAll: executableByAll(path),
        changeable: changeableBy(path),
        text: textOf(path, stat.size),
      };
    } catch {
      // Not there, or not to be read: the next place.
    }
  }
  return null;
}

function hasUserHere(name: string): boolean {
  if (/^[0-9]+$/.test(name)) return true;
  try {
    return readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .some((line) => line.startsWith(`${name}:`));
  } catch {
    return true;
  }
}

/** `complete`: the file is for this very host, so that what is missing here is a mistake in the file. */
export function hostHere(complete: boolean): Host {
  const interfaces = interfacesHere();
  return complete ? { interfaces, complete, script: scriptHere, hasUser: hasUserHere } : { interfaces };
}
