// promote_secondaries of an instance: while it lives, the kernel keeps the other addresses of a subnet when the first one of it is
// taken off the interface. Called by possessions.ts.

import { type SettingHolder, SHARED_SETTINGS } from '../../../io/linux/sysctl.ts';

/** Returns what puts the setting back. A refusal is said, and no reason not to start. */
export function promoteSecondaries(
  interfaceName: string,
  say: (level: 'warn', code: string, text: string) => void,
  settings: SettingHolder = SHARED_SETTINGS,
): () => void {
  const setting = { tree: 'net/ipv4/conf', interfaceName, name: 'promote_secondaries' } as const;
  try {
    return settings.hold(setting, 1);
  } catch (error) {
    say('warn', 'promote-secondaries', (error as Error).message);
    return () => {};
  }
}
