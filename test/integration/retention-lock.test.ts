// Locks on the real server: both modes, made longer, tried by a probe; and a server whose locks keep nothing is found out.

import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { probeLock } from '../../core/edge/s3/lock-probe.ts';
import { openS3Bucket, type S3Bucket } from '../../core/edge/s3/s3-bucket.ts';
import { checkLockMode } from '../../core/edge/s3/start-check.ts';
import { utf8 } from '../../core/proof/bytes.ts';
import { createFresh, type FreshNames, stackVariable } from '../stack.ts';
import { carelessEndpoint } from './retention-careless.ts';

let names: FreshNames;
beforeAll(async () => {
  names = await createFresh();
});

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const modes = ['COMPLIANCE', 'GOVERNANCE'] as const;

function openBucket(prefix: string, mode: (typeof modes)[number], endpoint = stackVariable('S3_ENDPOINT')): S3Bucket {
  const credentials = {
    accessKeyId: stackVariable('AWS_ACCESS_KEY_ID'),
    secretAccessKey: stackVariable('AWS_SECRET_ACCESS_KEY'),
  };
  const bucket = openS3Bucket({ bucket: names.bucket, prefix, endpoint, credentials, mode });
  open.push(bucket);
  return bucket;
}

const soon = () => Math.ceil(Date.now() / 1000) * 1000 + 60_000;

describe.each(modes)('%s', mode => {
  test('a probe finds that locks hold, whoever else probes', async () => {
    const buckets = [openBucket(`probe-${mode}`, mode), openBucket(`probe-${mode}`, mode)];
    expect(await Promise.all(buckets.map(probeLock))).toEqual([[], []]);
    for await (const { key } of openBucket(`probe-${mode}`, mode).versions(''))
      expect(key).toMatch(/^aside\/lock-probe\//);
  });

  test('a lock is made longer in the mode that it has, whatever the settings say', async () => {
    const [bucket, other] = [
      openBucket(`longer-${mode}`, mode),
      openBucket(`longer-${mode}`, mode === 'COMPLIANCE' ? 'GOVERNANCE' : 'COMPLIANCE'),
    ];
    const until = soon();
    await bucket.create('k', utf8('x'), until);
    const { versionId = '' } = (await bucket.read('k')) ?? {};
    await other.extendRetention('k', versionId, until + 60_000);
    expect(await bucket.lockOf('k', versionId)).toEqual({ mode, until: until + 60_000 });
    await other.extendRetention('k', versionId, until);
    expect(await bucket.retention('k', versionId)).toBe(until + 60_000);
    const remove = new DeleteObjectCommand({ Bucket: names.bucket, Key: `longer-${mode}/k`, VersionId: versionId });
    await expect(bucket.client.send(remove)).rejects.toThrow();
  });
});

test.each<[string, (method: string, url: string) => boolean, string]>([
  ['deletes', method => method === 'DELETE', 'a locked version could be deleted'],
  ['shortens', (method, url) => method === 'PUT' && url.includes('retention'), 'a lock could be shortened'],
])('a server that %s what is locked is found out', async (_, isSwallowed, expected) => {
  const careless = await carelessEndpoint(isSwallowed);
  open.push(careless);
  const problems = await probeLock(openBucket('careless', 'COMPLIANCE', careless.url));
  expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining(expected)]);
  expect(problems[0]).toMatchObject({ code: 'lock-not-kept' });
});

test('an archive begun with COMPLIANCE is not gone on with in GOVERNANCE; the other way it is', async () => {
  const [compliance, governance] = modes.map(mode => openBucket('firm', mode));
  if (!compliance || !governance) throw new Error('no buckets');
  expect(await checkLockMode(governance)).toEqual([]);
  await compliance.create('archive.json', utf8('{}'), soon());
  expect(await checkLockMode(compliance)).toEqual([]);
  expect((await checkLockMode(governance)).map(({ code }) => code)).toEqual(['archive-differs']);
  const weak = openBucket('weak', 'GOVERNANCE');
  await weak.create('archive.json', utf8('{}'), soon());
  expect(await checkLockMode(openBucket('weak', 'COMPLIANCE'))).toEqual([]);
});
