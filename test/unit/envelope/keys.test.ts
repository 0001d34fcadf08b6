// Keys without servers: what is wrapped opens only as what it was, and what a ring promises while its store comes and goes.

import { createSecretKey, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeysError } from '../../../core/edge/keys/error.ts';
import { localKek } from '../../../core/edge/keys/kek.ts';
import type { KeyBucket } from '../../../core/edge/keys/key-bucket.ts';
import { formatKeyObject, keyIdOfName, objectNameOf, parseKeyObject } from '../../../core/edge/keys/key-object.ts';
import { KeyStore } from '../../../core/edge/keys/key-store.ts';
import { generateSecret, readSecretFile } from '../../../core/edge/keys/secret-file.ts';
import { encryptionSettings } from '../../../core/edge/keys/settings.ts';
import { openStoredRing } from '../../../core/edge/keys/stored-ring.ts';
import { SettingsReader } from '../../../core/edge/settings-reader.ts';
import { EnvelopeError, keyIdOf } from '../../../core/envelope/index.ts';

const secret = () => createSecretKey(randomBytes(32));
const lookup = secret();
const owner = (id: string) => ({ kind: 'person', id }) as const;
const idOf = (id: string) => keyIdOf(lookup, owner(id));
const never = new AbortController().signal;

/** A bucket in memory that can be down, and counts. */
function memoryBucket() {
  const objects = new Map<string, Buffer>();
  const state = { down: false, reads: 0, underWay: 0, most: 0, ticks: () => 1 };
  const ask = async () => {
    state.most = Math.max(state.most, ++state.underWay);
    for (let ticks = state.ticks(); ticks > 0; ticks--) await new Promise(resolve => setImmediate(resolve));
    state.underWay--;
    if (state.down) throw new KeysError('unavailable', 'no answer');
  };
  const etagOf = (bytes: Buffer) => bytes.toString('base64');
  const bucket: KeyBucket = {
    client: new S3Client({}),
    settings: { bucket: 'b', prefix: 'p' },
    read: async name => {
      state.reads++;
      await ask();
      const bytes = objects.get(name);
      return bytes ? { bytes, etag: etagOf(bytes) } : null;
    },
    write: async (name, bytes, etag) => {
      await ask();
      const there = objects.get(name);
      if ((there ? etagOf(there) : null) !== etag) return null;
      objects.set(name, Buffer.from(bytes));
      return etagOf(Buffer.from(bytes));
    },
    names: async function* () {
      yield* objects.keys();
    },
    deleteOlder: async () => 0,
    close: () => {},
  };
  return { bucket, objects, state };
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it did not fail',
    error => error,
  );
}

describe('a key-encryption key', () => {
  test('opens what it wrapped for that key id, and nothing else', async () => {
    const [kek, key] = [localKek(secret()), randomBytes(32)];
    const wrapped = await kek.wrap('p1.a', key);
    expect(await kek.unwrap('p1.a', wrapped)).toEqual(key);
    const wrong = { code: 'wrong-wrapping', message: expect.stringContaining('p1.b') };
    expect(await failure(kek.unwrap('p1.b', wrapped))).toMatchObject(wrong);
    for (let n = 0; n < wrapped.length; n++) {
      const flipped = Buffer.from(wrapped.map((byte, at) => (at === n ? byte ^ 1 : byte)));
      expect(await failure(kek.unwrap('p1.a', flipped))).toMatchObject({ code: 'wrong-wrapping' });
      expect(await failure(kek.unwrap('p1.a', wrapped.subarray(n + 1)))).toMatchObject({ code: 'wrong-wrapping' });
    }
    expect(await failure(localKek(secret()).unwrap('p1.a', wrapped))).toMatchObject({ code: 'wrong-wrapping' });
  });
});

