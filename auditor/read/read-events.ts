// Streams events out of an archive, period by period: log → manifests → segments, then what lies behind the log. One segment
// is in memory at a time. What can't be read or does not prove is said, and reading goes on.

import type { FieldState } from '../../core/envelope/index.ts';
import type { EventFields } from '../../core/proof/avro.ts';
import type { ListedSegment } from '../../core/proof/batch.ts';
import { formatTime, parseTime } from '../../core/proof/period.ts';
import type { ReaderCache, Segment } from '../../core/proof/segment.ts';
import { AuditorError } from '../error.ts';
import type { ArchiveStore, ObjectVersion } from '../store.ts';
import { mapAhead } from './ahead.ts';
import { type Decode, decoderFor } from './decode.ts';
import { Doubled } from './doubled.ts';
import { compileFilter, type Filter, isInTime, mayBeInTime } from './filter.ts';
import { type Log, openLog } from './head.ts';
import { loggedPeriods, type Period, unloggedPeriods } from './periods.ts';
import { openSegment, type Proof, pending, proven, runProblem, unproven } from './proof.ts';
import { type ChainEnds, endsOf, joinSegment, segmentsBehind } from './tail.ts';
import type { Trust } from './trust.ts';
import { type Found, readByDigest } from './versions.ts';
import { type View, viewOf } from './view.ts';

/** An event as it is read. */
export interface ReadEvent {
  readonly kind: 'event';
  readonly fields: EventFields;
  readonly datum: Uint8Array;
  /** The whole event as its schema says; null where it could not be decoded, and why. */
  readonly value: unknown;
  readonly undecodable: string | null;
  readonly view: View;
  readonly proof: Proof;
  /** Key of the segment it is in. */
  readonly segment: string;
  /** What became of each of its sealed fields; absent where nobody asked for them to be opened. */
  readonly personal?: readonly FieldState[];
}

/** Something that is not as it should be (`problem`), or that a reader should know (`note`). */
export interface Remark {
  readonly kind: 'problem' | 'note';
  readonly key: string;
  readonly text: string;
}

/**
 * Producers' clocks may run ahead. Periods that ended longer than this before `from` are not looked at, so that a day of
 * this year is read without all the years before it.
 */
const clockMargin = 24 * 3_600_000;

/** How events are read. `now`: ms, by which it is decided what may have expired. */
export interface ReadOptions {
  readonly trust: Trust;
  readonly filter?: Filter;
  readonly now?: number;
}

/** Events in the order of periods, partitions and chains, with remarks between them. Throws AuditorError where nothing can be read. */
export async function* readEvents(store: ArchiveStore, options: ReadOptions): AsyncGenerator<ReadEvent | Remark> {
  const base = await baseOf(store, options.trust);
  yield* new EventReader(store, base, options).read();
}

/** What everything that is read rests on: the log, or why there is none that can be trusted. */
interface Base {
  readonly log: Log | null;
  /** Of events that batches list; null where the log commits to them. */
  readonly distrust: string | null;
  /** Of events behind the log. */
  readonly tailDistrust: string | null;
}

async function baseOf(store: ArchiveStore, { policy }: Trust): Promise<Base> {
  if (!policy) {
    await demandArchive(store);
    return { log: null, distrust: 'no policy given', tailDistrust: 'no policy given' };
  }
  const head = await openLog(store, policy);
  if (head.log) return { log: head.log, distrust: null, tailDistrust: null };
  await demandArchive(store);
  return { log: null, distrust: head.why, tailDistrust: head.seen ? head.why : null };
}

async function demandArchive(store: ArchiveStore): Promise<void> {
  for await (const _ of store.list('')) return;
  throw new AuditorError('no-archive', `${store.location} holds no objects: check bucket, prefix and S3_ENDPOINT`);
}

