// Verification of a whole archive: log, batches, segments, chains, producers' numbers, tiles, locks, and what lies about. Goes on
// after each finding; what it says is the verdict's data.

import { type Archive, archiveKey, type Manifest, parseArchive, parseManifest } from '../../core/proof/batch.ts';
import { utf8 } from '../../core/proof/bytes.ts';
import type { ResolvedLog } from '../../core/proof/check-log.ts';
import type { BatchBefore } from '../../core/proof/check-manifest.ts';
import { formatEntry, type LogEntry } from '../../core/proof/log.ts';
import { openNote } from '../../core/proof/note.ts';
import { formatTime, manifestKey, parseDuration, parseTime } from '../../core/proof/period.ts';
import { ProducerLedger } from '../../core/proof/producers.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { AuditorError } from '../error.ts';
import { mapAhead } from '../read/ahead.ts';
import type { ArchiveStore } from '../store.ts';
import { checkBatches, lockRule } from './all-batches.ts';
import { type Audit, clockTolerance, Notes, type Verdict, type VerifyOptions, whereOf } from './audit.ts';
import { checkBatch, checkManifestKept, type KnownBatch, readBatch } from './batches.ts';
import { Inventory, textOrNull } from './inventory.ts';
import { checkCheckpoints, checkHead, checkTiles, readEntries, readLog } from './log.ts';
import { checkPending, checkUnlisted } from './pending.ts';
import { SegmentPool } from './segment-pool.ts';
import type { SegmentReader } from './segment-reader.ts';
import { type ListedPlace, type Progress, readListed } from './segments.ts';
import { checkLocks, checkMarkers, checkOthers, checkUnlistedKept, readStored, together } from './stored.ts';

/** Until it is known whose seals count. */
const noReader: SegmentReader = {
  read: async () => {
    throw new Error('a segment was read before the log');
  },
  close: async () => {},
};

async function begin(store: ArchiveStore, options: VerifyOptions): Promise<{ audit: Audit; unchecked: string[] }> {
  const missing = await store.missingPermissions();
  const unchecked = missing.map(({ permission, unproven }) => `${permission} is not permitted: ${unproven}`);
  const inventory = await Inventory.load(store);
  if (inventory.isEmpty)
    throw new AuditorError(
      'no-archive',
      `${store.location}: nothing is there, expected an archive (archive.json, batches/, events/, log/)`,
    );
  const counts = {
    batches: 0,
    partitions: 0,
    segments: 0,
    seals: 0,
    events: 0,
    bytes: 0,
    expiredSegments: 0,
    expiredEvents: 0,
    pendingSegments: 0,
    pendingEvents: 0,
  };
  const canReadLocks = store.hasLocks && !missing.some(({ permission }) => permission.includes('Retention'));
  const audit = {
    ...options,
    store,
    inventory,
    counts,
    canReadLocks,
    notes: new Notes(),
    segments: noReader,
  };
  return { audit, unchecked };
}

/** archive.json's versions that can be read, the newest first; whether they are true is said once all else is known. */
async function readArchive(audit: Audit): Promise<Archive[]> {
  audit.inventory.account(archiveKey);
  const stored = await readStored(audit, archiveKey);
  if (stored.versions.length === 0)
    audit.notes.finding(
      'archive-missing',
      { object: archiveKey },
      'it is missing; its facts are in the log and the seals as well',
    );
  return stored.versions.flatMap(({ version, bytes }) => {
    try {
      return [parseArchive(textOrNull(bytes) ?? '')];
    } catch (error) {
      audit.notes.finding('archive-differs', whereOf(version), error instanceof Error ? error.message : String(error));
      return [];
    }
  });
}

type ArchiveFacts = { origin: string; topic: string | null; duration: string; first: string };

const archiveNames = ['origin', 'topic', 'duration', 'first'] as const;

/** archive.json repeats what log and seals say under signature; those count. Locked until `until`, not hidden before `needed`. */
async function checkArchive(audit: Audit, facts: ArchiveFacts | null, until: number, needed: number): Promise<void> {
  const stored = await readStored(audit, archiveKey);
  checkMarkers(stored, needed, audit.notes);
  const judged = stored.versions.map(one => {
    const archive = archiveOf(one.bytes);
    const said = archive && { ...archive, duration: archive.duration.text };
    const wrong = archiveNames.filter(name => facts && said && facts[name] !== null && said[name] !== facts[name]);
    return {
      one,
      wrong: wrong.map(name => `its ${name} is ${said?.[name]}, log and seals say ${facts?.[name]}`),
      said,
    };
  });
  const own = judged.findLast(({ said, wrong }) => said && wrong.length === 0)?.one;
  for (const { one, wrong } of judged) {
    for (const text of wrong) audit.notes.finding('archive-differs', whereOf(one.version), text);
  }
  if (!own) return;
  const isOwn = ({ digest }: { digest: string }) => digest === own.digest;
  checkOthers(stored, isOwn, audit.notes);
  await checkLocks(audit, stored.versions.filter(isOwn), until, audit.notes);
}

