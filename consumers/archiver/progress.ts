// How far a partition's owner is, told to the sealers in the metadata of its committed offset, so that they seal in time and not
// too early. It decides nothing: a wrong or missing word only makes a segment late, or a batch.
//
//   tidemark-flushed/1 <start of the first period of which something may still come>

import { type Duration, formatTime, parseTime, periodOf } from '../../core/proof/period.ts';

export function formatProgress(flushedBefore: number): string {
  return `tidemark-flushed/1 ${formatTime(flushedBefore)}`;
}

/** Milliseconds since 1970 before which all is in the bucket; null where the metadata says nothing. */
export function parseProgress(metadata: string | undefined): number | null {
  const time = /^tidemark-flushed\/1 (\S+)$/.exec(metadata ?? '')?.[1];
  return time === undefined ? null : parseTime(time);
}

/** Sealing times never fall along a chain: what precedes the first pending run, or else the last seal, is through. */
export function flushedBefore(duration: Duration, firstPendingSealedAt: number | null, lastSealedAt: number): number {
  return periodOf(duration, firstPendingSealedAt ?? lastSealedAt);
}
