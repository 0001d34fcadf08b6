// Locks made longer by hand: the span that was asked for, all that proves it, nothing shorter, and whatever comes between.

import { describe, expect, test } from 'vitest';
import { type Extension, extendLocks } from '../../../core/edge/s3/extend-locks.ts';
import type { DumpedVersion } from '../../memory-bucket.ts';
import { dayMs, LivingArchive } from './retention-world.ts';
import { start } from './world.ts';

const until = start + 60 * dayMs + 1000;
const asked = (how: Partial<Extension> = {}): Extension => ({
  to: { until },
  from: start + dayMs,
  before: start + 2 * dayMs,
  isTried: false,
  ...how,
});

async function archiveOf(periods: number): Promise<LivingArchive> {
  const archive = new LivingArchive(undefined);
  await archive.live(periods);
  return archive;
}

const locksOf = (versions: readonly DumpedVersion[]) =>
  new Map(versions.map(({ key, versionId, retainUntil }) => [`${key} ${versionId}`, retainUntil]));

describe('retention extend', () => {
  test('locks the segments of a span and all that proves them, and what is sealed later goes along', async () => {
    const archive = await archiveOf(16);
    const { bucket } = archive.world;
    const result = await extendLocks(bucket, asked());
    expect(result).toMatchObject({ segments: { extended: 4, longEnough: 0 }, gone: 0, until, unlisted: 0 });
    const long = bucket.dump('events/').filter(({ retainUntil }) => retainUntil === until);
    expect(new Set(long.map(({ key }) => key.slice(0, 20)))).toEqual(
      new Set(['events/dt=2026-03-02', 'events/dt=2026-03-03']),
    );
    await archive.live(200); // fifty days: all else has long expired
    archive.expire('');
    expect(bucket.dump('events/').filter(({ retainUntil }) => retainUntil === until)).toHaveLength(4);
    expect((await archive.verdict()).findings).toEqual([]);
    for (const { key, retainUntil } of bucket.dump('batches/')) expect(retainUntil, key).toBeGreaterThanOrEqual(until);
  }, 30_000);

  test('by a duration: longer than was listed, and a second time nothing', async () => {
    const { world } = await archiveOf(8);
    const before = locksOf(world.bucket.dump('events/'));
    const by = asked({ to: { by: 5 * dayMs }, from: null, before: null });
    expect((await extendLocks(world.bucket, by)).segments).toEqual({ extended: 8, longEnough: 0 });
    for (const [id, lock] of locksOf(world.bucket.dump('events/')))
      expect(lock).toBe((before.get(id) ?? 0) + 5 * dayMs);
    const again = await extendLocks(world.bucket, by);
    expect(again).toMatchObject({ segments: { extended: 0, longEnough: 8 }, proof: { extended: 0 } });
  });

  test('nothing is made shorter, nor anything when only tried', async () => {
    const { world } = await archiveOf(8);
    const before = locksOf(world.bucket.dump());
    const sooner = { until: start + dayMs };
    expect((await extendLocks(world.bucket, asked({ to: sooner }))).segments).toEqual({ extended: 0, longEnough: 4 });
    expect((await extendLocks(world.bucket, asked({ isTried: true }))).segments).toEqual({
      extended: 4,
      longEnough: 0,
    });
    expect(locksOf(world.bucket.dump())).toEqual(before);
  });

  test('cut off at any write, no segment outlives its proof; done again, it is whole', async () => {
    for (let index = 0; index < 200; index += 7) {
      const { world } = await archiveOf(8);
      const writes = world.bucket.writes;
      world.bucket.onWrite = write => (write.index === writes + index ? 'crash-before' : 'none');
      const isWhole = await extendLocks(world.bucket, asked()).then(
        () => true,
        () => false,
      );
      const segments = world.bucket.dump('events/').map(({ retainUntil }) => retainUntil ?? 0);
      const manifests = world.bucket.dump('batches/').map(({ retainUntil }) => retainUntil ?? 0);
      expect(Math.min(...manifests)).toBeGreaterThanOrEqual(Math.max(...segments));
      if (isWhole) return;
      await extendLocks(world.bucket, asked());
      expect(world.bucket.dump('events/').filter(({ retainUntil }) => retainUntil === until)).toHaveLength(4);
    }
    throw new Error('it never came to its end');
  }, 30_000);

  test('what is hidden is extended too; what is gone and what is in no batch is said', async () => {
    const archive = await archiveOf(60);
    const { bucket } = archive.world;
    expect(archive.expire('events/')).toBeGreaterThan(0);
    const [kept] = bucket.dump('events/').slice(-1);
    bucket.hide(kept?.key ?? '');
    archive.write({});
    await archive.world.archive(0, archive.context);
    const result = await extendLocks(bucket, asked({ from: null, before: null }));
    expect(result.gone).toBeGreaterThan(0);
    expect(result.unlisted).toBe(1);
    expect(await bucket.retention(kept?.key ?? '', kept?.versionId ?? '')).toBe(until);
  });

  test('a span without segments changes nothing', async () => {
    const { world } = await archiveOf(4);
    const writes = world.bucket.writes;
    const result = await extendLocks(world.bucket, asked({ from: start + 90 * dayMs, before: null }));
    expect(result).toMatchObject({ until: null, proof: { extended: 0 } });
    expect(world.bucket.writes).toBe(writes);
  });
});
