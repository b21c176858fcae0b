// What is left of a deadline that several statements share.

export function countdown(deadlineMs: number): () => number {
  const startedMs = performance.now();
  return () => Math.max(0, deadlineMs - (performance.now() - startedMs));
}
