// The bucket on S3. Every write is conditional and locked; an answer that says nothing certain (a timeout, a 5xx, a 200 with an error
// in its body) is settled by reading back before the write is repeated, so a repeated request can never add a second version.

import {
  GetObjectCommand,
  GetObjectRetentionCommand,
  HeadBucketCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { equalBytes } from '../../proof/bytes.ts';
import type { LockMode } from '../retention.ts';
import type { Bucket, StoredObject, StoredVersion } from './bucket.ts';
import { BucketError } from './error.ts';
import { type Attempt, defaultRetry, type RetryPlan, retrying } from './retry.ts';
import { failureOf, openClient, type S3Settings } from './s3-client.ts';

const requestTimeoutMs = 60_000;

export interface S3Bucket extends Bucket {
  readonly client: S3Client;
  readonly settings: S3Settings;
  /** How a version is locked; null: it is not, or there is no such version. */
  lockOf(key: string, versionId: string): Promise<Lock | null>;
  close(): void;
}

/** A version's lock: how firm, and until when, ms since 1970. */
export interface Lock {
  readonly mode: LockMode;
  readonly until: number;
}

/** Opens a bucket; nothing is asked before the first call. See start-check.ts for what a writer checks first. */
export function openS3Bucket(settings: S3Settings, retry: RetryPlan = defaultRetry): S3Bucket {
  let lastDate = 0;
  const client = openClient(settings, date => {
    lastDate = date;
  });
  const io = new S3Io(client, settings, retry);
  return {
    client,
    settings,
    read: (key, versionId) => io.read(key, versionId),
    versions: (prefix, after) => io.versions(prefix, after),
    create: async (key, bytes, retainUntil) => ((await io.put(key, bytes, null, retainUntil)) ? 'created' : 'taken'),
    replace: async (key, bytes, etag, retainUntil) =>
      (await io.put(key, bytes, etag, retainUntil)) ? 'replaced' : 'changed',
    serverTime: async () => {
      lastDate = 0;
      await io.send('its clock', signal => client.send(new HeadBucketCommand({ Bucket: settings.bucket }), signal));
      if (lastDate > 0) return lastDate;
      throw new BucketError('unavailable', `bucket ${settings.bucket}: the answer has no Date header`);
    },
    extendRetention: (key, versionId, until) => io.extend(key, versionId, until),
    retention: async (key, versionId) => (await io.lockOf(key, versionId))?.until ?? null,
    lockOf: (key, versionId) => io.lockOf(key, versionId),
    close: () => client.destroy(),
  };
}

type Signal = { readonly abortSignal: AbortSignal };

class S3Io {
  readonly #client: S3Client;
  readonly #settings: S3Settings;
  readonly #retry: RetryPlan;

  constructor(client: S3Client, settings: S3Settings, retry: RetryPlan) {
    this.#client = client;
    this.#settings = settings;
    this.#retry = retry;
  }

  #place(key: string): { Bucket: string; Key: string } {
    const { bucket, prefix } = this.#settings;
    return { Bucket: bucket, Key: prefix === '' ? key : `${prefix}/${key}` };
  }

  /** A request that may be repeated; undefined where there is no such thing. */
  send<T>(what: string, request: (signal: Signal) => Promise<T>): Promise<T | undefined> {
    return retrying<T | undefined>(
      this.#retry,
      async () => {
        try {
          return { done: true, value: await request(timeout()) };
        } catch (error) {
          const failure = failureOf(error);
          if (failure === 'missing') return { done: true, value: undefined };
          if (failure === 'again') return { done: false, error };
          throw this.#explain(what, error);
        }
      },
      error => this.#explain(what, error),
    );
  }

  #explain(what: string, error: unknown): BucketError {
    const where = `bucket ${this.#settings.bucket}, ${what}`;
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (error instanceof BucketError) return error;
    switch (failureOf(error)) {
      case 'denied':
        return new BucketError('no-access', `${where}: access denied (${said}): grant it to these credentials`, {
          cause: error,
        });
      case 'again':
        return new BucketError('unavailable', `${where}: no certain answer after retries (${said})`, { cause: error });
      default:
        return new BucketError('lock-refused', `${where}: refused (${said})`, { cause: error });
    }
  }

  async read(key: string, versionId?: string): Promise<StoredObject | null> {
    const input = { ...this.#place(key), ...(versionId !== undefined && { VersionId: versionId }) };
    const object = await this.send(key, async signal => {
      const out = await this.#client.send(new GetObjectCommand(input), signal);
      const bytes = (await out.Body?.transformToByteArray()) ?? new Uint8Array();
      if (out.ContentLength !== undefined && out.ContentLength !== bytes.length)
        throw new Error('the answer was cut off');
      // Every object has one: without, it is an error under a 200, and its text must not be taken for the object.
      if (!out.ETag) throw new Error('the answer names no ETag');
      return { out, bytes, etag: out.ETag };
    });
    if (!object) return null;
    const { out, bytes, etag } = object;
    return {
      bytes,
      etag,
      versionId: out.VersionId ?? versionId ?? 'null',
      retainUntil: out.ObjectLockRetainUntilDate?.getTime() ?? null,
    };
  }

  async *versions(prefix: string, after?: string): AsyncIterable<StoredVersion> {
    const { Bucket, Key: Prefix } = this.#place(prefix);
    const cut = this.#place('').Key.length;
    let KeyMarker = after === undefined ? undefined : this.#place(after).Key;
    let VersionIdMarker: string | undefined;
    for (;;) {
      const input = { Bucket, Prefix, ...(KeyMarker && { KeyMarker }), ...(VersionIdMarker && { VersionIdMarker }) };
      const page = await this.send(`the versions under ${prefix}`, signal =>
        this.#client.send(new ListObjectVersionsCommand(input), signal),
      );
      const entries = [
        ...(page?.Versions ?? []).map(entry => ({ ...entry, isDeleteMarker: false })),
        ...(page?.DeleteMarkers ?? []).map(entry => ({ ...entry, Size: 0, isDeleteMarker: true })),
      ].map(entry => ({
        key: (entry.Key ?? '').slice(cut),
        versionId: entry.VersionId ?? 'null',
        isLatest: entry.IsLatest ?? false,
        isDeleteMarker: entry.isDeleteMarker,
        size: entry.Size ?? 0,
        lastModified: entry.LastModified?.getTime() ?? 0,
      }));
      // The sort is stable, so of a key the versions stay in the bucket's order, and the latest goes first.
      yield* entries.sort(byKey);
      if (!page?.IsTruncated) return;
      KeyMarker = page.NextKeyMarker;
      VersionIdMarker = page.NextVersionIdMarker;
    }
  }

  /** Whether the object is there as these bytes, by this request or an equal one; false where the condition does not hold. */
  async put(key: string, bytes: Uint8Array, etag: string | null, retainUntil: number): Promise<boolean> {
    const input = {
      ...this.#place(key),
      Body: bytes,
      ContentLength: bytes.length,
      ChecksumAlgorithm: 'SHA256',
      ObjectLockMode: this.#settings.mode,
      ObjectLockRetainUntilDate: new Date(retainUntil),
      ...(etag === null ? { IfNoneMatch: '*' } : { IfMatch: etag }),
    } as const;
    return retrying<boolean>(
      this.#retry,
      async () => {
        try {
          const out = await this.#client.send(new PutObjectCommand(input), timeout());
          if (out.ETag) return { done: true, value: true };
          return await this.#settle(key, bytes, etag, new Error('the answer names no ETag'));
        } catch (error) {
          const failure = failureOf(error);
          if (failure === 'taken' || failure === 'missing' || failure === 'again')
            return await this.#settle(key, bytes, etag, error);
          throw this.#explain(`writing ${key}`, error);
        }
      },
      error => this.#explain(`writing ${key}`, error),
    );
  }

  /** What a write came to whose answer does not say: our own earlier request may be what the condition met. */
  async #settle(key: string, bytes: Uint8Array, etag: string | null, error: unknown): Promise<Attempt<boolean>> {
    const there = await this.read(key);
    if (there && equalBytes(there.bytes, bytes)) return { done: true, value: true };
    const isAsBefore = etag === null ? there === null : there?.etag === etag;
    if (!isAsBefore) return { done: true, value: false };
    return { done: false, error };
  }

  /** In the mode that the version is locked in: a lock is never made less firm, nor one that can be lifted made final unasked. */
  async extend(key: string, versionId: string, until: number): Promise<void> {
    const lock = await this.lockOf(key, versionId);
    if (lock && lock.until >= until) return;
    const input = {
      ...this.#place(key),
      VersionId: versionId,
      ChecksumAlgorithm: 'SHA256',
      Retention: { Mode: lock?.mode ?? this.#settings.mode, RetainUntilDate: new Date(until) },
    } as const;
    try {
      const request = new PutObjectRetentionCommand(input);
      const done = await this.send(`the lock of ${key}`, signal => this.#client.send(request, signal));
      if (!done)
        throw new BucketError('unavailable', `${key}: version ${versionId} is gone, its lock can't be extended`);
    } catch (error) {
      // A lock that another has made longer still is refused to be shortened: that is as good.
      if (((await this.lockOf(key, versionId))?.until ?? 0) >= until) return;
      throw error;
    }
  }

  async lockOf(key: string, versionId: string): Promise<Lock | null> {
    const input = { ...this.#place(key), VersionId: versionId };
    try {
      const request = new GetObjectRetentionCommand(input);
      const out = await this.send(`the lock of ${key}`, signal => this.#client.send(request, signal));
      const { Mode: mode, RetainUntilDate: until } = out?.Retention ?? {};
      return until && (mode === 'COMPLIANCE' || mode === 'GOVERNANCE') ? { mode, until: until.getTime() } : null;
    } catch (error) {
      // AWS and SeaweedFS answer an object without lock with an error of their own.
      if (error instanceof BucketError && /NoSuchObjectLockConfiguration/.test(error.message)) return null;
      throw error;
    }
  }
}

function timeout(): Signal {
  return { abortSignal: AbortSignal.timeout(requestTimeoutMs) };
}

function byKey(a: StoredVersion, b: StoredVersion): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  if (a.isLatest !== b.isLatest) return a.isLatest ? -1 : 1;
  return b.lastModified - a.lastModified;
}
