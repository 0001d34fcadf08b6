// What writers of evidence rely on, on the real server, also where its answers are lost, delayed or lie.

import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateBucketCommand, DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { allVersions, type Bucket } from '../../core/edge/s3/bucket.ts';
import { openS3Bucket, type S3Bucket } from '../../core/edge/s3/s3-bucket.ts';
import { checkBucket } from '../../core/edge/s3/start-check.ts';
import { utf8 } from '../../core/proof/bytes.ts';
import { s3ConfigOf } from '../../infra/local/bucket.ts';
import { createFresh, type FreshNames, stackEnv, stackVariable } from '../stack.ts';

let names: FreshNames;
beforeAll(async () => {
  names = await createFresh();
});

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const quickly = { attempts: 6, baseMs: 10, capMs: 50 };

function openBucket(prefix: string, endpoint = stackVariable('S3_ENDPOINT'), name = names.bucket): S3Bucket {
  const credentials = {
    accessKeyId: stackVariable('AWS_ACCESS_KEY_ID'),
    secretAccessKey: stackVariable('AWS_SECRET_ACCESS_KEY'),
  };
  const bucket = openS3Bucket({ bucket: name, prefix, endpoint, credentials, mode: 'COMPLIANCE' }, quickly);
  open.push(bucket);
  return bucket;
}

const inAnHour = () => Math.ceil(Date.now() / 1000) * 1000 + 3600_000;
const countOf = async (bucket: Bucket, key: string) => (await allVersions(bucket, key)).length;

/** What becomes of the answer to a PUT. */
type Trick =
  | 'pass'
  | 'drop-request'
  | 'drop-answer'
  | 'answer-503'
  | 'answer-503-after'
  | 'answer-200-error'
  | 'answer-409';

