// A client that opens connections and keeps them, until the server has no more. Runs as a process in the application host;
// says one line once the server refuses, and ends with stdin.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import mysql from 'mysql2';
import { nowMs } from '../acks.ts';

const { values: options } = parseArgs({
  options: {
    host: { type: 'string', default: '' },
    user: { type: 'string', default: '' },
    'password-file': { type: 'string', default: '' },
  },
});
const password = readFileSync(options['password-file'], 'utf8').trim();
/** More than any lab's server allows. */
const wanted = 300;
let told = false;

for (let i = 0; i < wanted; i++) {
  const connection = mysql.createConnection({ host: options.host, user: options.user, password });
  connection.on('error', (error: { code?: string }) => {
    if (error.code !== 'ER_CON_COUNT_ERROR' || told) return;
    told = true;
    process.stdout.write(`${JSON.stringify({ refusedMs: nowMs() })}\n`);
  });
}
process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.on('error', () => process.exit(0));
