// SMTP alerts: one at a time, in their order, out of a bounded queue. A mail about a failover is often written while the network is just
// broken, so a failed one is tried again for some minutes. Nobody waits for it.

import type { SendMailOptions } from 'nodemailer';

export interface MailSettings {
  readonly host: string;
  readonly port: number;
  /** The name in HELO. */
  readonly helo: string;
  readonly timeoutMs: number;
  readonly from: string;
  readonly to: readonly string[];
}

export interface MailQueue {
  add(subject: string, body: string): void;
  /** Resolves when all is sent, or given up, or `limitMs` is over. */
  close(limitMs: number): Promise<void>;
}

export interface MailLog {
  sent(): void;
  /** Said once until one gets through again. `dropped`: this many were thrown away. */
  failed(reason: string, dropped: number): void;
}

export const WAITING_MAILS_MAX = 100;
export const MAIL_AGE_MS_MAX = 600_000;
/** Between two attempts; the last one counts for all further ones. */
const PAUSES_MS = [1000, 5000, 15_000, 60_000] as const;

interface Waiting {
  readonly message: SendMailOptions;
  readonly atMs: number;
}

type Send = (message: SendMailOptions) => Promise<unknown>;

async function connectTo({ host, port, helo, timeoutMs }: MailSettings): Promise<Send> {
  // Loaded with the first mail: most daemons never send one.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host,
    port,
    name: helo,
    secure: false,
    // As keepalived: the mail server beside the daemon rarely has a certificate that anybody could check.
    ignoreTLS: true,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return (message) => transport.sendMail(message);
}

export function startMailQueue(settings: MailSettings, log: MailLog): MailQueue {
  const waiting: Waiting[] = [];
  let send: Send | null = null;
  let busy = false;
  let failures = 0;
  let dropped = 0;
  let closing = false;
  let wake: (() => void) | null = null;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  /** True: it is out of the queue, sent or too old. */
  const attempt = async (next: Waiting): Promise<boolean> => {
    try {
      send ??= await connectTo(settings);
      await send(next.message);
      failures = 0;
      log.sent();
      return true;
    } catch (error) {
      if (failures++ === 0) log.failed((error as Error).message, dropped);
      const old = performance.now() - next.atMs > MAIL_AGE_MS_MAX;
      if (old) dropped++;
      return old;
    }
  };

  const work = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (await attempt(next)) waiting.splice(waiting.indexOf(next), 1);
      else if (closing) break;
      else await pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length) - 1] ?? PAUSES_MS[0]);
    }
    busy = false;
  };

  return {
    add(subject, body) {
      const { from, to } = settings;
      const message = {
        from,
        to: [...to],
        subject,
        text: `${body}\n`,
        date: new Date(),
        xMailer: 'Keepalived',
      };
      if (waiting.length >= WAITING_MAILS_MAX) {
        // The first one may be on its way just now.
        waiting.splice(1, 1);
        if (dropped++ === 0) log.failed(`more than ${WAITING_MAILS_MAX} wait`, dropped);
      }
      waiting.push({ message, atMs: performance.now() });
      void work();
    },
    async close(limitMs) {
      closing = true;
      wake?.();
      const endMs = performance.now() + limitMs;
      while (busy && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 20));
    },
  };
}
