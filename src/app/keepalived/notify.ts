// What leaves the keepalived mode: log lines of transitions, notify scripts, FIFOs and mail, in the order of the C daemon. Takes the
// wire thread's reports; the trackers and the checkers use it as their Outlets.

import type { KeepalivedConfig } from '../../config/keepalived/types.ts';
import type { Outlets } from './outlets.ts';
import type { WireReport } from './wire/protocol.ts';

export interface NotifierOptions {
  /** Where the lines go: standard error, syslog. */
  readonly log: Outlets['log'];
  /** The host's name: router_id, the mail's sender and its HELO when the file names none. */
  readonly hostName: string;
}

export interface Notifier extends Outlets {
  /** Says what the report means, everywhere it has to be said. To be called with every report, in their order. */
  report(report: WireReport): void;
  /** After SIGHUP, before the wire thread hears of it. FIFOs that stay keep what is in them. */
  reload(config: KeepalivedConfig): void;
  /** Ends the FIFOs' scripts and removes the FIFOs. Notify scripts that run are left to end by themselves. */
  stop(): Promise<void>;
}

export function startNotifier(_config: KeepalivedConfig, options: NotifierOptions): Notifier {
  return {
    log: options.log,
    run: () => {},
    fifo: () => {},
    mail: () => {},
    report: () => {},
    reload: () => {},
    stop: async () => {},
  };
}
