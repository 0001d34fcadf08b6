// What is planted into the bucket misleads no writer: what verifies and is committed is adopted, what does not verify is written over as a
// further version, what may be a newer writer's stops it.

import { beforeEach, describe, expect, test } from 'vitest';
import { compressors } from '../../../core/edge/compression.ts';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { findArchiveEnd } from '../../../core/edge/s3/archive-end.ts';
import { parseManifest } from '../../../core/proof/batch.ts';
import { textOf, utf8 } from '../../../core/proof/bytes.ts';
import { chainAfter, chainStart } from '../../../core/proof/chain.ts';
import { checkpointKey } from '../../../core/proof/log.ts';
import { signNote } from '../../../core/proof/note.ts';
import { manifestKey } from '../../../core/proof/period.ts';
import { formatSeal } from '../../../core/proof/seal.ts';
import { buildSegment, segmentKey } from '../../../core/proof/segment.ts';
import { SchemaError } from '../../../schemas/index.ts';
import { testSchemaText } from '../../archive-events.ts';
import { type MadeRun, makeRun } from '../../integration/archiver-writer.ts';
import { testOrigin, testSigner } from '../../test-keys.ts';
import { checkArchive } from './check-archive.ts';
import { period, start, World } from './world.ts';

function segmentOf(...runs: readonly MadeRun[]): { key: string; bytes: Uint8Array } {
  const [first] = runs;
  if (!first) throw new Error('no run');
  const made = runs.map(run => ({ sealNote: run.note, datums: run.datums }));
  const bytes = buildSegment(nodeCrypto.sha256, testSchemaText, made, 'deflate', compressors.deflate);
  return { key: segmentKey(first.seal), bytes };
}

const endAfter = (run: MadeRun) => chainAfter(run.seal, run.hash);

/** Seals what has ended, and expects the chains that the topic has committed, nothing else. */
async function expectArchived(world: World, events: number): Promise<void> {
  world.now += period.ms;
  await world.seal();
  const checked = checkArchive(world.bucket.dump(), { strict: false });
  expect(checked.problems).toEqual([]);
  expect(checked.offsets.get(0)).toEqual(Array.from({ length: events }, (_, index) => BigInt(index)));
}

let world: World;
beforeEach(async () => {
  world = new World();
  await world.seal();
});

describe('a segment at the next key', () => {
  test('of garbage is written over, with an alarm', async () => {
    const run = world.write(0, 2, 1000);
    const { key } = segmentOf(run);
    world.bucket.put(key, utf8('garbage'));
    await world.archive(0);
    expect(world.alarms).toEqual([`planted ${key}`]);
    await expectArchived(world, 2);
  });

  test('of runs that the topic has committed is adopted, however it was cut', async () => {
    const [a, b, c] = [world.write(0, 2, 1000), world.write(0, 1, 2000), world.write(0, 1, 3000)];
    const { key, bytes } = segmentOf(a, b);
    world.bucket.put(key, bytes);
    await world.archive(0);
    expect(world.bucket.dump('events/').map(version => version.key)).toEqual([key, segmentOf(c).key]);
    expect(world.alarms).toEqual([]);
    await expectArchived(world, 4);
  });

  test('that reaches further than was read is adopted when the topic has come so far', async () => {
    const a = world.write(0, 2, 1000);
    const b = makeRun(endAfter(a), { events: 1, sealedAt: start + 2000, partitions: 2 });
    const { key, bytes } = segmentOf(a, b);
    world.bucket.put(key, bytes);
    await world.archive(0);
    expect(world.bucket.dump('events/')).toHaveLength(1);
    world.append(0, b);
    world.ends.set(0, endAfter(b));
    world.write(0, 1, 3000);
    await world.archive(0);
    expect(world.bucket.dump('events/')).toHaveLength(2);
    expect(world.alarms).toEqual([]);
    await expectArchived(world, 4);
  });

  test('of runs that were never committed does not count, although it is signed', async () => {
    const a = world.write(0, 2, 1000);
    const aborted = makeRun(endAfter(a), { events: 5, sealedAt: start + 2000, partitions: 2 });
    const { key, bytes } = segmentOf(a, aborted);
    world.bucket.put(key, bytes);
    await world.archive(0);
    world.write(0, 1, 3000);
    world.write(0, 1, 4000);
    await world.archive(0);
    expect(world.alarms).toContain(`uncommitted ${key}`);
    world.write(0, 1, 5000); // until something follows one of them, the sealer can't tell which counts
    await world.archive(0);
    await expectArchived(world, 5);
  });

  test('found by a race, of runs never committed: waits for the topic to tell', async () => {
    const a = world.write(0, 2, 1000);
    const aborted = makeRun(endAfter(a), { events: 5, sealedAt: start + 2000, partitions: 2 });
    world.write(0, 1, 3000);
    const { key, bytes } = segmentOf(a, aborted);
    world.bucket.onWrite = write => {
      world.bucket.onWrite = () => 'none';
      expect(write.key).toBe(key);
      world.bucket.put(key, bytes);
      return 'none';
    };
    await world.archive(0);
    expect(world.alarms).toContain(`planted ${key}`);
    world.write(0, 1, 4000);
    await world.archive(0);
    await expectArchived(world, 4);
  });

  test('signed by an unknown key in our name stops, and nothing is added', async () => {
    const run = world.write(0, 2, 1000);
    const { key, bytes } = segmentOf({
      ...run,
      note: signNote(formatSeal(run.seal), testSigner(`${testOrigin}/normalizer`, 'new')),
    });
    world.bucket.put(key, bytes);
    const before = world.bucket.dump().length;
    await expect(world.archive(0)).rejects.toThrow(/Stopped, nothing was added/);
    expect(world.bucket.dump()).toHaveLength(before);
  });

  test('of a later format stops', async () => {
    const run = world.write(0, 2, 1000);
    const text = formatSeal(run.seal).replace('tidemark-seal/1', 'tidemark-seal/2');
    const { key, bytes } = segmentOf(run);
    const later = Buffer.from(bytes.map((byte, index) => byte || (bytes[index] ?? 0)));
    const at = later.indexOf('tidemark-seal/1');
    expect(at).toBeGreaterThan(0);
    later.write('tidemark-seal/2', at);
    world.bucket.put(key, new Uint8Array(later));
    expect(text).toContain('tidemark-seal/2');
    await expect(world.archive(0)).rejects.toThrow(/found tidemark-seal\/2/);
  });
});

