// The batches in the order of the log: manifest, segments, batch root. What is wrong in one is said, and the next goes on from what
// the log and the manifests still tell.

import { type Manifest, parseManifest } from '../../core/proof/batch.ts';
import { equalBytes } from '../../core/proof/bytes.ts';
import { type ChainEnd, chainStart } from '../../core/proof/chain.ts';
import { type BatchBefore, checkManifest, endsOf } from '../../core/proof/check-manifest.ts';
import type { LogEntry } from '../../core/proof/log.ts';
import { treeRoot } from '../../core/proof/merkle.ts';
import { parseNote, signerOf } from '../../core/proof/note.ts';
import { manifestKey, parseTime } from '../../core/proof/period.ts';
import { type Audit, Notes, whereOf } from './audit.ts';
import { checkLogKey } from './log.ts';
import { recoverBatch } from './pending.ts';
import {
  type BatchSeals,
  checkListed,
  checkListedTimes,
  type ListedObject,
  type ListedPlace,
  listedEnd,
  type Progress,
} from './segments.ts';
import { checkLocks, checkMarkers, checkOthers, readStored, type Stored } from './stored.ts';

/** A manifest that the log commits to, as far as it can be read. */
export interface KnownBatch {
  readonly entry: LogEntry;
  readonly stored: Stored;
  readonly manifest: Manifest | null;
  /** Latest `retainUntil` that it lists, ms. */
  readonly retainUntil: number;
  /** What is to be said of it, in its turn. */
  readonly notes: Notes;
}

/** Reads the manifest of an entry: the version with the entry's digest. */
export async function readBatch(audit: Audit, entry: LogEntry): Promise<KnownBatch> {
  const notes = new Notes();
  const period = parseTime(entry.period) ?? 0;
  const key = manifestKey(period);
  audit.inventory.account(key);
  const stored = await readStored(audit, key, { period: entry.period, events: entry.events });
  const own = stored.versions.find(({ digest }) => digest === entry.manifest);
  const where = { object: key, period: entry.period, events: entry.events };
  if (!own) {
    for (const { version, digest } of stored.versions) {
      notes.finding(
        'manifest-altered',
        { ...where, ...whereOf(version) },
        `its SHA256 is ${digest}, the log's entry has ${entry.manifest}`,
      );
    }
    if (stored.versions.length === 0)
      notes.finding('manifest-missing', where, 'the manifest that the log commits to is missing');
    return { entry, stored, manifest: null, retainUntil: 0, notes };
  }
  try {
    const note = parseNote(own.bytes);
    const keys = audit.policy.logs.filter(({ name }) => name === entry.origin);
    if (!signerOf(audit.crypto, note, keys))
      notes.finding('manifest-unsigned', where, `no valid signature by a log key of ${entry.origin}`);
    const manifest = parseManifest(note.text);
    const times = manifest.partitions.flatMap(row =>
      row.segments.map(({ retainUntil }) => parseTime(retainUntil) ?? 0),
    );
    return { entry, stored, manifest, retainUntil: times.reduce((a, b) => Math.max(a, b), 0), notes };
  } catch (error) {
    notes.finding('manifest-differs', where, error instanceof Error ? error.message : String(error));
    return { entry, stored, manifest: null, retainUntil: 0, notes };
  }
}

/** Markers, further versions and lock of a manifest: locked until `until`, not hidden before `needed` (ms). */
export async function checkManifestKept(audit: Audit, batch: KnownBatch, until: number, needed: number): Promise<void> {
  const isOwn = ({ digest }: { digest: string }) => digest === batch.entry.manifest;
  checkMarkers(batch.stored, needed, audit.notes);
  const own = batch.stored.versions.filter(isOwn);
  if (own.length === 0) return;
  checkOthers(batch.stored, isOwn, audit.notes);
  await checkLocks(audit, own, until, audit.notes, batch.stored.where);
}

/** The segments that a batch lists, in order. */
export function placesOf({ partitions }: Manifest): ListedPlace[] {
  return partitions.flatMap(row => row.segments.map((listed): ListedPlace => ({ row, listed })));
}

/** Hands over what lies at each place, asked for in the order of the places; null: segments are not to be opened. */
export type ReadPlace = ((place: ListedPlace) => Promise<ListedObject>) | null;

