// The C daemon keepalived and this program with the same file and the same faults, one after the other, in the guest: the same rules in
// the kernel, the same words in the log, the same FIFO lines and mails. Run by scripts/guest beside.ts; needs keepalived on the host.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Checkers, startCheckers } from '../../src/app/keepalived/checkers/checkers.ts';
import { parseKeepalivedConf } from '../../src/config/keepalived/parse.ts';

const ROOT = process.env['GUEST_ROOT'] ?? '';
const CONF = '/tmp/beside.conf';
const FIFO = '/tmp/beside.fifo';
const MAIL_PORT = 2525;
const PHASE_MS = 9000;

const real = (port: number, check: string, more = '') =>
  `real_server 127.0.0.1 ${port} {\n${more}\n${check} {\n}\n}\n`;
const web = (port: number) =>
  real(port, 'HTTP_GET').replace('HTTP_GET {\n', 'HTTP_GET {\nurl {\npath /\n}\n');
const PACE = 'delay_loop 2\nwarmup 0\ndelay_before_retry 1\nconnect_timeout 5\nlb_algo rr\nlb_kind NAT\n';
const TEXT = `global_defs {
enable_script_security
script_user root
router_id R
smtp_server 127.0.0.1 ${MAIL_PORT}
notification_email {
a@b
}
smtp_alert
lvs_notify_fifo ${FIFO}
}
track_file w {
file /tmp/beside.weight
}
virtual_server 10.0.0.9 3306 {
${PACE}protocol TCP
${real(3001, 'TCP_CHECK')}${web(3002)}${real(3004, 'MISC_CHECK').replace('MISC_CHECK {\n', 'MISC_CHECK {\nmisc_path "/tmp/beside.sh"\nmisc_dynamic\n')}${real(3005, 'DNS_CHECK', 'inhibit_on_failure')}${real(3006, 'UDP_CHECK')}${real(3007, 'PING_CHECK')}${real(3008, 'SMTP_CHECK')}${real(3009, 'FILE_CHECK').replace('FILE_CHECK {\n', 'FILE_CHECK {\ntrack_file w\n')}}
virtual_server fwmark 3 {
${PACE}sorry_server 10.9.9.9 3306
${real(3001, 'TCP_CHECK')}}
virtual_server_group g {
10.0.0.10 80
10.0.0.11-12 80
}
virtual_server group g {
${PACE}protocol TCP
alpha
${real(3001, 'TCP_CHECK')}}
`;

// --- The servers, which fail and come back

const listening: { server: Server; open: Set<Socket> }[] = [];

function listen(server: Server, port: number): void {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
  });
  server.listen(port);
  listening.push({ server, open });
}

function allUp(): void {
  writeFileSync('/tmp/beside.status', '12\n');
  writeFileSync('/tmp/beside.weight', '0\n');
  listen(createServer(), 3001);
  listen(
    createHttp((_request, response) => void response.end('x')),
    3002,
  );
  const smtp = createServer((socket) => {
    socket.write('220 x\r\n');
    socket.on('data', (text) => socket.write(String(text).startsWith('HELO') ? '250 y\r\n' : '221 z\r\n'));
  });
  listen(smtp, 3008);
}