test('committed runs that somebody cuts otherwise stop nobody', async () => {
  const [a, b, c] = [world.write(0, 2, 1000), world.write(0, 1, 2000), world.write(0, 1, 3000)];
  await world.archive(0);
  for (const { key, bytes } of [segmentOf(a), segmentOf(b), segmentOf(c)]) world.bucket.put(key, bytes);
  world.write(0, 1, 4000);
  await world.archive(0);
  await expectArchived(world, 5);
});

test('a worker whose chain the last batch lists by other segments begins again', async () => {
  world.segmentBytes = 1; // each run a segment
  const [a, b] = [world.write(0, 2, 1000), world.write(0, 1, 2000)];
  const worker = await world.worker(0);
  const rowAt = (run: MadeRun, hash = run.hash) => {
    const { next, generation } = run.seal;
    const nothing = { partition: 0, events: 0, skipped: 0, lost: 0, seals: 0, segments: [] };
    return { ...nothing, generation, next, lastSeal: hash };
  };
  await worker.checkListed(rowAt(a));
  await worker.checkListed(rowAt(a));
  await worker.checkListed(rowAt(b));
  await worker.checkListed(rowAt(a));
  expect(world.failures).toEqual([]);
  const c = makeRun(endAfter(b), { events: 1, sealedAt: start + 3000, partitions: 2 });
  await worker.checkListed(rowAt(c));
  expect(world.failures).toEqual([expect.stringContaining('where no segment of ours does')]);
  await worker.stop();
});

test('a segment planted further on misleads nobody', async () => {
  world.write(0, 2, 1000);
  const far = makeRun(
    { ...chainStart, next: 500n, lastSeal: new Uint8Array(32) },
    { events: 1, sealedAt: start + 5000, partitions: 2 },
  );
  const { key, bytes } = segmentOf(far);
  world.bucket.put(key, bytes);
  await world.archive(0);
  const end = await findArchiveEnd(world.context().reader, 0);
  expect(end.end.next).toBe(2n);
  await expectArchived(world, 2);
});

test('a segment that is hidden behind a delete marker still counts', async () => {
  world.write(0, 2, 1000);
  await world.archive(0);
  const [{ key } = { key: '' }] = world.bucket.dump('events/');
  world.bucket.hide(key);
  world.write(0, 1, 2000);
  await world.archive(0);
  expect((await findArchiveEnd(world.context().reader, 0)).end.next).toBe(3n);
  expect(world.bucket.dump(key)).toHaveLength(2);
  await expectArchived(world, 3);
});

test('a segment without lock, as somebody copied it, is locked before it is listed', async () => {
  const run = world.write(0, 2, 1000);
  const { key, bytes } = segmentOf(run);
  world.bucket.put(key, bytes);
  await world.archive(0);
  await expectArchived(world, 2);
  expect(world.bucket.dump(key)[0]?.retainUntil).toBeGreaterThan(start);
});

