// Extends the locks of archive.json, of manifests and of full tiles as the archive grows, so that nothing that a live segment's proof
// needs expires before it (archive format, section 6). Outgrown checkpoints and partial tiles may go. Done by the owner of partition 0,
// at the start and then at least daily; each object's turn comes only when its lock is near to being too short.

import { wholeSeconds } from '../../core/edge/s3/bucket.ts';
import { logVersions } from '../../core/edge/s3/log-versions.ts';
import { archiveKey } from '../../core/proof/batch.ts';
import { parseTileKey, tileWidth } from '../../core/proof/log.ts';
import { type ArchiverContext, longestRetentionMs } from './context.ts';
import { generalLockMs } from './sealer.ts';

const dayMs = 24 * 3600_000;

/** How often locks are looked at. */
export function lockIntervalMs(retentionMs: number): number {
  return Math.min(dayMs, retentionMs / 16);
}

/** What a lock has to be made now; null: it is long enough until it is looked at again, and once more. */
export function extensionOf(lockedUntil: number, now: number, retentionMs: number): number | null {
  const needed = now + retentionMs + 2 * lockIntervalMs(retentionMs);
  return lockedUntil >= needed ? null : wholeSeconds(now + generalLockMs(retentionMs));
}

/** Whether everything must be kept that has this key, as long as the archive grows. */
function isKept(key: string): boolean {
  if (key === archiveKey || key.startsWith('batches/')) return true;
  return parseTileKey(key)?.width === tileWidth;
}

export class LockKeeper {
  readonly #context: ArchiverContext;
  /** Until when each version is locked, as far as is known. */
  readonly #known = new Map<string, number>();

  constructor(context: ArchiverContext) {
    this.#context = context;
  }

  /** One pass over all that is kept; returns how many locks were extended. */
  async pass(): Promise<number> {
    const { bucket } = this.#context;
    const retentionMs = longestRetentionMs(this.#context);
    const now = await bucket.serverTime();
    let extended = 0;
    for (const prefix of [archiveKey, 'batches/', 'log/tile/']) {
      for await (const { key, versionId, isDeleteMarker } of logVersions(bucket, prefix)) {
        if (isDeleteMarker || !isKept(key)) continue;
        const id = `${key} ${versionId}`;
        const locked = this.#known.get(id) ?? (await bucket.retention(key, versionId)) ?? 0;
        const until = extensionOf(locked, now, retentionMs);
        if (until !== null) {
          await bucket.extendRetention(key, versionId, until);
          extended++;
        }
        this.#known.set(id, until ?? locked);
      }
    }
    return extended;
  }
}
