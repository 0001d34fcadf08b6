// Seals periods that have ended: manifest, entry, tiles, checkpoint, each by a conditional create, by whichever archiver comes first.
// It keeps nothing: each round reads the log's end in the bucket, and what a sealer that died left unfinished is what comes next.

import { indexSegments, rowEnd, searchFrom, walkChain } from '../../core/edge/s3/archive-end.ts';
import {
  acceptCheckpoint,
  acceptManifest,
  periodStart,
  readEntries,
  readHead,
  readManifest,
  type StoredManifest,
} from '../../core/edge/s3/archive-log.ts';
import { type StoredObject, wholeSeconds } from '../../core/edge/s3/bucket.ts';
import { BucketError } from '../../core/edge/s3/error.ts';
import type { SegmentFacts } from '../../core/edge/s3/segment-object.ts';
import { type Archive, formatManifest, type Manifest } from '../../core/proof/batch.ts';
import { equalBytes, textOf } from '../../core/proof/bytes.ts';
import { chainStart } from '../../core/proof/chain.ts';
import { formatCheckpoint, type SignedCheckpoint } from '../../core/proof/checkpoint.ts';
import { checkpointKey, parseEntry, sizedCheckpointKey } from '../../core/proof/log.ts';
import { signNote } from '../../core/proof/note.ts';
import { manifestKey, parseTime } from '../../core/proof/period.ts';
import { buildManifest } from './build-manifest.ts';
import { type ArchiverContext, longestRetentionMs } from './context.ts';
import { entryOf, logRoot, tilesToWrite } from './log-plan.ts';
import { putVerified } from './verified-put.ts';

/** The log as it was read last; only ever ahead of nothing: what is in it is in the bucket. */
interface LogState {
  readonly entries: readonly Uint8Array[];
  readonly last: StoredManifest | null;
}

export class Sealer {
  readonly #context: ArchiverContext;
  readonly #archive: Archive;
  #log: LogState = { entries: [], last: null };

  constructor(context: ArchiverContext, archive: Archive) {
    this.#context = context;
    this.#archive = archive;
  }

  /** Number of periods that are sealed, as far as is known here. */
  get size(): number {
    return this.#log.entries.length;
  }

  /** The manifest of the last sealed period, as far as is known here; null: there is none. */
  get lastManifest(): Manifest | null {
    return this.#log.last?.manifest ?? null;
  }

