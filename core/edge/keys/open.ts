// Keys, opened: the store for who destroys or wraps anew, the ring for who seals, the finder for who reads.

import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { EnvelopeError, type FindKey, type KeyOwner, keyIdOf } from '../../envelope/index.ts';
import { KeysError } from './error.ts';
import { type Kek, localKek } from './kek.ts';
import { type KeyBucketSettings, openKeyBucket } from './key-bucket.ts';
import { KeyStore } from './key-store.ts';
import { kmsKek } from './kms.ts';
import type { KekSetting, KeySettings } from './settings.ts';
import { checkKek, checkKeyBucket, checkLookupKey } from './start-check.ts';
import { openStoredRing, type RingOptions, type StoredKeyRing } from './stored-ring.ts';

export interface OpenKeys {
  readonly store: KeyStore;
  /** Public id of an owner's key: how a person is found. */
  idOf(owner: KeyOwner): string;
  /** Throws where the bucket, the lookup key or the key-encryption key is not as it has to be; see KeysErrorCode. */
  check(archiveBucket: string | null): Promise<void>;
  ring(options?: RingOptions): StoredKeyRing;
  finder(): KeyFinder;
  close(): void;
}

export interface KeyFinder {
  /** Fetches these keys. Answers with what does not fit: these are not found. Throws what concerns them all, such as `unavailable`. */
  prepare(keyIds: readonly string[]): Promise<readonly Error[]>;
  readonly find: FindKey;
}

export interface OpenKeysOptions {
  readonly credentials?: KeyBucketSettings['credentials'];
  /** Of KMS, where it is not AWS. */
  readonly kmsEndpoint?: string;
}

/** Opens them; nothing is asked before the first call. */
export function openKeys(settings: KeySettings, options: OpenKeysOptions = {}): OpenKeys {
  const { endpoint, bucket: name, prefix, keks, lookupKey } = settings;
  const { credentials } = options;
  const bucket = openKeyBucket({ bucket: name, prefix, endpoint, credentials });
  const closing: (() => void)[] = [() => bucket.close()];
  const open = (setting: KekSetting): Kek => {
    if (setting.kind === 'local') return localKek(setting.secret);
    const kek = kmsKek(setting.arn, options.kmsEndpoint === undefined ? {} : { endpoint: options.kmsEndpoint });
    closing.push(() => kek.close());
    return kek;
  };
  const [first, ...others] = keks;
  const current = open(first);
  const store = new KeyStore(bucket, [current, ...others.map(open)]);
  return {
    store,
    idOf: owner => keyIdOf(lookupKey, owner),
    check: async archiveBucket => {
      await checkKeyBucket(bucket, archiveBucket);
      await checkLookupKey(bucket, lookupKey);
      await checkKek(current);
    },
    ring: ringOptions => {
      const ring = openStoredRing(store, lookupKey, ringOptions);
      closing.unshift(() => ring.close());
      return ring;
    },
    finder: () => openFinder(store),
    close: () => {
      for (const close of closing) close();
    },
  };
}

/** Codes that concern one key; a reader goes on with the others. */
const ofOneKey: ReadonlySet<string> = new Set(['unknown-kek', 'wrong-wrapping', 'bad-key-object']);
const maxFound = 100_000;

function openFinder(store: KeyStore): KeyFinder {
  const found = new LRUCache<string, { readonly key: KeyObject | 'erased' | null }>({ max: maxFound });
  return {
    prepare: async keyIds => {
      const problems: Error[] = [];
      const fetchOne = async (id: string) => {
        try {
          found.set(id, { key: (await store.find(id))?.key ?? null });
        } catch (error) {
          if (!(error instanceof EnvelopeError || (error instanceof KeysError && ofOneKey.has(error.code))))
            throw error;
          problems.push(error);
          found.set(id, { key: null });
        }
      };
      await Promise.all([...new Set(keyIds)].filter(id => !found.has(id)).map(fetchOne));
      return problems;
    },
    find: id => found.get(id)?.key ?? null,
  };
}
