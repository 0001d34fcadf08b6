// A segment as an object of the bucket: whether it is what its key says and its seals vouch for, and what a batch lists of it.

import { LRUCache } from 'lru-cache';
import { objectDigest } from '../../proof/batch.ts';
import { textOf } from '../../proof/bytes.ts';
import { chainAfter, joinSeal } from '../../proof/chain.ts';
import { parseContainer } from '../../proof/container.ts';
import type { Crypto, Decompress } from '../../proof/crypto.ts';
import { ProofError } from '../../proof/error.ts';
import type { VerifierKey } from '../../proof/note.ts';
import { type Duration, periodOf } from '../../proof/period.ts';
import { sealKeyName } from '../../proof/seal.ts';
import {
  checkRun,
  maxSegmentData,
  parseSegment,
  type ReaderCache,
  type SealedNote,
  type Segment,
  segmentKey,
} from '../../proof/segment.ts';
import { nodeDecompress } from '../compression.ts';
import { nodeCrypto } from '../crypto.ts';
import { checkFormat, isAccepted } from './accepted.ts';
import type { BucketReader, StoredObject } from './bucket.ts';

/** What reading an archive takes; made by `archiveReader`. */
export interface ArchiveReader {
  readonly bucket: BucketReader;
  readonly crypto: Crypto;
  readonly decompress: Decompress;
  readonly origin: string;
  /** Raw topic. */
  readonly topic: string;
  readonly duration: Duration;
  readonly sealKeys: readonly VerifierKey[];
  readonly logKeys: readonly VerifierKey[];
  /** Compiled schemas, and segments that were opened already: versions never change. */
  readonly readers: ReaderCache;
  readonly opened: LRUCache<string, SegmentFacts>;
  /** How long events of one schema demand to be kept, ms, where some demand more than others. */
  readonly demandOf?: ((schemaText: string, datums: Iterable<Uint8Array>) => number) | undefined;
}

const maxCachedSeals = 100_000;

export function archiveReader(parts: Omit<ArchiveReader, 'readers' | 'opened'>): ArchiveReader {
  const opened = new LRUCache<string, SegmentFacts>({
    maxSize: maxCachedSeals,
    sizeCalculation: facts => facts.seals.length,
  });
  return { ...parts, readers: new Map(), opened };
}

/** The settings of a program that say which archive it reads, and whom it believes. */
export interface ReaderSettings {
  readonly archive: { readonly origin: string; readonly rawTopic: string; readonly period: Duration };
  readonly sealVerifiers: readonly VerifierKey[];
  readonly logVerifiers: readonly VerifierKey[];
}

/** The reader of a program's own archive. */
export function ownArchiveReader(
  bucket: BucketReader,
  { archive, sealVerifiers, logVerifiers }: ReaderSettings,
  demandOf?: ArchiveReader['demandOf'],
): ArchiveReader {
  return archiveReader({
    bucket,
    crypto: nodeCrypto,
    decompress: nodeDecompress,
    origin: archive.origin,
    topic: archive.rawTopic,
    duration: archive.period,
    sealKeys: sealVerifiers,
    logKeys: logVerifiers,
    demandOf,
  });
}

/** What is known of a segment once it was opened and held. */
export interface SegmentFacts {
  readonly key: string;
  readonly versionId: string;
  /** Hex SHA256 of the object. */
  readonly sha256: string;
  readonly bytes: number;
  readonly retainUntil: number | null;
  readonly partition: number;
  readonly generation: number;
  readonly first: bigint;
  readonly next: bigint;
  readonly schema: string;
  readonly events: number;
  readonly skipped: number;
  readonly lost: number;
  /** In the chain's order, at least one. */
  readonly seals: readonly [SealedNote, ...SealedNote[]];
  readonly last: SealedNote;
  /** Microseconds since 1970. */
  readonly occurredAt: { readonly min: bigint; readonly max: bigint };
  /** How long its events demand to be kept, ms; 0: no longer than any other. */
  readonly demandMs: number;
}

export type Opened = { readonly facts: SegmentFacts } | { readonly why: string };

/**
 * Opens an object as the segment of its key. `why`: it does not verify, so it is no evidence.
 * Throws `unknown-signature` or `unknown-format` where a newer writer may have made it.
 */
