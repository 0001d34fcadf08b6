// Makes a receipt (archive format, section 7): finds the event, and shows how its run, its batch and the log's head carry it.

import { nodeCrypto } from '../../core/edge/crypto.ts';
import { batchRoot, type ListedSegment, type Manifest } from '../../core/proof/batch.ts';
import { equalBytes, textOf, utf8 } from '../../core/proof/bytes.ts';
import { leafHash, proveInclusion } from '../../core/proof/merkle.ts';
import { formatNote } from '../../core/proof/note.ts';
import { formatTime, parseTime } from '../../core/proof/period.ts';
import {
  checkReceipt,
  formatReceipt,
  parseReceipt,
  type Receipt,
  type ReceiptTrust,
} from '../../core/proof/receipt.ts';
import type { ReaderCache, Run, Segment } from '../../core/proof/segment.ts';
import { AuditorError } from '../error.ts';
import { type Log, openLog } from '../read/head.ts';
import { loggedPeriods, type Period } from '../read/periods.ts';
import { openSegment } from '../read/proof.ts';
import { endsOf, segmentsBehind } from '../read/tail.ts';
import { readByDigest } from '../read/versions.ts';
import type { ArchiveStore } from '../store.ts';

/** Where an event is. */
interface Place {
  readonly period: Period;
  readonly manifest: Manifest;
  readonly segment: Segment;
  readonly key: string;
  readonly run: Run;
  readonly eventIndex: number;
}

/** What was looked through, for whoever finds nothing. */
interface Searched {
  events: number;
  segments: number;
  expired: number;
  readonly unread: string[];
}

const sha256 = nodeCrypto.sha256;

/**
 * The receipt's bytes, checked before they are given. Throws AuditorError: `not-found` (nowhere, or not logged yet: the
 * message says which), `expired` (a segment that it needs is gone) or `not-provable` (its proof does not hold).
 */
export async function proveEvent(store: ArchiveStore, id: string, trust: ReceiptTrust): Promise<Uint8Array> {
  const head = await openLog(store, trust.policy);
  if (!head.log)
    throw new AuditorError(
      head.seen ? 'not-provable' : 'not-found',
      `${store.location}: ${head.why}, so nothing in it can be proven yet`,
    );
  const readers: ReaderCache = new Map();
  const searched: Searched = { events: 0, segments: 0, expired: 0, unread: [] };
  const last: { period: Period | null } = { period: null };
  const place = await findEvent(store, head.log, id, readers, searched, last);
  if (!place) {
    await demandNotPending(store, id, readers, last.period, searched);
    throw new AuditorError('not-found', notFoundText(id, searched));
  }
  const receipt = formatReceipt(await receiptOf(store, head.log, place, readers));
  try {
    checkReceipt(nodeCrypto, parseReceipt(receipt), trust);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AuditorError('not-provable', `event ${id} is in ${place.key}, but its proof does not hold: ${why}`, {
      cause,
    });
  }
  return receipt;
}

/** Searches the segments that may hold it by the time in its id first, then all others. */
async function findEvent(
  store: ArchiveStore,
  log: Log,
  id: string,
  readers: ReaderCache,
  searched: Searched,
  last: { period: Period | null },
): Promise<Place | null> {
  const hint = timeOfId(id);
  const isLikely = (segment: ListedSegment) =>
    hint !== null && hint >= segment.sealed.first - likelyBefore && hint <= segment.sealed.last + likelyAfter;
  for (const likely of [true, false]) {
    for await (const period of loggedPeriods(store, log, entry => entry.events > 0)) {
      last.period = period;
      if (!period.manifest) {
        if (likely) searched.unread.push(`${period.key}: ${period.problem}`);
        continue;
      }
      const segments = period.manifest.partitions
        .flatMap(row => row.segments)
        .filter(segment => isLikely(segment) === likely);
      for (const listed of segments) {
        const place = await searchListed(store, period, period.manifest, listed, id, readers, searched);
        if (place) return place;
      }
    }
  }
  return null;
}

/** An event's id is made when it happens, and it is sealed soon after. */
const likelyBefore = 3_600_000;
const likelyAfter = 60_000;

/** The milliseconds in a UUID of version 7, or null. */
function timeOfId(id: string): number | null {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-/i.exec(id);
  return match ? Number.parseInt(`${match[1]}${match[2]}`, 16) : null;
}

async function searchListed(
  store: ArchiveStore,
  period: Period,
  manifest: Manifest,
  listed: ListedSegment,
  id: string,
  readers: ReaderCache,
  searched: Searched,
): Promise<Place | null> {
  const segment = await openListed(store, listed, readers);
  if (segment === null) {
    if ((parseTime(listed.retainUntil) ?? 0) <= Date.now()) searched.expired += listed.events;
    else searched.unread.push(`${listed.key}: it is missing`);
    return null;
  }
  if (typeof segment === 'string') {
    searched.unread.push(`${listed.key}: ${segment}`);
    return null;
  }
  searched.segments++;
  searched.events += listed.events;
  for (const run of segment.runs) {
    const eventIndex = run.events.findIndex(({ fields }) => fields.id === id);
    if (eventIndex >= 0) return { period, manifest, segment, key: listed.key, run, eventIndex };
  }
  return null;
}

