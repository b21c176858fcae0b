// The load of the lab and the drills: several writers insert rows through the write VIP, as an application's pool would.
// Runs as a process of its own in the application host. Each acknowledged row goes to a file (see acks.ts); counters go to
// stdout as JSON lines. Ends on SIGTERM. Times are CLOCK_MONOTONIC, which every namespace of the machine shares.

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import mysql, { type Connection } from 'mysql2';
import { type ClientReport, formatAck, formatFailure, nowMs } from './acks.ts';

const { values: options } = parseArgs({
  options: {
    host: { type: 'string', default: '192.0.2.100' },
    port: { type: 'string', default: '3306' },
    user: { type: 'string', default: 'app' },
    'password-file': { type: 'string', default: '' },
    acks: { type: 'string', default: '/dev/null' },
    writers: { type: 'string', default: '8' },
    'first-writer': { type: 'string', default: '1' },
    'first-sequence': { type: 'string', default: '1' },
    'pause-ms': { type: 'string', default: '20' },
    'connect-timeout-ms': { type: 'string', default: '100' },
    'statement-timeout-ms': { type: 'string', default: '250' },
    'reconnect-ms': { type: 'string', default: '5' },
    'report-ms': { type: 'string', default: '100' },
  },
});

const password = options['password-file'] === '' ? '' : readFileSync(options['password-file'], 'utf8').trim();
const pauseMs = Number(options['pause-ms']);
const connectTimeoutMs = Number(options['connect-timeout-ms']);
const statementTimeoutMs = Number(options['statement-timeout-ms']);
const reconnectMs = Number(options['reconnect-ms']);

const ackFile = openSync(options.acks, 'a');
let unwritten: string[] = [];
let stopping = false;
const report: ClientReport = { acks: 0, errors: {}, lastAckMs: 0, serverId: 0, stallMsMax: 0 };
const loopDelay = monitorEventLoopDelay({ resolution: 1 });
loopDelay.enable();

function fail(writer: number, sequence: number, sentMs: number, code: string): void {
  if (stopping) return;
  report.errors[code] = (report.errors[code] ?? 0) + 1;
  unwritten.push(formatFailure({ writer, sequence, sentMs, failedMs: nowMs(), code }));
}

/** One writer: insert, wait, insert; on any error close, wait, connect again. A row of unknown fate is never sent twice. */
function startWriter(writer: number): void {
  let sequence = Number(options['first-sequence']);

  const connect = (): void => {
    if (stopping) return;
    const connection = mysql.createConnection({
      host: options.host,
      port: Number(options.port),
      user: options.user,
      password,
      connectTimeout: connectTimeoutMs,
    });
    attend(connection);
  };

  const attend = (connection: Connection): void => {
    let over = false;
    let sentMs = nowMs();
    let timer = setTimeout(() => end('CONNECT_TIMEOUT'), connectTimeoutMs);
    let serverId = 0;

    const end = (code: string): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      connection.destroy();
      fail(writer, sequence, sentMs, code);
      sequence++; // the row may have been committed: its number is used up
      setTimeout(connect, reconnectMs);
    };
    const insert = (): void => {
      if (over) return;
      if (stopping) {
        over = true;
        connection.destroy();
        return;
      }
      sentMs = nowMs();
      timer = setTimeout(() => end('STATEMENT_TIMEOUT'), statementTimeoutMs);
      const payload = `writer ${writer} row ${sequence} ${'.'.repeat(24)}`;
      const sql = `INSERT INTO drill.t (writer, sequence, payload) VALUES (${writer}, ${sequence}, '${payload}')`;
      connection.query(sql, (error) => {
        if (over) return;
        if (error) return end(error.code ?? error.message);
        clearTimeout(timer);
        const ackedMs = nowMs();
        unwritten.push(formatAck({ writer, sequence, sentMs, ackedMs, serverId }));
        report.acks++;
        report.lastAckMs = ackedMs;
        report.serverId = serverId;
        sequence++;
        setTimeout(insert, pauseMs);
      });
    };

    connection.on('error', (error: { code?: string; message: string }) => end(error.code ?? error.message));
    connection.query('SELECT @@server_id AS id', (error, rows) => {
      if (over) return;
      if (error) return end(error.code ?? error.message);
      clearTimeout(timer);
      serverId = (rows as { id: number }[])[0]?.id ?? 0;
      insert();
    });
  };
  connect();
}

function flush(): void {
  if (unwritten.length === 0) return;
  const text = unwritten.join('');
  unwritten = [];
  writeSync(ackFile, text);
}

function say(): void {
  flush();
  report.stallMsMax = loopDelay.max / 1e6;
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

function stop(): void {
  if (stopping) return;
  stopping = true;
  // Statements already sent may still be acknowledged: such rows count.
  setTimeout(() => {
    say();
    closeSync(ackFile);
    process.exit(0);
  }, statementTimeoutMs);
}

process.on('SIGTERM', stop);
process.stdin.on('end', stop).resume(); // the one who measures has gone
process.stdout.on('error', stop);
const firstWriter = Number(options['first-writer']);
for (let i = 0; i < Number(options.writers); i++) startWriter(firstWriter + i);
setInterval(say, Number(options['report-ms']));
