// Numbers that follow from a seed: the same mutations in each run, and each of them by itself.

export interface Random {
  /** From 0 up to, not including, `below`. */
  int(below: number): number;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** Once in so many times. */
  once(times: number): boolean;
}

/** The numbers of the n-th case of a seed (mulberry32). */
export function randomOf(seed: number, n: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(n + 1, 0x85ebca6b)) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const int = (below: number): number => next() % below;
  return { int, pick: items => items[int(items.length)] ?? items[0], once: times => int(times) === 0 };
}
