// Reading what the client library returns: rows of one statement or of several, and the server's ways to say yes.

/** The rows of one statement. */
export const rowsOf = (result: unknown): readonly Record<string, unknown>[] =>
  Array.isArray(result) ? (result as Record<string, unknown>[]) : [];

/** The rows of the n-th of several statements. */
export const rowsAt = (result: unknown, index: number): readonly Record<string, unknown>[] =>
  Array.isArray(result) ? rowsOf(result[index]) : [];

export const text = (value: unknown): string => (value === null || value === undefined ? '' : String(value));

/** A number, or a variable that the server shows as ON or OFF. */
export const isOn = (value: unknown): boolean => value === 1 || value === '1' || value === 'ON';
