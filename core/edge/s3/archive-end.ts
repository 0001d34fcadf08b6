// Where a partition's chain ends in the bucket: the row of the latest batch, then forward along segments, as far as each joins. Used
// by the archiver at an assignment, by the sealer to see what a batch lists, and by the normalizer (which only reads) where its
// output partition is empty. Only what joins counts: a segment planted further on, or at the next key, misleads nobody.

import { endOfRow, type Manifest } from '../../proof/batch.ts';
import { hex } from '../../proof/bytes.ts';
import { type ChainEnd, chainAfter, chainStart, joinSeal } from '../../proof/chain.ts';
import { formatTime, parseTime } from '../../proof/period.ts';
import { parseSegmentKey } from '../../proof/segment.ts';
import { periodStart, readArchive, readHead, readManifest, type StoredManifest } from './archive-log.ts';
import { allVersions } from './bucket.ts';
import { type ArchiveReader, openSegment, type SegmentFacts } from './segment-object.ts';

/** How far before the last batch segments are looked for where the chain's own end is older: no topic keeps records for longer. */
const lookBackMs = 30 * 24 * 3600_000;

/** A partition's segments that are behind a time, by generation and first raw offset; each with all the hours that it is found in. */
export type SegmentIndex = ReadonlyMap<number, readonly IndexedSegment[]>;
export interface IndexedSegment {
  readonly key: string;
  readonly generation: number;
  readonly first: bigint;
}

/** Lists the segments of all partitions sealed in the hour of `since` (ms) and later; what delete markers hide is among them. */
export async function indexSegments({ bucket }: ArchiveReader, since: number): Promise<SegmentIndex> {
  const index = new Map<number, Map<string, IndexedSegment>>();
  const hour = formatTime(Math.max(0, since));
  const after = since <= 0 ? undefined : `events/dt=${hour.slice(0, 10)}/hour=${hour.slice(11, 13)}/`;
  for await (const { key, isDeleteMarker } of bucket.versions('events/', after)) {
    const place = isDeleteMarker ? null : parseSegmentKey(key);
    if (!place) continue;
    const found = index.get(place.partition) ?? new Map<string, IndexedSegment>();
    found.set(key, { key, generation: place.generation, first: place.first });
    index.set(place.partition, found);
  }
  return new Map(Array.from(index, ([partition, found]) => [partition, [...found.values()].sort(byPlace)]));
}

function byPlace(a: IndexedSegment, b: IndexedSegment): number {
  if (a.generation !== b.generation) return a.generation - b.generation;
  if (a.first !== b.first) return a.first < b.first ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}

/** From when on segments have to be looked for that go on from `end`. */
export function searchFrom(end: ChainEnd, lastPeriodEnd: number | null): number {
  const bound = lastPeriodEnd === null ? 0 : lastPeriodEnd - lookBackMs;
  return Math.max(end.sealedAt, bound);
}

/**
 * The segments that follow `from`, in order, as far as they join. Where different ones join at the same place (one may be of a transaction that
 * was never committed), the one from which the chain reaches furthest counts; while none does, the chain ends before them.
 */
export async function* walkChain(
  reader: ArchiveReader,
  index: SegmentIndex,
  partition: number,
  from: ChainEnd,
): AsyncGenerator<SegmentFacts> {
  for (let end = from; ; ) {
    const joining = await joiningAt(reader, index, partition, end);
    const next = joining.length > 1 ? await furthest(reader, index, partition, joining) : joining[0];
    if (!next) return;
    yield next;
    end = endOf(next);
  }
}

/** Of several, the one from which most seals follow; where they lead to the same end the oldest, where to different ones none. */
async function furthest(
  reader: ArchiveReader,
  index: SegmentIndex,
  partition: number,
  joining: readonly SegmentFacts[],
): Promise<SegmentFacts | undefined> {
  const reached = await Promise.all(
    joining.map(async candidate => {
      let seals = candidate.seals.length;
      let last = candidate;
      for (;;) {
        const [next] = await joiningAt(reader, index, partition, endOf(last));
        if (!next) return { candidate, seals, end: hex(last.last.hash) };
        seals += next.seals.length;
        last = next;
      }
    }),
  );
  const most = Math.max(...reached.map(({ seals }) => seals));
  const best = reached.filter(({ seals }) => seals === most);
  return new Set(best.map(({ end }) => end)).size === 1 ? best[0]?.candidate : undefined;
}