function archiveOf(bytes: Uint8Array): Archive | null {
  try {
    return parseArchive(textOrNull(bytes) ?? '');
  } catch {
    return null;
  }
}

/**
 * The batch behind the log: its sealer wrote the manifest before the log. What it lists is listed under the archiver's signature, and
 * is checked like any other; answers its entry as the log would have it, null where there is no such manifest.
 */
async function checkPendingBatch(
  audit: Audit,
  progress: Progress,
  origin: string,
  period: number,
  before: BatchBefore | null,
): Promise<{ entry: Uint8Array; manifest: Manifest } | null> {
  const { duration } = progress.trust;
  const key = manifestKey(period);
  if (!audit.inventory.keys(key).includes(key)) return null;
  const stored = await readStored(audit, key, { period: formatTime(period) });
  for (const { version, bytes, digest } of stored.versions) {
    const manifest = openManifest(audit, origin, bytes);
    const follows = (manifest?.previous?.sha256 ?? null) === (before?.sha256 ?? null);
    if (!manifest || manifest.period !== formatTime(period) || manifest.duration !== duration.text || !follows)
      continue;
    const where = { ...whereOf(version), period: manifest.period, events: manifest.events };
    audit.inventory.account(key);
    audit.notes.report('pending', where, 'the next manifest, behind the log');
    if (period + duration.ms > audit.at + clockTolerance) {
      audit.notes.finding('future', where, 'its period ends after the time of verification');
    }
    const entry: LogEntry = { ...manifest, origin, manifest: digest };
    const batch = { entry, stored, manifest, retainUntil: 0, notes: audit.notes };
    const read = (place: ListedPlace) => readListed(audit, place, manifest.period);
    await checkBatch(audit, progress, batch, before, async () => null, read);
    for (const { segments, partition } of manifest.partitions) {
      for (const { key: object, first, next, events } of segments) {
        audit.counts.pendingSegments++;
        audit.counts.pendingEvents += events;
        const place = { object, partition, offsets: { first, next }, events };
        audit.notes.report('pending', place, 'listed by the next manifest, not in the log yet');
      }
    }
    await checkUnlistedKept(audit, stored, digest, audit.notes);
    return { entry: utf8(formatEntry(entry)), manifest };
  }
  return null;
}

function openManifest(audit: Audit, origin: string, bytes: Uint8Array): Manifest | null {
  try {
    const keys = audit.policy.logs.filter(({ name }) => name === origin);
    return parseManifest(openNote(audit.crypto, bytes, keys).text);
  } catch {
    return null;
  }
}

async function* allManifests(
  audit: Audit,
  entries: readonly (LogEntry | null)[],
  pending: Manifest | null,
): AsyncGenerator<Manifest> {
  for (const entry of entries) {
    const manifest = entry && (await readBatch(audit, entry)).manifest;
    if (manifest) yield manifest;
  }
  if (pending) yield pending;
}

/** Without a key of this archive nothing can be said: that is not a finding. */
function demandKeys(audit: Audit, log: ResolvedLog, archives: readonly Archive[]): void {
  const names = audit.policy.logs.map(({ name }) => name);
  const [archive] = archives;
  if (!log.signed && archive && !names.includes(archive.origin)) {
    throw new AuditorError(
      'no-keys',
      `this is an archive of ${archive.origin}, the policy has log keys of ${names.join(', ')}: give the policy of this archive`,
    );
  }
  const wanted = sealKeyName(log.origin);
  if (audit.sealKeys.some(({ key }) => key.name === wanted)) return;
  const given = audit.sealKeys.map(({ key }) => key.name).join(', ') || 'none';
  throw new AuditorError(
    'no-keys',
    `no key of ${wanted} is among the normalizer keys (found ${given}): give the file with the verifier keys of its seals`,
  );
}

/** A partition whose end can't be shown to be its end (section 4). */
function checkSilent(audit: Audit, progress: Progress, lastEnd: number, durationMs: number): void {
  const { newest } = progress;
  for (const [partition, appeared] of progress.appeared.entries()) {
    if (appeared === undefined || (newest.partitions > 0 && partition >= newest.partitions)) continue;
    const end = progress.ends[partition];
    const since = end && end.lastSeal !== null ? end.sealedAt : appeared;
    if (since >= lastEnd - 2 * durationMs) continue;
    const place = {
      partition,
      ...(end ? { generation: end.generation, offsets: { first: end.next, next: end.next } } : {}),
    };
    const what = end && end.lastSeal !== null ? `last sealed at ${formatTime(since)}` : 'nothing sealed yet';
    audit.notes.finding(
      'silent',
      place,
      `${what}, the log reaches ${formatTime(lastEnd)}: its end can't be shown to be the end`,
    );
  }
}

