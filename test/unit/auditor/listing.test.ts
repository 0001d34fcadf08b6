// The listing holds what the store lists, also where most of it was put aside, and in whatever order it came.

import { readdirSync } from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { ObjectVersion } from '../../../auditor/store.ts';
import { Listing } from '../../../auditor/verify/listing.ts';
import { temporaryFolder } from '../../temporary.ts';

const version = (key: string, n = 0): ObjectVersion => ({
  key,
  versionId: `v${n}`,
  isLatest: n === 0,
  isDeleteMarker: n === 2,
  size: key.length,
  lastModified: n,
});

async function* list(keys: Iterable<string>): AsyncGenerator<ObjectVersion> {
  for (const key of keys) for (let n = 0; n < (key.endsWith('7') ? 3 : 1); n++) yield version(key, n);
}

const name = (n: number): string => `events/dt=2026-01-05/hour=10/${String(n).padStart(60, '0')}`;
const count = 70_000;
const inOrder = Array.from({ length: count }, (_, n) => name(n));
// As a server that goes folder by folder may list what somebody planted.
const misplaced = [
  'events/a/1',
  ...inOrder.slice(0, 40_000),
  'events/a-b',
  ...inOrder.slice(40_000),
  'events/a/2',
  'events/a/1',
];

test.each([
  ['in order', inOrder],
  ['out of order', misplaced],
])('keys %s are found with their versions, and once', async (_, keys) => {
  const listing = await Listing.of(list(keys));
  expect(new Set(listing.keys('', false))).toEqual(new Set(keys));
  for (const key of [name(0), name(39_999), name(40_007), name(count - 1)]) {
    const expected = key.endsWith('7') ? [version(key), version(key, 1), version(key, 2)] : [version(key)];
    expect(listing.versions(key)).toEqual(expected);
  }
  expect(listing.versions(`${name(3)}x`)).toBeNull();
  expect(listing.versions('a')).toBeNull();
  listing.close();
});

test('what is accounted for is left out, and the rest is not', async () => {
  const listing = await Listing.of(list(misplaced));
  const left = new Set([name(5), name(41_000), 'events/a-b']);
  for (const key of misplaced) if (!left.has(key)) expect(listing.account(key)).toBe(true);
  expect(listing.account('nothing')).toBe(false);
  expect(new Set(listing.keys('', true))).toEqual(left);
  expect([...listing.keys('events/a', true)]).toEqual(['events/a-b']);
  expect(listing.isAccounted('events/a/1')).toBe(true);
  expect(listing.isAccounted(name(5))).toBe(false);
  listing.close();
});

test('nothing of it is left in the temporary folder, and aside/ is not in it', async () => {
  const folder = temporaryFolder();
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  const listing = await Listing.of(list(['aside/probe', ...inOrder]));
  expect(listing.size).toBe(count);
  expect(readdirSync(folder)).toEqual([]);
  listing.close();
});
