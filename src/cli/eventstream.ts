// The stream of a node's events as they happen (server-sent events), taken up again where it broke off.

import { setTimeout as sleep } from 'node:timers/promises';
import { apiUrl } from '../config/apiurl.ts';
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import type { LogEvent } from '../io/http/events.ts';

const AGAIN_MS = 1000;

/** The data of each whole message in the text, and the rest that is not whole yet. */
export function messagesIn(text: string): { readonly data: readonly string[]; readonly rest: string } {
  const blocks = text.split('\n\n');
  const rest = blocks.pop() ?? '';
  const data = blocks.flatMap((block) => {
    const lines = block.split('\n').filter((line) => line.startsWith('data:'));
    return lines.length === 0 ? [] : [lines.map((line) => line.slice(5).trimStart()).join('\n')];
  });
  return { data, rest };
}

async function follow(url: string, token: string, onEvent: (event: LogEvent) => void): Promise<void> {
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
  });
  if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const { data, rest } = messagesIn(text + chunk);
    text = rest;
    for (const each of data) onEvent(JSON.parse(each) as LogEvent);
  }
}

/** Never ends. `onLink` is called when the stream breaks off and when it is taken up again. */
export async function followEvents(
  config: PairConfig,
  node: NodeConfig,
  from: { readonly sequence: number | null; readonly level: string },
  onEvent: (event: LogEvent) => void,
  onLink: (up: boolean) => void,
): Promise<never> {
  const token = readSecret(config.api.tokenFile, 'API token').value;
  // Of a node that has not answered yet, only what is new.
  let since = from.sequence === null ? new Date().toISOString() : String(from.sequence);
  let up = from.sequence !== null;
  for (;;) {
    try {
      const query = new URLSearchParams({ since, level: from.level });
      await follow(apiUrl(config, node, `/api/v1/events?${query}`), token, (event) => {
        if (!up) onLink(true);
        up = true;
        since = String(event.sequence);
        onEvent(event);
      });
    } catch {
      // Whatever broke it: it is tried again, and said once.
    }
    if (up) onLink(false);
    up = false;
    await sleep(AGAIN_MS);
  }
}
