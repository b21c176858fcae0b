// Progress of long work, on stderr: each step with the time since the start. In place on a terminal, lines elsewhere.

export interface ProgressPrinter {
  say(message: string): void;
  /** A line that the next one replaces; only on a terminal. */
  tick(message: string): void;
}

export function progressOn(stream: NodeJS.WriteStream): ProgressPrinter {
  const start = performance.now();
  const line = (message: string) =>
    `[${((performance.now() - start) / 1000).toFixed(1).padStart(5)} s] ${message}`;
  const clear = stream.isTTY ? '\r\x1b[K' : '';
  return {
    say: (message) => void stream.write(`${clear}${line(message)}\n`),
    tick: (message) => {
      if (stream.isTTY) stream.write(`${clear}${line(message)}`);
    },
  };
}
