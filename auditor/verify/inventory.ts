// What is stored: all versions of all keys, listed before the log's head is read, so that nothing seen can be newer than what the
// head covers. Where something is not in the listing it may have been written since: it is looked for once more.

import { textOf } from '../../core/proof/bytes.ts';
import type { ArchiveStore, ObjectVersion } from '../store.ts';

export class Inventory {
  readonly #store: ArchiveStore;
  readonly #versions = new Map<string, ObjectVersion[]>();

  private constructor(store: ArchiveStore) {
    this.#store = store;
  }

  static async load(store: ArchiveStore): Promise<Inventory> {
    const inventory = new Inventory(store);
    await inventory.#list('');
    // The head last: what the listing showed before it is covered by it, or pending.
    await inventory.refresh('log/checkpoint');
    return inventory;
  }

  /** Keys outside `aside/`, where nothing is evidence. */
  keys(prefix = ''): string[] {
    return [...this.#versions.keys()].filter(key => key.startsWith(prefix));
  }

  get size(): number {
    return this.#versions.size;
  }

  /** Versions of a key, the newest first; lists again where none is known. */
  async versions(key: string): Promise<readonly ObjectVersion[]> {
    if (!this.#versions.has(key)) await this.#list(key);
    return this.#versions.get(key) ?? [];
  }

  /** Lists what begins with `prefix` anew. */
  async refresh(prefix: string): Promise<void> {
    for (const key of this.keys(prefix)) this.#versions.delete(key);
    await this.#list(prefix);
  }

  async #list(prefix: string): Promise<void> {
    const found = new Map<string, ObjectVersion[]>();
    for await (const version of this.#store.list(prefix)) {
      if (version.key.startsWith('aside/')) continue;
      const versions = found.get(version.key);
      if (versions) versions.push(version);
      else found.set(version.key, [version]);
    }
    for (const [key, versions] of found) this.#versions.set(key, versions);
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