describe('a key object', () => {
  const content = { id: idOf('u-1'), kek: 'local:x', wrapped: Buffer.from('w'), created: '2026-01-05T10:00:00.000Z' };

  test('is read as it was written, under a name that tells nobody who it is', () => {
    expect(parseKeyObject(content.id, formatKeyObject(content))).toEqual(content);
    const tombstone = { id: content.id, erased: content.created };
    expect(parseKeyObject(content.id, formatKeyObject(tombstone))).toEqual(tombstone);
    expect(objectNameOf(content.id)).toMatch(/^p1\/[0-9a-f]{32}\.json$/);
    expect(keyIdOfName(objectNameOf(content.id))).toBe(content.id);
    expect(keyIdOfName(objectNameOf('d1.2026-01-05'))).toBe('d1.2026-01-05');
    expect(keyIdOfName('lookup.json')).toBeNull();
  });

  test('is refused where it was swapped, downgraded or is none', () => {
    const bytes = formatKeyObject(content);
    expect(() => parseKeyObject(idOf('u-2'), bytes)).toThrow(`found the key of "${content.id}": it was swapped`);
    const weaker = Buffer.from(bytes.toString().replace('AES-256-GCM', 'AES-128-ECB'));
    expect(() => parseKeyObject(content.id, weaker)).toThrow('found algorithm "AES-128-ECB", expected AES-256-GCM');
    expect(() => parseKeyObject(content.id, Buffer.from('{}'))).toThrow(/no tidemark-key\/1 object/);
    expect(() => objectNameOf('../../other')).toThrow(EnvelopeError);
  });

  test('that was swapped with its id rewritten does not open', async () => {
    const { bucket, objects } = memoryBucket();
    const store = new KeyStore(bucket, [localKek(secret())]);
    await store.findOrCreate(idOf('u-1'));
    const stolen = objects
      .get(objectNameOf(idOf('u-1')))
      ?.toString()
      .replaceAll(idOf('u-1'), idOf('u-2'));
    objects.set(objectNameOf(idOf('u-2')), Buffer.from(stolen ?? ''));
    expect(await failure(store.find(idOf('u-2')))).toMatchObject({
      code: 'wrong-wrapping',
      message: expect.stringContaining(idOf('u-2')),
    });
    expect(await store.erase(idOf('u-2'))).toEqual({ already: false, versions: 1 });
  });
});

describe('the store', () => {
  test('asks once for each of many that are new, and never makes a key where there is one, or a tombstone', async () => {
    const { bucket, state } = memoryBucket();
    const kek = localKek(secret());
    const store = new KeyStore(bucket, [kek]);
    const made = [];
    for (let n = 0; n < 20; n++) made.push(await store.findOrCreate(idOf(`u-${n}`)));
    expect(made.every(key => key.made)).toBe(true);
    expect(state.reads).toBe(1);
    await store.erase(idOf('u-0'));
    const other = new KeyStore(bucket, [kek]);
    for (let n = 100; n < 120; n++) await other.findOrCreate(idOf(`u-${n}`));
    for (let n = 1; n < 20; n++) {
      const again = await other.findOrCreate(idOf(`u-${n}`));
      expect(again.made).toBeUndefined();
      expect(again.key).toEqual(made[n]?.key);
    }
    expect((await other.findOrCreate(idOf('u-0'))).key).toBe('erased');
    expect((await other.findOrCreate(idOf('u-7'), made[7])).key).toBe(made[7]?.key);
  });

  test('wraps anew by the current key, and opens older keys by theirs', async () => {
    const { bucket } = memoryBucket();
    const [old, current] = [localKek(secret()), localKek(secret())];
    const before = await new KeyStore(bucket, [old]).findOrCreate(idOf('u-1'));
    const both = new KeyStore(bucket, [current, old]);
    await both.findOrCreate(idOf('u-2'));
    await both.erase(idOf('u-3'));
    const known = await both.find(idOf('u-1'));
    expect(known?.key).toEqual(before.key);
    expect(await failure(new KeyStore(bucket, [current]).find(idOf('u-1')))).toMatchObject({
      code: 'unknown-kek',
      message: expect.stringContaining(`is wrapped by ${old.id}, given were ${current.id}`),
    });
    expect(await both.rewrapAll()).toEqual({ rewrapped: 1, current: 1, erased: 1 });
    expect(await both.rewrapAll()).toEqual({ rewrapped: 0, current: 2, erased: 1 });
    const after = await new KeyStore(bucket, [current]).find(idOf('u-1'));
    expect(typeof after?.key === 'object' && typeof before.key === 'object' && after.key.equals(before.key)).toBe(true);
  });
});

