// The one error type that reaches an operator: what happened, why, and what to do next.
// Expected failures are OperatorErrors; anything else that is thrown is a defect and ends the process.

export class OperatorError extends Error {
  /** Machine-readable, kebab-case, stable: scripts may match it. */
  readonly code: string;
  /** What to do next, one sentence. */
  readonly hint: string;

  constructor(code: string, message: string, hint: string) {
    super(message);
    this.name = 'OperatorError';
    this.code = code;
    this.hint = hint;
  }
}

/** A broken assumption of our own: never caught, ends the process. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
