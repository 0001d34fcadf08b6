// Of a key's versions the one with the listed digest is the archive's (archive format, section 6), whatever was put over it.

import { nodeCrypto } from '../../core/edge/crypto.ts';
import { objectDigest } from '../../core/proof/batch.ts';
import type { ArchiveStore } from '../store.ts';

/** Bytes of a key: those with the digest, or others that are there instead, or none. */
export type Found =
  | { readonly state: 'listed'; readonly bytes: Uint8Array }
  | { readonly state: 'other'; readonly bytes: Uint8Array; readonly digest: string }
  | { readonly state: 'missing' };

/** Looks for the version of `key` whose bytes have this hex SHA256. */
export async function readByDigest(store: ArchiveStore, key: string, sha256: string): Promise<Found> {
  let other: Found = { state: 'missing' };
  for await (const bytes of versionsOf(store, key)) {
    const digest = objectDigest(nodeCrypto.sha256, bytes);
    if (digest === sha256) return { state: 'listed', bytes };
    if (other.state === 'missing') other = { state: 'other', bytes, digest };
  }
  return other;
}

/** Bytes of a key's versions, the latest first; listed only where the latest is not enough. */
export async function* versionsOf(store: ArchiveStore, key: string): AsyncGenerator<Uint8Array> {
  const latest = await store.read(key, null);
  if (latest) yield latest;
  if (!store.hasLocks) return;
  for await (const version of store.list(key)) {
    if (version.key !== key) return;
    if (version.isDeleteMarker || (version.isLatest && latest)) continue;
    const bytes = await store.read(key, version.versionId);
    if (bytes) yield bytes;
  }
}
