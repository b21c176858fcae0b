// promote_secondaries: without it, the kernel takes an interface's VIPs away together with its first address.

import type { Environment } from './environment.ts';

/** Switches it on; the answer puts back what was there. */
export function promoteSecondaries(
  interfaceName: string,
  { settings, say }: Pick<Environment, 'settings' | 'say'>,
): () => void {
  try {
    return settings.hold({ tree: 'net/ipv4/conf', interfaceName, name: 'promote_secondaries' }, 1);
  } catch (error) {
    say('warn', 'promote', (error as Error).message);
    return () => {};
  }
}
