// Where the parts of the keepalived mode say what happened: the log, notify scripts, FIFOs and mail. VRRP tracking and the checkers use
// the same ones, so that everything leaves in one order. Made by notify.ts; whoever tests a part hands in arrays.

import type { Script } from '../../config/keepalived/spec.ts';

export interface Outlets {
  /** One line, as keepalived words it. `detail`: only with -D. */
  log(level: 'detail' | 'info' | 'warn' | 'error', text: string): void;
  /** Starts a notify script with these words behind its own; does not wait for it. Of one script object the order is kept. */
  run(script: Script, words: readonly string[]): void;
  /** A line for notify_fifo and for the FIFO of this side, without its line end. */
  fifo(side: 'vrrp' | 'lvs', line: string): void;
  /** An SMTP alert; nothing happens when the file configures no mail. */
  mail(subject: string, body: string): void;
}
