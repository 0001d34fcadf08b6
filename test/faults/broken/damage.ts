// For each broken build the schedule that makes it do its damage, and what the checker then has to say.

import type { ProblemKind } from '../checker.ts';
import type { Fault } from '../fault.ts';
import type { Monitor } from '../monitor.ts';
import { wait } from '../process-faults.ts';
import type { Random } from '../random.ts';
import type { Scene } from '../server-faults.ts';
import type { Supervised } from '../supervised.ts';

export interface BrokenBuild {
  readonly name: string;
  /** The file that the programs preload. */
  readonly preload: string;
  /** The file of the product that it breaks, from the root. */
  readonly broken: string;
  readonly expected: ProblemKind;
  readonly normalizers: number;
  readonly archivers: number;
  fault(scene: Scene): Fault;
}

const file = (name: string): string => new URL(name, import.meta.url).pathname;

/** Above the session timeout. */
const hangMs = [12_000, 12_000] as const;
const takeoverMs = 60_000;

/** Long enough for it to commit something. */
const runMs = [2000, 2000] as const;

/** Stops a program until another has taken over and done what it held: on a busy machine that takes longer than its session. */
async function hang(
  owner: Supervised | undefined,
  { random, signal, monitor }: { random: Random; signal: AbortSignal; monitor: Monitor },
): Promise<void> {
  owner?.pause();
  await wait(random, hangMs, signal);
  await monitor.recovered(AbortSignal.timeout(takeoverMs));
  owner?.resume();
}

export const brokenBuilds: readonly BrokenBuild[] = [
  {
    name: 'no fencing',
    preload: file('no-fencing.ts'),
    broken: 'consumers/normalizer/output.ts',
    expected: 'doubled',
    normalizers: 2,
    archivers: 1,
    fault: ({ normalizers, monitor }) => ({
      name: 'hang-owner',
      touches: ['everything'],
      inject: (random, signal) => hang(normalizers.members[0], { random, signal, monitor }),
    }),
  },
  {
    name: 'no tail read',
    preload: file('no-tail-read.ts'),
    broken: 'consumers/normalizer/partition.ts',
    expected: 'doubled',
    normalizers: 1,
    archivers: 1,
    fault: ({ normalizers, archivers }) => ({
      name: 'kill-after-commit',
      touches: ['everything'],
      inject: async (random, signal) => {
        // The archive stays behind what is committed: else its end would be as good as the topic's.
        const [archiver] = archivers.members;
        const [normalizer] = normalizers.members;
        archiver?.pause();
        await wait(random, runMs, signal);
        await normalizer?.kill();
        for (const end = Date.now() + 15_000; Date.now() < end && !normalizer?.hasSaid('goes on from its output'); )
          await wait(random, [100, 100], signal);
        archiver?.resume();
      },
    }),
  },
  {
    name: 'no conditional create',
    preload: file('no-conditional-create.ts'),
    broken: 'core/edge/s3/s3-bucket.ts',
    expected: 'version',
    normalizers: 1,
    archivers: 2,
    fault: ({ archivers, monitor }) => ({
      name: 'hang-owner',
      touches: ['everything'],
      inject: (random, signal) => hang(archivers.members[0], { random, signal, monitor }),
    }),
  },
];
