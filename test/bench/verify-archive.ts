// Writes an archive of any size into a folder for `verify` to be measured on, period by period, so that memory holds one at a time: real
// AuditRecords as the normalizer makes them of the bench's raw records, from instances that each number their events over all
// partitions, live for a while and say their end. By the format page, with test keys.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decide } from '../../consumers/normalizer/decide.ts';
import { makeWriter } from '../../consumers/normalizer/writer-schema.ts';
import { compressors } from '../../core/edge/compression.ts';
import { nodeCrypto } from '../../core/edge/crypto.ts';
import {
  archiveKey,
  batchRoot,
  formatArchive,
  formatManifest,
  type ListedSegment,
  type Manifest,
  objectDigest,
  type PartitionRow,
} from '../../core/proof/batch.ts';
import { hex, utf8 } from '../../core/proof/bytes.ts';
import { type ChainEnd, chainAfter, chainStart, previousOf } from '../../core/proof/chain.ts';
import { leafHash, treeRoot } from '../../core/proof/merkle.ts';
import { signNote } from '../../core/proof/note.ts';
import { formatMicros, formatTime, manifestKey } from '../../core/proof/period.ts';
import { formatSeal, type Seal, sealHash } from '../../core/proof/seal.ts';
import { buildSegment, segmentKey } from '../../core/proof/segment.ts';
import { type AuditRecord, auditEventText, auditRecordText, auditRecordType } from '../../schemas/index.ts';
import { writeLog } from '../archive-log.ts';
import { testKeys, testOrigin } from '../test-keys.ts';
import { benchRecords, shapes } from './shapes.ts';

export interface ArchiveSize {
  readonly events: number;
  readonly periods: number;
  readonly partitions: number;
  /** Events of a run. */
  readonly run: number;
  /** Runs of a segment, at most. */
  readonly runs: number;
  /** Producer instances that live at the same time, and how many events each records before it ends. */
  readonly instances: number;
  readonly eventsEach: number;
}

const first = Date.parse('2026-01-05T10:00:00Z');
const hour = 3_600_000;
const retainUntil = '2033-01-05T00:00:00Z';
const topic = 'audit.raw';
const { sha256 } = nodeCrypto;
const duration = { text: 'PT1H', ms: hour };
const schema = hex(sha256(utf8(auditRecordText)));

/** The end of the last period, ms: a time at which the archive is fresh. */
export const endOf = ({ periods }: ArchiveSize): number => first + periods * hour;

/** What the normalizer makes of the bench's raw records; numbers and places are put in for each event. */
function templates(): AuditRecord[] {
  const writer = makeWriter(auditEventText);
  if (typeof writer === 'string') throw new Error(writer);
  return benchRecords(shapes[0], 2000).map(
    raw => decide(raw, { topic, generation: 0, partition: 0 }, writer, first * 1000).record,
  );
}

/** Numbers events in the name of instances that live side by side, each replaced by a new one at its end. */
class Producers {
  readonly #size: ArchiveSize;
  readonly #taken: number[];
  readonly #generation: number[];
  #left: number;

  constructor(size: ArchiveSize) {
    this.#size = size;
    this.#taken = new Array<number>(size.instances).fill(0);
    this.#generation = new Array<number>(size.instances).fill(0);
    this.#left = size.events;
  }

  next(n: number): NonNullable<AuditRecord['producer']> {
    const { instances, eventsEach } = this.#size;
    const slot = n % instances;
    const sequence = this.#taken[slot] ?? 0;
    const last = sequence === eventsEach - 1 || this.#left <= instances;
    const id = (this.#generation[slot] ?? 0) * instances + slot;
    this.#taken[slot] = last ? 0 : sequence + 1;
    if (last) this.#generation[slot] = (this.#generation[slot] ?? 0) + 1;
    this.#left--;
    return { instance: `0194a1b2-1111-7000-8000-${id.toString(16).padStart(12, '0')}`, sequence, last, abandoned: [] };
  }
}

interface Written {
  readonly listed: ListedSegment;
  /** Of its seals. */
  readonly texts: readonly string[];
}

interface Batch {
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
}

type Put = (key: string, bytes: Uint8Array) => void;

interface Numbered {
  readonly record: AuditRecord;
  readonly id: string;
  readonly producer: AuditRecord['producer'];
}

/** Events of one partition, period by period, as runs and segments. */
class PartitionWriter {
  readonly #partition: number;
  readonly #put: Put;
  readonly #size: ArchiveSize;
  end: ChainEnd = chainStart;

  constructor(partition: number, size: ArchiveSize, put: Put) {
    this.#partition = partition;
    this.#size = size;
    this.#put = put;
  }

