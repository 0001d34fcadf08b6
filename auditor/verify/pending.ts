// Segments that no readable manifest lists: those behind the last batch (pending), those of a batch whose manifest is missing or
// altered (found by their chain), and those that belong to nothing (unlisted). An attacker can plant any; what counts is what
// joins a chain.

import type { Manifest } from '../../core/proof/batch.ts';
import { equalBytes } from '../../core/proof/bytes.ts';
import { type ChainEnd, chainStart } from '../../core/proof/chain.ts';
import { checkSegment, joinsWhole, sealLeaves } from '../../core/proof/check-segment.ts';
import type { LogEntry } from '../../core/proof/log.ts';
import { treeRoot } from '../../core/proof/merkle.ts';
import { manifestKey, parseTime } from '../../core/proof/period.ts';
import { parseSegmentKey, segmentKey } from '../../core/proof/segment.ts';
import type { SegmentFacts } from '../../core/proof/segment-facts.ts';
import { type Audit, whereOf } from './audit.ts';
import type { KnownBatch } from './batches.ts';
import { type Progress, takeIn } from './segments.ts';
import { checkUnlistedKept, readStored, readVersions, type Stored, type StoredVersion } from './stored.ts';

interface Found {
  readonly key: string;
  readonly stored: Stored<StoredVersion>;
  readonly segment: SegmentFacts;
  readonly digest: string;
}

/** Unlisted segment keys by partition, without those that a later manifest lists. */
function unlisted(
  audit: Audit,
  except: ReadonlySet<string>,
): Map<number, { key: string; generation: number; first: bigint }[]> {
  const keys = new Map<number, { key: string; generation: number; first: bigint }[]>();
  for (const key of audit.inventory.unaccounted('events/')) {
    const place = parseSegmentKey(key);
    if (!place || except.has(key)) continue;
    const own = keys.get(place.partition) ?? [];
    own.push({ key, generation: place.generation, first: place.first });
    keys.set(place.partition, own);
  }
  return keys;
}

async function findNext(
  audit: Audit,
  progress: Progress,
  end: ChainEnd,
  candidates: readonly { key: string; generation: number; first: bigint }[],
): Promise<Found | null> {
  for (const { key, generation, first } of candidates) {
    if (audit.inventory.isAccounted(key)) continue;
    const fits =
      end.lastSeal === null || generation > end.generation || (generation === end.generation && first === end.next);
    if (!fits) continue;
    const stored = await readVersions(audit, key, {}, bytes => audit.segments.read(bytes, null));
    for (const { facts: segment, digest } of stored.versions) {
      // One that is unreadable is said as unlisted, unless another version joins.
      if (segment && joinsWhole(audit.crypto, segment, end, progress.trust)) return { key, stored, segment, digest };
    }
  }
  return null;
}

/** Follows a partition's chain through unlisted segments while `wanted`; answers what joined. */
async function follow(
  audit: Audit,
  progress: Progress,
  partition: number,
  candidates: readonly { key: string; generation: number; first: bigint }[],
  wanted: (segment: SegmentFacts) => boolean,
): Promise<Found[]> {
  const found: Found[] = [];
  for (;;) {
    const end = progress.ends[partition] ?? chainStart;
    const next = await findNext(audit, progress, end, candidates);
    if (!next || !wanted(next.segment)) return found;
    const [run] = next.segment.runs;
    if (run.sealed.seal.partition !== partition) return found;
    audit.inventory.account(next.key);
    const expected = segmentKey(run.sealed.seal);
    if (next.key !== expected) {
      audit.notes.finding('segment-misplaced', { object: next.key, partition }, `its seals belong to ${expected}`);
    }
    if (end.lastSeal === null && run.sealed.seal.first > 0n) progress.beginsLate = true;
    progress.ends[partition] = checkSegment(
      audit.crypto,
      next.segment,
      end,
      progress.trust,
      { object: next.key },
      audit.notes,
    );
    takeIn(audit, progress, next.segment);
    found.push(next);
  }
}

