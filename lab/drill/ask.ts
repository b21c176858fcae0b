// Sends single requests to a node's API on behalf of a drill. Runs as a process in the application host's network and is
// kept ready, so that a request leaves within a millisecond or two: faults are timed from it. JSON lines in and out.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface Question {
  readonly id: number;
  readonly url: string;
  readonly tokenFile: string;
  /** Null: GET. */
  readonly body: unknown;
}

export interface Reply {
  readonly id: number;
  /** 0: no answer. */
  readonly status: number;
  readonly text: string;
}

const answerMsMax = 30_000;

async function answer({ id, url, tokenFile, body }: Question): Promise<Reply> {
  try {
    const got = await fetch(url, {
      headers: {
        authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`,
        'content-type': 'application/json',
      },
      signal: AbortSignal.timeout(answerMsMax),
      ...(body === null ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    return { id, status: got.status, text: await got.text() };
  } catch (error) {
    const cause = error instanceof Error ? ((error.cause as Error | undefined) ?? error) : null;
    return { id, status: 0, text: cause?.message ?? 'failed' };
  }
}

createInterface(process.stdin)
  .on('line', (line) => {
    const question = JSON.parse(line) as Question;
    void answer(question).then((reply) => process.stdout.write(`${JSON.stringify(reply)}\n`));
  })
  .on('close', () => process.exit(0));
process.stdout.on('error', () => process.exit(0));
