// A bucket in memory that keeps the rules of Object Lock: every write a version, no locked version deleted, no lock made shorter.
// Faults are injected at each write; the clock is the test's. It can be dumped, and read as an auditor reads a real one.

import { createHash } from 'node:crypto';
import type { Bucket, CreateOutcome, ReplaceOutcome, StoredObject, StoredVersion } from '../core/edge/s3/bucket.ts';
import { BucketError } from '../core/edge/s3/error.ts';

/** A version with all that the bucket knows of it. */
export interface DumpedVersion {
  readonly key: string;
  readonly versionId: string;
  readonly bytes: Uint8Array;
  readonly isDeleteMarker: boolean;
  readonly isLatest: boolean;
  /** Milliseconds since 1970; null: not locked. */
  readonly retainUntil: number | null;
  readonly lastModified: number;
}

/**
 * What happens to a write. `before`: nothing is written and the writer hears an error. `unheard`: it is written, and the writer hears an
 * error all the same. `crash-before` and `crash-after`: the writer dies, before or after it was written.
 */
export type Fault = 'none' | 'before' | 'unheard' | 'crash-before' | 'crash-after';

/** The writer is dead: a test starts a new one. */
export class Crash extends Error {}

export interface Write {
  readonly operation: 'create' | 'replace' | 'extend';
  readonly key: string;
  /** Which write it is, from 0. */
  readonly index: number;
}

type Version = { -readonly [P in keyof Omit<DumpedVersion, 'isLatest' | 'key'>]: DumpedVersion[P] };

export class MemoryBucket implements Bucket {
  /** Of each key the versions, oldest first. */
  readonly #objects = new Map<string, Version[]>();
  #writes = 0;
  #versions = 0;
  /** Decides the fault of each write; may wait, to let another writer go first. */
  onWrite: (write: Write) => Fault | Promise<Fault> = () => 'none';
  /** The bucket's clock, ms since 1970. */
  now: () => number;

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  get writes(): number {
    return this.#writes;
  }

  async read(key: string, versionId?: string): Promise<StoredObject | null> {
    const versions = this.#objects.get(key) ?? [];
    const version = versionId === undefined ? versions.at(-1) : versions.find(v => v.versionId === versionId);
    if (!version || version.isDeleteMarker) return null;
    return {
      bytes: version.bytes,
      etag: etagOf(version.bytes),
      versionId: version.versionId,
      retainUntil: version.retainUntil,
    };
  }

  async *versions(prefix: string, after?: string): AsyncIterable<StoredVersion> {
    for (const version of this.dump(prefix)) {
      if (after === undefined || version.key > after) yield { ...version, size: version.bytes.length };
    }
  }

  async create(key: string, bytes: Uint8Array, retainUntil: number): Promise<CreateOutcome> {
    return this.#faulty('create', key, () => {
      const latest = this.#objects.get(key)?.at(-1);
      if (latest && !latest.isDeleteMarker) return equal(latest.bytes, bytes) ? 'created' : 'taken';
      this.put(key, bytes, retainUntil);
      return 'created';
    });
  }

  async replace(key: string, bytes: Uint8Array, etag: string, retainUntil: number): Promise<ReplaceOutcome> {
    return this.#faulty('replace', key, () => {
      const latest = this.#objects.get(key)?.at(-1);
      if (latest && !latest.isDeleteMarker && equal(latest.bytes, bytes)) return 'replaced';
      if (!latest || latest.isDeleteMarker || etagOf(latest.bytes) !== etag) return 'changed';
      this.put(key, bytes, retainUntil);
      return 'replaced';
    });
  }

  async #faulty<T>(operation: Write['operation'], key: string, write: () => T): Promise<T> {
    const fault = await this.onWrite({ operation, key, index: this.#writes++ });
    if (fault === 'before') throw new BucketError('unavailable', `${operation} ${key}: injected`);
    if (fault === 'crash-before') throw new Crash(`before ${operation} ${key}`);
    const result = write();
    if (fault === 'unheard') throw new BucketError('unavailable', `${operation} ${key}: injected, but done`);
    if (fault === 'crash-after') throw new Crash(`after ${operation} ${key}`);
    return result;
  }

  async serverTime(): Promise<number> {
    return Math.floor(this.now() / 1000) * 1000;
  }

  async extendRetention(key: string, versionId: string, until: number): Promise<void> {
    await this.#faulty('extend', key, () => {
      const version = this.#objects.get(key)?.find(v => v.versionId === versionId && !v.isDeleteMarker);
      if (!version) throw new BucketError('lock-refused', `${key} ${versionId}: no such version`);
      if (until < (version.retainUntil ?? 0)) return;
      version.retainUntil = until;
    });
  }

  async retention(key: string, versionId: string): Promise<number | null> {
    return this.#objects.get(key)?.find(v => v.versionId === versionId)?.retainUntil ?? null;
  }

  /** Adds a version without any condition: as an attacker would, or a writer that knows no better. */
  put(key: string, bytes: Uint8Array, retainUntil: number | null = null): string {
    return this.#add(key, { bytes: bytes.slice(), retainUntil, isDeleteMarker: false });
  }

  /** A DELETE without version: hides the object behind a marker. */
  hide(key: string): string {
    return this.#add(key, { bytes: new Uint8Array(), retainUntil: null, isDeleteMarker: true });
  }

  #add(key: string, what: Pick<Version, 'bytes' | 'retainUntil' | 'isDeleteMarker'>): string {
    const versionId = `v${String(this.#versions++).padStart(6, '0')}`;
    const versions = this.#objects.get(key) ?? [];
    versions.push({ ...what, versionId, lastModified: this.now() });
    this.#objects.set(key, versions);
    return versionId;
  }

  /** A DELETE of a version; refused while it is locked. */
  remove(key: string, versionId: string): void {
    const versions = this.#objects.get(key) ?? [];
    const version = versions.find(v => v.versionId === versionId);
    if ((version?.retainUntil ?? 0) > this.now())
      throw new BucketError('lock-refused', `${key}: the version is locked`);
    const left = versions.filter(v => v !== version);
    if (left.length > 0) this.#objects.set(key, left);
    else this.#objects.delete(key);
  }

  /** All versions of the keys that begin with `prefix`, in key order, of a key the newest first. */
  dump(prefix = ''): DumpedVersion[] {
    const keys = [...this.#objects.keys()].filter(key => key.startsWith(prefix)).sort();
    return keys.flatMap(key =>
      (this.#objects.get(key) ?? []).toReversed().map((version, i) => ({ ...version, key, isLatest: i === 0 })),
    );
  }
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
