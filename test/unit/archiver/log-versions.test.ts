// A listing in pages that begin behind the key where the last one ended, of a server that has full tiles behind their partial ones.

import { expect, test } from 'vitest';
import type { StoredVersion } from '../../../core/edge/s3/bucket.ts';
import { logVersions } from '../../../core/edge/s3/log-versions.ts';
import { tileKey, tileWidth } from '../../../core/proof/log.ts';

const keys = [0, 1, 2].flatMap(index =>
  [tileWidth, ...Array.from({ length: tileWidth - 1 }, (_, n) => n + 1)].map(width =>
    tileKey({ level: 0, index, width }),
  ),
);

function pagesOf(pageKeys: number) {
  return {
    async *versions(prefix: string): AsyncIterable<StoredVersion> {
      // As SeaweedFS walks its folders: 000.p before 000.versions.
      const walked = keys
        .filter(key => key.startsWith(prefix))
        .map(key => ({ key, name: key.includes('.p/') ? key : `${key}.versions` }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ key }) => key);
      for (let marker = ''; ; ) {
        const page = walked.filter(key => key > marker).slice(0, pageKeys);
        for (const key of page.toSorted())
          yield { key, versionId: '1', isLatest: true, isDeleteMarker: false, size: 1, lastModified: 0 };
        const last = page.at(-1);
        if (page.length < pageKeys || last === undefined) return;
        marker = last;
      }
    },
  };
}

const listed = async (versions: AsyncIterable<StoredVersion>): Promise<string[]> => {
  const found: string[] = [];
  for await (const { key } of versions) found.push(key);
  return found.toSorted();
};

test('what a page leaves out is found by its own key, and nothing comes twice', async () => {
  expect(await listed(pagesOf(300).versions('log/'))).not.toContain('log/tile/0/001');
  for (const pageKeys of [300, 700, 1000])
    expect(await listed(logVersions(pagesOf(pageKeys), 'log/'))).toEqual(keys.toSorted());
});
