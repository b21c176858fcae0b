// May this node be overwritten with a copy of the other one now, and how: every rule that speaks against it, with what lifts
// it. The facts are collected by app/clonefacts.ts.

import { contains, lacking, union } from '../gtid/gtid.ts';
import type { Method } from './journal.ts';
import { formatBytes } from './progress.ts';

export interface Against {
  readonly code: string;
  readonly because: string;
  readonly lift: string;
}

export interface DonorFacts {
  readonly name: string;
  readonly role: string;
  readonly family: 'mariadb' | 'mysql';
  readonly version: string;
  /** Bytes of its data directory without logs; null: not known. */
  readonly dataBytes: number | null;
  readonly history: string;
  readonly executed: string;
  /** Why a method is not to be had there; null: it is. */
  readonly methods: Readonly<Record<Method, Against | null>>;
}

export interface ReceiverFacts {
  readonly name: string;
  /** `unknown`: its manager does not answer. */
  readonly role: string;
  /** Null: its server does not answer. */
  readonly server: {
    readonly family: 'mariadb' | 'mysql';
    readonly version: string;
    readonly history: string;
    readonly executed: string;
    readonly received: string;
  } | null;
  /** GTIDs of transactions that salvage has saved from this node. */
  readonly salvaged: string;
  readonly datadir: string;
  readonly bytesFree: number;
  readonly isRoot: boolean;
  readonly isMountPoint: boolean;
  /** Settings by which files of the server lie outside its data directory. */
  readonly outside: readonly string[];
  readonly methods: Readonly<Record<Method, Against | null>>;
}

export interface Wanted {
  readonly method: Method | 'auto';
  readonly forgetErrant: boolean;
}

export type ClonePlan =
  | { readonly ok: true; readonly method: Method; readonly because: string; readonly forgets: string | null }
  | { readonly ok: false; readonly against: readonly Against[] };

/** Room for what is written while it is copied. */
const SPARE = 1.1;
const PREFERENCE: Readonly<Record<'mariadb' | 'mysql', readonly Method[]>> = {
  mariadb: ['backup', 'dump'],
  mysql: ['clone-plugin', 'dump'],
};
const NAMES: Readonly<Record<Method, string>> = {
  backup: 'mariadb-backup',
  'clone-plugin': "MySQL's CLONE plugin",
  dump: 'a logical dump',
};

/** "10.11" of "10.11.19-MariaDB"; files of one series fit servers of that series. */
const series = (version: string): string => /^\d+\.\d+/.exec(version)?.[0] ?? version;

function roles(donor: DonorFacts, receiver: ReceiverFacts): Against[] {
  const { name } = receiver;
  const found: Against[] = [];
  if (!['following', 'starting', 'unknown'].includes(receiver.role)) {
    found.push({
      code: 'is-writer',
      because: `${name} is ${receiver.role}: a clone overwrites its data`,
      lift: `\`twinkeep switchover --to ${donor.name}\` first, then clone; or run clone on the host of ${donor.name}, with --from ${name}`,
    });
  }
  if (donor.role !== 'writing') {
    found.push({
      code: 'donor-not-writer',
      because: `${donor.name} is ${donor.role}, not the writer: a copy of it may lack acknowledged transactions`,
      lift: `make it the writer first (\`twinkeep switchover --to ${donor.name}\`; if the other node is lost for good: \`twinkeep promote --force\`)`,
    });
  }
  return found;
}