/** The segment; null where it is gone; a text where it is not what the batch lists. */
async function openListed(
  store: ArchiveStore,
  listed: ListedSegment,
  readers: ReaderCache,
): Promise<Segment | string | null> {
  const found = await readByDigest(store, listed.key, listed.sha256);
  if (found.state === 'missing') return null;
  if (found.state === 'other') return 'it has other bytes than its batch lists';
  return openSegment(found.bytes, readers);
}

/** Throws `not-found` that says when to try again, where the event is sealed but its batch is not logged yet. */
async function demandNotPending(
  store: ArchiveStore,
  id: string,
  readers: ReaderCache,
  last: Period | null,
  searched: Searched,
): Promise<void> {
  const duration = last ? last.end - last.start : 3_600_000;
  const since = last ? last.end - Math.max(2 * duration, 86_400_000) : null;
  for await (const { key, versions } of segmentsBehind(store, endsOf(last?.manifest ?? null), since)) {
    for (const { versionId } of versions) {
      const bytes = await store.read(key, versionId);
      const segment = bytes ? openSegment(bytes, readers) : 'gone';
      if (typeof segment === 'string') continue;
      searched.segments++;
      for (const run of segment.runs) {
        searched.events += run.events.length;
        if (!run.events.some(({ fields }) => fields.id === id)) continue;
        const end = (Math.floor(run.sealed.seal.sealedAt / duration) + 1) * duration;
        throw new AuditorError(
          'not-found',
          `event ${id} is in ${key}, but not yet in a batch under a checkpoint that the policy accepts: its period ends at ${formatTime(end)}; try again some minutes after that`,
        );
      }
    }
  }
}

function notFoundText(id: string, { events, segments, expired, unread }: Searched): string {
  const parts = [`event ${id} was not found among ${events} events in ${segments} segments`];
  if (expired > 0) parts.push(`${expired} events have expired and can't be looked at any more`);
  if (unread.length > 0)
    parts.push(
      `${unread.length} objects could not be searched (${unread.slice(0, 3).join('; ')}): run tidemark verify`,
    );
  if (expired === 0 && unread.length === 0) parts.push('check the id (tidemark read --format jsonl shows ids)');
  return parts.join('; ');
}

async function receiptOf(store: ArchiveStore, log: Log, place: Place, readers: ReaderCache): Promise<Receipt> {
  const { period, segment, run, eventIndex } = place;
  const event = run.events[eventIndex];
  if (!event || !period.entry) throw new AuditorError('not-provable', 'the event has no place in the log');
  const seals = await sealsOf(store, place, readers);
  const sealIndex = seals.findIndex(text => equalBytes(text, utf8(run.sealed.note.text)));
  if (sealIndex < 0 || !equalBytes(batchRoot(sha256, seals), period.entry.root))
    throw new AuditorError(
      'not-provable',
      `the seals of ${period.key} do not lead to the batch's root in the log: run tidemark verify`,
    );
  const leaves = (all: readonly Uint8Array[]) => all.map(data => leafHash(sha256, data));
  return {
    event: event.datum,
    schemaText: segment.schemaText,
    seal: formatNote(run.sealed.note),
    eventIndex,
    eventProof: proveInclusion(sha256, leaves(run.events.map(({ datum }) => datum)), eventIndex),
    sealIndex,
    sealProof: proveInclusion(sha256, leaves(seals), sealIndex),
    entry: textOf(log.entries[period.index] ?? new Uint8Array()),
    index: period.index,
    proof: proveInclusion(sha256, log.leaves, period.index),
    checkpoint: log.note,
  };
}

/** The texts of all the batch's seals, by partition and then along the chain. */
async function sealsOf(store: ArchiveStore, { manifest }: Place, readers: ReaderCache): Promise<Uint8Array[]> {
  const texts: Uint8Array[] = [];
  for (const listed of manifest.partitions.flatMap(row => row.segments)) {
    const segment = await openListed(store, listed, readers);
    if (segment === null || typeof segment === 'string') throw sealsMissing(listed, segment);
    texts.push(...segment.runs.map(run => utf8(run.sealed.note.text)));
  }
  return texts;
}

/** A receipt needs every seal of its batch, so it has to be made before the first segment of the batch expires. */
function sealsMissing({ key, retainUntil }: ListedSegment, why: string | null): AuditorError {
  const isExpired = why === null && (parseTime(retainUntil) ?? 0) <= Date.now();
  return isExpired
    ? new AuditorError(
        'expired',
        `${key} of the same batch has expired (kept until ${retainUntil}): without its seals no receipt can be made of this batch any more, though read and verify still prove its other events`,
      )
    : new AuditorError(
        'not-provable',
        `${key} of the same batch: ${why ?? `it is missing (to be kept until ${retainUntil})`}; run tidemark verify`,
      );
}
