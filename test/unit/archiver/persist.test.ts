// The persist matrix: each write that an archiver does outside, failing before it, after it, and after it without the answer; the same
// archiver going on, or a new one; two at once at each step. Whatever happens, the archive is whole, and nothing is there twice.

import { describe, expect, test } from 'vitest';
import { Crash, type Fault } from '../../memory-bucket.ts';
import { checkArchive } from './check-archive.ts';
import { findingsOf } from './verdict.ts';
import { period, start, World } from './world.ts';

/** Three periods of two partitions, one run late, one period empty. */
async function live(world: World, turn: (step: () => Promise<void>) => Promise<void>): Promise<void> {
  await turn(() => world.seal());
  world.write(0, 3, 1000);
  world.write(1, 1, 2000);
  world.write(0, 2, 4000);
  world.now += 5000;
  await turn(() => world.archive(0));
  world.write(0, 1, 9000);
  world.write(1, 2, 9500);
  world.now += 6000;
  await turn(() => world.archive(0));
  await turn(() => world.seal());
  await turn(() => world.archive(1)); // late
  world.write(0, 2, 12_000);
  world.write(0, 4, 31_000);
  world.write(1, 1, 31_500);
  world.now += 22_000;
  await turn(() => world.archive(0));
  await turn(() => world.archive(1));
  await turn(() => world.seal());
  world.now += period.ms;
  await turn(() => world.seal());
}

async function expectWhole(world: World): Promise<void> {
  expect(await findingsOf(world.bucket)).toEqual([]);
  const checked = checkArchive(world.bucket.dump());
  expect(checked.problems).toEqual([]);
  expect(checked.size).toBe(4);
  expect(checked.pending).toEqual([]);
  expect(checked.offsets.get(0)).toEqual(Array.from({ length: 12 }, (_, index) => BigInt(index)));
  expect(checked.offsets.get(1)).toEqual([0n, 1n, 2n, 3n]);
  expect(world.alarms).toEqual([]);
  expect(world.torn).toEqual([]);
}

async function untroubled(): Promise<World> {
  const world = new World();
  await live(world, step => step());
  return world;
}

const writes = (await untroubled()).bucket.writes;

describe('persisting', () => {
  test('an archive that nothing troubles is whole', async () => {
    await expectWhole(await untroubled());
    expect(writes).toBeGreaterThan(20);
  });

  const faults: Fault[] = ['before', 'unheard', 'crash-before', 'crash-after'];
  test.each(faults)('%s, at each write in turn, and taken up again', async fault => {
    for (let index = 0; index < writes; index++) {
      const world = new World();
      world.bucket.onWrite = write => (write.index === index ? fault : 'none');
      await live(world, async step => {
        try {
          await step();
        } catch (error) {
          const isInjected = error instanceof Crash || (error instanceof Error && error.message.includes('injected'));
          if (!isInjected) throw error;
          await step(); // a new one: each step makes all anew from the bucket
        }
      });
      await expectWhole(world);
    }
  });

  test.each(['before', 'unheard'] as const)('%s, at each write in turn, and the same sealer goes on', async fault => {
    for (let index = 0; index < writes; index++) {
      const world = new World();
      world.keepsSealer = true;
      world.bucket.onWrite = write => (write.index === index ? fault : 'none');
      await live(world, step => step().catch(() => step()));
      await expectWhole(world);
    }
  });

  test('a log grows over its first full tile, read anew now and then', async () => {
    const world = new World();
    world.write(0, 1, 0);
    world.write(1, 1, 0);
    await world.archive(0);
    await world.archive(1);
    for (let index = 1; index <= 300; index++) {
      world.now = start + index * period.ms;
      if (index % 2 === 0) for (const partition of [0, 1]) world.write(partition, 1, index * period.ms);
      if (index % 2 === 0) for (const partition of [0, 1]) await world.archive(partition);
      if (index % 40 === 0 || index > 250) await world.seal();
    }
    world.now += period.ms;
    await world.seal();
    expect(await findingsOf(world.bucket)).toEqual([]);
    expect(checkArchive(world.bucket.dump()).size).toBe(261); // the archive begins when it is first sealed
  });

  test('hints that are lost or stale change nothing', async () => {
    for (const hint of [null, 0n, 2n, 1000n]) {
      const world = new World();
      await live(world, async step => {
        for (const partition of [0, 1]) {
          if (hint === null) world.hints.delete(partition);
          else world.hints.set(partition, hint);
        }
        await step();
      });
      await expectWhole(world);
    }
  });

  test('two at once at each write: one waits there until the other has gone by', async () => {
    for (let index = 0; index < writes; index++) {
      const world = new World();
      let waiting: Promise<void> | null = null;
      await live(world, async step => {
        world.bucket.onWrite = async (write): Promise<Fault> => {
          if (write.index === index && waiting === null) {
            waiting = Promise.resolve();
            await step();
          }
          return 'none';
        };
        await step();
      });
      await expectWhole(world);
    }
  });
});
