// Data keys in their bucket: made, read, wrapped anew, destroyed. Of any number of instances that make a key for one owner at once, one
// writes it and all use that one.

import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { KeysError } from './error.ts';
import type { Kek } from './kek.ts';
import type { KeyBucket, StoredBytes } from './key-bucket.ts';
import {
  formatKeyObject,
  isTombstone,
  keyIdOfName,
  objectNameOf,
  parseKeyObject,
  type WrappedKey,
} from './key-object.ts';

const keyBytes = 32;
/** So many that were there, after many that were new, and the next one is looked for first again. */
const mostNewness = 8;

/** A key as it was found, with what tells whether it is still the same. */
export interface FoundKey {
  readonly key: KeyObject | 'erased';
  readonly etag: string;
  /** It was made just now, by this instance. */
  readonly made?: true;
}

export interface Erased {
  /** The key was destroyed before. */
  readonly already: boolean;
  /** Versions of it that were destroyed now. */
  readonly versions: number;
}

export interface Rewrapped {
  readonly rewrapped: number;
  /** Under the current key-encryption key already. */
  readonly current: number;
  readonly erased: number;
}

/** Each of these throws `unavailable` where the bucket or KMS gives no certain answer; all can then be done again. */
export class KeyStore {
  readonly #bucket: KeyBucket;
  readonly #current: Kek;
  readonly #keks: ReadonlyMap<string, Kek>;
  readonly #now: () => Date;
  /** Above 0: of the owners asked for last, most were new. */
  #newness = 0;

  /** `keks`: the current one, which wraps, then those by which older keys are wrapped. */
  constructor(bucket: KeyBucket, keks: readonly [Kek, ...Kek[]], now: () => Date = () => new Date()) {
    this.#bucket = bucket;
    this.#current = keks[0];
    this.#keks = new Map(keks.map(kek => [kek.id, kek]));
    this.#now = now;
  }

  /** The key; null where there is none. Where it is still that of `known`, this is `known`, without asking KMS again. */
  async find(keyId: string, known?: FoundKey): Promise<FoundKey | null> {
    const stored = await this.#bucket.read(objectNameOf(keyId));
    return stored && this.#open(keyId, stored, known);
  }

  /**
   * The key, made where there is none: durable once this returns, and the same for all. Where the last ones were new, this one is made
   * before it is looked for: one request instead of two, and the bucket says no where there is one.
   */
  async findOrCreate(keyId: string, known?: FoundKey): Promise<FoundKey> {
    if (known || this.#newness <= 0) {
      const there = await this.find(keyId, known);
      if (!known) this.#was(there ? 'there' : 'new');
      if (there) return there;
    }
    const key = randomBytes(keyBytes);
    const wrapped = await this.#current.wrap(keyId, key);
    const created = this.#now().toISOString();
    const bytes = formatKeyObject({ id: keyId, kek: this.#current.id, wrapped, created });
    const etag = await this.#bucket.write(objectNameOf(keyId), bytes, null);
    if (etag !== null) return { key: createSecretKey(key), etag, made: true };
    const winner = await this.find(keyId);
    this.#was('there');
    if (winner) return winner;
    throw new KeysError('unavailable', `the key ${keyId} is there and is not: someone deletes objects of keys`);
  }

  #was(what: 'new' | 'there'): void {
    this.#newness = Math.max(-mostNewness, Math.min(mostNewness, this.#newness + (what === 'new' ? 1 : -1)));
  }

  /**
   * Destroys a key, with all its versions; also one that was never made, so that it never will be. The tombstone goes into the key's
   * place first: at no moment could another instance make a new one. A second call finishes what a crash has left.
   */
  async erase(keyId: string): Promise<Erased> {
    const name = objectNameOf(keyId);
    for (;;) {
      const stored = await this.#bucket.read(name);
      const already = stored !== null && isTombstoneOf(keyId, stored.bytes);
      const tombstone = formatKeyObject({ id: keyId, erased: this.#now().toISOString() });
      if (!already && (await this.#bucket.write(name, tombstone, stored?.etag ?? null)) === null) continue;
      return { already, versions: (stored && !already ? 1 : 0) + (await this.#deleteOlder(name, stored, already)) };
    }
  }

  /** Wraps each key by the current key-encryption key and destroys its older wrappings. After it the others are no longer needed. */
  async rewrapAll(onKey: (keyId: string) => void = () => {}): Promise<Rewrapped> {
    const count = { rewrapped: 0, current: 0, erased: 0 };
    for await (const name of this.#bucket.names()) {
      const keyId = keyIdOfName(name);
      if (keyId === null) continue;
      count[await this.#rewrap(keyId, name)]++;
      onKey(keyId);
    }
    return count;
  }

  /** In a bucket with versions the write has left the key as an older version; without, it has replaced it. */
  async #deleteOlder(name: string, stored: StoredBytes | null, already: boolean): Promise<number> {
    const deleted = await this.#bucket.deleteOlder(name);
    return stored && !already ? Math.max(0, deleted - 1) : deleted;
  }

  async #rewrap(keyId: string, name: string): Promise<keyof Rewrapped> {
    for (;;) {
      const stored = await this.#bucket.read(name);
      if (!stored) return 'erased';
      const content = parseKeyObject(keyId, stored.bytes);
      if (isTombstone(content)) return 'erased';
      if (content.kek === this.#current.id) {
        await this.#bucket.deleteOlder(name);
        return 'current';
      }
      const wrapped = await this.#current.wrap(keyId, await this.#unwrap(content));
      const bytes = formatKeyObject({ ...content, kek: this.#current.id, wrapped });
      if ((await this.#bucket.write(name, bytes, stored.etag)) === null) continue; // wrapped or destroyed by another meanwhile
      await this.#bucket.deleteOlder(name);
      return 'rewrapped';
    }
  }

  async #open(keyId: string, { bytes, etag }: StoredBytes, known?: FoundKey): Promise<FoundKey> {
    if (known && known.etag === etag) return known;
    const content = parseKeyObject(keyId, bytes);
    if (isTombstone(content)) return { key: 'erased', etag };
    return { key: createSecretKey(await this.#unwrap(content)), etag };
  }

  #unwrap({ id, kek, wrapped }: WrappedKey): Promise<Buffer> {
    const opener = this.#keks.get(kek);
    if (opener) return opener.unwrap(id, wrapped);
    const given = [...this.#keks.keys()].join(', ');
    const message = `the key ${id} is wrapped by ${kek}, given were ${given}: add it to TIDEMARK_KEK, behind the current one`;
    return Promise.reject(new KeysError('unknown-kek', message));
  }
}

/** What is no key object, or another's, has to go from here as well. */
function isTombstoneOf(keyId: string, bytes: Uint8Array): boolean {
  try {
    return isTombstone(parseKeyObject(keyId, bytes));
  } catch (error) {
    if (error instanceof KeysError) return false;
    throw error;
  }
}
