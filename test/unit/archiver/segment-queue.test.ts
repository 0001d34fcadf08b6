// Segments are written beside the taking of further runs, and what waits for them is bounded.

import { expect, test } from 'vitest';
import { Backlog } from '../../../consumers/archiver/backlog.ts';
import type { PendingRun } from '../../../consumers/archiver/cut.ts';
import { SegmentQueue } from '../../../consumers/archiver/segment-queue.ts';
import { RunAssembler } from '../../../consumers/archiver/topic-run.ts';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import type { Bucket } from '../../../core/edge/s3/bucket.ts';
import { testSchemaText } from '../../archive-events.ts';
import { period, World } from './world.ts';

/** The runs of a partition's log, as its worker takes them. */
function runsOf(world: World, partition: number): PendingRun[] {
  const assembler = new RunAssembler(nodeCrypto.sha256);
  return (world.topics.get(partition) ?? []).flatMap((record, index) =>
    assembler.push({ offset: BigInt(index), ...record }).flatMap(item => {
      if (item.kind !== 'run') throw new Error(item.why);
      return [{ run: item.run, schemaText: testSchemaText, takenAt: world.now }];
    }),
  );
}

function queueOf(world: World, bucket: Bucket, maxBytes: number, onFailure = (error: unknown): void => void error) {
  const cut = { duration: period, maxBytes, maxAgeMs: 3_600_000 };
  const written: bigint[] = [];
  const onWritten = async ({ run }: PendingRun) => void written.push(run.sealed.seal.next);
  const context = { ...world.context(), bucket };
  return { queue: new SegmentQueue({ context, partition: 0, cut, refuted: new Set(), onWritten, onFailure }), written };
}

/** The world's bucket, whose writes wait until they are let through. */
function gated({ bucket }: World) {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const create: Bucket['create'] = async (...args) => {
    await opened;
    return bucket.create(...args);
  };
  return { bucket: Object.assign(Object.create(bucket), { create }) as Bucket, open };
}

test('runs are taken while a segment is written, up to what another takes, and none is left out', async () => {
  const world = new World();
  for (let n = 0; n < 5; n++) world.write(0, 2, 1000 + n);
  const runs = runsOf(world, 0);
  const size = runs[0]?.run.bytes ?? 0;
  const { bucket, open } = gated(world);
  const { queue, written } = queueOf(world, bucket, size);
  const [first, second, third, ...rest] = runs;
  for (const run of [first, second]) if (run) await queue.push(run);
  expect(written).toEqual([]);
  let taken = false;
  const waits = third && queue.push(third).then(() => (taken = true));
  await new Promise(resolve => setImmediate(resolve));
  expect(taken).toBe(false);
  open();
  await waits;
  for (const run of rest) await queue.push(run);
  await queue.flush(() => true);
  expect(written).toEqual([2n, 4n, 6n, 8n, 10n]);
  expect(queue.bytes).toBe(0);
});

test('a write that fails is told once, and to each who comes later', async () => {
  const world = new World();
  world.write(0, 2, 1000);
  const told: unknown[] = [];
  const failure = new Error('no bucket');
  const create: Bucket['create'] = async () => {
    throw failure;
  };
  const broken = Object.assign(Object.create(world.bucket), { create }) as Bucket;
  const [run] = runsOf(world, 0);
  const { queue } = queueOf(world, broken, run?.run.bytes ?? 0, error => void told.push(error));
  if (run) await queue.push(run);
  await expect(queue.settled()).rejects.toBe(failure);
  await expect(queue.flush(() => true)).rejects.toBe(failure);
  expect(told).toEqual([failure]);
});

test('where partitions together hold too much, the one with the most writes what it has', async () => {
  const world = new World();
  world.backlogBytes = 1;
  world.write(0, 2, 1000);
  world.write(1, 5, 1500);
  const context = world.context();
  await world.worker(0, context);
  await world.worker(1, context);
  expect(world.bucket.writes).toBe(2);

  const flushed: string[] = [];
  const backlog = new Backlog(100);
  const queue = (name: string, bytes: number) => ({
    bytes,
    settled: async () => {},
    flush: async function (this: { bytes: number }) {
      flushed.push(name);
      this.bytes = 0;
    },
  });
  for (const [name, bytes] of [
    ['a', 40],
    ['b', 70],
    ['c', 20],
  ] as const)
    backlog.add(queue(name, bytes));
  await backlog.makeRoom();
  expect(flushed).toEqual(['b']);
});
