// Medians, spreads and ratios of repetitions that were interleaved: whatever else the machine does then hits all cases alike.

/** NaN of none. */
export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5);

/** What a share of all lie below; NaN of none. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The ratio of each repetition of one case to the same repetition of another: what the machine did in between is in both. */
export function pairedRatios(of: readonly number[], to: readonly number[]): number[] {
  return of.slice(0, to.length).map((value, at) => value / (to[at] ?? Number.NaN));
}

export type Cases = ReadonlyMap<string, () => Promise<number>>;

/** Measures each case in turn, again and again; answers each one's figures by repetition, those of `warmUps` left out. */
export async function interleave(cases: Cases, repetitions: number, warmUps = 0): Promise<Map<string, number[]>> {
  const figures = new Map<string, number[]>([...cases.keys()].map(name => [name, []]));
  for (let n = 0; n < warmUps + repetitions; n++) {
    for (const [name, measure] of cases) {
      const figure = await measure();
      if (n >= warmUps) figures.get(name)?.push(figure);
    }
  }
  return figures;
}

/** A promise, and whether it was kept. */
export function formatVerdict(what: string, found: number, least: number): string {
  return `${what} is ${found.toFixed(2)}, promised ${least.toFixed(2)}: ${found >= least ? 'kept' : 'NOT KEPT'}`;
}
