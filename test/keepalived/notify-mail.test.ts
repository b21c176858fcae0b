// SMTP alerts against a real SMTP server, one that is away, and one that says nothing.

import { type AddressInfo, createServer } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterEach, describe, expect, test } from 'vitest';
import { GLOBALS, goes, instance, lines, makeBench, until } from './notify-bench.ts';

const { path, script, notify } = makeBench('tkmail-');

interface Mailbox {
  readonly port: number;
  readonly mails: {
    readonly helo: string;
    readonly from: string;
    readonly to: string[];
    readonly text: string;
  }[];
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function mailServer(port = 0): Promise<Mailbox> {
  const mails: Mailbox['mails'] = [];
  const server = new SMTPServer({
    authOptional: true,
    // A certificate that nobody can check, as mail servers beside a database have it.
    onData(stream, session, done) {
      let text = '';
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          helo: session.hostNameAppearsAs,
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text,
        });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, mails };
}

const mailing = (port: number, more = '') =>
  `${GLOBALS}\n notification_email {\n a@example.com\n b@example.com\n }\n notification_email_from k@example.com\n smtp_server 127.0.0.1 ${port}\n smtp_helo_name helo.example\n smtp_alert\n ${more}`;

describe('mail', () => {
  test('has the envelope, the subject and the text of the C daemon', async () => {
    const box = await mailServer();
    const { notifier, said } = notify(instance('VI_1', 51, ''), mailing(box.port));
    notifier.report(goes('VI_1', 'BACKUP', 'MASTER'));
    await until('the mail', () => box.mails.length === 1);
    const [mail] = box.mails;
    expect(mail).toMatchObject({
      helo: 'helo.example',
      from: 'k@example.com',
      to: ['a@example.com', 'b@example.com'],
    });
    for (const line of [
      'From: k@example.com',
      'To: a@example.com, b@example.com',
      'Subject: [R1] VRRP Instance VI_1 - Entering MASTER state',
      'X-Mailer: Keepalived',
    ])
      expect(mail?.text.split('\r\n')).toContain(line);
    expect(mail?.text).toMatch(/\r\n\r\n=> VRRP Instance is now owning VRRP VIPs <=\r\n$/);
    await until('the log', () => said.includes('SMTP alert successfully sent.'));
    expect(said).toContain(`Remote SMTP server [127.0.0.1]:${box.port} connected.`);
  });

  test('that cannot be sent is sent when the server is back, in its order; the failure is said once', async () => {
    const { port } = await mailServer();
    await closers.pop()?.();
    const { notifier, said } = notify(instance('VI_1', 51, ''), mailing(port));
    notifier.report(goes('VI_1', 'INIT', 'BACKUP'));
    notifier.report(goes('VI_1', 'BACKUP', 'MASTER'));
    const failed = () => said.filter((line) => line.startsWith('SMTP alert could not be sent'));
    await until('the failure', () => failed().length > 0);
    expect(failed()[0]).toContain('ECONNREFUSED');
    const box = await mailServer(port);
    await until('both', () => box.mails.length === 2);
    expect(box.mails.map(({ text }) => /Entering (\w+) state/.exec(text)?.[1])).toEqual(['BACKUP', 'MASTER']);
    expect(failed()).toHaveLength(1);
  });

  test('to a server that says nothing holds up neither the scripts nor the end', async () => {
    const mute = createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => mute.close(() => resolve())));
    const out = path('out');
    const tell = script('tell', `echo "$*" >> ${out}`);
    const { port } = mute.address() as AddressInfo;
    const { notifier } = notify(
      instance('VI_1', 51, `notify ${tell}`),
      mailing(port, 'smtp_connect_timeout 1'),
    );
    notifier.report(goes('VI_1', 'BACKUP', 'MASTER'));
    await until('the script', () => lines(out).length === 1);
    await notifier.stop();
  });

  test('of other parts gets the router id in front', async () => {
    const box = await mailServer();
    const { notifier } = notify(instance('VI_1', 51, ''), mailing(box.port));
    notifier.mail(
      'Realserver [10.9.0.9]:tcp:80 of virtual server [10.9.0.8]:tcp:80 - DOWN',
      '=> CHECK failed <=',
    );
    await until('the mail', () => box.mails.length === 1);
    expect(box.mails[0]?.text).toContain('Subject: [R1] Realserver [10.9.0.9]:tcp:80 of virtual');
  });
});
