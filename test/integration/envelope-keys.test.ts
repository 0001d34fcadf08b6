// Keys in a real bucket, under a real KMS: instances agree, a store that is down is waited for, and what was erased stays erased.

import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OpenKeys, openKeys } from '../../core/edge/keys/open.ts';
import { type KekSetting, type KeySettings, keySettings } from '../../core/edge/keys/settings.ts';
import { keyIdsOf, openPersonal, ownersOf, sealPersonal } from '../../core/envelope/index.ts';
import { createLockedBucket, s3ConfigOf } from '../../infra/local/bucket.ts';
import { type KmsServer, startKms } from '../../infra/local/kms.ts';
import { stackEnv, stackVariable } from '../stack.ts';
import { tidemark } from '../unit/cli/command.ts';
import { record } from '../unit/envelope/records.ts';

const secret = () => createSecretKey(randomBytes(32));
const local = (): KekSetting => ({ kind: 'local', secret: secret() });
const person = (id: string) => ({ kind: 'person', id }) as const;
const day = { kind: 'day', day: '2026-01-05' } as const;
const never = new AbortController().signal;

let s3: S3Client;
const bucket = `keys-${randomUUID().slice(0, 13)}`;
beforeAll(async () => {
  s3 = new S3Client(s3ConfigOf(stackEnv()));
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const Status = 'Enabled' as const;
  await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status } }));
});
afterAll(() => s3.destroy());

const closing: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of closing.splice(0)) one.close();
});

/** Settings of a place of their own. */
function settings(over: Partial<KeySettings> = {}): KeySettings {
  const endpoint = stackVariable('S3_ENDPOINT');
  const prefix = `p-${randomUUID().slice(0, 8)}`;
  return { endpoint, bucket, prefix, keks: [local()], lookupKey: secret(), ...over };
}

function open(from: KeySettings, kmsEndpoint?: string): OpenKeys {
  const credentials = {
    accessKeyId: stackVariable('AWS_ACCESS_KEY_ID'),
    secretAccessKey: stackVariable('AWS_SECRET_ACCESS_KEY'),
  };
  const keys = openKeys(from, { credentials, ...(kmsEndpoint !== undefined && { kmsEndpoint }) });
  closing.push(keys);
  return keys;
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it did not fail',
    error => error,
  );
}

async function versionsOf(prefix: string): Promise<string[]> {
  const page = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }));
  return [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key }) => Key ?? '');
}