describe('an erasure', () => {
  test('holds against whoever makes, reads or wraps the key meanwhile', async () => {
    const [old, current] = [localKek(secret()), localKek(secret())];
    const race = fc.asyncProperty(fc.array(fc.nat(6), { minLength: 40, maxLength: 40 }), async ticks => {
      const { bucket, state } = memoryBucket();
      state.ticks = () => ticks.pop() ?? 1;
      const [before, after] = [new KeyStore(bucket, [old, current]), new KeyStore(bucket, [current, old])];
      if ((ticks[0] ?? 0) > 2) await before.findOrCreate(idOf('u-1'));
      await Promise.all([
        before.findOrCreate(idOf('u-1')),
        after.findOrCreate(idOf('u-1')).then(() => after.rewrapAll()),
        after.erase(idOf('u-1')),
        new KeyStore(bucket, [current, old]).findOrCreate(idOf('u-1')),
      ]);
      expect((await after.find(idOf('u-1')))?.key).toBe('erased');
      expect((await after.findOrCreate(idOf('u-1'))).key).toBe('erased');
    });
    await fc.assert(race, { numRuns: 100 });
  });

  test('that was interrupted is finished by doing it again', async () => {
    const { bucket } = memoryBucket();
    const left = ['the key itself'];
    const failing: KeyBucket = {
      ...bucket,
      deleteOlder: () => Promise.reject(new KeysError('unavailable', 'no answer')),
    };
    await new KeyStore(bucket, [localKek(secret())]).findOrCreate(idOf('u-1'));
    expect(await failure(new KeyStore(failing, [localKek(secret())]).erase(idOf('u-1')))).toMatchObject({
      code: 'unavailable',
    });
    const again = new KeyStore({ ...bucket, deleteOlder: async () => left.splice(0).length }, [localKek(secret())]);
    expect(await again.erase(idOf('u-1'))).toEqual({ already: true, versions: 1 });
    expect(await again.erase(idOf('u-1'))).toEqual({ already: true, versions: 0 });
  });
});

describe('a ring', () => {
  const kek = localKek(secret());
  const rings: { close(): void }[] = [];
  afterEach(() => {
    for (const ring of rings.splice(0)) ring.close();
  });
  const open = (bucket: KeyBucket, options = {}) => {
    const ring = openStoredRing(new KeyStore(bucket, [kek]), lookup, options);
    rings.push(ring);
    return ring;
  };

  test('prepares many new owners a few at a time, each once, also for several who ask', async () => {
    const { bucket, objects, state } = memoryBucket();
    const ring = open(bucket, { parallel: 8 });
    const people = Array.from({ length: 500 }, (_, n) => owner(`u-${n}`));
    await Promise.all([ring.prepare(people, never), ring.prepare([...people].reverse(), never)]);
    expect(objects.size).toBe(500);
    expect(state.most).toBeLessThanOrEqual(16);
    const { reads } = state;
    await ring.prepare(people, never);
    expect(state.reads).toBe(reads);
    expect(new Set(people.map(one => ring.keyOf(one).id)).size).toBe(500);
  });

  test('waits while the store is down, goes on when it is back, and ends when it is told to', async () => {
    const { bucket, state } = memoryBucket();
    state.down = true;
    let waits = 0;
    const back = Promise.withResolvers<void>();
    const ring = open(bucket, { onWait: () => ++waits === 3 && back.resolve() });
    const prepared = ring.prepare([owner('u-1')], never);
    await back.promise;
    expect(() => ring.keyOf(owner('u-1'))).toThrow(/not at hand/);
    const ending = new AbortController();
    const other = failure(ring.prepare([owner('u-2')], ending.signal));
    ending.abort(new Error('told to end'));
    expect(await other).toMatchObject({ message: expect.stringMatching(/told to end|aborted/) });
    state.down = false;
    await prepared;
    expect(ring.keyOf(owner('u-1')).id).toBe(idOf('u-1'));
  });

  test('never makes a key again for who was erased: what comes later is sealed under nothing', async () => {
    const { bucket } = memoryBucket();
    const store = new KeyStore(bucket, [kek]);
    const ring = open(bucket);
    await ring.prepare([owner('u-1')], never);
    const before = ring.keyOf(owner('u-1'));
    await store.erase(idOf('u-1'));
    const later = open(bucket);
    await later.prepare([owner('u-1')], never);
    const lost = later.keyOf(owner('u-1'));
    expect(lost.id).toBe(before.id);
    expect(lost.key.equals(before.key)).toBe(false);
    expect((await store.find(before.id))?.key).toBe('erased');
  });

  test('forgets an erased key within its time limit, also without being asked', async () => {
    const { bucket } = memoryBucket();
    const store = new KeyStore(bucket, [kek]);
    const ring = open(bucket, { ttlMs: 200 });
    await ring.prepare([owner('u-1'), owner('u-2')], never);
    const first = ring.keyOf(owner('u-1')).key;
    await store.erase(idOf('u-1'));
    const gone = async () => {
      await ring.prepare([owner('u-1')], never);
      return !ring.keyOf(owner('u-1')).key.equals(first);
    };
    await expect.poll(gone, { timeout: 5_000 }).toBe(true);
    await expect
      .poll(() => failure(Promise.resolve().then(() => ring.keyOf(owner('u-2')))), { timeout: 5_000 })
      .toMatchObject({ code: 'not-prepared' });
  });

  test('keeps no more keys than it may', async () => {
    const { bucket } = memoryBucket();
    const ring = open(bucket, { maxKeys: 10 });
    await ring.prepare(
      Array.from({ length: 12 }, (_, n) => owner(`u-${n}`)),
      never,
    );
    expect(() => ring.keyOf(owner('u-0'))).toThrow(/not at hand/);
    expect(ring.keyOf(owner('u-11')).id).toBe(idOf('u-11'));
  });
});