/** Where the chain stands after a segment. */
export function endOf({ last }: SegmentFacts): ChainEnd {
  return chainAfter(last.seal, last.hash);
}

/** The different segments (by digest) that verify and join at an end, in the first place where there is one. */
async function joiningAt(
  reader: ArchiveReader,
  index: SegmentIndex,
  partition: number,
  end: ChainEnd,
): Promise<SegmentFacts[]> {
  const places = Map.groupBy(
    (index.get(partition) ?? []).filter(({ generation, first }) => {
      if (end.lastSeal === null || generation > end.generation) return true;
      return generation === end.generation && first === end.next;
    }),
    ({ generation, first }) => `${generation} ${first}`,
  );
  for (const segments of places.values()) {
    const joining = new Map<string, SegmentFacts>();
    for (const { key } of segments) {
      for (const object of await allVersions(reader.bucket, key)) {
        const opened = openSegment(reader, key, object);
        if (!('facts' in opened)) continue;
        const { facts } = opened;
        const isOurs = facts.partition === partition && !joining.has(facts.sha256);
        if (isOurs && joinSeal(reader.crypto.sha256, end, facts.seals[0].seal).joins) joining.set(facts.sha256, facts);
      }
    }
    if (joining.size > 0) return [...joining.values()];
  }
  return [];
}

/** The latest manifest that goes by the log and, behind its head, by the keys alone; null: there is none yet. */
export async function latestManifest(reader: ArchiveReader): Promise<StoredManifest | null> {
  const found = await readArchive(reader);
  if (!found) return null;
  const size = (await readHead(reader))?.size ?? 0;
  let latest = size > 0 ? await readManifest(reader, periodStart(found.archive, size - 1)) : null;
  for (let index = size; ; index++) {
    const next = await readManifest(reader, periodStart(found.archive, index));
    if (!next) return latest;
    latest = next;
  }
}

/** The end of a partition's chain by a manifest's row; sealing times of rows without segments are taken from the batches before. */
export async function rowEnd(reader: ArchiveReader, manifest: Manifest | null, partition: number): Promise<ChainEnd> {
  const row = manifest?.partitions[partition];
  if (!manifest || !row || row.lastSeal === null) return chainStart;
  let sealedAt: number | undefined;
  for (let at: Manifest | null = manifest, n = 0; at && n < 50; n++) {
    sealedAt = at.partitions[partition]?.segments.at(-1)?.sealed.last;
    const before: Manifest['previous'] = at.previous;
    if (sealedAt !== undefined || !before) break;
    at = (await readManifest(reader, parseTime(before.period) ?? 0, before.sha256))?.manifest ?? null;
  }
  return endOfRow(row, { ...chainStart, sealedAt: sealedAt ?? 0 });
}

export interface ArchiveEnd {
  /** As the latest batch has it. */
  readonly listed: ChainEnd;
  /** Segments behind it, each of which joins; whether their runs are committed in the topic, only the topic can say. */
  readonly unlisted: readonly SegmentFacts[];
  readonly end: ChainEnd;
}

/**
 * The end of a partition's chain in the bucket; only reads. `refuted`: digests of segments that the topic has shown to be of runs that
 * were never committed: the chain ends before them. Throws BucketError.
 */
export async function findArchiveEnd(
  reader: ArchiveReader,
  partition: number,
  refuted: ReadonlySet<string> = new Set(),
): Promise<ArchiveEnd> {
  const latest = await latestManifest(reader);
  const listed = await rowEnd(reader, latest?.manifest ?? null, partition);
  const period = latest ? parseTime(latest.manifest.period) : null;
  const index = await indexSegments(reader, searchFrom(listed, period === null ? null : period + reader.duration.ms));
  const unlisted: SegmentFacts[] = [];
  for await (const segment of walkChain(reader, index, partition, listed)) {
    if (refuted.has(segment.sha256)) break;
    unlisted.push(segment);
  }
  const last = unlisted.at(-1);
  return { listed, unlisted, end: last ? endOf(last) : listed };
}
