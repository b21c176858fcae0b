// The client's record of a run, as text lines: what was acknowledged, by which server, and what failed.
//   A writer sequence sentMs ackedMs serverId
//   E writer sequence sentMs failedMs code

/** An insert that the server acknowledged. Times are CLOCK_MONOTONIC in milliseconds. */
export interface Ack {
  readonly writer: number;
  readonly sequence: number;
  readonly sentMs: number;
  readonly ackedMs: number;
  readonly serverId: number;
}

export interface Failure {
  readonly writer: number;
  readonly sequence: number;
  readonly sentMs: number;
  readonly failedMs: number;
  readonly code: string;
}

/** What the client says about itself several times a second. */
export interface ClientReport {
  acks: number;
  errors: Record<string, number>;
  lastAckMs: number;
  /** The server that acknowledged last. */
  serverId: number;
  /** The longest time the client's own event loop was late: outages shorter than this are not to be trusted. */
  stallMsMax: number;
}

/** CLOCK_MONOTONIC in milliseconds, comparable between all processes of the machine. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function formatAck(ack: Ack): string {
  return `A ${ack.writer} ${ack.sequence} ${ack.sentMs.toFixed(3)} ${ack.ackedMs.toFixed(3)} ${ack.serverId}\n`;
}

export function formatFailure(failure: Failure): string {
  const code = failure.code.replaceAll(/\s+/g, '_');
  return `E ${failure.writer} ${failure.sequence} ${failure.sentMs.toFixed(3)} ${failure.failedMs.toFixed(3)} ${code}\n`;
}

/** Reads a client's file; an unfinished last line (the client was killed) is left out. */
export function parseAcks(text: string): { acks: Ack[]; failures: Failure[] } {
  const acks: Ack[] = [];
  const failures: Failure[] = [];
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  for (const line of complete.split('\n')) {
    const [kind, writer, sequence, sent, end, last] = line.split(' ');
    if (last === undefined) continue;
    const shared = { writer: Number(writer), sequence: Number(sequence), sentMs: Number(sent) };
    if (kind === 'A') acks.push({ ...shared, ackedMs: Number(end), serverId: Number(last) });
    if (kind === 'E') failures.push({ ...shared, failedMs: Number(end), code: last });
  }
  return { acks, failures };
}