class EventReader {
  readonly #store: ArchiveStore;
  readonly #base: Base;
  readonly #trust: Trust;
  readonly #filter: Filter;
  readonly #matches: (view: View) => boolean;
  readonly #now: number;
  readonly #readers: ReaderCache = new Map();
  readonly #doubled = new Doubled();
  /** Periods whose manifests can't be read: their segments are shown with them, not behind the log. */
  readonly #holes: Period[] = [];
  #ends: ChainEnds = new Map();
  #end: number | null = null;
  #origin: string | null = null;
  #duration = 3_600_000;

  constructor(store: ArchiveStore, base: Base, { trust, filter = {}, now = Date.now() }: ReadOptions) {
    this.#store = store;
    this.#base = base;
    this.#trust = trust;
    this.#filter = filter;
    this.#matches = compileFilter(filter);
    this.#now = now;
  }

  async *read(): AsyncGenerator<ReadEvent | Remark> {
    const { log } = this.#base;
    const periods = log
      ? loggedPeriods(this.#store, log, entry => entry.events > 0 && this.#isWanted(parseTime(entry.period) ?? 0))
      : unloggedPeriods(this.#store);
    for await (const period of periods) {
      this.#origin = period.entry?.origin ?? period.manifest?.origin ?? this.#origin;
      if (period.end > period.start) this.#duration = period.end - period.start;
      this.#end = Math.max(this.#end ?? 0, period.end);
      if (period.manifest) this.#ends = endsOf(period.manifest);
      else this.#holes.push(period);
      if (this.#isWanted(period.start)) yield* this.#period(period);
    }
    yield* this.#tail();
  }

  #isWanted(start: number): boolean {
    const { from } = this.#filter;
    return from === undefined || BigInt(start + this.#duration + clockMargin) * 1000n > from;
  }

  async *#period(period: Period): AsyncGenerator<ReadEvent | Remark> {
    const { manifest } = period;
    if (!manifest) {
      yield { kind: 'problem', key: period.key, text: `${period.problem}: its events are shown as unproven` };
      yield* this.#unlisted(period);
      return;
    }
    const segments = manifest.partitions
      .flatMap(row => row.segments)
      .filter(segment => mayBeInTime(this.#filter, segment.occurredAt));
    const found = mapAhead(segments, 1, async listed => ({
      listed,
      found: await readByDigest(this.#store, listed.key, listed.sha256),
    }));
    for await (const { listed, found: object } of found) yield* this.#listed(listed, object);
  }

  *#listed(listed: ListedSegment, found: Found): Generator<ReadEvent | Remark> {
    const { key } = listed;
    if (found.state === 'missing') {
      const isExpired = (parseTime(listed.retainUntil) ?? 0) <= this.#now;
      yield isExpired
        ? { kind: 'note', key, text: `expired: ${listed.events} events, kept until ${listed.retainUntil}` }
        : { kind: 'problem', key, text: `missing: ${listed.events} events, to be kept until ${listed.retainUntil}` };
      return;
    }
    const why = found.state === 'other' ? 'its object has other bytes than its batch lists' : this.#base.distrust;
    if (found.state === 'other')
      yield { kind: 'problem', key, text: `it has other bytes than its batch lists (SHA256 ${found.digest})` };
    const segment = openSegment(found.bytes, this.#readers);
    if (typeof segment === 'string') yield { kind: 'problem', key, text: `it can't be read: ${segment}` };
    else yield* this.#events(key, segment, why === null ? proven : unproven(why));
  }

  /** The segments in the hours of a period whose manifest is missing. */
  async *#unlisted(period: Period): AsyncGenerator<ReadEvent | Remark> {
    const hour = 3_600_000;
    for (let at = Math.floor(period.start / hour) * hour; at < period.end; at += hour) {
      const time = formatTime(at);
      for await (const version of this.#store.list(`events/dt=${time.slice(0, 10)}/hour=${time.slice(11, 13)}/`)) {
        if (version.isDeleteMarker) continue;
        const bytes = await this.#store.read(version.key, version.versionId);
        const segment = bytes ? openSegment(bytes, this.#readers) : 'it is gone';
        if (typeof segment === 'string') {
          yield { kind: 'problem', key: version.key, text: `it can't be read: ${segment}` };
          continue;
        }
        const { sealedAt } = segment.runs[0].sealed.seal;
        if (sealedAt < period.start || sealedAt >= period.end) continue;
        yield* this.#events(version.key, segment, unproven(`the batch of ${formatTime(period.start)} can't be read`));
      }
    }
  }

  /** Segments that no batch lists yet. */
  async *#tail(): AsyncGenerator<ReadEvent | Remark> {
    // Sealing times never fall, so a chain goes on in the hour of its last seal or later; a day covers a late one.
    const since = this.#end === null ? null : this.#end - Math.max(this.#duration * 2, clockMargin);
    for await (const { key, versions } of segmentsBehind(this.#store, this.#ends, since)) {
      const opened = await this.#openTail(versions);
      if (opened === null) continue;
      if (typeof opened === 'string') yield { kind: 'problem', key, text: `it can't be read: ${opened}` };
      else if (!this.#isInHole(opened.segment)) yield* this.#events(key, opened.segment, opened.proof);
    }
  }

  #isInHole(segment: Segment): boolean {
    const { sealedAt } = segment.runs[0].sealed.seal;
    return this.#holes.some(({ start, end }) => sealedAt >= start && sealedAt < end);
  }

  /** The version that goes on from the chain's end; where none does, the latest. Null: nothing is there. */
  async #openTail(versions: readonly ObjectVersion[]): Promise<{ segment: Segment; proof: Proof } | string | null> {
    let fallback: { segment: Segment; proof: Proof } | string | null = null;
    for (const { key, versionId } of versions) {
      const bytes = await this.#store.read(key, versionId);
      if (!bytes) continue;
      const segment = openSegment(bytes, this.#readers);
      if (typeof segment === 'string') {
        fallback ??= segment;
        continue;
      }
      const problem = this.#base.tailDistrust ?? this.#sealProblem(segment) ?? joinSegment(segment, this.#ends);
      if (problem === null) return { segment, proof: pending };
      if (fallback === null || typeof fallback === 'string') fallback = { segment, proof: unproven(problem) };
    }
    return fallback;
  }

  #sealProblem(segment: Segment): string | null {
    for (const run of segment.runs) {
      const origin = this.#origin ?? run.sealed.seal.origin;
      const problem = runProblem(run, segment.schema, origin, this.#duration, this.#trust.sealKeys);
      if (problem !== null) return problem;
    }
    return null;
  }

  *#events(key: string, segment: Segment, base: Proof): Generator<ReadEvent> {
    const decode = decoderFor(segment.schema, segment.schemaText);
    for (const run of segment.runs) {
      const origin = this.#origin ?? run.sealed.seal.origin;
      const problem =
        base.status === 'proven' ? runProblem(run, segment.schema, origin, this.#duration, this.#trust.sealKeys) : null;
      const proof = problem === null ? base : unproven(problem);
      for (const { fields, datum } of run.events) {
        if (!isInTime(this.#filter, fields.occurredAt)) continue;
        const event = eventOf(key, fields, datum, decode, proof);
        // One that can't be decoded can't be ruled out, so it is shown.
        if (event.undecodable === null && !this.#matches(event.view)) continue;
        if (!this.#doubled.isDoubled(fields, proof)) yield event;
      }
    }
  }
}

function eventOf(key: string, fields: EventFields, datum: Uint8Array, decode: Decode, proof: Proof): ReadEvent {
  const decoded = decode(datum);
  const value = 'value' in decoded ? decoded.value : null;
  const undecodable = 'problem' in decoded ? decoded.problem : null;
  return { kind: 'event', fields, datum, value, undecodable, view: viewOf(value), proof, segment: key };
}
