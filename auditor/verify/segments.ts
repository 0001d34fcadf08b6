// A batch's segments, one after the other along each partition's chain.

import type { ListedSegment, PartitionRow } from '../../core/proof/batch.ts';
import type { ChainEnd } from '../../core/proof/chain.ts';
import { checkListing, checkSegment, type SegmentTrust, sealLeaves } from '../../core/proof/check-segment.ts';
import type { Where } from '../../core/proof/finding.ts';
import { formatTime, parseTime } from '../../core/proof/period.ts';
import type { ProducerLedger } from '../../core/proof/producers.ts';
import type { SegmentFacts } from '../../core/proof/segment-facts.ts';
import { type Audit, Notes } from './audit.ts';
import type { ReadSegment } from './segment-reader.ts';
import { checkKept, readVersions, type Stored, type StoredVersion } from './stored.ts';

/** What is known of all partitions while going along. */
export interface Progress {
  trust: SegmentTrust;
  readonly ledger: ProducerLedger;
  /** Where each partition's chain stands. */
  ends: ChainEnd[];
  /** Period's end, ms, of the batch in which each partition's row appeared. */
  readonly appeared: number[];
  /** Latest sealing time within an expired segment, ms. */
  expiredUpTo: number | null;
  /** Latest sealing time within a segment that is missing or can't be read, ms. */
  unreadUpTo: number | null;
  beginsLate: boolean;
  /** Newest generation that a seal names, and the raw topic's partitions then. */
  newest: { generation: number; partitions: number };
}

/** What a batch's segments came to. */
export interface BatchSeals {
  /** Leaf hashes of all seals in order; null where a segment is expired, missing or unreadable. */
  leaves: Uint8Array[] | null;
  /** The largest number of partitions that a seal names. */
  partitions: number;
  /** By partition, what the seals of its segments account for; null where not all of them could be read. */
  readonly sums: Map<number, { skipped: number; lost: number } | null>;
}

/** A segment's place in its batch. */
export interface ListedPlace {
  readonly row: PartitionRow;
  readonly listed: ListedSegment;
}

export function listedWhere({ row, listed }: ListedPlace, period: string): Where {
  return {
    object: listed.key,
    period,
    partition: row.partition,
    generation: listed.generation,
    offsets: { first: listed.first, next: listed.next },
    events: listed.events,
  };
}

/** What a listing says by itself. */
export function checkListedTimes(
  audit: Audit,
  place: ListedPlace,
  period: string,
  periodStart: number,
  durationMs: number,
): void {
  const { listed } = place;
  const where = listedWhere(place, period);
  const end = periodStart + durationMs;
  if (listed.sealed.last >= end || listed.sealed.last < listed.sealed.first) {
    audit.notes.finding(
      'manifest-differs',
      where,
      `listed with sealing times up to ${formatTime(listed.sealed.last)}, but its period ends at ${formatTime(end)}`,
    );
  }
  if (listed.sealed.first < periodStart) {
    audit.notes.report('late', where, `sealed at ${formatTime(listed.sealed.first)}, listed by the batch of ${period}`);
  }
  const until = parseTime(listed.retainUntil) ?? 0;
  if (audit.minRetention !== null && until < listed.sealed.last + audit.minRetention) {
    audit.notes.finding(
      'retention-short',
      where,
      `to be kept until ${listed.retainUntil}, sooner than was promised for what was sealed at ${formatTime(listed.sealed.last)}`,
    );
  }
}

/** Takes a segment's events and seals into account. */
export function takeIn(audit: Audit, progress: Progress, segment: SegmentFacts): void {
  for (const { sealed, events } of segment.runs) {
    const { seal } = sealed;
    audit.counts.seals++;
    audit.counts.events += events;
    const { newest } = progress;
    if (seal.generation > newest.generation)
      progress.newest = { generation: seal.generation, partitions: seal.partitions };
    else if (seal.generation === newest.generation && seal.partitions > newest.partitions)
      newest.partitions = seal.partitions;
  }
  progress.ledger.take(
    segment.numbers,
    segment.runs.map(({ sealed }) => sealed.seal),
  );
}

function factsOrSay(audit: Audit, { facts, unreadable }: ReadSegment, where: Where): SegmentFacts | null {
  if (unreadable !== null) audit.notes.finding('segment-unreadable', where, unreadable);
  return facts;
}

