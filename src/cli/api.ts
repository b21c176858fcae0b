// The CLI's client of the API: finds a node that answers, and turns every failure into a sentence with a mend.

import { apiUrl } from '../config/apiurl.ts';
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';

const ANSWER_MS_MAX = 2000;

export interface ApiAnswer {
  readonly node: NodeConfig;
  readonly status: number;
  readonly body: unknown;
  /** This host's clock in the middle between question and answer, and how far off that may be. */
  readonly atMs: number;
  readonly atMsError: number;
}

async function ask(
  config: PairConfig,
  node: NodeConfig,
  path: string,
  init: RequestInit,
  limitMs: number,
): Promise<ApiAnswer> {
  const token = readSecret(config.api.tokenFile, 'API token').value;
  const askedMs = Date.now();
  const response = await fetch(apiUrl(config, node, path), {
    ...init,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(limitMs),
  });
  const body: unknown = await response.json().catch(() => null);
  if (response.status === 401) {
    throw new OperatorError(
      'token',
      `${node.name} refuses the API token in ${config.api.tokenFile}`,
      'copy the file from the host where `twinkeep setup` was run',
    );
  }
  const tookMs = Date.now() - askedMs;
  return { node, status: response.status, body, atMs: askedMs + tookMs / 2, atMsError: tookMs / 2 };
}

/** Asks one node; an OperatorError when it does not answer. */
export async function askNode(
  config: PairConfig,
  node: NodeConfig,
  path: string,
  init: RequestInit = {},
  limitMs = ANSWER_MS_MAX,
): Promise<ApiAnswer> {
  try {
    return await ask(config, node, path, init, limitMs);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(
      'api-silent',
      `the API of ${node.name} does not answer at ${apiUrl(config, node, '')}`,
      `is the agent running there, and does its log say that it cannot listen? (systemctl status twinkeep; or: twinkeep agent --config ${config.file} --node ${node.name})`,
    );
  }
}

/** The body of an answer; an OperatorError when the node refused, with its own words after `lead`. */
export function accepted<T>({ node, status, body }: ApiAnswer, lead = ''): T {
  if (status < 400) return body as T;
  const { error } = (body ?? {}) as { error?: { code?: string; message?: string; hint?: string } };
  throw new OperatorError(
    error?.code ?? 'api',
    `${lead}${error?.message ?? `${node.name} answered with HTTP status ${status}`}`,
    error?.hint ?? 'is it the same version of twinkeep?',
  );
}

export interface Silent {
  readonly node: string;
  readonly because: string;
}

/** Asks every node at once; an OperatorError when none answers. */
export async function askEach(
  config: PairConfig,
  path: string,
): Promise<{ readonly answers: readonly ApiAnswer[]; readonly silent: readonly Silent[] }> {
  const settled = await Promise.allSettled(config.nodes.map((node) => askNode(config, node, path)));
  const answers = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failures = settled.flatMap((each, i) =>
    each.status === 'rejected' ? [{ node: config.nodes[i]?.name ?? '', error: each.reason as Error }] : [],
  );
  const [first] = failures;
  if (answers.length === 0 && first !== undefined) throw first.error;
  return { answers, silent: failures.map(({ node, error }) => ({ node, because: error.message })) };
}

/** The answers of those that answer. */
export async function askAll(config: PairConfig, path: string): Promise<readonly ApiAnswer[]> {
  return (await askEach(config, path)).answers;
}
