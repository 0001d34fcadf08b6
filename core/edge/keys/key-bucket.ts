// The bucket of wrapped keys: conditional writes as everywhere, but no lock and no retries in here. Who asks decides how long to wait:
// each request has a short time limit, and what stays uncertain is `unavailable`. Then ask again: reading shows what became of a write.

import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { failureOf, openClient, type S3Settings } from '../s3/s3-client.ts';
import { KeysError } from './error.ts';

const requestTimeoutMs = 5_000;

export type KeyBucketSettings = Omit<S3Settings, 'mode'>;

export interface StoredBytes {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

/** Names are relative to the prefix. Strongly consistent, as S3 is: a read sees each write that was answered. */
export interface KeyBucket {
  readonly client: S3Client;
  readonly settings: KeyBucketSettings;
  read(name: string): Promise<StoredBytes | null>;
  /**
   * Writes only where there is nothing (`etag` null) or still this: the new etag, or null where there is something else. Durable once it
   * returns.
   */
  write(name: string, bytes: Uint8Array, etag: string | null): Promise<string | null>;
  /** Names of all objects below the prefix. */
  names(): AsyncIterable<string>;
  /** Destroys all versions of an object but the latest, delete markers too; how many. */
  deleteOlder(name: string): Promise<number>;
  close(): void;
}

export function openKeyBucket(settings: KeyBucketSettings): KeyBucket {
  const client = openClient({ ...settings, mode: 'GOVERNANCE' }, () => {});
  const io = new KeyBucketIo(client, settings);
  return {
    client,
    settings,
    read: name => io.read(name),
    write: (name, bytes, etag) => io.write(name, bytes, etag),
    names: () => io.names(),
    deleteOlder: name => io.deleteOlder(name),
    close: () => client.destroy(),
  };
}

type Abort = { readonly abortSignal: AbortSignal };

class KeyBucketIo {
  readonly #client: S3Client;
  readonly #settings: KeyBucketSettings;

  constructor(client: S3Client, settings: KeyBucketSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  async #send<T>(what: string, request: (abort: Abort) => Promise<T>): Promise<T | 'missing' | 'taken'> {
    try {
      return await request({ abortSignal: AbortSignal.timeout(requestTimeoutMs) });
    } catch (error) {
      const failure = failureOf(error);
      if (failure === 'missing' || failure === 'taken') return failure;
      throw explain(this.#settings.bucket, what, error);
    }
  }

  #place(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.#settings.bucket, Key: `${this.#settings.prefix}/${name}` };
  }

  async read(name: string): Promise<StoredBytes | null> {
    const found = await this.#send(`reading ${name}`, async abort => {
      const out = await this.#client.send(new GetObjectCommand(this.#place(name)), abort);
      const bytes = (await out.Body?.transformToByteArray()) ?? new Uint8Array();
      if (out.ContentLength !== undefined && out.ContentLength !== bytes.length)
        throw new Error('the answer was cut off');
      return { bytes, etag: out.ETag ?? '' };
    });
    return typeof found === 'string' ? null : found;
  }

  async write(name: string, bytes: Uint8Array, etag: string | null): Promise<string | null> {
    const condition = etag === null ? { IfNoneMatch: '*' } : { IfMatch: etag };
    const input = { ...this.#place(name), Body: bytes, ContentLength: bytes.length, ...condition };
    const result = await this.#send(`writing ${name}`, abort => this.#client.send(new PutObjectCommand(input), abort));
    // AWS answers 404 to an If-Match where the object is gone.
    if (typeof result === 'string') return null;
    if (result.ETag) return result.ETag;
    throw explain(this.#settings.bucket, `writing ${name}`, new Error('the answer names no ETag'));
  }

  async *names(): AsyncIterable<string> {
    const { Bucket, Key: Prefix } = this.#place('');
    let ContinuationToken: string | undefined;
    do {
      const input = { Bucket, Prefix, ...(ContinuationToken && { ContinuationToken }) };
      const page = await this.#send('listing keys', abort => this.#client.send(new ListObjectsV2Command(input), abort));
      if (typeof page === 'string') return;
      for (const { Key } of page.Contents ?? []) if (Key) yield Key.slice(Prefix.length);
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  async deleteOlder(name: string): Promise<number> {
    const { Bucket, Key } = this.#place(name);
    let deleted = 0;
    // What is left is looked at again: a deletion that did not happen must not be told as one.
    for (let round = 0; round < maxRounds; round++) {
      const page = await this.#send(`the versions of ${name}`, abort =>
        this.#client.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }), abort),
      );
      if (typeof page === 'string') return deleted;
      const older = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].filter(
        version => version.Key === Key && !version.IsLatest,
      );
      if (older.length === 0) return deleted;
      for (const { VersionId = 'null' } of older) {
        const input = { Bucket, Key, VersionId };
        await this.#send(`destroying ${name}`, abort => this.#client.send(new DeleteObjectCommand(input), abort));
        deleted++;
      }
    }
    throw stubborn(Bucket, name);
  }
}

/** Of up to 1000 versions each. */
const maxRounds = 100;

function stubborn(bucket: string, name: string): KeysError {
  const message = `bucket ${bucket}: versions of ${name} stay after they were deleted: grant s3:DeleteObjectVersion`;
  return new KeysError('no-access', message);
}

function explain(bucket: string, what: string, cause: unknown): KeysError {
  const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const where = `bucket ${bucket}, ${what}`;
  switch (failureOf(cause)) {
    case 'again':
      return new KeysError('unavailable', `${where}: no certain answer (${said})`, { cause });
    case 'denied':
      return new KeysError('no-access', `${where}: access denied (${said}): grant it to these credentials`, { cause });
    default:
      return new KeysError('no-bucket', `${where}: refused (${said}): correct TIDEMARK_KEYS_BUCKET`, { cause });
  }
}
