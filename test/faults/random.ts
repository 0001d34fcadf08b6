/** Chance by a seed, so that a run of faults can be had again: the same seed chooses the same faults in the same order. */
export interface Random {
  /** At least 0, below 1. */
  next(): number;
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number;
  /** One of a list, which must not be empty. */
  pick<T>(list: readonly T[]): T;
  /** Another one, which goes its own way: what one user draws does not change what the next one gets. */
  fork(): Random;
}

/** Mulberry32: 32 bits of state, good enough to choose what to break. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: list => {
      const one = list[Math.floor(next() * list.length)];
      if (one === undefined) throw new RangeError('there is nothing to pick from');
      return one;
    },
    fork: () => seededRandom(Math.floor(next() * 2 ** 32)),
  };
}