export function openSegment(reader: ArchiveReader, key: string, object: StoredObject): Opened {
  const id = `${key} ${object.versionId} ${object.etag}`;
  const known = reader.opened.get(id);
  if (known) return { facts: { ...known, retainUntil: object.retainUntil } };
  let segment: Segment;
  try {
    segment = parseSegment(reader.crypto, object.bytes, reader.decompress, reader.readers);
  } catch (error) {
    if (!(error instanceof ProofError) && !(error instanceof TypeError)) throw error;
    checkSealFormats(reader, key, object.bytes);
    return { why: error.message };
  }
  const why = problemOf(reader, key, segment);
  if (why !== null) return { why };
  const facts = factsOf(reader, key, object, segment);
  reader.opened.set(id, facts);
  return { facts };
}

function checkSealFormats({ decompress }: ArchiveReader, key: string, bytes: Uint8Array): void {
  let seals: string;
  try {
    seals = textOf(
      parseContainer(bytes, decompress, maxSegmentData).metadata.get('tidemark.seals') ?? new Uint8Array(),
    );
  } catch {
    return; // not a container: nobody's newer format
  }
  checkFormat(seals, 'tidemark-seal', '1', key);
}

function problemOf(reader: ArchiveReader, key: string, segment: Segment): string | null {
  const { crypto, origin, topic, duration } = reader;
  const { sha256 } = crypto;
  const first = segment.runs[0].sealed.seal;
  const last = segment.runs.at(-1)?.sealed ?? segment.runs[0].sealed;
  if (first.origin !== origin || first.topic !== topic) return `it is of ${first.origin}, ${first.topic}`;
  if (segmentKey(first) !== key) return `its key would be ${segmentKey(first)}`;
  if (!isAccepted(crypto, last.note, reader.sealKeys, sealKeyName(origin), key))
    return 'no valid signature on its last seal';
  if (periodOf(duration, first.sealedAt) !== periodOf(duration, last.seal.sealedAt))
    return 'its seals are of two periods';
  let before: SealedNote | null = null;
  for (const run of segment.runs) {
    const { seal } = run.sealed;
    const isSamePlace = seal.partition === first.partition && seal.generation === first.generation;
    if (!isSamePlace || seal.origin !== origin || seal.topic !== topic) return 'its seals are of two places';
    if (before) {
      const join = joinSeal(sha256, chainAfter(before.seal, before.hash), seal);
      if (!join.joins) return `its seals do not join: ${join.why}`;
    }
    const [problem] = checkRun(sha256, run, segment.schema);
    if (problem !== undefined) return problem;
    before = run.sealed;
  }
  return null;
}

function factsOf(
  { crypto, demandOf }: ArchiveReader,
  key: string,
  object: StoredObject,
  segment: Segment,
): SegmentFacts {
  const [firstRun, ...rest] = segment.runs;
  const sum = (count: 'events' | 'skipped' | 'lost') =>
    segment.runs.reduce((total, run) => total + run.sealed.seal[count], 0);
  const occurredAt = rangeOf(segment.runs.flatMap(run => run.events.map(event => event.fields.occurredAt)));
  const last = rest.at(-1)?.sealed ?? firstRun.sealed;
  const { partition, generation, first } = firstRun.sealed.seal;
  return {
    key,
    versionId: object.versionId,
    sha256: objectDigest(crypto.sha256, object.bytes),
    bytes: object.bytes.length,
    retainUntil: object.retainUntil,
    partition,
    generation,
    first,
    next: last.seal.next,
    schema: segment.schema,
    events: sum('events'),
    skipped: sum('skipped'),
    lost: sum('lost'),
    seals: [firstRun.sealed, ...rest.map(run => run.sealed)],
    last,
    occurredAt,
    demandMs: demandOf?.(segment.schemaText, datumsOf(segment)) ?? 0,
  };
}

function* datumsOf({ runs }: Segment): Iterable<Uint8Array> {
  for (const { events } of runs) for (const { datum } of events) yield datum;
}

function rangeOf(times: readonly bigint[]): { min: bigint; max: bigint } {
  let [min = 0n] = times;
  let max = min;
  for (const time of times) {
    if (time < min) min = time;
    if (time > max) max = time;
  }
  return { min, max };
}
