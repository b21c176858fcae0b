// How fast a copy comes, and how long it will take: from a few samples of the last seconds, so that a rate that changes shows.

export interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

export interface Progress {
  readonly bytes: number;
  /** An estimate; null: not known. */
  readonly bytesTotal: number | null;
  readonly bytesPerS: number;
  /** Null: not known. Never below a second while it runs. */
  readonly leftS: number | null;
}

const WINDOW_MS = 5000;

/** Keeps what is needed of the samples: those of the window, and the one before it. */
export function addSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const from = samples.findLastIndex((each) => each.atMs <= sample.atMs - WINDOW_MS);
  return [...samples.slice(Math.max(0, from)), sample];
}

export function progressOf(samples: readonly Sample[], bytesTotal: number | null): Progress {
  const [first] = samples;
  const last = samples.at(-1);
  const bytes = last?.bytes ?? 0;
  const tookMs = (last?.atMs ?? 0) - (first?.atMs ?? 0);
  const bytesPerS = tookMs <= 0 ? 0 : Math.round(((bytes - (first?.bytes ?? 0)) * 1000) / tookMs);
  const left = bytesTotal === null ? null : Math.max(0, bytesTotal - bytes);
  const leftS = left === null || bytesPerS === 0 ? null : Math.max(1, Math.round(left / bytesPerS));
  return { bytes, bytesTotal, bytesPerS, leftS };
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 1536 -> "1.5 KiB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

function formatLeft(s: number): string {
  if (s < 100) return `${s} s`;
  const minutes = Math.round(s / 60);
  return minutes < 100 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

export function describeProgress({ bytes, bytesTotal, bytesPerS, leftS }: Progress): string {
  const of = bytesTotal === null ? '' : ` of about ${formatBytes(bytesTotal)}`;
  const left = leftS === null ? '' : `, about ${formatLeft(leftS)} left`;
  return `${formatBytes(bytes)}${of}, ${formatBytes(bytesPerS)}/s${left}`;
}

/** "50MB", "1.5 GiB", "800k": bytes; null for anything else. Units are powers of 1024, as mariadb-backup's are. */
export function parseBytes(text: string): number | null {
  const found = /^\s*(\d{1,12}(?:\.\d{1,3})?)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(text);
  if (found === null) return null;
  const power = ['', 'k', 'm', 'g', 't'].indexOf((found[2] ?? '').toLowerCase());
  const bytes = Math.round(Number(found[1]) * 1024 ** power);
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : null;
}