  write(period: number, events: readonly Numbered[]): Written[] {
    const { run, runs } = this.#size;
    const written: Written[] = [];
    for (let at = 0; at < events.length; at += run * runs)
      written.push(this.#segment(first + period * hour, events.slice(at, at + run * runs)));
    return written;
  }

  #run(start: number, events: readonly Numbered[]) {
    const datums = events.map(({ record, id, producer }, i) => {
      const offset = this.end.next + BigInt(i);
      const raw = { topic, generation: 0, partition: this.#partition, offset: Number(offset) };
      return auditRecordType().encode({ ...record, id, occurredAt: microsAt(start, offset), raw, producer });
    });
    const leaves = datums.map(datum => leafHash(sha256, datum));
    const seal: Seal = {
      origin: testOrigin,
      topic,
      generation: 0,
      partition: this.#partition,
      partitions: this.#size.partitions,
      first: this.end.next,
      next: this.end.next + BigInt(events.length),
      events: events.length,
      skipped: 0,
      lost: 0,
      sealedAt: Math.max(start, this.end.sealedAt) + 1,
      schema,
      root: treeRoot(sha256, leaves),
      previous: previousOf(sha256, this.end),
    };
    const text = formatSeal(seal);
    this.end = chainAfter(seal, sealHash(sha256, text));
    return { seal, text, datums, sealNote: signNote(text, testKeys.seal) };
  }

  #segment(start: number, events: readonly Numbered[]): Written {
    const begin = this.end.next;
    const { run } = this.#size;
    const sealed = Array.from({ length: Math.ceil(events.length / run) }, (_, i) =>
      this.#run(start, events.slice(i * run, (i + 1) * run)),
    );
    const [head] = sealed;
    if (!head) throw new Error('a segment needs a run');
    const bytes = buildSegment(sha256, auditRecordText, sealed, 'zstandard', compressors.zstandard);
    const key = segmentKey(head.seal);
    this.#put(key, bytes);
    const times = events.map((_, i) => microsAt(start, begin + BigInt(i)));
    const listed: ListedSegment = {
      key,
      sha256: objectDigest(sha256, bytes),
      bytes: bytes.length,
      events: events.length,
      seals: sealed.length,
      generation: 0,
      first: begin,
      next: this.end.next,
      lastSeal: this.end.lastSeal ?? sha256(new Uint8Array()),
      schema,
      sealed: { first: head.seal.sealedAt, last: this.end.sealedAt },
      occurredAt: {
        min: formatMicros(BigInt(times.reduce((a, b) => Math.min(a, b)))),
        max: formatMicros(BigInt(times.reduce((a, b) => Math.max(a, b)))),
      },
      retainUntil,
    };
    return { listed, texts: sealed.map(({ text }) => text) };
  }
}

/** Microseconds since 1970 at which the event at this raw offset says that it occurred. */
function microsAt(start: number, offset: bigint): number {
  return (start + Number(offset % 3_000_000n)) * 1000;
}

function rowOf(partition: number, end: ChainEnd, segments: readonly Written[]): PartitionRow {
  const sum = (name: 'events' | 'seals') => segments.reduce((total, { listed }) => total + listed[name], 0);
  return {
    partition,
    generation: end.generation,
    next: end.next,
    lastSeal: end.lastSeal,
    events: sum('events'),
    skipped: 0,
    lost: 0,
    seals: sum('seals'),
    segments: segments.map(({ listed }) => listed),
  };
}

function manifestOf(
  period: number,
  rows: readonly PartitionRow[],
  texts: readonly string[],
  before: Batch | undefined,
): Manifest {
  return {
    origin: testOrigin,
    period: formatTime(first + period * hour),
    duration: duration.text,
    root: batchRoot(sha256, texts.map(utf8)),
    events: rows.reduce((sum, { events }) => sum + events, 0),
    skipped: 0,
    lost: 0,
    seals: rows.reduce((sum, { seals }) => sum + seals, 0),
    previous: before ? { period: before.manifest.period, sha256: objectDigest(sha256, before.bytes) } : null,
    partitions: rows,
  };
}

/** Writes the archive below `folder`. */
export function writeArchive(folder: string, size: ArchiveSize): void {
  const put: Put = (key, content) => {
    const path = join(folder, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  };
  put(archiveKey, utf8(formatArchive({ origin: testOrigin, topic, duration, first: formatTime(first) })));
  const records = templates();
  const producers = new Producers(size);
  const writers = Array.from({ length: size.partitions }, (_, partition) => new PartitionWriter(partition, size, put));
  const batches: Batch[] = [];
  const each = Math.ceil(size.events / size.periods);
  for (let period = 0; period < size.periods; period++) {
    const parts = writers.map((): Numbered[] => []);
    for (let n = period * each; n < Math.min(size.events, (period + 1) * each); n++) {
      const record = records[n % records.length];
      const id = `0194a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
      if (record) parts[(n * 7 + (n >> 5)) % parts.length]?.push({ record, id, producer: producers.next(n) });
    }
    const written = writers.map((writer, partition) => writer.write(period, parts[partition] ?? []));
    const rows = writers.map(({ end }, partition) => rowOf(partition, end, written[partition] ?? []));
    const manifest = manifestOf(
      period,
      rows,
      written.flat().flatMap(({ texts }) => texts),
      batches.at(-1),
    );
    const bytes = signNote(formatManifest(manifest), testKeys.log);
    put(manifestKey(first + period * hour), bytes);
    batches.push({ manifest, bytes });
  }
  const log = { origin: testOrigin, durationMs: hour, batches, signer: testKeys.log, witnesses: [testKeys.witness] };
  writeLog(log, {}, put);
}