/**
 * Verifies the archive in `store` by the format's rules. Throws AuditorError only where nothing can be said at all (no archive,
 * no access); everything else is in the verdict.
 */
export async function verifyArchive(store: ArchiveStore, options: VerifyOptions): Promise<Verdict> {
  const { audit, unchecked } = await begin(store, options);
  try {
    return await verifyAll(audit, unchecked);
  } finally {
    await audit.segments.close();
    audit.inventory.close();
  }
}

async function verifyAll(audit: Audit, unchecked: readonly string[]): Promise<Verdict> {
  const { store } = audit;
  const archives = await readArchive(audit);
  const log = await readLog(audit, parseTime(archives[0]?.first ?? ''));
  demandKeys(audit, log, archives);
  const entries = readEntries(audit, log);
  const anchor = entries.findIndex(entry => entry !== null);
  const known = entries[anchor];
  const duration = known ? parseDuration(known.duration) : (archives[0]?.duration ?? null);
  const first =
    known && duration ? (parseTime(known.period) ?? 0) - anchor * duration.ms : parseTime(archives[0]?.first ?? '');
  const durationMs = duration?.ms ?? 0;
  const trust = {
    origin: log.origin,
    topic: null,
    duration: duration ?? { text: 'PT1H', ms: 3_600_000 },
    sealKeys: audit.sealKeys,
    latest: audit.at + clockTolerance,
  };
  const sealTrust = { origin: log.origin, sealKeys: audit.sealKeys, durationMs: trust.duration.ms };
  audit.segments = new SegmentPool(audit, sealTrust);
  const progress: Progress = {
    trust,
    ledger: new ProducerLedger(),
    ends: [],
    appeared: [],
    expiredUpTo: null,
    unreadUpTo: null,
    beginsLate: false,
    newest: { generation: 0, partitions: 0 },
  };

  const { kept, known: batches, before } = await checkBatches(audit, progress, log, entries);
  const rule = lockRule(kept, audit.at, durationMs);
  // What a live segment's proof needs may not be hidden before the last of them expires.
  const needed = kept.reduce((latest, { retainUntil }) => Math.max(latest, retainUntil), 0);
  const checkKept = async ([k, batch]: [number, KnownBatch | null]): Promise<Notes> => {
    const apart = { ...audit, notes: new Notes() };
    if (batch) await checkManifestKept(apart, batch, rule(k + 1, true), needed);
    return apart.notes;
  };
  for await (const notes of mapAhead(batches.entries(), together, checkKept)) audit.notes.add(notes);
  const nextPeriod = (first ?? 0) + entries.length * durationMs;
  const pending =
    duration && first !== null ? await checkPendingBatch(audit, progress, log.origin, nextPeriod, before) : null;
  await checkPending(audit, progress);
  await checkTiles(audit, log, pending?.entry ?? null, rule);
  await checkCheckpoints(audit, log, first, durationMs, rule);
  await checkUnlisted(audit, () => allManifests(audit, entries, pending?.manifest ?? null));

  checkHead(audit, log, first, durationMs);
  const lastEnd = nextPeriod;
  if (entries.length > 0) checkSilent(audit, progress, lastEnd, durationMs);
  const partial = audit.from !== null || audit.to !== null;
  if (!partial) {
    const headEnd = (first ?? 0) + (log.head?.size ?? entries.length) * durationMs;
    progress.ledger.conclude({ ...progress, headEnd, periodMs: durationMs }, audit.notes);
  }
  const facts =
    known && first !== null
      ? { origin: log.origin, topic: progress.trust.topic, duration: known.duration, first: formatTime(first) }
      : null;
  await checkArchive(audit, facts, rule(0, true), needed);

  const notes: string[] = [];
  if (!store.hasLocks)
    notes.push(
      'a copy without versions and locks: that nothing else was stored under its keys, and how long objects are locked, was not checked',
    );
  else if (audit.lockMode === 'GOVERNANCE')
    notes.push(
      'locks in GOVERNANCE mode were taken as they are (--lock-mode): who has the permission can lift them, so what is locked is not sure to stay',
    );
  if (partial)
    notes.push("only segments of batches within --from and --to were opened; producers' numbers were not checked");
  if (audit.minRetention === null)
    notes.push(
      'no promised retention was given (--min-retention): how long segments are kept was held only against what their batches list',
    );
  return {
    location: store.location,
    at: audit.at,
    origin: log.origin,
    findings: audit.notes.findings,
    reports: audit.notes.reports,
    unchecked,
    notes,
    counts: audit.counts,
    log: {
      size: entries.length,
      head: log.head?.size ?? 0,
      first: first === null || entries.length === 0 ? null : formatTime(first),
      last: entries.length === 0 ? null : formatTime(nextPeriod - durationMs),
    },
  };
}
