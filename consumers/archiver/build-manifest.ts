// What a period's manifest says, given the batch before it and the segments that continue each partition's chain (archive format,
// section 4). Pure: the same segments make the same text.

import type { StoredManifest } from '../../core/edge/s3/archive-log.ts';
import type { SegmentFacts } from '../../core/edge/s3/segment-object.ts';
import { batchRoot, type ListedSegment, type Manifest, type PartitionRow } from '../../core/proof/batch.ts';
import { utf8 } from '../../core/proof/bytes.ts';
import type { Crypto } from '../../core/proof/crypto.ts';
import { type Duration, formatMicros, formatTime } from '../../core/proof/period.ts';

export interface ManifestPlan {
  readonly origin: string;
  readonly duration: Duration;
  /** Start of the period, ms. */
  readonly period: number;
  readonly previous: StoredManifest | null;
  /** By partition, the segments that go on from the row before, in order; each locked (`retainUntil`). */
  readonly segments: ReadonlyMap<number, readonly SegmentFacts[]>;
}

export function buildManifest(sha256: Crypto['sha256'], plan: ManifestPlan): Manifest {
  const { origin, duration, previous } = plan;
  const before = previous?.manifest.partitions ?? [];
  const listed = [...plan.segments.values()].flat();
  const named = listed.map(({ last }) => last.seal.partitions);
  const count = Math.max(before.length, ...named);
  const rows = Array.from({ length: count }, (_, partition) =>
    rowOf(partition, before[partition], plan.segments.get(partition) ?? []),
  );
  const texts = rows.flatMap(({ partition }) =>
    (plan.segments.get(partition) ?? []).flatMap(({ seals }) => seals.map(({ note }) => utf8(note.text))),
  );
  const sum = (name: 'events' | 'skipped' | 'lost' | 'seals') => rows.reduce((total, row) => total + row[name], 0);
  return {
    origin,
    period: formatTime(plan.period),
    duration: duration.text,
    root: batchRoot(sha256, texts),
    events: sum('events'),
    skipped: sum('skipped'),
    lost: sum('lost'),
    seals: sum('seals'),
    previous: previous && { period: previous.manifest.period, sha256: previous.sha256 },
    partitions: rows,
  };
}

function rowOf(partition: number, before: PartitionRow | undefined, segments: readonly SegmentFacts[]): PartitionRow {
  const last = segments.at(-1)?.last;
  const sum = (count: (facts: SegmentFacts) => number) => segments.reduce((total, facts) => total + count(facts), 0);
  return {
    partition,
    generation: last?.seal.generation ?? before?.generation ?? 0,
    next: last?.seal.next ?? before?.next ?? 0n,
    lastSeal: last?.hash ?? before?.lastSeal ?? null,
    events: sum(facts => facts.events),
    skipped: sum(facts => facts.skipped),
    lost: sum(facts => facts.lost),
    seals: sum(facts => facts.seals.length),
    segments: segments.map(listedOf),
  };
}

function listedOf(facts: SegmentFacts): ListedSegment {
  return {
    key: facts.key,
    sha256: facts.sha256,
    bytes: facts.bytes,
    events: facts.events,
    seals: facts.seals.length,
    generation: facts.generation,
    first: facts.first,
    next: facts.next,
    lastSeal: facts.last.hash,
    schema: facts.schema,
    sealed: { first: facts.seals[0].seal.sealedAt, last: facts.last.seal.sealedAt },
    occurredAt: { min: formatMicros(facts.occurredAt.min), max: formatMicros(facts.occurredAt.max) },
    // Rounded down: never later than the lock itself.
    retainUntil: formatTime(Math.floor((facts.retainUntil ?? 0) / 1000) * 1000),
  };
}
