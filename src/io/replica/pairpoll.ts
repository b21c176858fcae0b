// Asks the API of each node of the pair how it is, all the time: one question a second to each, more often while the replica has
// no source that sends. A node's answer is taken for what it says of itself only.

import type { Role } from '../../core/pair/message.ts';
import { parseRecord } from '../../core/pair/record.ts';
import type { NodeStatement } from '../../core/replica/state.ts';
import type { Clock } from '../../runtime/ports.ts';

const INTERVAL_MS = 1000;
const HURRIED_INTERVAL_MS = 200;
const ANSWER_MS_MAX = 800;
const BODY_MAX = 1024 * 1024;

export interface PolledNode {
  readonly name: string;
  readonly url: string;
}

export interface PairPoll {
  hurry(on: boolean): void;
  stop(): void;
}

type Listener = (name: string, askedMs: number, statement: NodeStatement | null, because: string) => void;

const ROLES: readonly unknown[] = ['starting', 'following', 'promoting', 'writing', 'handing-over'];
const isText = (value: unknown): value is string => typeof value === 'string';

/** Reads what a node says of itself out of the answer to GET /api/v1/pair; null when it says no such thing. */
export function parseStatement(body: unknown, name: string): NodeStatement | null {
  if (typeof body !== 'object' || body === null) return null;
  const { record: given, nodes, askedNode } = body as Record<string, unknown>;
  const record = parseRecord(given);
  if (record === null || askedNode !== name || !Array.isArray(nodes)) return null;
  const own = (nodes as unknown[]).find(
    (each): each is Record<string, unknown> =>
      typeof each === 'object' && each !== null && (each as Record<string, unknown>)['name'] === name,
  );
  if (own === undefined) return null;
  const { role, server, executedGtid, history, origin, replicating, heartbeat } = own;
  if (!ROLES.includes(role) || !isText(server) || !isText(executedGtid)) return null;
  if (!isText(history) || !isText(origin) || typeof replicating !== 'boolean') return null;
  if (typeof heartbeat !== 'number' || !Number.isSafeInteger(heartbeat) || heartbeat < 0) return null;
  return { record, role: role as Role, server, executedGtid, history, origin, replicating, heartbeat };
}

/** One question; rejects with a sentence. */
export async function askJson(url: string, token: string, limitMs: number): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(limitMs),
    });
    text = await response.text();
  } catch (error) {
    const { name, cause } = error as Error & { cause?: { code?: string } };
    throw new Error(
      name === 'TimeoutError' ? `no answer within ${limitMs} ms` : (cause?.code ?? 'no connection'),
    );
  }
  if (response.status === 401) throw new Error('it refuses the token in api.tokenFile');
  if (!response.ok) throw new Error(`it answers with HTTP status ${response.status}`);
  if (text.length > BODY_MAX) throw new Error('its answer is too long');
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('its answer is no JSON');
  }
}

export function startPairPoll(
  nodes: readonly PolledNode[],
  token: string,
  clock: Clock,
  listener: Listener,
): PairPoll {
  let stopped = false;
  let hurried = false;
  const wakes = new Set<() => void>();

  async function ask({ name, url }: PolledNode): Promise<void> {
    const askedMs = clock.bootMs();
    try {
      const statement = parseStatement(await askJson(url, token, ANSWER_MS_MAX), name);
      listener(name, askedMs, statement, statement === null ? 'its answer is none of this version' : '');
    } catch (error) {
      listener(name, askedMs, null, (error as Error).message);
    }
  }

  async function askForever(node: PolledNode): Promise<void> {
    while (!stopped) {
      const startedMs = clock.bootMs();
      await ask(node);
      const intervalMs = hurried ? HURRIED_INTERVAL_MS : INTERVAL_MS;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, Math.max(20, startedMs + intervalMs - clock.bootMs()));
        function done(): void {
          clearTimeout(timer);
          wakes.delete(done);
          resolve();
        }
        wakes.add(done);
      });
    }
  }

  for (const node of nodes) void askForever(node);
  return {
    hurry(on) {
      if (on && !hurried) for (const wake of [...wakes]) wake();
      hurried = on;
    },
    stop() {
      stopped = true;
      for (const wake of [...wakes]) wake();
    },
  };
}
