// Settings under /proc/sys/net that an interface needs while we use it in a special way. Several users may hold one setting; the
// last one to let go puts the first one's finding back.

import { readFileSync, writeFileSync } from 'node:fs';
import { OperatorError } from '../../core/error.ts';

/** The setting of one interface, e.g. `net/ipv4/conf`, `eth0`, `arp_ignore`. Interface names may hold dots, hence three parts. */
export interface Setting {
  readonly tree: 'net/ipv4/conf' | 'net/ipv6/conf';
  readonly interfaceName: string;
  readonly name: string;
}

const pathOf = (setting: Setting): string =>
  `/proc/sys/${setting.tree}/${setting.interfaceName}/${setting.name}`;

/** null: the kernel has no such setting (the interface is gone, or the family is switched off). */
export function readSetting(setting: Setting): number | null {
  try {
    return Number(readFileSync(pathOf(setting), 'utf8').trim());
  } catch {
    return null;
  }
}

/** Throws an OperatorError. */
export function writeSetting(setting: Setting, value: number): void {
  try {
    writeFileSync(pathOf(setting), `${value}\n`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const hint =
      code === 'ENOENT'
        ? 'The interface is gone, or the kernel runs without that address family.'
        : 'The file system /proc/sys must be writable for this process (ProtectKernelTunables=no in the systemd unit).';
    throw new OperatorError('sysctl', `cannot write ${value} to ${pathOf(setting)}: ${code ?? error}`, hint);
  }
}

interface Held {
  readonly setting: Setting;
  readonly before: number;
  readonly value: number;
  holders: number;
}

export class SettingHolder {
  readonly #held = new Map<string, Held>();

  /**
   * Sets the value and returns what lets go of it. A setting that the kernel does not have is nothing to hold. A second
   * hold with another value is a mistake of the caller: the first one's value stays. Throws an OperatorError when the
   * kernel refuses.
   */
  hold(setting: Setting, value: number): () => void {
    const path = pathOf(setting);
    const held = this.#held.get(path);
    if (held !== undefined) {
      held.holders++;
      return this.#release(path);
    }
    const before = readSetting(setting);
    if (before === null) return () => {};
    if (before !== value) writeSetting(setting, value);
    this.#held.set(path, { setting, before, value, holders: 1 });
    return this.#release(path);
  }

  /** What the setting was before anybody held it. */
  before(setting: Setting): number | null {
    return this.#held.get(pathOf(setting))?.before ?? readSetting(setting);
  }

  #release(path: string): () => void {
    let released = false;
    return () => {
      const held = this.#held.get(path);
      if (released || held === undefined) return;
      released = true;
      held.holders--;
      if (held.holders > 0) return;
      this.#held.delete(path);
      // Somebody else's change meanwhile is not ours to undo; neither is a setting of an interface that is gone.
      if (held.before === held.value || readSetting(held.setting) !== held.value) return;
      writeSetting(held.setting, held.before);
    };
  }
}

/** One thread works in one network namespace, so its users share their holds. */
export const SHARED_SETTINGS = new SettingHolder();