function here(donor: DonorFacts, receiver: ReceiverFacts): Against[] {
  const found: Against[] = [];
  const add = (code: string, because: string, lift: string): void => void found.push({ code, because, lift });
  if (!receiver.isRoot)
    add(
      'not-root',
      'this user may not replace the data directory',
      'run it as root (sudo twinkeep clone ...)',
    );
  if (receiver.isMountPoint) {
    add(
      'datadir-is-mount',
      `${receiver.datadir} is a mount point: it cannot be moved aside`,
      'make the data directory a folder in that file system (datadir in my.cnf), then run it again',
    );
  }
  if (receiver.outside.length > 0) {
    add(
      'files-outside',
      `files of the server lie outside ${receiver.datadir} (${receiver.outside.join(', ')}): they would be mixed with the copy's`,
      'move them into the data directory (those settings in my.cnf), then run it again',
    );
  }
  const needed = donor.dataBytes === null ? 0 : Math.ceil(donor.dataBytes * SPARE);
  if (receiver.bytesFree < needed) {
    add(
      'no-space',
      `the copy needs about ${formatBytes(needed)} beside the old data, and ${formatBytes(receiver.bytesFree)} are free in the file system of ${receiver.datadir}`,
      'free some; copies that were kept by earlier clones are removed by `twinkeep clone --discard-old`',
    );
  }
  return found;
}

/** What the receiver has, or has received, that the donor lacks: it would be gone. Null: nothing. */
function forgotten(donor: DonorFacts, receiver: ReceiverFacts): { what: string; code: string } | null {
  const { server, name } = receiver;
  if (server === null) {
    const what = `the server of ${name} does not answer, so nobody can say whether it holds transactions that ${donor.name} lacks`;
    return { what, code: 'errant-unknown' };
  }
  if (server.family !== donor.family) return null;
  const more = lacking(server.history, donor.history)?.join(',') ?? server.history;
  if (more !== '' && lacking(more, receiver.salvaged)?.length !== 0)
    return { what: `${name} holds transactions that ${donor.name} lacks: ${more}`, code: 'errant' };
  if (more === '' && !contains(donor.executed, union(server.executed, server.received))) {
    const what = `${name} has received transactions that ${donor.name} has not: ${server.received}`;
    return { what, code: 'errant' };
  }
  return null;
}

function available(donor: DonorFacts, receiver: ReceiverFacts, method: Method): Against | null {
  const against = donor.methods[method] ?? receiver.methods[method];
  if (against !== null) return against;
  const version = receiver.server?.version;
  if (method === 'dump' || version === undefined || series(version) === series(donor.version)) return null;
  return {
    code: 'version',
    because: `${donor.name} runs ${donor.version} and ${receiver.name} ${version}: ${NAMES[method]} copies files, which fit one series only`,
    lift: 'install the same version on both, or use --method dump',
  };
}

function choose(donor: DonorFacts, receiver: ReceiverFacts, wanted: Wanted): ClonePlan {
  const tried = wanted.method === 'auto' ? PREFERENCE[donor.family] : [wanted.method];
  const against: Against[] = [];
  for (const method of tried) {
    const found = available(donor, receiver, method);
    if (found === null) {
      const instead =
        against.length === 0 ? '' : `, because ${against.map((each) => each.because).join('; ')}`;
      return { ok: true, method, because: `${NAMES[method]}${instead}`, forgets: null };
    }
    against.push(found);
  }
  return { ok: false, against };
}

export function planClone(donor: DonorFacts, receiver: ReceiverFacts, wanted: Wanted): ClonePlan {
  const against = [...roles(donor, receiver), ...here(donor, receiver)];
  const { server } = receiver;
  if (server !== null && server.family !== donor.family) {
    against.push({
      code: 'family',
      because: `${donor.name} runs ${donor.family} and ${receiver.name} ${server.family}`,
      lift: 'both nodes of a pair need servers of one family',
    });
  }
  const forgets = forgotten(donor, receiver);
  if (forgets !== null && !wanted.forgetErrant) {
    against.push({
      code: forgets.code,
      because: `${forgets.what}; a clone would forget them`,
      lift:
        forgets.code === 'errant'
          ? 'save them first (`twinkeep salvage list`), or forget them with --forget-errant; the old data are kept aside in any case'
          : 'start it first, or go on with --forget-errant; the old data are kept aside in any case',
    });
  }
  const chosen = choose(donor, receiver, wanted);
  if (!chosen.ok) against.push(...chosen.against);
  if (against.length > 0 || !chosen.ok) return { ok: false, against };
  return { ...chosen, forgets: forgets?.what ?? null };
}
