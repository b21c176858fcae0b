// The endpoints of one etcd cluster as one place to ask: in turn, starting with the one that answered last, within one
// deadline; with an account's token where there is one. Between etcd.ts (what to ask) and post.ts (one request).

import { explainFailure, explainRefusal } from './explain.ts';
import { openTarget, post, type Reply, type Target, type TlsFiles } from './post.ts';

export interface Account {
  readonly user: string;
  readonly password: string;
}

export interface ClusterOptions {
  /** http or https URLs with a port. */
  readonly endpoints: readonly string[];
  readonly tls?: TlsFiles | undefined;
  readonly account?: Account | undefined;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export type Answer =
  | { readonly kind: 'answered'; readonly body: JsonObject }
  | { readonly kind: 'failed'; readonly because: string };

export interface Ask {
  readonly path: string;
  readonly body: object;
  /** A question may be asked again elsewhere at will; an order only when it is sure that nobody took it. */
  readonly safety: 'question' | 'order';
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

export interface Cluster {
  ask(ask: Ask): Promise<Answer>;
  close(): void;
}

/**
 * Makes a member without a leader refuse at once and for sure, before it proposes anything; without it the member holds the
 * request for seven seconds and may yet carry it out (etcd's server/etcdserver/api/v3rpc/interceptor.go).
 */
const REQUIRE_LEADER = { 'grpc-metadata-hasleader': 'true' };

/** What came back from one endpoint. */
type Verdict =
  | { readonly kind: 'answered'; readonly body: JsonObject }
  | { readonly kind: 'token-refused'; readonly because: string }
  | { readonly kind: 'failed'; readonly because: string; readonly untaken: boolean };

function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}

function judge(url: string, reply: Reply): Verdict {
  if (reply.kind === 'failed') {
    return { kind: 'failed', because: explainFailure(url, reply.sent, reply.error), untaken: !reply.sent };
  }
  const body = parseObject(reply.text);
  if (reply.status === 200 && typeof body?.['header'] === 'object' && body['header'] !== null)
    return { kind: 'answered', body };
  const message = typeof body?.['error'] === 'string' ? body['error'] : null;
  const because = explainRefusal(url, reply.status, message, reply.text);
  if (/invalid auth token|revision of auth store is old/.test(message ?? ''))
    return { kind: 'token-refused', because };
  return { kind: 'failed', because, untaken: /no leader/.test(message ?? '') };
}

/** Endpoints that were put together by mistake would each keep a record of its own. */
function openMembership(): (url: string, body: JsonObject) => string | null {
  let last: { url: string; id: unknown } | null = null;
  return (url, body) => {
    const id = (body['header'] as JsonObject)['cluster_id'];
    if (last !== null && last.id !== id && last.url !== url) {
      return `${last.url} and ${url} are not members of one etcd cluster: list only members of one cluster in witness.etcd. If the cluster was built anew under other addresses, restart twinkeep`;
    }
    last = { url, id };
    return null;
  };
}

export function openCluster({ endpoints, tls, account }: ClusterOptions): Cluster {
  const targets: readonly Target[] = endpoints.map((url) => openTarget(url, tls ?? {}));
  const stranger = openMembership();
  let preferred = 0;
  let token: string | null = null;

  /** Asks one endpoint; `connectMs` of an order is shorter than the rest of its time. */
  async function once(target: Target, ask: Ask, connectMs: number, endMs: number): Promise<Verdict> {
    const to = async (path: string, body: object): Promise<Verdict> => {
      const totalMs = Math.max(0, endMs - performance.now());
      const limits = { connectMs: Math.min(connectMs, totalMs), totalMs, signal: ask.signal };
      const headers = token === null ? REQUIRE_LEADER : { ...REQUIRE_LEADER, authorization: token };
      return judge(target.url, await post(target, path, body, headers, limits));
    };
    const logIn = async ({ user: name, password }: Account): Promise<Verdict> => {
      token = null;
      const verdict = await to('/v3/auth/authenticate', { name, password });
      if (verdict.kind === 'answered') token = String(verdict.body['token'] ?? '');
      return verdict.kind === 'failed' ? { ...verdict, untaken: true } : verdict;
    };
    if (account !== undefined && token === null) {
      const verdict = await logIn(account);
      if (verdict.kind !== 'answered') return verdict;
    }
    const verdict = await to(ask.path, ask.body);
    if (verdict.kind !== 'token-refused' || account === undefined) return verdict;
    // A token lasts five minutes, and not beyond a restart of etcd: a refused one says nothing about the account.
    const again = await logIn(account);
    return again.kind === 'answered' ? to(ask.path, ask.body) : again;
  }

  async function ask(asked: Ask): Promise<Answer> {
    const startMs = performance.now();
    const endMs = startMs + asked.deadlineMs;
    const start = preferred;
    const failures: string[] = [];
    for (let n = 0; n < targets.length && !asked.signal.aborted; n++) {
      const index = (start + n) % targets.length;
      const target = targets[index] as Target;
      const shareMs = Math.max(0, endMs - performance.now()) / (targets.length - n);
      const isOrder = asked.safety === 'order';
      const verdict = await once(target, asked, shareMs, isOrder ? endMs : performance.now() + shareMs);
      if (verdict.kind === 'answered') {
        const because = stranger(target.url, verdict.body);
        if (because !== null) return { kind: 'failed', because };
        preferred = index;
        return verdict;
      }
      failures.push(verdict.because);
      // Whoever failed is asked last the next time.
      preferred = (index + 1) % targets.length;
      if (isOrder && !(verdict.kind === 'failed' && verdict.untaken)) break;
    }
    return { kind: 'failed', because: failures.join('; ') || 'the call was given up' };
  }

  return {
    ask,
    close() {
      for (const { agent } of targets) agent.destroy();
    },
  };
}
