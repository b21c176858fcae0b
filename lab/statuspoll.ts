// Asks both nodes' API for their view of the pair, several times a second. Runs as a process in the application host's
// network, because the lab's own processes cannot reach into it. One JSON line an answer on stdout; ends with stdin.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { nowMs } from './acks.ts';

const { values: options } = parseArgs({
  options: {
    node: { type: 'string', multiple: true, default: [] }, // NAME=URL
    'token-file': { type: 'string', default: '' },
    'every-ms': { type: 'string', default: '200' },
  },
});

function token(): string {
  try {
    return readFileSync(options['token-file'], 'utf8').trim();
  } catch {
    return ''; // not made yet
  }
}

async function ask(node: string, url: string): Promise<void> {
  let body: unknown = null;
  let error: string | null = null;
  try {
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${token()}` },
      signal: AbortSignal.timeout(1000),
    });
    if (answer.ok) body = await answer.json();
    else error = `HTTP ${answer.status}`;
  } catch (failure) {
    error =
      failure instanceof Error
        ? ((failure.cause as Error | undefined)?.message ?? failure.message)
        : 'failed';
  }
  process.stdout.write(`${JSON.stringify({ atMs: nowMs(), node, body, error })}\n`);
}

const nodes = options.node.map((text) => [
  text.slice(0, text.indexOf('=')),
  text.slice(text.indexOf('=') + 1),
]);

async function round(): Promise<void> {
  await Promise.all(nodes.map(([name = '', url = '']) => ask(name, url)));
  setTimeout(() => void round(), Number(options['every-ms']));
}

process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.on('error', () => process.exit(0));
void round();