/** The server behind a network that plays tricks on PUTs, in order; later ones pass. */
async function faultyEndpoint(tricks: Trick[]): Promise<string> {
  const target = new URL(stackVariable('S3_ENDPOINT'));
  const server: Server = createServer((incoming, outgoing) => {
    const trick = incoming.method === 'PUT' ? (tricks.shift() ?? 'pass') : 'pass';
    const fail = (status: number, body: string) =>
      outgoing.writeHead(status, { date: new Date().toUTCString() }).end(body);
    if (trick === 'drop-request') return void incoming.socket.destroy();
    if (trick === 'answer-503' || trick === 'answer-409') {
      incoming.resume().on('end', () => fail(trick === 'answer-503' ? 503 : 409, ''));
      return;
    }
    const { method, url, headers } = incoming;
    const forwarded = request({ host: target.hostname, port: target.port, method, path: url, headers }, answer => {
      if (trick === 'drop-answer') return void answer.resume().on('end', () => incoming.socket.destroy());
      if (trick === 'answer-503-after') return void answer.resume().on('end', () => fail(503, ''));
      if (trick === 'answer-200-error') {
        return void answer
          .resume()
          .on('end', () => fail(200, '<?xml version="1.0"?><Error><Code>InternalError</Code></Error>'));
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  open.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a bucket', () => {
  test('creates once, tells what is taken, and locks', async () => {
    const bucket = openBucket('once');
    const until = inAnHour();
    expect(await bucket.create('a/b', utf8('one'), until)).toBe('created');
    expect(await bucket.create('a/b', utf8('two'), until)).toBe('taken');
    expect(await bucket.create('a/b', utf8('one'), until)).toBe('created');
    expect(await countOf(bucket, 'a/b')).toBe(1);
    const object = await bucket.read('a/b');
    expect(object?.retainUntil).toBe(until);
    expect(Buffer.from(object?.bytes ?? []).toString()).toBe('one');
    expect(await bucket.read('a/c')).toBeNull();
  });

  test('of many that race, one creates', async () => {
    const buckets = Array.from({ length: 4 }, () => openBucket('race'));
    const outcomes = await Promise.all(buckets.map((bucket, n) => bucket.create('k', utf8(`writer ${n}`), inAnHour())));
    expect(outcomes.filter(outcome => outcome === 'created')).toHaveLength(1);
    expect(await countOf(openBucket('race'), 'k')).toBe(1);
  });

  test('replaces only what was read', async () => {
    const bucket = openBucket('replace');
    await bucket.create('k', utf8('one'), inAnHour());
    const first = await bucket.read('k');
    expect(await bucket.replace('k', utf8('two'), first?.etag ?? '', inAnHour())).toBe('replaced');
    expect(await bucket.replace('k', utf8('three'), first?.etag ?? '', inAnHour())).toBe('changed');
    expect(await bucket.replace('none', utf8('x'), first?.etag ?? '', inAnHour())).toBe('changed');
    const texts = (await allVersions(bucket, 'k')).map(object => Buffer.from(object.bytes).toString());
    expect(texts).toEqual(['one', 'two']);
  });

  test('lists versions behind a key, delete markers too, and what they hide can be read', async () => {
    const bucket = openBucket('list');
    for (const key of ['events/a/1', 'events/b/1', 'events/b/2']) await bucket.create(key, utf8(key), inAnHour());
    await bucket.client.send(new DeleteObjectCommand({ Bucket: names.bucket, Key: 'list/events/b/1' }));
    const found = [];
    for await (const version of bucket.versions('events/', 'events/b/')) found.push(version);
    expect(found.map(({ key, isDeleteMarker, isLatest }) => [key, isDeleteMarker, isLatest])).toEqual([
      ['events/b/1', true, true],
      ['events/b/1', false, false],
      ['events/b/2', false, true],
    ]);
    expect(await bucket.read('events/b/1')).toBeNull();
    expect(await bucket.read('events/b/1', found[1]?.versionId)).not.toBeNull();
    expect(await bucket.create('events/b/1', utf8('again'), inAnHour())).toBe('created');
  });

  test('pages through more versions than one answer holds', async () => {
    const bucket = openBucket('pages');
    const keys = Array.from({ length: 1050 }, (_, n) => `k${String(n).padStart(4, '0')}`);
    for (let n = 0; n < keys.length; n += 50) {
      await Promise.all(keys.slice(n, n + 50).map(key => bucket.create(key, utf8(key), Date.now() + 2000)));
    }
    const found = [];
    for await (const { key } of bucket.versions('')) found.push(key);
    expect(found).toEqual(keys);
  }, 30_000);

  test('tells its time, and makes locks longer, never shorter', async () => {
    const bucket = openBucket('lock');
    expect(Math.abs((await bucket.serverTime()) - Date.now())).toBeLessThan(5000);
    const until = inAnHour();
    await bucket.create('k', utf8('x'), until);
    const { versionId = '' } = (await bucket.read('k')) ?? {};
    await bucket.extendRetention('k', versionId, until + 60_000);
    await bucket.extendRetention('k', versionId, until);
    expect(await bucket.retention('k', versionId)).toBe(until + 60_000);
    const remove = new DeleteObjectCommand({ Bucket: names.bucket, Key: 'lock/k', VersionId: versionId });
    await expect(bucket.client.send(remove)).rejects.toThrow();
  });
});

describe('with a network that plays tricks, a write still happens once', () => {
  const tricks: Trick[] = [
    'drop-request',
    'drop-answer',
    'answer-503',
    'answer-503-after',
    'answer-200-error',
    'answer-409',
  ];
  test.each(tricks)('%s', async trick => {
    const bucket = openBucket(`tricks-${trick}`, await faultyEndpoint([trick]));
    expect(await bucket.create('k', utf8('one'), inAnHour())).toBe('created');
    const { etag = '' } = (await bucket.read('k')) ?? {};
    expect(await countOf(bucket, 'k')).toBe(1);
    const again = openBucket(`tricks-${trick}`, await faultyEndpoint([trick, trick]));
    expect(await again.replace('k', utf8('two'), etag, inAnHour())).toBe('replaced');
    expect(await countOf(bucket, 'k')).toBe(2);
  });

  test('and one whose outcome stays unknown says so', async () => {
    const dropped = Array.from({ length: 20 }, (): Trick => 'drop-request');
    const bucket = openBucket('unknown', await faultyEndpoint(dropped));
    await expect(bucket.create('k', utf8('one'), inAnHour())).rejects.toMatchObject({ code: 'unavailable' });
  });
});

test('the start check names what a bucket lacks', async () => {
  expect(await checkBucket(openBucket(''))).toEqual([]);
  const plain = `plain-${names.bucket}`;
  const client = new S3Client(s3ConfigOf(stackEnv()));
  await client.send(new CreateBucketCommand({ Bucket: plain }));
  client.destroy();
  const codes = async (name: string) => (await checkBucket(openBucket('', undefined, name))).map(error => error.code);
  expect(await codes(plain)).toEqual(['no-versioning', 'no-object-lock']);
  expect(await codes(`${plain}-not`)).toEqual(['no-bucket']);
  await expect(checkBucket(openBucket('', 'http://127.0.0.1:9'))).rejects.toMatchObject({ code: 'unavailable' });
});