describe('settings', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-keys-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const file = (name: string, text = generateSecret(), mode = 0o600): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  const read = (env: Record<string, string>) => {
    const reader = new SettingsReader(env);
    const settings = encryptionSettings(reader);
    return { settings, problems: Object.fromEntries(reader.problems.map(({ name, found }) => [name, found])) };
  };
  const arn = 'arn:aws:kms:eu-central-1:123456789012:key/5dbb70dc-c8cb-43bd-8d65-0c4068d60505';

  test('say on with keys, off, off for sure, or nothing', () => {
    const [kek, lookupFile] = [file('kek'), file('lookup')];
    const on = { TIDEMARK_ENCRYPTION: 'on', TIDEMARK_KEYS_BUCKET: 'keys-1', TIDEMARK_KEK: `${kek}, kms:${arn}` };
    const { settings, problems } = read({ ...on, TIDEMARK_LOOKUP_KEY: lookupFile, TIDEMARK_KEYS_PREFIX: '/prod/' });
    expect(problems).toEqual({});
    const keys = { bucket: 'keys-1', prefix: 'prod', keks: [{ kind: 'local' }, { kind: 'kms', arn }] };
    expect(settings).toMatchObject({ state: 'on', keys });
    expect(read({}).settings).toEqual({ state: 'unset' });
    expect(read({ TIDEMARK_ENCRYPTION: 'off' }).settings).toEqual({ state: 'off', sure: false });
    const sure = { TIDEMARK_ENCRYPTION: 'off', TIDEMARK_CLEAR_FOR_EVER: 'yes' };
    expect(read(sure).settings).toEqual({ state: 'off', sure: true });
  });

  test('are refused where they are half, open to others, or no secrets, and none is shown', () => {
    const text = generateSecret();
    expect(read({ TIDEMARK_KEYS_BUCKET: 'b' }).problems).toEqual({
      TIDEMARK_ENCRYPTION: 'nothing, although TIDEMARK_KEYS_BUCKET is set',
    });
    expect(Object.keys(read({ TIDEMARK_ENCRYPTION: 'on' }).problems)).toEqual([
      'TIDEMARK_KEYS_BUCKET',
      'TIDEMARK_KEK',
      'TIDEMARK_LOOKUP_KEY',
    ]);
    const on = { TIDEMARK_ENCRYPTION: 'on', TIDEMARK_KEYS_BUCKET: 'keys-1', TIDEMARK_LOOKUP_KEY: file('lookup') };
    const found = (TIDEMARK_KEK: string) => read({ ...on, TIDEMARK_KEK }).problems;
    expect(found(file('open', text, 0o640)).TIDEMARK_KEK).toMatch(/found mode 0640, expected 0600/);
    expect(found(file('short', 'abc')).TIDEMARK_KEK).toMatch(/expected one line/);
    expect(found(join(folder, 'none')).TIDEMARK_KEK).toMatch(/ENOENT/);
    expect(found('kms:alias/mine').TIDEMARK_KEK).toBe('"kms:alias/mine"');
    expect(found(text.trim()).TIDEMARK_KEK).toBe('a secret itself (not shown)');
    expect(found(on.TIDEMARK_LOOKUP_KEY)).toEqual({ TIDEMARK_LOOKUP_KEY: 'the secret of TIDEMARK_KEK (not shown)' });
    expect(readSecretFile(file('good', text)).export().toString('base64')).toBe(text.trim());
  });
});
