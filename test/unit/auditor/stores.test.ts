import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AuditorError } from '../../../auditor/error.ts';
import { openStore } from '../../../auditor/open.ts';
import { collect } from '../../../auditor/read/ahead.ts';
import { temporaryFolder } from '../../temporary.ts';
import { goldenPath } from './golden.ts';

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof AuditorError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
};

function folderWith(files: readonly string[]): string {
  const root = temporaryFolder();
  for (const file of ['archive.json', ...files]) {
    mkdirSync(join(root, file, '..'), { recursive: true });
    writeFileSync(join(root, file), `bytes of ${file}`);
  }
  return root;
}

describe('a folder', () => {
  test('lists all objects of the golden archive, one version each', async () => {
    const store = openStore(goldenPath('objects', 'prod'), {});
    const all = await collect(store.list(''));
    expect(all).toHaveLength(33);
    expect(
      all.every(({ isLatest, isDeleteMarker, versionId }) => isLatest && !isDeleteMarker && versionId === null),
    ).toBe(true);
    expect(await store.missingPermissions()).toEqual([]);
    expect(store.hasLocks).toBe(false);
  });

  test('lists in the order of keys, as a bucket does, not in that of folders', async () => {
    const files = ['a/b', 'a-b', 'a.b', 'a0', 'é', 'z', '\u{1F600}', '\uFFFD'];
    const store = openStore(folderWith(files), {});
    const keys = (await collect(store.list(''))).map(({ key }) => key);
    const expected = ['archive.json', ...files].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(keys).toEqual(expected);
  });

  test('lists by prefix, which need not end at a folder', async () => {
    const store = openStore(folderWith(['log/checkpoint', 'log/checkpoints/1', 'log/tile/0/000']), {});
    const keysOf = async (prefix: string) => (await collect(store.list(prefix))).map(({ key }) => key);
    expect(await keysOf('log/checkpoint')).toEqual(['log/checkpoint', 'log/checkpoints/1']);
    expect(await keysOf('log/checkpoints/')).toEqual(['log/checkpoints/1']);
    expect(await keysOf('nothing/')).toEqual([]);
    expect(await keysOf('../')).toEqual([]);
  });

  test('never reads outside, whatever key an archive names', async () => {
    const outer = folderWith(['archive/log/checkpoint', 'archive.secret']);
    const root = join(outer, 'archive');
    const store = openStore(root, {});
    for (const key of [
      '../archive.secret',
      'log/../../archive.secret',
      '/etc/passwd',
      '',
      '.',
      'log/\0',
      'log//checkpoint',
    ])
      expect(await store.read(key, null)).toBeNull();
    expect(await store.read('log/checkpoint', null)).not.toBeNull();
  });

  test('has no object where a folder is, or where a file is taken for a folder', async () => {
    const store = openStore(folderWith(['log/checkpoint']), {});
    expect(await store.read('log', null)).toBeNull();
    expect(await store.read('log/checkpoint/x', null)).toBeNull();
  });

  test('a link that leads to a folder above it is an error, not an endless listing', async () => {
    const root = folderWith([]);
    symlinkSync(root, join(root, 'loop'));
    await expect(collect(openStore(root, {}).list(''))).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('a location', () => {
  test.each([
    ['/nowhere/at/all', 'no-archive: there is no folder /nowhere/at/all'],
    [goldenPath('policy'), 'bad-argument: '],
    ['gs://bucket/prefix', 'bad-argument: found the location gs://bucket/prefix, expected s3://'],
    ['s3://', 'bad-argument: found the location s3://'],
  ])('%s is refused', (location, message) => {
    expect(codeOf(() => openStore(location, {}))).toContain(message);
  });

  test('above an archive names the archive below it', () => {
    const below = goldenPath('objects', 'prod');
    expect(codeOf(() => openStore(goldenPath(), {}))).toContain(`did you mean ${below}?`);
    expect(codeOf(() => openStore(goldenPath('objects'), {}))).toContain(`did you mean ${below}?`);
  });

  test('that lost its archive.json is still opened: that is for the verifier to say', () => {
    const root = temporaryFolder();
    mkdirSync(join(root, 'events'));
    expect(codeOf(() => openStore(root, {}))).toBe('no error');
  });

  test('that is a bucket without a server says where it looked', async () => {
    const env = { S3_ENDPOINT: 'http://127.0.0.1:9', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
    const store = openStore('s3://bucket/prefix', env);
    expect(store.hasLocks).toBe(true);
    await expect(store.read('archive.json', null)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('s3://bucket/prefix/archive.json'),
    });
  });
});