async function checkSegments(
  audit: Audit,
  progress: Progress,
  manifest: Manifest,
  durationMs: number,
  read: ReadPlace,
): Promise<BatchSeals> {
  const batch: BatchSeals = { leaves: [], partitions: 0, sums: new Map() };
  const periodStart = parseTime(manifest.period) ?? 0;
  const places = placesOf(manifest);
  for (const place of places) {
    checkListedTimes(audit, place, manifest.period, periodStart, durationMs);
  }
  if (!read) {
    for (const { row, listed } of places) {
      audit.inventory.account(listed.key);
      progress.ends[row.partition] = listedEnd(listed);
      batch.sums.set(row.partition, null);
    }
    return { ...batch, leaves: null };
  }
  for (const place of places) {
    const found = await read(place);
    const before = progress.ends[place.row.partition] ?? chainStart;
    progress.ends[place.row.partition] = checkListed(audit, progress, batch, place, found, manifest.period, before);
  }
  return batch;
}

/** A row's skipped and lost offsets are those of its seals; where a segment can't be read any more, the row alone still tells. */
function checkOffsets(audit: Audit, manifest: Manifest, sums: BatchSeals['sums']): void {
  const { period } = manifest;
  for (const { partition, skipped, lost } of manifest.partitions) {
    const where = { object: manifestKey(parseTime(period) ?? 0), period, partition };
    const sealed = sums.has(partition) ? sums.get(partition) : { skipped: 0, lost: 0 };
    if (!sealed) {
      if (lost === 0) continue;
      audit.notes.finding('lost', where, `its row counts ${lost} raw offsets that were gone before they could be read`);
    } else if (skipped !== sealed.skipped || lost !== sealed.lost) {
      const text = `its row counts ${skipped} skipped and ${lost} lost, its seals ${sealed.skipped} and ${sealed.lost}`;
      audit.notes.finding('manifest-differs', where, text);
    }
  }
}

/** Checks one batch after the one before; moves all chains on. */
export async function checkBatch(
  audit: Audit,
  progress: Progress,
  batch: KnownBatch,
  before: BatchBefore | null,
  next: () => Promise<KnownBatch | null>,
  read: ReadPlace,
): Promise<BatchBefore> {
  const { entry, manifest } = batch;
  const periodStart = parseTime(entry.period) ?? 0;
  const { ms: durationMs } = progress.trust.duration;
  const where = { object: manifestKey(periodStart), period: entry.period };
  const own = batch.stored.versions.find(({ digest }) => digest === entry.manifest);
  if (own) checkLogKey(audit, own.bytes, periodStart, durationMs, where.object);
  if (!manifest) {
    await recoverBatch(audit, progress, entry, await next());
    return { period: entry.period, sha256: entry.manifest, ends: null };
  }
  checkManifest(manifest, entry, before, progress.trust.duration, where, audit.notes);
  for (const row of manifest.partitions) progress.appeared[row.partition] ??= periodStart + durationMs;
  const seals = await checkSegments(audit, progress, manifest, durationMs, read);
  if (seals.leaves && !equalBytes(treeRoot(audit.crypto.sha256, seals.leaves), manifest.root)) {
    audit.notes.finding('batch-root', { ...where, events: entry.events }, 'the batch root is not that of its seals');
  }
  if (seals.partitions > manifest.partitions.length) {
    audit.notes.finding(
      'partitions-fell',
      where,
      `it has ${manifest.partitions.length} rows, a seal names ${seals.partitions} partitions`,
    );
  }
  checkOffsets(audit, manifest, seals.sums);
  audit.counts.partitions = Math.max(audit.counts.partitions, manifest.partitions.length);
  settle(progress, manifest);
  return { period: entry.period, sha256: entry.manifest, ends: endsOf(manifest, progress.ends) };
}

/** The row has the last word on where a chain stands: it is under the log's signature, and what differs was said. */
function settle(progress: Progress, manifest: Manifest): void {
  const ends: readonly ChainEnd[] = endsOf(manifest, progress.ends);
  for (const [partition, end] of ends.entries()) progress.ends[partition] = end;
}
