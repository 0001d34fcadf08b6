// What the bucket makes of answers that say nothing certain: never that something is, or is not, there.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { openS3Store } from '../../../auditor/s3-store.ts';
import { openS3Bucket, type S3Bucket } from '../../../core/edge/s3/s3-bucket.ts';
import { S3Proxy } from '../../faults/network/s3-proxy.ts';

let proxy: S3Proxy;
let bucket: S3Bucket;

beforeEach(async () => {
  // Nothing is passed on, so there need be no server behind it.
  proxy = await new S3Proxy({ upstream: 'http://127.0.0.1:1', bucket: 'b', prefix: '' }).open();
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const retry = { attempts: 2, baseMs: 1, capMs: 1 };
  bucket = openS3Bucket({ bucket: 'b', prefix: '', endpoint: proxy.url, credentials, mode: 'COMPLIANCE' }, retry);
});

afterEach(async () => {
  bucket.close();
  await proxy.close();
});

const bytes = Buffer.from('x');

test.each([200, 409, 500, 503])('an error under %i is no answer', async status => {
  proxy.rule = () => ({ kind: 'answer', status, code: 'SlowDown' });
  const listing = async () => {
    for await (const version of bucket.versions('')) throw new Error(`listed ${version.key}`);
  };
  const asked: Record<string, () => Promise<unknown>> = {
    read: () => bucket.read('archive.json'),
    listing,
    create: () => bucket.create('archive.json', bytes, Date.now()),
    replace: () => bucket.replace('archive.json', bytes, '"etag"', Date.now()),
    retention: () => bucket.retention('archive.json', 'v'),
    extend: () => bucket.extendRetention('archive.json', 'v', Date.now()),
  };
  for (const [what, ask] of Object.entries(asked))
    await expect(ask(), what).rejects.toMatchObject({ code: 'unavailable', disposition: 'wait' });
});

test('nor does the auditor take an error under 200 for an object', async () => {
  proxy.rule = () => ({ kind: 'answer', status: 200, code: 'InternalError' });
  const env = { S3_ENDPOINT: proxy.url, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
  await expect(openS3Store('s3://b', env).read('archive.json', null)).rejects.toMatchObject({ code: 'unavailable' });
});

test('no answer at all is none either', async () => {
  proxy.rule = () => ({ kind: 'cut' });
  await expect(bucket.read('archive.json')).rejects.toMatchObject({ code: 'unavailable' });
  await expect(bucket.create('archive.json', bytes, Date.now())).rejects.toMatchObject({ code: 'unavailable' });
});
