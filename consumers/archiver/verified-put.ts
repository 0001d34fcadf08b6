// Conditional writes of what is written once: whoever comes second takes what is there, if it verifies, and goes on. What does not
// verify was planted: it alarms, and a version of our own goes over it, by `If-Match`, so that two writers never both do.

import { findVersion, type StoredObject } from '../../core/edge/s3/bucket.ts';
import { BucketError } from '../../core/edge/s3/error.ts';
import type { ArchiverContext } from './context.ts';

const maxRounds = 10;

/**
 * Makes sure that the key has a version that `accept` takes, `bytes` if need be, and answers it. `accept` must take `bytes`; it throws
 * where a newer writer may have written (accepted.ts). On return that version is durable.
 */
export async function putVerified<T>(
  { bucket, events }: Pick<ArchiverContext, 'bucket' | 'events'>,
  key: string,
  bytes: Uint8Array,
  retainUntil: number,
  accept: (object: StoredObject) => T | null,
): Promise<{ readonly object: StoredObject; readonly value: T }> {
  for (let round = 0; round < maxRounds; round++) {
    await bucket.create(key, bytes, retainUntil);
    const found = await findVersion(bucket, key, accept);
    if (found) return found;
    const latest = await bucket.read(key);
    if (!latest) continue; // a delete marker was put over it meanwhile
    events.alarm('planted', key, 'it is taken by what does not verify: a version of our own goes over it');
    await bucket.replace(key, bytes, latest.etag, retainUntil);
  }
  throw new BucketError(
    'unavailable',
    `${key}: changed each of ${maxRounds} times that it was read: who writes there?`,
  );
}
