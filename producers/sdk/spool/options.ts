/** What may be said of a spool, and what holds where nothing is. */
import { resolve } from 'node:path';
import { MAX_DIRECTORY_BYTES } from './lock.ts';

export interface SpoolOptions {
  /** Where the spool is: of this process alone, and lasting. It is made where it is missing. */
  readonly directory: string;
  /** Bytes of events that may wait in it. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  /**
   * What becomes of an event for which there is no room. `fail` (default): it is refused at the call, with code
   * `spool-full`. `wait`: it waits for room in memory, up to `deliveryTimeoutMs`.
   */
  readonly whenFull?: 'fail' | 'wait' | undefined;
  /** Milliseconds that `record` waits for Kafka before it is content with the disk. Default 1000. */
  readonly waitMs?: number | undefined;
}

/** All that is decided of a spool. */
export type SpoolPlan = { readonly [name in keyof SpoolOptions]-?: NonNullable<SpoolOptions[name]> };

const NUMBERS = {
  maxBytes: [1_073_741_824, 2_000_000, 1_099_511_627_776],
  waitMs: [1000, 0, 60_000],
} as const;

/** The plan of a spool; what is wrong with it is added to the problems. */
export function resolveSpool(options: SpoolOptions, problems: string[]): SpoolPlan {
  const number = (name: keyof typeof NUMBERS): number => {
    const [standard, least, most] = NUMBERS[name];
    const value = options[name] ?? standard;
    if (!(Number.isFinite(value) && value >= least && value <= most))
      problems.push(`spool.${name}: expected a number from ${least} to ${most}`);
    return value;
  };
  const { directory, whenFull = 'fail' } = options;
  const isPath = typeof directory === 'string' && directory !== '';
  const path = isPath ? resolve(directory) : '/';
  if (!isPath) problems.push('spool.directory: expected the path of a directory');
  if (Buffer.byteLength(path) > MAX_DIRECTORY_BYTES)
    problems.push(`spool.directory: found a path of ${Buffer.byteLength(path)} bytes, expected ${MAX_DIRECTORY_BYTES}`);
  if (whenFull !== 'fail' && whenFull !== 'wait') problems.push('spool.whenFull: expected fail or wait');
  if (process.platform === 'win32') problems.push('spool: found Windows, expected Linux or macOS');
  return { directory: path, maxBytes: number('maxBytes'), whenFull, waitMs: number('waitMs') };
}