/** The store behind a network that can be cut, or fall silent. */
async function network(): Promise<{ url: string; set(mode: 'up' | 'cut' | 'silent'): void }> {
  const target = new URL(stackVariable('S3_ENDPOINT'));
  const sockets = new Set<Socket>();
  let now: 'up' | 'cut' | 'silent' = 'up';
  const server: Server = createServer(socket => {
    socket.on('error', () => {});
    if (now === 'cut') return void socket.destroy();
    sockets.add(socket);
    if (now === 'silent') return void socket.resume();
    const onward = connect(Number(target.port), target.hostname);
    sockets.add(onward);
    onward.on('error', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  });
  const drop = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  closing.push({
    close: () => {
      drop();
      server.close();
    },
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    set: mode => {
      now = mode;
      drop();
    },
  };
}

describe('keys in a bucket', () => {
  test('are the same for instances that race, and open what another sealed', async () => {
    const place = settings();
    const owners = [day, ...Array.from({ length: 20 }, (_, n) => person(`u-${n}`))];
    const rings = [1, 2, 3].map(() => open(place).ring());
    await Promise.all(rings.map(ring => ring.prepare(owners, never)));
    const [first, ...others] = rings.map(ring => owners.map(owner => ring.keyOf(owner)));
    for (const other of others)
      expect(other.map(({ id, key }, n) => id === first?.[n]?.id && key.equals(first[n].key))).not.toContain(false);
    const names = await versionsOf(place.prefix);
    expect(names).toHaveLength(owners.length);
    expect(names.join()).not.toContain('u-1');
  });

  test('seal an event that a reader with the keys opens, and one without does not', async () => {
    const place = settings();
    const ring = open(place).ring();
    await ring.prepare(ownersOf(record()), never);
    const sealed = sealPersonal(record(), ring);
    const finder = open(place).finder();
    expect(await finder.prepare(keyIdsOf(sealed))).toEqual([]);
    expect(openPersonal(sealed, finder.find).record).toEqual(record());
    const stranger = open({ ...place, keks: [local()] }).finder();
    expect(await stranger.prepare(keyIdsOf(sealed))).toMatchObject([{ code: 'unknown-kek' }]);
    expect(openPersonal(sealed, stranger.find).fields[0]?.state).toBe('no-key');
  });

  test('stay erased: with all versions, for readers, for running instances and for new ones', async () => {
    const place = settings();
    const old = open(place);
    const ring = old.ring({ ttlMs: 2_000 });
    await ring.prepare(ownersOf(record()), never);
    const sealed = sealPersonal(record(), ring);
    const moved = open({ ...place, keks: [local(), ...place.keks] });
    expect(await moved.store.rewrapAll()).toEqual({ rewrapped: 1, current: 0, erased: 0 });
    const id = moved.idOf(person('u-1'));
    expect(await moved.store.erase(id)).toEqual({ already: false, versions: 1 });
    expect(await moved.store.erase(id)).toEqual({ already: true, versions: 0 });
    expect(await versionsOf(place.prefix)).toHaveLength(1);

    const finder = open(place).finder();
    const read = async (of: typeof sealed) => {
      await finder.prepare(keyIdsOf(of));
      return openPersonal(of, finder.find).fields.map(({ state }) => state);
    };
    expect(new Set(await read(sealed))).toEqual(new Set(['erased']));
    const before = ring.keyOf(person('u-1')).key;
    const noticed = async () => {
      await ring.prepare([person('u-1')], never);
      return !ring.keyOf(person('u-1')).key.equals(before);
    };
    await expect.poll(noticed, { timeout: 10_000 }).toBe(true);
    expect(new Set(await read(sealPersonal(record(), ring)))).toEqual(new Set(['erased']));
    const fresh = open(place).ring();
    await fresh.prepare([person('u-1')], never);
    expect(new Set(await read(sealPersonal(record(), fresh)))).toEqual(new Set(['erased']));
    expect(await versionsOf(place.prefix)).toHaveLength(1);
  });

  test('are wrapped anew by the command', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-secrets-'));
    try {
      const [old, current, lookup] = ['old', 'current', 'lookup'].map(name => join(folder, name));
      for (const out of [old, current, lookup])
        expect(await tidemark(['keys', 'secret', '--out', out ?? ''])).toMatchObject({ code: 0 });
      expect((await tidemark(['keys', 'secret', '--out', old ?? ''])).stderr).toContain('it exists already');
      const prefix = `p-${randomUUID().slice(0, 8)}`;
      const env = {
        ...stackEnv(),
        TIDEMARK_KEYS_BUCKET: bucket,
        TIDEMARK_KEYS_PREFIX: prefix,
        TIDEMARK_LOOKUP_KEY: lookup,
      };
      await open(keySettings({ ...env, TIDEMARK_KEK: old }))
        .ring()
        .prepare([person('u-1'), day], never);
      const ran = await tidemark(['keys', 'rewrap'], { env: { ...env, TIDEMARK_KEK: `${current},${old}` } });
      expect(ran).toMatchObject({
        code: 0,
        stdout: '2 keys wrapped anew; 0 keys were wrapped by it already, 0 erased\n',
      });
      await open(keySettings({ ...env, TIDEMARK_KEK: current }))
        .ring()
        .prepare([person('u-1'), day], never);
      const late = await tidemark(['keys', 'rewrap'], { env: { ...env, TIDEMARK_KEK: old } });
      expect(late).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('add it to TIDEMARK_KEK, behind the current one'),
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test.each(['cut', 'silent'] as const)('are waited for while the network is %s', async mode => {
    const net = await network();
    net.set(mode);
    const waited = Promise.withResolvers<void>();
    const ring = open(settings({ endpoint: net.url })).ring({ onWait: () => waited.resolve() });
    const prepared = ring.prepare([person('u-1'), person('u-2'), day], never);
    await waited.promise;
    const ending = new AbortController();
    const ended = failure(ring.prepare([person('u-3')], ending.signal));
    ending.abort();
    expect(await ended).toMatchObject({ name: 'AbortError' });
    net.set('up');
    await prepared;
    expect(ring.keyOf(day).id).toBe('d1.2026-01-05');
  });

  test('of many new people are made without holding up those who are known', async () => {
    const ring = open(settings()).ring();
    await ring.prepare([person('known')], never);
    const start = performance.now();
    const many = ring.prepare(
      Array.from({ length: 1_000 }, (_, n) => person(`new-${n}`)),
      never,
    );
    await ring.prepare([person('known')], never);
    expect(performance.now() - start).toBeLessThan(1_000);
    await many;
    // 10,000 a minute are 6 s a thousand.
    expect(performance.now() - start).toBeLessThan(60_000);
  });
});

describe('the start', () => {
  test('is well in a bucket without lock, and remembers the lookup key', async () => {
    const place = settings();
    await open(place).check('archive');
    await open(place).check('archive');
    const other = await failure(open({ ...place, lookupKey: secret() }).check('archive'));
    expect(other).toMatchObject({ code: 'lookup-differs', message: expect.stringContaining(place.prefix) });
  });

  test('refuses a bucket that locks, that is the archive, or that is not there', async () => {
    const locked = `lock-${randomUUID().slice(0, 13)}`;
    await createLockedBucket(s3ConfigOf(stackEnv()), locked);
    const place = settings({ bucket: locked });
    expect(await failure(open(place).check(locked))).toMatchObject({ code: 'locked-bucket' });
    await s3.send(
      new PutObjectLockConfigurationCommand({
        Bucket: locked,
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } },
        },
      }),
    );
    const found = await failure(open(place).check('archive'));
    expect(found).toMatchObject({ code: 'locked-bucket', message: expect.stringContaining('default retention') });
    expect(await failure(open(settings({ bucket: 'no-such-bucket' })).check('a'))).toMatchObject({ code: 'no-bucket' });
  });
});

describe('keys under AWS KMS', () => {
  let kms: KmsServer;
  let arns: string[];
  beforeAll(async () => {
    kms = await startKms();
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
    process.env.AWS_ACCESS_KEY_ID ??= credentials.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY ??= credentials.secretAccessKey;
    const client = new KMSClient({ endpoint: kms.url, region: 'us-east-1', credentials });
    const made = await Promise.all([1, 2].map(() => client.send(new CreateKeyCommand({}))));
    arns = made.map(({ KeyMetadata }) => KeyMetadata?.Arn ?? '');
    client.destroy();
  });
  afterAll(() => kms?.stop());
  const under = (...which: number[]): KeySettings['keks'] => {
    const [first, ...rest] = which.map((n): KekSetting => ({ kind: 'kms', arn: arns[n] ?? '' }));
    if (!first) throw new Error('no key is named');
    return [first, ...rest];
  };

  test('seal, open, and move from a file to KMS and from one KMS key to the next', async () => {
    const place = settings();
    const ring = open(place).ring();
    await ring.prepare(ownersOf(record()), never);
    const sealed = sealPersonal(record(), ring);
    const first = open({ ...place, keks: [...under(0), ...place.keks] }, kms.url);
    await first.check(null);
    expect(await first.store.rewrapAll()).toMatchObject({ rewrapped: 1 });
    expect(await open({ ...place, keks: under(1, 0) }, kms.url).store.rewrapAll()).toMatchObject({ rewrapped: 1 });
    const finder = open({ ...place, keks: under(1) }, kms.url).finder();
    expect(await finder.prepare(keyIdsOf(sealed))).toEqual([]);
    expect(openPersonal(sealed, finder.find).record).toEqual(record());
  });

  test('are refused where a wrapped key was put in the place of another', async () => {
    const place = settings({ keks: under(0) });
    const keys = open(place, kms.url);
    await keys.ring().prepare([person('u-1'), person('u-2')], never);
    const [one, two] = ['u-1', 'u-2'].map(id => keys.idOf(person(id)));
    const raw = open(place, kms.url);
    await swapWrapped(place.prefix, one ?? '', two ?? '');
    expect(await failure(raw.store.find(two ?? ''))).toMatchObject({
      code: 'wrong-wrapping',
      message: expect.stringContaining(`stored as ${two}`),
    });
  });

  test('are waited for while KMS is down', async () => {
    const ring = open(settings({ keks: under(0) }), 'http://127.0.0.1:9').ring();
    const ending = new AbortController();
    const prepared = failure(ring.prepare([person('u-1')], ending.signal));
    setImmediate(() => ending.abort());
    expect(await prepared).toMatchObject({ name: 'AbortError' });
  });
});

/** Puts one person's key object in the place of another's, its id rewritten. */
async function swapWrapped(prefix: string, from: string, to: string): Promise<void> {
  const keyOf = (id: string) => `${prefix}/${id.replace('.', '/')}.json`;
  const found = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(from) }));
  const text = (await found.Body?.transformToString())?.replace(from, to) ?? '';
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: keyOf(to), Body: text }));
}
