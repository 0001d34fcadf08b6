// Puts a partition's next segment into the bucket. The key follows from the chain alone, so whoever races, however late, finds it
// taken; what is there is adopted if the topic has committed it, waited for if the topic has not come so far, and written over (as a further
// version) only if it does not verify. Contract: after `written` or `adopted` the runs are durable and locked.

import { compressAside } from '../../core/edge/compression.ts';
import { allVersions, wholeSeconds } from '../../core/edge/s3/bucket.ts';
import { BucketError } from '../../core/edge/s3/error.ts';
import { openSegment, type SegmentFacts } from '../../core/edge/s3/segment-object.ts';
import type { Crypto } from '../../core/proof/crypto.ts';
import { formatSegment, type SegmentRun, segmentBlocks, segmentKey } from '../../core/proof/segment.ts';
import { compareSeals } from './chain-place.ts';
import type { ArchiverContext } from './context.ts';
import type { PendingRun } from './cut.ts';

export type Put =
  /** So many of the pending runs are in the bucket now. */
  | { readonly kind: 'written' | 'adopted'; readonly runs: number }
  /** What is there begins with all that is pending, and goes on: only the topic's next runs can tell whether it counts. */
  | { readonly kind: 'ahead'; readonly facts: SegmentFacts };

const maxRounds = 10;

/** Writes the first `count` of the pending runs as a segment. `refuted`: digests of segments that do not count, although they verify. */
export async function putSegment(
  context: ArchiverContext,
  pending: readonly PendingRun[],
  count: number,
  refuted: ReadonlySet<string>,
): Promise<Put> {
  const { bucket, reader, events } = context;
  const own = pending.slice(0, count);
  const [first] = own;
  const last = own.at(-1);
  if (!first || !last) return { kind: 'written', runs: 0 };
  const key = segmentKey(first.run.sealed.seal);
  const bytes = await buildAside(
    reader.crypto.sha256,
    first.schemaText,
    own.map(({ run }) => run),
  );
  const demandMs = context.demand?.of(first.schemaText, datumsOf(own)) ?? 0;
  const keepMs = Math.max(context.retentionMs, demandMs);
  const lockedUntil = () => wholeSeconds(Math.max(context.now(), last.run.sealed.seal.sealedAt) + keepMs);
  for (let round = 0; round < maxRounds; round++) {
    if ((await bucket.create(key, bytes, lockedUntil())) === 'created') {
      events.segmentWritten(first.run.sealed.seal.partition, key, bytes.length, last.run.sealed.seal.sealedAt);
      return { kind: 'written', runs: count };
    }
    const there = await lookAt(context, key, pending, refuted);
    if (there) {
      events.segmentAdopted(first.run.sealed.seal.partition, key);
      return there;
    }
    events.alarm('planted', key, 'it is taken by what does not verify: a version of our own goes over it');
    const latest = await bucket.read(key);
    if (latest && (await bucket.replace(key, bytes, latest.etag, lockedUntil())) === 'replaced') {
      events.segmentWritten(first.run.sealed.seal.partition, key, bytes.length, last.run.sealed.seal.sealedAt);
      return { kind: 'written', runs: count };
    }
  }
  throw new BucketError(
    'unavailable',
    `${key}: changed each of ${maxRounds} times that it was read: who writes there?`,
  );
}

/** Blocks that are compressed at a time: more would only lie in memory. */
const atOnce = 3;

/** The segment of these runs, compressed beside what else this program does. */
async function buildAside(
  sha256: Crypto['sha256'],
  schemaText: string,
  runs: readonly SegmentRun[],
): Promise<Uint8Array> {
  const blocks: { count: number; compressed: Uint8Array }[] = [];
  let next = 0;
  const source = segmentBlocks(runs);
  const compress = async (): Promise<void> => {
    for (let block = source.next(); !block.done; block = source.next()) {
      const { count, data } = block.value;
      const at = next++;
      blocks[at] = { count, compressed: await compressAside(data) };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, compress));
  return formatSegment(sha256, schemaText, runs, 'zstandard', blocks);
}

function* datumsOf(pending: readonly PendingRun[]): Iterable<Uint8Array> {
  for (const { run } of pending) yield* run.datums;
}

/** What of the versions of a taken key counts; null: none does. */
async function lookAt(
  { reader }: ArchiverContext,
  key: string,
  pending: readonly PendingRun[],
  refuted: ReadonlySet<string>,
): Promise<Put | null> {
  const ours = pending.map(({ run }) => run.sealed);
  let ahead: Put | null = null;
  for (const object of await allVersions(reader.bucket, key)) {
    const opened = openSegment(reader, key, object);
    if (!('facts' in opened) || refuted.has(opened.facts.sha256)) continue;
    const comparison = compareSeals(opened.facts.seals, ours);
    if (comparison === 'within') return { kind: 'adopted', runs: opened.facts.seals.length };
    if (comparison === 'beyond') ahead ??= { kind: 'ahead', facts: opened.facts };
  }
  return ahead;
}
