// Makes the locks of a span of an archive's segments longer than was promised, as a case in court may ask, and with them those of all that
// proves them: archive.json, every batch, the log. Never shorter. What proves comes first, so that whenever this is cut off no segment
// outlives its proof; doing it again goes on. It judges nothing: what was planted among it is locked as well.

import { archiveKey, type ListedSegment, type Manifest, parseManifest } from '../../proof/batch.ts';
import { parseNote } from '../../proof/note.ts';
import { formatTime, parseTime } from '../../proof/period.ts';
import { parseSegmentKey } from '../../proof/segment.ts';
import { parsed } from './archive-log.ts';
import { type Bucket, type StoredVersion, wholeSeconds } from './bucket.ts';
import { logVersions } from './log-versions.ts';

export interface Extension {
  /** Until a time, ms since 1970; or by how much longer than its batch lists of each segment, ms. */
  readonly to: { readonly until: number } | { readonly by: number };
  /** Segments of batches whose periods begin within, ms; null: all. */
  readonly from: number | null;
  readonly before: number | null;
  /** Only counts. */
  readonly isTried: boolean;
}

export interface Extended {
  /** Versions whose locks were made longer. */
  readonly extended: number;
  readonly longEnough: number;
}

export interface ExtensionResult {
  readonly segments: Extended;
  /** Listed segments of the span that are gone. */
  readonly gone: number;
  /** archive.json, batches and log. */
  readonly proof: Extended;
  /** The latest time to which a segment is locked now, ms; null: there was no segment. */
  readonly until: number | null;
  /** Segments that no batch lists yet: they were left as they are. */
  readonly unlisted: number;
}

const concurrency = 16;

/** Throws BucketError; what was done by then stays. */
export async function extendLocks(bucket: Bucket, extension: Extension): Promise<ExtensionResult> {
  const manifests = await readManifests(bucket);
  const wanted = new Map<string, number>();
  for (const { period, segments } of manifests) {
    const isWithin = (extension.from ?? 0) <= period && (extension.before === null || period < extension.before);
    if (!isWithin) continue;
    for (const segment of segments)
      wanted.set(segment.key, Math.max(wanted.get(segment.key) ?? 0, untilOf(segment, extension)));
  }
  const versions = new Map<string, StoredVersion[]>();
  await inParallel(wanted.keys(), async key => void versions.set(key, await versionsOf(bucket, key)));
  const there = [...wanted].filter(([key]) => (versions.get(key) ?? []).length > 0);
  const until = there.length === 0 ? null : there.reduce((latest, [, time]) => Math.max(latest, time), 0);
  const proof = { extended: 0, longEnough: 0 };
  const segments = { extended: 0, longEnough: 0 };
  if (until !== null) {
    const done = new Set<string>();
    await extendProof(bucket, until, extension.isTried, proof, done);
    await inParallel(there, async ([key, time]) => {
      for (const version of versions.get(key) ?? []) await extend(bucket, version, time, extension.isTried, segments);
    });
    // A batch that was sealed meanwhile may have taken its lock from one before it that was not extended yet; those behind go along.
    while (await extendProof(bucket, until, extension.isTried, proof, done));
  }
  const unlisted = extension.before === null ? await countUnlisted(bucket, manifests) : 0;
  return { segments, gone: wanted.size - there.length, proof, until, unlisted };
}

/** What proves the segments, but for the versions that are done; whether there was any. */
async function extendProof(
  bucket: Bucket,
  until: number,
  isTried: boolean,
  count: { extended: number; longEnough: number },
  done: Set<string>,
): Promise<boolean> {
  const before = done.size;
  for (const prefix of [archiveKey, 'batches/', 'log/']) {
    await inParallel(logVersions(bucket, prefix), async version => {
      const id = `${version.key} ${version.versionId}`;
      if (done.has(id)) return;
      await extend(bucket, version, until, isTried, count);
      done.add(id);
    });
  }
  return done.size > before;
}

interface ReadManifest {
  /** Its start, ms. */
  readonly period: number;
  readonly segments: readonly ListedSegment[];
}

/** All versions of all manifests, as far as they can be read; who signed them does not matter here. */
async function readManifests(bucket: Bucket): Promise<ReadManifest[]> {
  const manifests: ReadManifest[] = [];
  await inParallel(bucket.versions('batches/'), async ({ key, versionId, isDeleteMarker }) => {
    const object = isDeleteMarker ? null : await bucket.read(key, versionId);
    const manifest: Manifest | null = object && parsed(() => parseManifest(parseNote(object.bytes).text));
    const period = manifest && parseTime(manifest.period);
    if (manifest && period !== null)
      manifests.push({ period, segments: manifest.partitions.flatMap(row => row.segments) });
  });
  return manifests;
}

function untilOf({ retainUntil }: ListedSegment, { to }: Extension): number {
  return wholeSeconds('until' in to ? to.until : (parseTime(retainUntil) ?? 0) + to.by);
}

async function versionsOf(bucket: Bucket, key: string): Promise<StoredVersion[]> {
  const versions: StoredVersion[] = [];
  for await (const version of bucket.versions(key)) {
    if (version.key !== key) break;
    if (!version.isDeleteMarker && parseSegmentKey(key)) versions.push(version);
  }
  return versions;
}

async function extend(
  bucket: Bucket,
  { key, versionId, isDeleteMarker }: StoredVersion,
  until: number,
  isTried: boolean,
  count: { extended: number; longEnough: number },
): Promise<void> {
  if (isDeleteMarker) return;
  if (((await bucket.retention(key, versionId)) ?? 0) >= until) {
    count.longEnough++;
    return;
  }
  if (!isTried) await bucket.extendRetention(key, versionId, until);
  count.extended++;
}

/** Segments of the last listed hour and later that no batch lists. */
async function countUnlisted(bucket: Bucket, manifests: readonly ReadManifest[]): Promise<number> {
  const listed = new Set(manifests.flatMap(({ segments }) => segments.map(({ key }) => key)));
  const last = formatTime(manifests.reduce((latest, { period }) => Math.max(latest, period), 0));
  const unlisted = new Set<string>();
  for await (const { key } of bucket.versions('events/', `events/dt=${last.slice(0, 10)}/hour=${last.slice(11, 13)}/`))
    if (parseSegmentKey(key) && !listed.has(key)) unlisted.add(key);
  return unlisted.size;
}

async function inParallel<T>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const running = new Set<Promise<unknown>>();
  const failures: unknown[] = [];
  for await (const item of items) {
    const one = work(item)
      .catch(error => failures.push(error))
      .finally(() => running.delete(one));
    running.add(one);
    if (running.size >= concurrency) await Promise.race(running);
    if (failures.length > 0) break;
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}
