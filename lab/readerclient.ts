// An application that reads through the read VIP, as a process of its own in the application host: one connection, a
// statement every few milliseconds; on an error it connects again. On stdout one JSON line a stretch of answers of one
// server: from when to when (CLOCK_MONOTONIC, ms). Ends when its stdin does.

import { readFileSync } from 'node:fs';
import mysql from 'mysql2';

const [, , host = '', user = '', passwordFile = '', pauseMs = '10'] = process.argv;
const password = readFileSync(passwordFile, 'utf8').trim();
const CONNECT_MS = 100;
const STATEMENT_MS = 250;
const RECONNECT_MS = 5;

const nowMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;
let stretch: { server: number; fromMs: number; toMs: number; errors: number } | null = null;
let errors = 0;

function tell(): void {
  if (stretch !== null) process.stdout.write(`${JSON.stringify(stretch)}\n`);
}

function answered(server: number): void {
  const at = nowMs();
  if (stretch !== null && stretch.server === server && errors === 0) {
    stretch.toMs = at;
    return;
  }
  tell();
  stretch = { server, fromMs: at, toMs: at, errors };
  errors = 0;
}

function connect(): void {
  const connection = mysql.createConnection({ host, user, password, connectTimeout: CONNECT_MS });
  let over = false;
  let timer = setTimeout(end, CONNECT_MS);
  function end(): void {
    if (over) return;
    over = true;
    errors++;
    clearTimeout(timer);
    connection.destroy();
    setTimeout(connect, RECONNECT_MS);
  }
  function ask(): void {
    if (over) return;
    clearTimeout(timer);
    timer = setTimeout(end, STATEMENT_MS);
    connection.query('SELECT @@server_id AS id', (error, rows) => {
      if (over) return;
      if (error) {
        end();
        return;
      }
      clearTimeout(timer);
      answered((rows as { id: number }[])[0]?.id ?? 0);
      setTimeout(ask, Number(pauseMs));
    });
  }
  connection.on('error', end);
  connection.on('connect', ask);
}

connect();
process.stdin
  .on('data', () => {
    // Somebody wants to know how far we are.
    tell();
  })
  .on('end', () => {
    tell();
    process.exit(0);
  });