  /** End of the next period to seal, ms. */
  get nextEnd(): number {
    return periodStart(this.#archive, this.size + 1);
  }

  /** Reads how far the log has come; whoever wrote it. */
  async refresh(): Promise<void> {
    const { reader } = this.#context;
    const head = await readHead(reader);
    if (!head || head.size <= this.size) {
      if (head && head.size === this.size && !equalBytes(head.root, logRoot(reader.crypto.sha256, this.#log.entries)))
        throw contradiction(`two checkpoints of size ${head.size} differ`);
      return;
    }
    this.#log = await this.#readLog(head);
  }

  async #readLog(head: SignedCheckpoint): Promise<LogState> {
    const { reader } = this.#context;
    const entries = await readEntries(reader, head);
    const isOld = this.#log.entries.every((entry, index) => equalBytes(entry, entries[index] ?? new Uint8Array()));
    if (!isOld)
      throw contradiction(`the checkpoint of size ${head.size} is not consistent with that of size ${this.size}`);
    const last = entries.at(-1);
    if (!last) return { entries, last: null };
    const { manifest } = parseEntry(textOf(last));
    const stored = await readManifest(reader, periodStart(this.#archive, head.size - 1), manifest);
    if (!stored) throw contradiction(`the manifest ${manifest} of entry ${head.size - 1} is not in the bucket`);
    return { entries, last: stored };
  }

  /** Seals the next period, which has to have ended by the bucket's clock. Doing it twice, or at once with another, is harmless. */
  async sealNext(): Promise<void> {
    const { reader, bucket } = this.#context;
    const start = periodStart(this.#archive, this.size);
    const now = await bucket.serverTime();
    if (now < start + reader.duration.ms) return;
    const manifest = (await this.#manifestThere(start)) ?? (await this.#putManifest(start, now));
    const entries = [...this.#log.entries, entryOf(manifest)];
    const until = this.#lockFor(manifest, now);
    for (const { key, bytes } of tilesToWrite(reader.crypto.sha256, entries)) {
      await putVerified(this.#context, key, bytes, until, object => (equalBytes(object.bytes, bytes) ? true : null));
    }
    await this.#putCheckpoint(entries, until);
    this.#log = { entries, last: manifest };
    this.#context.events.sealed(manifest.manifest);
  }

  async #manifestThere(start: number): Promise<StoredManifest | null> {
    const there = await readManifest(this.#context.reader, start);
    if (there) this.#checkFollows(there);
    return there;
  }

  #checkFollows({ manifest, object: { versionId } }: StoredManifest): void {
    const { last } = this.#log;
    const expected = last?.sha256 ?? null;
    if ((manifest.previous?.sha256 ?? null) === expected && manifest.duration === this.#archive.duration.text) return;
    throw contradiction(
      `the manifest of ${manifest.period} (version ${versionId}) names ${manifest.previous?.sha256 ?? 'none'} before it, expected ${expected ?? 'none'}`,
    );
  }

  async #putManifest(start: number, now: number): Promise<StoredManifest> {
    const { reader, logKey, bucket } = this.#context;
    const { last } = this.#log;
    const segments = await this.#segmentsFor(start, now);
    const plan = { origin: reader.origin, duration: reader.duration, period: start, previous: last, segments };
    const bytes = signNote(formatManifest(buildManifest(reader.crypto.sha256, plan)), logKey);
    const listed = [...segments.values()].flat().map(segment => segment.retainUntil ?? 0);
    // Asked anew: it may have been made longer by hand (tidemark retention extend), and what comes behind it goes along.
    const before =
      last && (await bucket.retention(manifestKey(parseTime(last.manifest.period) ?? 0), last.object.versionId));
    const until = listed.reduce((a, b) => Math.max(a, b), Math.max(this.#generalLock(now), before ?? 0));
    const accept = (object: StoredObject) => acceptManifest(reader, start, object);
    const { value } = await putVerified(this.#context, manifestKey(start), bytes, until, accept);
    this.#checkFollows(value);
    return value;
  }

  /** By partition, what continues its chain and was sealed before the period's end; each locked for as long as was promised. */
  async #segmentsFor(start: number, now: number): Promise<Map<number, SegmentFacts[]>> {
    const { reader } = this.#context;
    const end = start + reader.duration.ms;
    const before = this.#log.last?.manifest ?? null;
    const rows = before?.partitions ?? [];
    const ends = await Promise.all(rows.map(({ partition }) => rowEnd(reader, before, partition)));
    const since = ends.length === 0 ? 0 : Math.min(...ends.map(from => searchFrom(from, start)));
    const index = await indexSegments(reader, since);
    const partitions = new Set([...rows.map(row => row.partition), ...index.keys()]);
    const segments = new Map<number, SegmentFacts[]>();
    for (const partition of [...partitions].sort((a, b) => a - b)) {
      const found: SegmentFacts[] = [];
      for await (const facts of walkChain(reader, index, partition, ends[partition] ?? chainStart)) {
        if (facts.last.seal.sealedAt >= end) break;
        found.push(await this.#locked(facts, now));
      }
      if (found.length > 0) segments.set(partition, found);
    }
    return segments;
  }

  /** A segment's lock was set by its writer; one by older settings, or by none, is made as long as is promised now. */
  async #locked(facts: SegmentFacts, now: number): Promise<SegmentFacts> {
    const { bucket, retentionMs } = this.#context;
    const keepMs = Math.max(retentionMs, facts.demandMs);
    if ((facts.retainUntil ?? 0) >= facts.last.seal.sealedAt + keepMs) return facts;
    const until = wholeSeconds(Math.max(now, facts.last.seal.sealedAt) + keepMs);
    await bucket.extendRetention(facts.key, facts.versionId, until);
    return { ...facts, retainUntil: until };
  }

  /** Longer than any segment's that may be listed before the locks are looked at again (lock-keeper.ts). */
  #generalLock(now: number): number {
    return wholeSeconds(now + generalLockMs(longestRetentionMs(this.#context)));
  }

  /** A manifest is locked at least until the latest `retainUntil` listed up to it: so its lock is what its tiles need. */
  #lockFor({ manifest, object }: StoredManifest, now: number): number {
    const listed = manifest.partitions.flatMap(row => row.segments.map(({ retainUntil }) => Date.parse(retainUntil)));
    return listed.reduce((a, b) => Math.max(a, b), Math.max(this.#generalLock(now), object.retainUntil ?? 0));
  }

  async #putCheckpoint(entries: readonly Uint8Array[], until: number): Promise<void> {
    const { reader, logKey, bucket, events } = this.#context;
    const size = entries.length;
    const text = formatCheckpoint({ origin: reader.origin, size, root: logRoot(reader.crypto.sha256, entries) });
    const sizedKey = sizedCheckpointKey(size);
    const { object } = await putVerified(this.#context, sizedKey, signNote(text, logKey), until, found => {
      const there = acceptCheckpoint(reader, sizedKey, found);
      if (there && there.size === size && there.note.text !== text)
        throw contradiction(`${sizedKey} is signed, and has another root than the entries`);
      return there?.note.text === text ? true : null;
    });
    for (;;) {
      const latest = await bucket.read(checkpointKey);
      const there = latest && acceptCheckpoint(reader, checkpointKey, latest);
      if (there && there.size >= size) return;
      if (latest && !there)
        events.alarm('planted', checkpointKey, 'it is no checkpoint of this log: ours goes over it');
      if (!latest) await bucket.create(checkpointKey, object.bytes, until);
      else await bucket.replace(checkpointKey, object.bytes, latest.etag, until);
    }
  }
}

/** How long all but segments is locked: so much longer that locks need not be extended all the time. */
export function generalLockMs(retentionMs: number): number {
  return retentionMs + Math.ceil(retentionMs / 4);
}

function contradiction(what: string): BucketError {
  return new BucketError('log-contradicts', `${what}. Stopped, nothing was added: run tidemark verify`);
}
