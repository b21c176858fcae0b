// JSON, one value a line, over any byte stream: the framing of the peer channel and of the agent link.

/** A longer line is no message of ours; the sender is not one of us. Bytes. */
const LINE_BYTES_MAX = 1 << 20;

export function encodeLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

export interface LineDecoder {
  /** Takes bytes in; gives the values of the complete lines. Null: this is not JSON lines, close the stream. */
  push(chunk: Buffer): unknown[] | null;
}

export function lineDecoder(): LineDecoder {
  let rest = '';
  const utf8 = new TextDecoder('utf-8');
  return {
    push(chunk) {
      rest += utf8.decode(chunk, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_BYTES_MAX) return null;
      const values: unknown[] = [];
      for (const line of lines) {
        if (line === '') continue;
        try {
          values.push(JSON.parse(line));
        } catch {
          return null;
        }
      }
      return values;
    },
  };
}
