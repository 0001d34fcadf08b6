// What writers of evidence need of a bucket, and what they may rely on. Keys are relative to the archive's prefix; times are
// milliseconds since 1970. Implemented on S3 (s3-bucket.ts) and, with faults, in memory for tests.

/** One version of one key, as listed. */
export interface StoredVersion {
  readonly key: string;
  readonly versionId: string;
  readonly isLatest: boolean;
  readonly isDeleteMarker: boolean;
  readonly size: number;
  readonly lastModified: number;
}

/** A version's bytes and what the bucket says about it. */
export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly versionId: string;
  /** Until when it is locked; null: it is not. */
  readonly retainUntil: number | null;
}

/** What a conditional write can end in. */
export type CreateOutcome = 'created' | 'taken';
export type ReplaceOutcome = 'replaced' | 'changed';

export interface BucketReader {
  /**
   * The latest version of a key, or the one named; null where there is none, or where the latest is a delete marker.
   * Strongly consistent: it sees each write that was answered.
   */
  read(key: string, versionId?: string): Promise<StoredObject | null>;
  /**
   * All versions, delete markers too, of the keys that begin with `prefix`, in key order, of a key the newest first; only keys that
   * sort behind `after`, where it is given. What a delete marker hides is among them.
   */
  versions(prefix: string, after?: string): AsyncIterable<StoredVersion>;
}

export interface Bucket extends BucketReader {
  /**
   * Writes a key that has no object (or whose latest version is a delete marker), locked until `retainUntil`. Of any number that race,
   * however late, one creates it. `created`: it is durable, or already was there with exactly these bytes. `taken`: there is
   * something else. Unknown outcomes are settled by reading back. Throws `unavailable` when the outcome stayed unknown:
   * the object may be there or may yet appear, so a writer must not put anything else in its place before it has looked.
   */
  create(key: string, bytes: Uint8Array, retainUntil: number): Promise<CreateOutcome>;
  /**
   * Adds a version over the one that has this etag, so that of two that read the same one only one does. `changed`: the latest is another
   * (or none) by now: read again. As durable, and as honest about unknown outcomes, as {@link create}.
   */
  replace(key: string, bytes: Uint8Array, etag: string, retainUntil: number): Promise<ReplaceOutcome>;
  /** The bucket's clock, asked for. */
  serverTime(): Promise<number>;
  /** Makes a version's lock longer, in the mode that it has; never shorter. Doing it twice is harmless. */
  extendRetention(key: string, versionId: string, until: number): Promise<void>;
  /** Until when a version is locked; null: it is not, or there is no such version. */
  retention(key: string, versionId: string): Promise<number | null>;
}

/** A lock's end as the format has it: whole seconds, not before `ms`. */
export function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000) * 1000;
}

/**
 * The version of a key that `accept` takes: the latest if it does, else the first of the others, oldest first. Whoever plants a version
 * or a delete marker over a key hides nothing from who asks like this. What `accept` throws is thrown on.
 */
export async function findVersion<T>(
  bucket: BucketReader,
  key: string,
  accept: (object: StoredObject) => T | null,
): Promise<{ readonly object: StoredObject; readonly value: T } | null> {
  const latest = await bucket.read(key);
  const value = latest && accept(latest);
  if (latest && value !== null) return { object: latest, value };
  for (const object of await allVersions(bucket, key)) {
    if (object.versionId === latest?.versionId) continue;
    const other = accept(object);
    if (other !== null) return { object, value: other };
  }
  return null;
}

/** All versions of exactly this key, delete markers left out, oldest first. */
export async function allVersions(bucket: BucketReader, key: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const version of bucket.versions(key)) {
    if (version.key !== key) break; // it sorts before all others that begin with it
    if (version.isDeleteMarker) continue;
    const object = await bucket.read(key, version.versionId);
    if (object) found.unshift(object);
  }
  return found;
}
