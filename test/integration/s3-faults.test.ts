// The archiver on an S3 server that answers with errors, late or not at all, and on one that is away: the archive is whole afterwards, and
// nothing is in it twice. S3 down for ten minutes is `npm run faults:outage`.

import { afterEach, expect, test, vi } from 'vitest';
import { ArchiveWorld } from '../faults/network/archive-world.ts';
import { takeAway } from '../faults/network/outage.ts';
import { troubled } from '../faults/network/s3-answers.ts';
import { seededRandom } from '../faults/random.ts';
import { stackEnv } from '../stack.ts';

vi.setConfig({ testTimeout: 300_000 }); // each step has a limit of its own

const worlds: ArchiveWorld[] = [];

afterEach(async () => {
  await Promise.all(worlds.splice(0).map(world => world.close()));
});

async function openWorld(): Promise<ArchiveWorld> {
  const world = await ArchiveWorld.open(stackEnv());
  worlds.push(world);
  return world;
}

test('answers of all wrong kinds to one request in seven', async () => {
  const world = await openWorld();
  world.keepWriting();
  const proxy = await world.proxy();
  const archiver = world.startArchiver(proxy);
  await expect.poll(() => proxy.counts.get('checkpoint') ?? 0, { timeout: 120_000 }).toBeGreaterThan(0);
  proxy.rule = troubled(seededRandom(7), 15);
  const sealed = proxy.counts.get('sized-checkpoint') ?? 0;
  await expect.poll(() => proxy.counts.get('sized-checkpoint') ?? 0, { timeout: 120_000 }).toBeGreaterThan(sealed + 2);
  expect(await world.problems()).toEqual([]);
  await archiver.end();
});

test('S3 away for a while, under load: the archiver waits in bounded memory', async () => {
  const world = await openWorld();
  world.keepWriting(200, 500);
  const proxy = await world.proxy();
  // So large a segment and no more is held back for a partition, with what was fetched ahead.
  const archiver = world.startArchiver(proxy, { TIDEMARK_SEGMENT_BYTES: '60000' });
  const outage = await takeAway(world, proxy, archiver, { downMs: 6000, everyMs: 500, say: () => {} });
  expect(outage.most - outage.before).toBeLessThan(100);
  expect(await world.problems()).toEqual([]);
});
