// What sealing needs of keys: made and fetched beforehand, in bulk; then at hand without waiting.

import type { KeyObject } from 'node:crypto';
import type { KeyOwner } from './key-id.ts';

export interface DataKey {
  /** Public id that goes into `Sealed.keyId`. */
  readonly id: string;
  /** 32 bytes. A KeyObject and not the bytes: encryption is three times as fast with it. */
  readonly key: KeyObject;
}

export interface KeyRing {
  /**
   * Makes sure that the keys of these owners are in memory, making and storing those that are new. What it returns from is durable.
   * Waits while the store is down, until `signal` aborts. Calls may overlap. To be called before each batch, also for known owners:
   * this is where an erased key is noticed.
   */
  prepare(owners: readonly KeyOwner[], signal: AbortSignal): Promise<void>;
  /** Whether `prepare` of these owners would have nothing to wait for. */
  holds(owners: readonly KeyOwner[]): boolean;
  /** A prepared owner's key; throws `not-prepared` where it was not. Of an erased person: a key that is kept nowhere. */
  keyOf(owner: KeyOwner): DataKey;
}

/** What a reader has of a key: it, or that it was destroyed, or nothing. */
export type FindKey = (keyId: string) => KeyObject | 'erased' | null;
