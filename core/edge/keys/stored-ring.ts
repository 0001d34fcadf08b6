// The ring over the store of keys: what was prepared stays in memory for a while, bounded in number and in time.
//
// Time: a key is looked at again in the store after half of `ttlMs` (that is where a destroyed one is noticed), and forgotten after
// three quarters, so that what was just prepared stays at hand long enough to be used. None outlives `ttlMs` in memory.

import { generateKeySync, type KeyObject } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { type DataKey, EnvelopeError, type KeyOwner, type KeyRing, keyIdOf, ownerName } from '../../envelope/index.ts';
import { ownText } from '../own-text.ts';
import { delayBefore } from '../s3/retry.ts';
import { isUnavailable } from './error.ts';
import type { FoundKey, KeyStore } from './key-store.ts';

export interface RingOptions {
  /** How many keys stay in memory: more than one batch of all partitions has owners. */
  readonly maxKeys?: number;
  readonly ttlMs?: number;
  /** Requests of one `prepare` at a time. */
  readonly parallel?: number;
  /** Told before each wait for a store that is down. */
  readonly onWait?: (error: unknown, attempt: number) => void;
  /** Told of each key that was not in memory. */
  readonly onFetch?: (how: 'made' | 'found' | 'erased') => void;
}

export interface StoredKeyRing extends KeyRing {
  /** Keys in memory. */
  readonly size: number;
  close(): void;
}

interface Entry extends DataKey {
  readonly found: FoundKey;
  readonly checkedAt: number;
}

const backoff = { attempts: Number.POSITIVE_INFINITY, baseMs: 50, capMs: 5_000 };

export function openStoredRing(store: KeyStore, lookupKey: KeyObject, options: RingOptions = {}): StoredKeyRing {
  return new Ring(store, lookupKey, options);
}

class Ring implements StoredKeyRing {
  readonly #store: KeyStore;
  readonly #lookupKey: KeyObject;
  readonly #options: Required<RingOptions>;
  readonly #entries: LRUCache<string, Entry>;
  readonly #loading = new Map<string, Promise<void>>();
  readonly #purging: NodeJS.Timeout;
  /** Who was held last, and the key: a record's owner is asked for twice in a row. Kept no longer than the entries. */
  #heldOwner: KeyOwner | null = null;
  #heldEntry: Entry | null = null;

  constructor(store: KeyStore, lookupKey: KeyObject, options: RingOptions) {
    this.#store = store;
    this.#lookupKey = lookupKey;
    this.#options = { maxKeys: 100_000, ttlMs: 300_000, parallel: 32, onWait: () => {}, onFetch: () => {}, ...options };
    const { maxKeys: max, ttlMs } = this.#options;
    this.#entries = new LRUCache({ max, ttl: Math.ceil((ttlMs * 3) / 4) });
    // A key that nobody asks for any more would otherwise stay until its place is needed.
    this.#purging = setInterval(() => this.#purge(), Math.ceil(ttlMs / 4)).unref();
  }

  get size(): number {
    return this.#entries.size;
  }

  holds(owners: readonly KeyOwner[]): boolean {
    const oldest = this.#oldest();
    for (const owner of owners) {
      const entry = this.#fresh(ownerName(owner), oldest);
      if (entry === null) return false;
      this.#heldOwner = owner;
      this.#heldEntry = entry;
    }
    return true;
  }

  async prepare(owners: readonly KeyOwner[], signal: AbortSignal): Promise<void> {
    const left = new Map<string, KeyOwner>();
    const oldest = this.#oldest();
    for (const owner of owners) {
      const name = ownerName(owner);
      if (this.#fresh(name, oldest) === null) left.set(name, owner);
    }
    for (let attempt = 1; left.size > 0; attempt++) {
      signal.throwIfAborted();
      const down = await orAborted(this.#loadAll(left), signal);
      if (down === null) return;
      this.#options.onWait(down.error, attempt);
      await delay(delayBefore(backoff, Math.min(attempt, 10), Math.random()), undefined, { signal });
    }
  }

  keyOf(owner: KeyOwner): DataKey {
    const entry = owner === this.#heldOwner ? this.#heldEntry : this.#entries.get(ownerName(owner));
    if (entry) return entry;
    throw new EnvelopeError('not-prepared', `key ${keyIdOf(this.#lookupKey, owner)} is not at hand: prepare it first`);
  }

  close(): void {
    clearInterval(this.#purging);
    this.#forgetHeld();
    this.#entries.clear();
  }

  #purge(): void {
    this.#forgetHeld();
    this.#entries.purgeStale();
  }

  #forgetHeld(): void {
    this.#heldOwner = null;
    this.#heldEntry = null;
  }

  /** What was looked at in the store before then is looked at again. */
  #oldest(): number {
    return performance.now() - this.#options.ttlMs / 2;
  }

  #fresh(name: string, oldest: number): Entry | null {
    // `get` and not `peek`: what is used counts as used, so that it is not the first to go.
    const entry = this.#entries.get(name);
    return entry !== undefined && entry.checkedAt >= oldest ? entry : null;
  }

  /** Takes from `left` what could be loaded. Stops at the first sign that the store is down: the rest would only wait in vain. */
  async #loadAll(left: Map<string, KeyOwner>): Promise<{ readonly error: unknown } | null> {
    const queue = [...left];
    let down: { readonly error: unknown } | null = null;
    const work = async () => {
      for (let next = queue.shift(); next && !down; next = queue.shift()) {
        const [name, owner] = next;
        try {
          await this.#load(name, owner);
          left.delete(name);
        } catch (error) {
          if (!isUnavailable(error)) throw error;
          down ??= { error };
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#options.parallel, left.size) }, work));
    return down;
  }

  /** One request for an owner, whoever else asks meanwhile. */
  #load(name: string, owner: KeyOwner): Promise<void> {
    const loading = this.#loading.get(name);
    if (loading) return loading;
    const fresh = this.#fetch(name, owner).finally(() => this.#loading.delete(name));
    this.#loading.set(name, fresh);
    return fresh;
  }

  async #fetch(name: string, owner: KeyOwner): Promise<void> {
    const known = this.#entries.get(name);
    const checkedAt = performance.now();
    const id = known?.id ?? keyIdOf(this.#lookupKey, owner);
    const found = await this.#store.findOrCreate(id, known?.found);
    if (!known) this.#options.onFetch(found.key === 'erased' ? 'erased' : found.made ? 'made' : 'found');
    // What comes of an erased person is sealed under a key that is kept nowhere: it was erased before it was written.
    const lost = () => (known?.found.key === 'erased' ? known.key : generateKeySync('aes', { length: 256 }));
    this.#forgetHeld();
    this.#entries.set(known ? name : ownText(name), {
      id,
      key: found.key === 'erased' ? lost() : found.key,
      found,
      checkedAt,
    });
  }
}

/** Whichever is first. What goes on in vain has its own time limits. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
