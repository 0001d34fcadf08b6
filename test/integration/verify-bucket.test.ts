// The golden archive in a real bucket under its real locks: intact with exactly its reports; and what Object Lock lets an attacker do
// is found there, on that server's own versions, markers and locks.

import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../auditor/open.ts';
import { parsePolicyFile, parseSealKeyFile } from '../../auditor/read/index.ts';
import { verifyArchive } from '../../auditor/verify/index.ts';
import { nodeDecompress } from '../../core/edge/compression.ts';
import { nodeCrypto } from '../../core/edge/crypto.ts';
import { createLockedBucket, s3ConfigOf } from '../../infra/local/bucket.ts';
import { auditEventText, openRegistry, subjectFor } from '../../schemas/index.ts';
import { loadGolden } from '../archive-objects.ts';
import { freshNames, stackEnv, stackVariable } from '../stack.ts';
import { codes, goldenReports } from '../unit/auditor/verifying.ts';

const golden = loadGolden();
const { bucket: Bucket } = freshNames();
const segment = 'events/dt=2026-01-05/hour=11/00000-000-00000000000000000012.avro';
const manifest = 'batches/2026/01/05/20260105T120000Z.note';
let client: S3Client;

function put(key: string, Body: Uint8Array, until: number | null) {
  const lock =
    until === null ? {} : { ObjectLockMode: 'COMPLIANCE' as const, ObjectLockRetainUntilDate: new Date(until) };
  return client.send(new PutObjectCommand({ Bucket, Key: `prod/${key}`, Body, ...lock }));
}

function verify() {
  return verifyArchive(openStore(`s3://${Bucket}/prod`, stackEnv()), {
    policy: parsePolicyFile(golden.policyText, 'policy'),
    sealKeys: parseSealKeyFile(golden.sealKeysText, 'normalizer.vkey'),
    logKeys: null,
    at: golden.at,
    from: null,
    to: null,
    minRetention: golden.minRetention,
    crypto: nodeCrypto,
    decompress: nodeDecompress,
  });
}

beforeAll(async () => {
  await createLockedBucket(s3ConfigOf(stackEnv()), Bucket);
  client = new S3Client(s3ConfigOf(stackEnv()));
  for (const [key, versions] of golden.objects)
    for (const { bytes, retainUntil } of versions) await put(key, bytes, retainUntil);
});

afterAll(() => client.destroy());

test('the golden archive is intact in a bucket, with exactly its reports', async () => {
  const verdict = await verify();
  expect(verdict.findings).toEqual([]);
  expect(verdict.unchecked).toEqual([]);
  expect(codes(verdict.reports)).toEqual(goldenReports);
});

test('a marker, a version put over another, and planted objects at the next keys are found', async () => {
  const planted = 'events/dt=2026-01-05/hour=14/00000-000-00000000000000000046.avro';
  await client.send(new DeleteObjectCommand({ Bucket, Key: `prod/${segment}` }));
  await put(manifest, Buffer.from('something else'), null);
  await put(planted, Buffer.from('planted'), null);
  await put('log/tile/0/000.p/5', new Uint8Array(160), null);
  const { findings, counts } = await verify();
  const found = findings.map(({ code, object }) => `${code} ${object}`).toSorted();
  const expected = [
    `further-version ${manifest}`,
    `hidden ${segment}`,
    'tile-altered log/tile/0/000.p/5',
    `unlisted ${planted}`,
  ];
  // The marker was placed long after the time of verification, but before the segment may be gone.
  expect(found).toEqual(expected.toSorted());
  expect(findings.find(({ code }) => code === 'hidden')).toMatchObject({
    partition: 0,
    offsets: { first: 12n, next: 38n },
    events: 26,
  });
  expect(counts.events).toBe(136);
});

test('instances that start at once all register the same schema', async () => {
  const url = stackVariable('SCHEMA_REGISTRY_URL');
  const subject = subjectFor(freshNames().raw);
  const ids = await Promise.all(
    Array.from({ length: 6 }, () => openRegistry({ url }).register(subject, auditEventText)),
  );
  expect(new Set(ids).size).toBe(1);
});