/** No version has the listed bytes: expired, missing, or altered; an altered one is still opened, to locate what differs. */
function checkAbsent(
  audit: Audit,
  progress: Progress,
  place: ListedPlace,
  { stored, altered }: ListedObject,
  where: Where,
  before: ChainEnd,
): void {
  const { listed } = place;
  const until = parseTime(listed.retainUntil) ?? 0;
  if (altered || audit.at < until) progress.unreadUpTo = Math.max(progress.unreadUpTo ?? 0, listed.sealed.last);
  if (altered) {
    for (const { version, digest } of stored.versions) {
      audit.notes.finding(
        'segment-altered',
        { ...where, ...(version.versionId ? { versionId: version.versionId } : {}) },
        `its SHA256 is ${digest}, its batch lists ${listed.sha256}`,
      );
    }
    const segment = factsOrSay(audit, altered, where);
    if (segment) checkSegment(audit.crypto, segment, before, progress.trust, where, audit.notes);
  } else if (audit.at < until) {
    audit.notes.finding('segment-missing', where, `it is missing, to be kept until ${listed.retainUntil}`);
  } else {
    audit.counts.expiredSegments++;
    audit.counts.expiredEvents += listed.events;
    progress.expiredUpTo = Math.max(progress.expiredUpTo ?? 0, listed.sealed.last);
    audit.notes.report('expired', where, `gone after ${listed.retainUntil}; the chain goes on from its row`);
  }
}

type StoredSegment = ReadSegment & StoredVersion;

/** What lies under a listed segment's key. */
export interface ListedObject {
  readonly stored: Stored<StoredSegment>;
  /** The version with the listed bytes, or else the newest of the others. */
  readonly own: StoredSegment | null;
  readonly altered: ReadSegment | null;
  /** What is to be said of versions and locks. */
  readonly notes: Notes;
}

/** Reads a listed segment's versions, and what is in it; done ahead of its check. */
export async function readListed(audit: Audit, place: ListedPlace, period: string): Promise<ListedObject> {
  const notes = new Notes();
  const { listed } = place;
  const where = listedWhere(place, period);
  const stored = await readVersions(audit, listed.key, where, bytes => audit.segments.read(bytes, listed.sha256));
  const own = await checkKept(audit, stored, listed.sha256, parseTime(listed.retainUntil) ?? 0, notes);
  const [newest] = stored.versions;
  const bytes = own || !newest ? null : await audit.store.read(listed.key, newest.version.versionId);
  return { stored, own, altered: bytes && (await audit.segments.read(bytes, null)), notes };
}

/** Where the chain stands after a segment, by its listing. */
export function listedEnd(listed: ListedSegment): ChainEnd {
  return { generation: listed.generation, next: listed.next, lastSeal: listed.lastSeal, sealedAt: listed.sealed.last };
}

/** Checks one listed segment; moves its partition's chain on and adds its seals to the batch's. */
export function checkListed(
  audit: Audit,
  progress: Progress,
  batch: BatchSeals,
  place: ListedPlace,
  read: ListedObject,
  period: string,
  before: ChainEnd,
): ChainEnd {
  const { listed } = place;
  const where = listedWhere(place, period);
  audit.inventory.account(listed.key);
  audit.counts.segments++;
  audit.notes.add(read.notes);
  if (before.lastSeal === null && listed.first > 0n) progress.beginsLate = true;
  const restarts = before.lastSeal !== null && listed.generation > before.generation;
  if (!read.own) {
    batch.leaves = null;
    batch.sums.set(place.row.partition, null);
    if (restarts)
      audit.notes.report(
        'restart',
        where,
        `raw topic began anew: generation ${listed.generation} follows ${before.generation}`,
      );
    checkAbsent(audit, progress, place, read, where, before);
    return listedEnd(listed);
  }
  audit.counts.bytes += read.own.size;
  const segment = factsOrSay(audit, read.own, where);
  if (!segment) {
    progress.unreadUpTo = Math.max(progress.unreadUpTo ?? 0, listed.sealed.last);
    batch.leaves = null;
    batch.sums.set(place.row.partition, null);
    return listedEnd(listed);
  }
  if (progress.trust.topic === null) progress.trust = { ...progress.trust, topic: segment.runs[0].sealed.seal.topic };
  checkListing(segment.listing, listed, where, audit.notes);
  const end = checkSegment(audit.crypto, segment, before, progress.trust, where, audit.notes);
  const { seal } = segment.runs[0].sealed;
  if (seal.partition !== place.row.partition)
    audit.notes.finding('segment-misplaced', where, `its seals are of partition ${seal.partition}`);
  takeIn(audit, progress, segment);
  batch.leaves?.push(...sealLeaves(audit.crypto, segment));
  for (const run of segment.runs) batch.partitions = Math.max(batch.partitions, run.sealed.seal.partitions);
  addSums(batch, place.row.partition, segment);
  return end;
}

function addSums(batch: BatchSeals, partition: number, segment: SegmentFacts): void {
  const sums = batch.sums.has(partition) ? batch.sums.get(partition) : { skipped: 0, lost: 0 };
  if (!sums) return;
  for (const { sealed } of segment.runs) {
    sums.skipped += sealed.seal.skipped;
    sums.lost += sealed.seal.lost;
  }
  batch.sums.set(partition, sums);
}