function lastSealedAt(segment: SegmentFacts): number {
  return (segment.runs.at(-1) ?? segment.runs[0]).sealed.seal.sealedAt;
}

/** A batch without its manifest: its segments are found along the chains, and held against the root in the log's entry. */
export async function recoverBatch(
  audit: Audit,
  progress: Progress,
  entry: LogEntry,
  next: KnownBatch | null,
): Promise<void> {
  const rows = next?.manifest?.partitions ?? [];
  const except = new Set(rows.flatMap(row => row.segments.map(({ key }) => key)));
  const end = (parseTime(entry.period) ?? 0) + progress.trust.duration.ms;
  const candidates = unlisted(audit, except);
  const leaves: Uint8Array[] = [];
  let events = 0;
  for (const partition of [...candidates.keys()].toSorted((a, b) => a - b)) {
    const found = await follow(
      audit,
      progress,
      partition,
      candidates.get(partition) ?? [],
      segment => lastSealedAt(segment) < end,
    );
    for (const { segment } of found) {
      leaves.push(...sealLeaves(audit.crypto, segment));
      events += segment.listing.events;
    }
  }
  if (equalBytes(treeRoot(audit.crypto.sha256, leaves), entry.root)) return;
  const where = { object: manifestKey(parseTime(entry.period) ?? 0), period: entry.period, events: entry.events };
  audit.notes.finding(
    'batch-root',
    where,
    `without its manifest, the segments found along the chains hold ${events} of its ${entry.events} events, and do not lead to its root`,
  );
}

/** Segments behind the last logged batch, reported; answers the latest sealing time of each partition. */
export async function checkPending(audit: Audit, progress: Progress): Promise<void> {
  await followPending(audit, progress);
  const [left] = audit.inventory.unaccounted('events/');
  if (left === undefined) return;
  // The writer may have gone on while the listing was made: what does not join is looked at again.
  await audit.inventory.refresh('events/');
  await followPending(audit, progress);
}

async function followPending(audit: Audit, progress: Progress): Promise<void> {
  for (const [partition, candidates] of unlisted(audit, new Set())) {
    for (const { key, stored, segment, digest } of await follow(audit, progress, partition, candidates, () => true)) {
      const [run] = segment.runs;
      const last = segment.runs.at(-1) ?? run;
      const { events } = segment.listing;
      audit.counts.pendingSegments++;
      audit.counts.pendingEvents += events;
      const offsets = { first: run.sealed.seal.first, next: last.sealed.seal.next };
      audit.notes.report(
        'pending',
        { object: key, partition, offsets, events },
        'sealed and stored, not yet in a batch',
      );
      await checkUnlistedKept(audit, { ...stored, where: { partition, offsets, events } }, digest, audit.notes);
    }
  }
}

/** Everything that nothing accounts for. `manifests`: all of the archive, read again where there is such a thing. */
export async function checkUnlisted(audit: Audit, manifests: () => AsyncIterable<Manifest>): Promise<void> {
  const found: StoredVersion[] = [];
  for (const key of audit.inventory.unaccounted()) {
    const { versions } = await readStored(audit, key);
    found.push(...versions.map(({ version, digest }) => ({ version, digest })));
  }
  if (found.length === 0) return;
  const digests = new Set(found.map(({ digest }) => digest));
  const listed = new Set<string>();
  for await (const { partitions } of manifests()) {
    for (const { segments } of partitions)
      for (const { sha256 } of segments) if (digests.has(sha256)) listed.add(sha256);
  }
  for (const { version, digest } of found) {
    if (listed.has(digest))
      audit.notes.report('same-bytes', whereOf(version), 'the bytes of a listed object under another key');
    else audit.notes.finding('unlisted', whereOf(version), 'no batch lists it, and it joins no chain');
  }
}
