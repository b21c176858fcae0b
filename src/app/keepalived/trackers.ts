// vrrp_script, track_file and vrrp_track_process: what they find becomes the wire thread's `tracked` orders.

import type { KeepalivedConfig } from '../../config/keepalived/types.ts';
import type { Outlets } from './outlets.ts';
import type { WireOrder } from './wire/protocol.ts';

/** One tracker as the dumps show it. */
export interface TrackerView {
  /** As in the orders: `script chk_db`, `file load`, `process mariadbd`. */
  readonly id: string;
  readonly kind: 'script' | 'file' | 'process';
  readonly name: string;
  /** null: it has not spoken yet. */
  readonly good: boolean | null;
  /** One sentence: what it saw last. */
  readonly because: string;
  /** The exit status of a script, the number in a file, the count of processes; null before the first. */
  readonly value: number | null;
  /** Names of the instances that it counts for. */
  readonly instances: readonly string[];
}

export interface Trackers {
  /** Trackers that are the same go on with what they know. Says everything again, for a wire thread that was reloaded. */
  reload(config: KeepalivedConfig): void;
  stop(): Promise<void>;
  view(): TrackerView[];
}

/** Ids of the trackers that must have spoken before the instance may start. */
export function awaitedTrackers(_config: KeepalivedConfig, _instanceName: string): string[] {
  return [];
}

export function startTrackers(
  _config: KeepalivedConfig,
  _send: (order: WireOrder) => void,
  _outlets: Outlets,
): Trackers {
  return { reload: () => {}, stop: async () => {}, view: () => [] };
}
