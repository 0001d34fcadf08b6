// What a bench is: a measurement that prints what it found, as ratios where it can, and never fails for being slow.

export interface Bench {
  readonly name: string;
  /** Prints to stdout: sizes, medians with their spread, and for each promise whether it was kept. */
  run(options: BenchOptions): Promise<void>;
}

export interface BenchOptions {
  /** How often each case is measured; undefined: as the bench thinks fit. */
  readonly repetitions: number | undefined;
  /** How many events; undefined: as the bench thinks fit. */
  readonly events: number | undefined;
  /** Only these of the bench's cases; empty: all. */
  readonly cases: readonly string[];
  /** Folder for CPU profiles of what is measured; undefined: none are taken. */
  readonly profiles: string | undefined;
}

export const print = (text = ''): void => void process.stdout.write(`${text}\n`);
