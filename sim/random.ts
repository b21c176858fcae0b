// Chance that can be repeated: a small generator (sfc32), every stream of it derived from one seed and a name. The
// streams of faults, network and clients do not disturb each other: dropping a fault leaves the rest as alike as can be.

export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [from, to]. */
  whole(from: number, to: number): number;
  /** In [from, to). */
  between(from: number, to: number): number;
  /** Mostly near `from`, now and then towards `to`: how delays are distributed. */
  skewed(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(choices: readonly T[]): T;
}

function mixed(seed: number, name: string): number {
  let hash = (2166136261 ^ seed) >>> 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 15), 2246822519) >>> 0;
  return (hash ^ (hash >>> 13)) >>> 0;
}

export function newRandom(seed: number, name: string): Random {
  let a = mixed(seed, name);
  let b = mixed(seed, `${name}/b`);
  let c = mixed(seed, `${name}/c`);
  let counter = 1;
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 12; i++) next();
  const between = (from: number, to: number): number => from + (to - from) * next();
  return {
    next,
    whole: (from, to) => Math.floor(between(from, to + 1)),
    between,
    skewed: (from, to) => from + (to - from) * next() ** 6,
    chance: (probability) => next() < probability,
    pick<T>(choices: readonly T[]): T {
      const choice = choices[Math.floor(next() * choices.length)];
      if (choice === undefined) throw new RangeError('nothing to pick from');
      return choice;
    },
  };
}