test.each(['manifest', 'checkpoint', 'tile', 'archive.json'])(
  'a %s that is planted first, hidden or written over stops nobody',
  async what => {
    const keys = {
      manifest: manifestKey(start),
      checkpoint: checkpointKey,
      tile: 'log/tile/0/000.p/1',
      'archive.json': 'archive.json',
    };
    const key = keys[what as keyof typeof keys];
    if (what !== 'archive.json') world.bucket.put(key, utf8('garbage'));
    world.write(0, 2, 1000);
    await world.archive(0);
    world.now += period.ms;
    await world.seal();
    world.bucket.put(key, utf8('garbage'));
    world.now += period.ms;
    await world.seal();
    world.bucket.hide(key);
    world.write(0, 1, 25_000);
    await world.archive(0);
    await expectArchived(world, 3);
    expect(checkArchive(world.bucket.dump(), { strict: false }).size).toBe(3);
  },
);

test('a manifest by an unknown key in our name stops the sealer, and nothing is added', async () => {
  world.now += period.ms;
  world.bucket.put(manifestKey(start), signNote('{"format": "tidemark-batch/1"}\n', testSigner(testOrigin, 'other')));
  const before = world.bucket.dump().length;
  await expect(world.seal()).rejects.toThrow(/TIDEMARK_LOG_VERIFIERS/);
  expect(world.bucket.dump()).toHaveLength(before);
});

test('a torn transaction is left out, and what chains goes on', async () => {
  const a = world.write(0, 2, 1000);
  world.append(0, makeRun(endAfter(a), { events: 4, sealedAt: start + 1500, partitions: 2 }), 3);
  world.write(0, 1, 2000);
  world.append(0, a); // replayed
  const forged = makeRun(endAfter(a), { events: 1, sealedAt: start + 2500, partitions: 2 });
  world.append(0, {
    ...forged,
    note: signNote(`${textOf(forged.note).split('\n\n')[0]}\n`, testSigner('someone/else')),
  });
  world.write(0, 1, 3000);
  await world.archive(0);
  expect(world.torn).toHaveLength(3);
  await expectArchived(world, 4);
});

test('what no normalizer has sealed is left out before its schema is asked for: a registry that does not know it stops nobody', async () => {
  const a = world.write(0, 2, 1000);
  const forged = makeRun(endAfter(a), { events: 1, sealedAt: start + 1500, partitions: 2 });
  const note = signNote(`${textOf(forged.note).split('\n\n')[0]}\n`, testSigner('someone/else'));
  world.append(0, { ...forged, note }, 1, 99);
  world.write(0, 1, 2000);
  const context = world.context();
  const schemaText = async (id: number) => {
    if (id === 99) throw new SchemaError('unknown-schema', 'no schema 99');
    return testSchemaText;
  };
  await world.archive(0, { ...context, schemaText });
  expect(world.torn).toEqual([expect.stringContaining('no valid signature')]);
  await expectArchived(world, 3);
});

test('a new generation goes on from where the old one ended, at any offset', async () => {
  world.write(0, 2, 1000);
  world.write(0, 3, 2000, { generation: 1, first: 7n });
  await world.archive(0);
  world.now += period.ms;
  await world.seal();
  const checked = checkArchive(world.bucket.dump());
  expect(checked.problems).toEqual([]);
  expect(checked.offsets.get(0)).toEqual([0n, 1n, 7n, 8n, 9n]);
});

test('rows are as many as any listed seal names, and never fewer', async () => {
  world.write(0, 1, 1000, { partitions: 4 });
  await world.archive(0);
  world.write(0, 1, 11_000, { partitions: 2 });
  world.now += period.ms;
  await world.seal();
  await world.archive(0);
  world.now += period.ms;
  await world.seal();
  for (const index of [0, 1]) {
    const note = world.bucket.dump(manifestKey(start + index * period.ms))[0];
    const text = textOf(note?.bytes ?? new Uint8Array()).split('\n\n')[0];
    expect(parseManifest(`${text}\n`).partitions).toHaveLength(4);
  }
});

test('locks are extended in time, and never made shorter', async () => {
  const { LockKeeper } = await import('../../../consumers/archiver/lock-keeper.ts');
  world.write(0, 1, 1000);
  await world.archive(0);
  world.now += period.ms;
  await world.seal();
  const context = world.context();
  const keeper = new LockKeeper(context);
  expect(await keeper.pass()).toBe(0);
  for (let day = 0; day < 40; day++) {
    world.now += 24 * 3600_000;
    await keeper.pass();
    for (const version of world.bucket.dump()) {
      const isKept = version.key === 'archive.json' || version.key.startsWith('batches/');
      if (isKept) expect(version.retainUntil).toBeGreaterThanOrEqual(world.now + context.retentionMs);
    }
  }
});
