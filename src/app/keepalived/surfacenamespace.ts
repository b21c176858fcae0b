// net_namespace and -s: the process becomes one inside the network namespace, by ip(8), which also gives it that namespace's /sys.

import { existsSync, statSync } from 'node:fs';
import { OperatorError } from '../../core/error.ts';

const MARK = 'TWINKEEP_KEEPALIVED_NETNS';
const PLACES = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip', '/bin/ip'];

/** Whether this process is in the namespace of that name already, however it came there. */
function isInside(name: string): boolean {
  try {
    const there = statSync(`/run/netns/${name}`);
    const here = statSync('/proc/self/ns/net');
    return there.dev === here.dev && there.ino === here.ino;
  } catch {
    return false;
  }
}

/** Returns only when the process is inside; otherwise it starts anew there, under the same process id. */
export function enterNamespace(name: string): void {
  const tried = process.env[MARK] !== undefined;
  // Not for the scripts that this process starts.
  delete process.env[MARK];
  if (isInside(name)) return;
  if (!existsSync(`/run/netns/${name}`))
    throw new OperatorError(
      'namespace',
      `there is no network namespace ${name}`,
      `make it with \`ip netns add ${name}\`, or mend net_namespace`,
    );
  const ip = PLACES.find(existsSync);
  if (ip === undefined || tried || process.execve === undefined)
    throw new OperatorError(
      'namespace',
      `cannot enter the network namespace ${name}`,
      `install iproute2, or start it with \`ip netns exec ${name}\``,
    );
  const words = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(ip, [ip, 'netns', 'exec', name, ...words], {
    ...process.env,
    [MARK]: '1',
  } as NodeJS.ProcessEnv);
}
