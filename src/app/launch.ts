// From the command line into the daemon: the process that parsed the configuration replaces itself by one that never
// loaded the parsers (same process id, a third less memory). The resolved configuration travels in the environment;
// it holds names of secret files, never a secret.

import { flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PairConfig } from '../config/types.ts';
import { assert } from '../core/error.ts';

/** A killed process flushes no compile cache: it is done soon after the start, when everything is loaded. */
const FLUSH_AFTER_MS = 3000;

export function keepCompiled(): void {
  setTimeout(flushCompileCache, FLUSH_AFTER_MS).unref();
}

const VARIABLE = 'TWINKEEP_RESOLVED_CONFIG';

/** Small heaps: both processes hold little and live long. */
export const LEAN_NODE_FLAGS = ['--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'];

interface Resolved {
  readonly config: PairConfig;
  readonly node: string;
}

/** Does not return. */
export function becomeAgent(resolved: Resolved): void {
  const { config, node } = resolved;
  // A further replica that has no read VIP to hold needs no VRRP: its manager is all there is.
  const isReplica = config.replicas.some(({ name }) => name === node);
  const file = isReplica && config.vips.read.length === 0 ? './replica.ts' : './agent.ts';
  const entry = fileURLToPath(new URL(file, import.meta.url));
  const environment = { ...process.env, [VARIABLE]: JSON.stringify(resolved) };
  assert(process.execve !== undefined, 'Node 24 has process.execve');
  process.execve(process.execPath, [process.execPath, ...LEAN_NODE_FLAGS, entry], environment);
}

export function resolvedFromEnvironment(): Resolved {
  const text = process.env[VARIABLE];
  assert(text !== undefined, 'the agent is started by `twinkeep agent`');
  delete process.env[VARIABLE];
  return JSON.parse(text) as Resolved;
}
