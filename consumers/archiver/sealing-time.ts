// When a period that has ended is sealed: as soon as all partitions' owners say that they are through with it, or after a time limit;
// by the owner of partition 0 at once, by the others a little later, since a race for one key costs all who lose it seconds. Correctness
// does not depend on it: what comes too late is listed by the next batch.

import type { Duration } from '../../core/proof/period.ts';

export interface SealingState {
  /** The period's end, ms. */
  readonly end: number;
  /** The bucket's clock, ms. */
  readonly now: number;
  /** When all partitions were first seen to be through, by the bucket's clock; null: they are not, or are not known to be. */
  readonly throughSince: number | null;
  /** Whether this archiver goes first. */
  readonly isFirst: boolean;
}

/** An idle partition is sealed twice a period, so its owner is through half a period after the end. */
export function timeLimitMs({ ms }: Duration): number {
  return 0.75 * ms;
}

/** How long others leave it to the first. */
export function staggerMs({ ms }: Duration): number {
  return Math.min(15_000, ms / 4);
}

export function maySeal(duration: Duration, { end, now, throughSince, isFirst }: SealingState): boolean {
  if (now < end) return false;
  const wait = isFirst ? 0 : staggerMs(duration);
  if (now >= end + timeLimitMs(duration) + wait) return true;
  return throughSince !== null && now >= throughSince + wait;
}
