// The versions of a log's objects, whole. SeaweedFS keeps the versions of `log/tile/0/000` in a folder `000.versions`, which sorts behind that of
// its partial tiles, `000.p`: where a page of its listing ends among these, the next one begins behind the full tile's key, and leaves it
// out. A listing of the full tile's own key fits into a page, and has it.

import { parseTileKey, tileKey, tileWidth } from '../../proof/log.ts';
import type { BucketReader, StoredVersion } from './bucket.ts';

/** As `versions`, with the full tiles that a listing of so many left out behind all others. */
export async function* logVersions(
  bucket: Pick<BucketReader, 'versions'>,
  prefix: string,
): AsyncIterable<StoredVersion> {
  const listed = new Set<string>();
  const outgrown = new Set<string>();
  for await (const version of bucket.versions(prefix)) {
    const place = parseTileKey(version.key);
    if (place?.width === tileWidth) listed.add(version.key);
    else if (place) outgrown.add(tileKey({ ...place, width: tileWidth }));
    yield version;
  }
  for (const key of outgrown) {
    if (listed.has(key)) continue;
    for await (const version of bucket.versions(key)) if (version.key === key) yield version;
  }
}