async function allDown(): Promise<void> {
  writeFileSync('/tmp/beside.status', '1\n');
  writeFileSync('/tmp/beside.weight', '5\n');
  const closing = listening.splice(0).map(
    ({ server, open }) =>
      new Promise<void>((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  );
  await Promise.all(closing);
}

// --- What is seen of a side

interface Seen {
  readonly log: string[];
  readonly fifo: string[];
  readonly mails: string[];
}

interface Side {
  readonly seen: Seen;
  stop(): Promise<void>;
}

const TELLING = /service|quorum|\bVS\b|check|weight|connection|sorry|CHECK/i;
const OTHERS =
  /script_security|BFD|2525|Healthcheck child|config option|SMTP alert|Opening|Command line|Configuration/;

function takeLog(seen: Seen, text: string): void {
  for (const line of text.split('\n')) {
    const words = line.replace(/^\w{3} \w{3} +\d+ [\d:]{8} \d{4}: /, '');
    if (TELLING.test(words) && !OTHERS.test(words)) seen.log.push(words);
  }
}

function mailServer(seen: Seen): Promise<Server> {
  const server = createServer((socket) => {
    let body: string | null = null;
    socket.on('error', () => undefined);
    socket.write('220 x\r\n');
    socket.on('data', (bytes) => {
      const text = String(bytes);
      if (body === null) {
        if (text.startsWith('DATA')) body = '';
        socket.write(
          text.startsWith('DATA') ? '354 go\r\n' : text.startsWith('QUIT') ? '221 z\r\n' : '250 y\r\n',
        );
        return;
      }
      body += text;
      if (!body.endsWith('\r\n.\r\n')) return;
      const subject = /Subject: \[R\] (.*)\r\n/.exec(body)?.[1];
      const words = /\r\n(=> .* <=)/.exec(body)?.[1];
      seen.mails.push(`${subject} | ${words}`);
      body = null;
      socket.write('250 ok\r\n');
    });
  });
  return new Promise((resolve) => server.listen(MAIL_PORT, '127.0.0.1', () => resolve(server)));
}

async function startTheirs(): Promise<Side> {
  const seen: Seen = { log: [], fifo: [], mails: [] };
  const mails = await mailServer(seen);
  rmSync(FIFO, { force: true });
  const args = [
    '-C',
    '-n',
    '-l',
    '-G',
    '-D',
    '-f',
    CONF,
    '-p',
    '/tmp/b.p',
    '-c',
    '/tmp/b.c',
    '-r',
    '/tmp/b.r',
  ];
  execFileSync('mkfifo', [FIFO]);
  const reader = spawn('cat', [FIFO]);
  reader.stdout.on('data', (text) => seen.fifo.push(...String(text).split('\n').filter(Boolean)));
  const daemon: ChildProcess = spawn('keepalived', args);
  daemon.stdout?.on('data', (text) => takeLog(seen, String(text)));
  daemon.stderr?.on('data', (text) => takeLog(seen, String(text)));
  return {
    seen,
    async stop() {
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      await ended;
      await sleep(500);
      reader.kill();
      mails.close();
    },
  };
}

async function startOurs(): Promise<Side> {
  const seen: Seen = { log: [], fifo: [], mails: [] };
  const { config } = parseKeepalivedConf(TEXT, CONF, () => []);
  const checkers: Checkers = startCheckers(
    config,
    {
      log: (_level, text) => takeLog(seen, text),
      run: () => undefined,
      fifo: (_side, line) => void seen.fifo.push(line),
      mail: (subject, body) => void seen.mails.push(`${subject} | ${body}`),
    },
    { keepIpvsOnStop: false, detail: true, holdsAddress: () => true },
  );
  return { seen, stop: () => checkers.stop() };
}

const ipvsadm = (): string[] => {
  const env = { LD_LIBRARY_PATH: `${ROOT}/usr/lib/x86_64-linux-gnu:${ROOT}/lib/x86_64-linux-gnu` };
  return execFileSync(join(ROOT, 'sbin/ipvsadm'), ['-Sn'], { encoding: 'utf8', env })
    .split('\n')
    .filter(Boolean)
    .sort();
};

interface Course {
  readonly phases: Readonly<Record<string, { rules: readonly string[]; seen: Seen }>>;
}

async function run(start: () => Promise<Side>): Promise<Course> {
  const phases: Record<string, { rules: readonly string[]; seen: Seen }> = {};
  allUp();
  const side = await start();
  const end = (phase: string): void => {
    const { log, fifo, mails } = side.seen;
    phases[phase] = {
      rules: ipvsadm(),
      seen: { log: log.splice(0), fifo: fifo.splice(0), mails: mails.splice(0) },
    };
  };
  await sleep(PHASE_MS);
  end('start');
  await allDown();
  await sleep(PHASE_MS);
  end('down');
  allUp();
  await sleep(PHASE_MS);
  end('up');
  await side.stop();
  end('stop');
  await allDown();
  return { phases };
}

writeFileSync(CONF, TEXT);
writeFileSync('/tmp/beside.sh', '#!/bin/sh\nexit $(cat /tmp/beside.status)\n', { mode: 0o755 });

const theirs = await run(startTheirs);
const ours = await run(startOurs);

let failed = 0;
const compare = (what: string, check: () => void): void => {
  try {
    check();
    console.log(`ok      ${what}`);
  } catch (error) {
    failed++;
    console.log(`not ok  ${what}\n${(error as Error).message}`);
  }
};
/** What the C daemon says and this program does not, and why. */
const KNOWN: readonly string[] = [
  // A mail for every MISC_CHECK at every start, and for no other kind.
  'Realserver [127.0.0.1]:tcp:3004 of virtual server [10.0.0.9]:tcp:3306 - UP | => MISC CHECK succeeded on service <=',
];
const missing = (from: readonly string[], there: readonly string[]): string[] =>
  from.filter((line) => !there.includes(line) && !KNOWN.includes(line));

for (const [phase, { rules, seen }] of Object.entries(theirs.phases)) {
  const mine = ours.phases[phase];
  assert.ok(mine);
  compare(`${phase}: ${rules.length} rules in the kernel are the same`, () =>
    assert.deepEqual(mine.rules, rules),
  );
  compare(`${phase}: its ${seen.log.length} log lines are among our ${mine.seen.log.length}`, () =>
    assert.deepEqual(missing(seen.log, mine.seen.log), []),
  );
  compare(`${phase}: ${seen.fifo.length} FIFO lines are the same`, () =>
    assert.deepEqual([...mine.seen.fifo].sort(), [...seen.fifo].sort()),
  );
  compare(`${phase}: its ${seen.mails.length} mails are among our ${mine.seen.mails.length}`, () =>
    assert.deepEqual(missing(seen.mails, mine.seen.mails), []),
  );
}
console.log(`GUEST RESULT: ${failed === 0 ? 'passed' : `failed ${failed}`}`);
process.exit(failed === 0 ? 0 : 1);
