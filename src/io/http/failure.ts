// How the API says no: always {error: {code, message, hint}}, as the command line does.

import type { Context } from 'hono';

export interface Failure {
  /** Kebab-case, stable: scripts may match it. */
  readonly code: string;
  readonly message: string;
  /** What to do next, one sentence. */
  readonly hint: string;
}

/** 400: the question is wrong. 404: there is no such thing. 409: a rule speaks against it. */
export type FailureStatus = 400 | 401 | 404 | 409 | 500;

export function fail(c: Context, status: FailureStatus, error: Failure): Response {
  return c.json({ error }, status);
}
