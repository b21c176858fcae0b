// What leaves the keepalived mode: log lines of transitions, notify scripts, FIFOs and mail, in the order of the C daemon. Takes the
// wire thread's reports; the trackers and the checkers use it as their Outlets.
// In the flow: core/keepalived/notices.ts decides what is told, this does it.

import type { Script } from '../../config/keepalived/spec.ts';
import type { KeepalivedConfig } from '../../config/keepalived/types.ts';
import { smtpConnected, smtpSent } from '../../core/keepalived/loglines.ts';
import { type Notice, NoticeBook, type Subject } from '../../core/keepalived/notices.ts';
import { type MailQueue, startMailQueue } from '../../io/notify/mail.ts';
import { startFifos } from './fifo.ts';
import { type NotifySettings, readNotifySettings, scriptKey } from './notify-config.ts';
import { makeLanes } from './notify-lanes.ts';
import type { Outlets } from './outlets.ts';
import { scriptDesk } from './scripts.ts';
import { planTrackers } from './trackers-config.ts';
import type { WireReport } from './wire/protocol.ts';

export interface NotifierOptions {
  /** Where the lines go: standard error, syslog. */
  readonly log: Outlets['log'];
  /** The host's name: router_id, the mail's sender and its HELO when the file names none. */
  readonly hostName: string;
}

export interface Notifier extends Outlets {
  /** Says what the report means, everywhere it has to be said. To be called with every report, in their order, `reloaded` too. */
  report(report: WireReport): void;
  /** After SIGHUP, before the wire thread hears of it. FIFOs that stay keep what is in them. */
  reload(config: KeepalivedConfig): void;
  /** Resolves with true when no notify script runs any more, with false when one still does after this long. */
  settled(msMax: number): Promise<boolean>;
  /** Ends the FIFOs' scripts and removes the FIFOs. Notify scripts that run are left to end by themselves. */
  stop(): Promise<void>;
}

/** How long mails may still be sent when the daemon ends. */
const MAIL_AT_END_MS = 2000;

function openMail({ mail }: NotifySettings, log: Outlets['log']): MailQueue | null {
  if (mail === null) return null;
  const server = `[${mail.host}]:${mail.port}`;
  return startMailQueue(mail, {
    sent() {
      log('info', smtpConnected(server));
      log('info', smtpSent);
    },
    failed(reason, dropped) {
      const lost = dropped === 0 ? '' : `; ${dropped} were thrown away`;
      log('warn', `SMTP alert could not be sent to ${server} (${reason}), and is tried again${lost}`);
    },
  });
}

/** Of an instance notify_master, _backup, _fault and _stop keep their order among each other, and so does `notify`. */
function laneOf(of: Subject, slot: string): string {
  return scriptKey(of, slot === 'any' ? 'any' : 'master');
}

export function startNotifier(first: KeepalivedConfig, options: NotifierOptions): Notifier {
  const { log, hostName } = options;
  let config = first;
  let settings = readNotifySettings(first, hostName);
  let scripts = settings.scripts;
  let mailed = settings.mail;
  let mail = openMail(settings, log);
  const book = new NoticeBook(settings.notices);
  const fifos = startFifos(log);
  const lanes = makeLanes({
    overtaken: ({ argv }) =>
      log('warn', `notify script ${argv[0]} of an earlier state still runs; that of the next one is started`),
    ended({ argv }, end) {
      if (end.kind === 'not-started') log('warn', `notify script ${argv[0]} could not be run: ${end.reason}`);
      else if (end.kind === 'killed') log('detail', `notify script ${argv[0]} ended by signal ${end.signal}`);
      else if (end.status !== 0) log('detail', `notify script ${argv[0]} exited with status ${end.status}`);
    },
  });

  const told = new Set<Script>();
  const prepare = (script: Script) => {
    const prepared = scriptDesk(config).prepare(script);
    if (!told.has(script)) for (const line of prepared.lines) log('warn', line);
    told.add(script);
    return prepared;
  };

  const prepareAll = (): void => {
    told.clear();
    for (const line of settings.lines) log('warn', line);
    // The trackers log their own scripts' lines; here they are only counted.
    planTrackers(config);
    for (const script of settings.scripts.values()) prepare(script);
    fifos.update(config, settings.fifos);
    const violation = scriptDesk(config).violation();
    if (violation !== null) log('warn', violation);
  };

  const run = (lane: string, script: Script, words: readonly string[]): void => {
    const prepared = prepare(script);
    if (prepared.kind === 'disabled') return;
    lanes.run(lane, { ...prepared.command, argv: [...prepared.command.argv, ...words] });
  };

  const sendMail = (subject: string, body: string): void =>
    mail?.add(`[${settings.routerId}] ${subject}`, body);

  const carryOut = (notice: Notice): void => {
    switch (notice.kind) {
      case 'log':
        log('info', notice.text);
        return;
      case 'script': {
        const script = scripts.get(scriptKey(notice.of, notice.slot));
        if (script !== undefined) run(laneOf(notice.of, notice.slot), script, notice.words);
        return;
      }
      case 'fifo':
        fifos.write('vrrp', notice.line);
        return;
      case 'mail':
        sendMail(notice.subject, notice.body);
        return;
    }
  };

  const report = (said: WireReport): void => {
    switch (said.kind) {
      case 'transition':
      case 'priority':
      case 'lower-heard':
      case 'deleted':
        for (const notice of book.hear(said)) carryOut(notice);
        return;
      case 'reloaded':
        for (const notice of book.hear(said)) carryOut(notice);
        scripts = settings.scripts;
        return;
      case 'say':
        log(said.level, said.text);
        return;
      // A group is told of when its last member is there, which the transitions say.
      case 'group':
      case 'waker':
      case 'ready':
      case 'failed-to-start':
      case 'dump':
      case 'stopped':
        return;
    }
  };

  prepareAll();
  return {
    log,
    run: (script, words) =>
      run(
        `${script.at.file}:${script.at.line}:${script.at.column} ${script.command.join(' ')}`,
        script,
        words,
      ),
    fifo: (side, line) => fifos.write(side, line),
    mail: sendMail,
    report,
    reload(changed) {
      config = changed;
      settings = readNotifySettings(changed, hostName);
      // An instance that goes is told of with the scripts that it had.
      scripts = new Map([...scripts, ...settings.scripts]);
      book.reload(settings.notices);
      if (JSON.stringify(settings.mail) !== JSON.stringify(mailed)) {
        void mail?.close(MAIL_AT_END_MS);
        mailed = settings.mail;
        mail = openMail(settings, log);
      }
      prepareAll();
    },
    settled: (msMax) => lanes.settled(msMax),
    async stop() {
      lanes.flush();
      await Promise.all([fifos.stop(), mail?.close(MAIL_AT_END_MS)]);
    },
  };
}
