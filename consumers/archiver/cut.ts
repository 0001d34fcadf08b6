// Where a segment ends: with its period, its schema or its generation, at a size, or at an age, so that nothing waits long outside the lock.

import { type Duration, periodOf } from '../../core/proof/period.ts';
import type { TopicRun } from './topic-run.ts';

export interface CutRules {
  readonly duration: Duration;
  /** Bytes of events, uncompressed, from which a segment is full. */
  readonly maxBytes: number;
  /** How long a run may wait for others, ms. */
  readonly maxAgeMs: number;
}

/** A run that is to be archived. */
export interface PendingRun {
  readonly run: Omit<TopicRun, 'datums'> & { readonly datums: Iterable<Uint8Array> };
  readonly schemaText: string;
  /** When it was taken, ms since 1970 by this program's clock. */
  readonly takenAt: number;
}

/** How many of the pending runs make the next segment, and whether nothing that may still come belongs to it. */
export function nextSegment(pending: readonly PendingRun[], rules: CutRules): { count: number; full: boolean } {
  const [first] = pending;
  if (!first) return { count: 0, full: false };
  const seal = first.run.sealed.seal;
  let bytes = 0;
  for (const [index, { run }] of pending.entries()) {
    const { sealedAt, schema, generation } = run.sealed.seal;
    const belongs =
      periodOf(rules.duration, sealedAt) === periodOf(rules.duration, seal.sealedAt) &&
      schema === seal.schema &&
      generation === seal.generation;
    if (!belongs || (index > 0 && bytes + run.bytes > rules.maxBytes)) return { count: index, full: true };
    bytes += run.bytes;
  }
  return { count: pending.length, full: bytes >= rules.maxBytes };
}

/** A period's stragglers have this long before what is pending of it is written. */
function settleMs(duration: Duration): number {
  return Math.min(2000, duration.ms / 10);
}

/** When the pending runs are to be written at the latest, ms by this program's clock; null: nothing is pending. */
export function dueAt(pending: readonly PendingRun[], rules: CutRules): number | null {
  const [first] = pending;
  if (!first) return null;
  const periodEnd = periodOf(rules.duration, first.run.sealed.seal.sealedAt) + rules.duration.ms;
  const settled = Math.max(periodEnd, first.takenAt) + settleMs(rules.duration);
  return Math.min(first.takenAt + rules.maxAgeMs, settled);
}
