// The auditor's view of a real bucket: versions, delete markers, locks, and the golden archive read, proven and verified
// through it.

import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../auditor/open.ts';
import { proveEvent, verifyReceipt } from '../../auditor/prove/index.ts';
import { collect } from '../../auditor/read/ahead.ts';
import { parsePolicyFile, parseSealKeyFile, type Remark, readEvents } from '../../auditor/read/index.ts';
import type { ArchiveStore } from '../../auditor/store.ts';
import { createLockedBucket, s3ConfigOf } from '../../infra/local/bucket.ts';
import { loadGolden } from '../archive-objects.ts';
import { freshNames, stackEnv } from '../stack.ts';

const golden = loadGolden();
const trust = {
  policy: parsePolicyFile(golden.policyText, 'policy'),
  sealKeys: parseSealKeyFile(golden.sealKeysText, 'normalizer.vkey'),
};
const { bucket } = freshNames();
const hidden = 'events/dt=2026-01-05/hour=11/00002-000-00000000000000000201.avro';
const replaced = 'batches/2026/01/05/20260105T110000Z.note';
const expired = 'events/dt=2026-01-05/hour=10/00000-000-00000000000000000000.avro';
// Locks in the past can't be had; those of the golden archive are.
const until = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000);

let client: S3Client;
let store: ArchiveStore;

function put(Key: string, Body: Uint8Array, locked = true) {
  const lock = { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: until } as const;
  return client.send(new PutObjectCommand({ Bucket: bucket, Key: `some/prefix/${Key}`, Body, ...(locked && lock) }));
}

beforeAll(async () => {
  await createLockedBucket(s3ConfigOf(stackEnv()), bucket);
  client = new S3Client(s3ConfigOf(stackEnv()));
  for (const [key, versions] of golden.objects) for (const { bytes } of versions) await put(key, bytes);
  await put('aside/with space+plus é', Buffer.from('aside'), false);
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'some/prefix-beside/archive.json', Body: '{}' }));
  store = openStore(`s3://${bucket}/some/prefix/`, stackEnv());
});

afterAll(() => client.destroy());

describe('a bucket', () => {
  test('lists all objects below the prefix and no others, in the order of keys', async () => {
    const versions = await collect(store.list(''));
    expect(versions.map(({ key }) => key)).toEqual(['aside/with space+plus é', ...golden.objects.keys()].sort());
    for (const { versionId, isLatest, isDeleteMarker, lastModified } of versions) {
      expect({ isLatest, isDeleteMarker }).toEqual({ isLatest: true, isDeleteMarker: false });
      expect(versionId).toMatch(/./);
      expect(Math.abs(Date.now() - lastModified)).toBeLessThan(600_000);
    }
  });

  test('gives bytes, sizes and locks by version', async () => {
    for await (const { key, versionId, size } of store.list('batches/')) {
      const bytes = golden.objects.get(key)?.[0]?.bytes;
      expect(await store.read(key, versionId)).toEqual(bytes);
      expect(size).toBe(bytes?.length);
      expect(await store.retention(key, versionId)).toEqual({ mode: 'COMPLIANCE', until: until.getTime() });
    }
  });

  test('has nothing where there is nothing, and no lock where there is none', async () => {
    const aside = 'aside/with space+plus é';
    expect(await store.read('no/such/key', null)).toBeNull();
    expect(Buffer.from((await store.read(aside, null)) ?? []).toString()).toBe('aside');
    expect(await store.retention(aside, null)).toBeNull();
  });

  test('pages through more versions than one answer holds', async () => {
    for (let i = 0; i < 21; i++)
      await Promise.all(Array.from({ length: 50 }, (_, j) => put(`many/${i * 50 + j}`, Buffer.of(1), false)));
    const versions = await collect(store.list('many/'));
    expect(new Set(versions.map(({ key }) => key)).size).toBe(1050);
    expect(versions).toHaveLength(1050);
  });

  test('lets these credentials do all that is needed, and says which can not', async () => {
    expect(await store.missingPermissions()).toEqual([]);
    const env = { ...stackEnv(), AWS_SECRET_ACCESS_KEY: 'wrong' };
    const missing = await openStore(`s3://${bucket}/some/prefix`, env).missingPermissions();
    const names = missing.map(({ permission }) => permission);
    expect(names).toEqual(['s3:ListBucketVersions', 's3:GetObjectVersion', 's3:GetObjectRetention']);
    await expect(openStore(`s3://${bucket}/some/prefix`, env).read('archive.json', null)).rejects.toMatchObject({
      code: 'no-access',
      message: expect.stringContaining('s3:GetObject'),
    });
  });

  test('that does not exist is said to be none', async () => {
    const none = openStore(`s3://no-${bucket}/x`, stackEnv());
    await expect(collect(none.list(''))).rejects.toMatchObject({ code: 'no-archive' });
    const empty = readEvents(openStore(`s3://${bucket}/elsewhere`, stackEnv()), { trust });
    await expect(collect(empty)).rejects.toMatchObject({ code: 'no-archive' });
  });
});

describe('the golden archive in a bucket', () => {
  test('is read through a delete marker and a version that was put over, proven', async () => {
    const Key = `some/prefix/${hidden}`;
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
    const other = Buffer.from(golden.objects.get(replaced)?.[0]?.bytes ?? []);
    other.writeUInt8(other.readUInt8(50) ^ 1, 50);
    await put(replaced, other, false);

    const marked = await collect(store.list(hidden));
    expect(marked.map(({ isDeleteMarker, isLatest }) => ({ isDeleteMarker, isLatest }))).toEqual([
      { isDeleteMarker: true, isLatest: true },
      { isDeleteMarker: false, isLatest: false },
    ]);
    expect(await store.read(hidden, null)).toBeNull();
    expect(await store.read(hidden, marked[0]?.versionId ?? null)).toBeNull();
    expect(await store.read(hidden, marked[1]?.versionId ?? null)).toEqual(golden.objects.get(hidden)?.[0]?.bytes);
    const over = await collect(store.list(replaced));
    expect(over.map(({ isLatest }) => isLatest)).toEqual([true, false]);
    expect(await store.read(replaced, over[0]?.versionId ?? null)).toEqual(new Uint8Array(other));

    const items = await collect(readEvents(store, { trust }));
    const events = items.filter(item => item.kind === 'event');
    expect(events.filter(({ proof }) => proof.status === 'proven')).toHaveLength(136);
    const remarks = items.filter((item): item is Remark => item.kind !== 'event');
    expect(remarks.map(({ kind, key }) => ({ kind, key }))).toEqual([{ kind: 'note', key: expired }]);
  });

  test('gives receipts that hold', async () => {
    const receipt = await proveEvent(store, '01940000-0000-7000-8000-00000000003c', trust);
    expect(verifyReceipt(receipt, trust)).toMatchObject({ holds: true });
  });
});
