// What is stored: all versions of all keys, listed before the log's head is read, so that nothing seen can be newer than what the
// head covers. Where something is not in the listing it may have been written since: it is looked for once more. And which of the keys
// the archive accounts for: what is left at the end is unlisted.

import { textOf } from '../../core/proof/bytes.ts';
import type { ArchiveStore, ObjectVersion } from '../store.ts';
import { Listing } from './listing.ts';

export class Inventory {
  readonly #store: ArchiveStore;
  /** Listings of all that begins with a prefix, the newest first: each holds for its prefix in place of those behind it. */
  #listings: { readonly prefix: string; readonly listing: Listing }[] = [];
  /** Found when they were looked for once more. */
  readonly #late = new Map<string, readonly ObjectVersion[]>();
  /** Accounted for, and in no listing: missing, or late. */
  readonly #accounted = new Set<string>();

  private constructor(store: ArchiveStore) {
    this.#store = store;
  }

  static async load(store: ArchiveStore): Promise<Inventory> {
    const inventory = new Inventory(store);
    await inventory.refresh('');
    // The head last: what the listing showed before it is covered by it, or pending.
    await inventory.refresh('log/checkpoint');
    return inventory;
  }

  /** Keys outside `aside/`, where nothing is evidence. There are as many manifests, tiles and checkpoints as periods; not so segments. */
  keys(prefix: string): string[] {
    return [...this.#keys(prefix, false)];
  }

  /** Keys that the archive does not account for. */
  unaccounted(prefix = ''): Iterable<string> {
    return this.#keys(prefix, true);
  }

  *#keys(prefix: string, unaccounted: boolean): Generator<string> {
    const isWanted = (key: string) => key.startsWith(prefix) && !(unaccounted && this.#accounted.has(key));
    // The oldest first, which holds nearly all.
    for (const { listing } of this.#listings.toReversed()) {
      for (const key of listing.keys(prefix, unaccounted))
        if (isWanted(key) && this.#listingOf(key) === listing && !this.#late.has(key)) yield key;
    }
    for (const key of [...this.#late.keys()].sort()) if (isWanted(key)) yield key;
  }

  get isEmpty(): boolean {
    return this.#listings.every(({ listing }) => listing.size === 0);
  }

  /** Says that the archive accounts for a key. */
  account(key: string): void {
    if (this.#late.has(key) || !this.#listingOf(key)?.account(key)) this.#accounted.add(key);
  }

  isAccounted(key: string): boolean {
    return this.#accounted.has(key) || (this.#listingOf(key)?.isAccounted(key) ?? false);
  }

  /** Bytes of all versions of a key, as far as it was listed. */
  bytes(key: string): number {
    return (this.#known(key) ?? []).reduce((sum, { size }) => sum + size, 0);
  }

  /** Versions of a key, the newest first; lists again where none is known. */
  async versions(key: string): Promise<readonly ObjectVersion[]> {
    const known = this.#known(key);
    if (known) return known;
    const found: ObjectVersion[] = [];
    for await (const version of this.#store.list(key)) if (version.key === key) found.push(version);
    if (found.length > 0) this.#late.set(key, found);
    return found;
  }

  /** Lists what begins with `prefix` anew. */
  async refresh(prefix: string): Promise<void> {
    const listing = await Listing.of(this.#store.list(prefix));
    for (const key of this.#listings.length === 0 ? [] : listing.keys(prefix, false)) {
      if (this.isAccounted(key)) listing.account(key);
    }
    for (const key of this.#late.keys()) if (key.startsWith(prefix)) this.#late.delete(key);
    this.#listings = [{ prefix, listing }, ...this.#listings];
  }

  close(): void {
    for (const { listing } of this.#listings) listing.close();
  }

  #listingOf(key: string): Listing | undefined {
    return this.#listings.find(({ prefix }) => key.startsWith(prefix))?.listing;
  }

  #known(key: string): readonly ObjectVersion[] | null {
    return this.#late.get(key) ?? this.#listingOf(key)?.versions(key) ?? null;
  }
}

/** UTF-8 text, or null. */
export function textOrNull(bytes: Uint8Array): string | null {
  try {
    return textOf(bytes);
  } catch {
    return null;
  }
}
