// What a log that grows by an entry is made of, in the order in which it is written (archive format, section 5): entries tile, hash
// tiles, then the checkpoints. Pure.

import type { StoredManifest } from '../../core/edge/s3/archive-log.ts';
import type { Crypto } from '../../core/proof/crypto.ts';
import {
  ENTRIES_LEVEL,
  entryData,
  formatEntryBundle,
  hashTile,
  type TilePlace,
  tileKey,
  tilesAddedAt,
  tileWidth,
} from '../../core/proof/log.ts';
import { leafHash, treeRoot } from '../../core/proof/merkle.ts';

/** The leaf data of a batch's entry. */
export function entryOf({ manifest, sha256 }: StoredManifest): Uint8Array {
  const { origin, period, duration, events, seals, root } = manifest;
  return entryData({ origin, period, duration, events, seals, root, manifest: sha256 });
}

/** The tiles that the last of these entries adds, in order of writing. */
export function tilesToWrite(
  sha256: Crypto['sha256'],
  entries: readonly Uint8Array[],
): { readonly key: string; readonly bytes: Uint8Array }[] {
  const leaves = entries.map(entry => leafHash(sha256, entry));
  const bytesOf = (tile: TilePlace): Uint8Array => {
    const start = tile.index * tileWidth;
    return tile.level === ENTRIES_LEVEL
      ? formatEntryBundle(entries.slice(start, start + tile.width))
      : hashTile(sha256, leaves, tile);
  };
  return tilesAddedAt(entries.length).map(tile => ({ key: tileKey(tile), bytes: bytesOf(tile) }));
}

export function logRoot(sha256: Crypto['sha256'], entries: readonly Uint8Array[]): Uint8Array {
  return treeRoot(
    sha256,
    entries.map(entry => leafHash(sha256, entry)),
  );
}
