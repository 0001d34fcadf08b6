// What a fetch answers for a partition, as batches of ours. A batch of Kafka's is bounded by what it takes compressed; ours by what it
// takes in memory: one of Kafka's that holds more is handed out part by part, and opened no faster than the parts are taken.
//
// Aborted is, as Java's client has it, a batch of a transaction that began at or before it and ended in an abort marker behind it.
//
//   batch: 8 base offset · 4 length · 4 leader's epoch · 1 magic · 4 CRC-32C of what follows · 2 attributes · 4 last offset's delta ·
//          8 first timestamp · 8 last timestamp · 8 producer · 2 epoch · 4 sequence · 4 count · records, perhaps compressed

import { crc32c } from '@node-rs/crc32';
import { BatchBuilder, type FetchedBatch, type FetchedRecord } from './batch.ts';
import { KafkaError } from './error.ts';
import { CODECS, inflate } from './inflate.ts';
import { Inflow } from './inflow.ts';
import { parseRecord, passRecord, type RecordParts } from './record.ts';

/** A partition's part of a fetch answer. */
export interface PartitionAnswer {
  readonly topic: string;
  readonly partition: number;
  readonly highWatermark: bigint;
  readonly logStart: bigint;
  readonly aborted: readonly { readonly producer: bigint; readonly first: bigint }[];
  readonly recordSet: Buffer;
}

export interface RecordLimits {
  /** A batch of ours ends where it has this many bytes, or records. */
  readonly bytes: number;
  readonly records: number;
  /** A record that expands to more is not held; of one that comes uncompressed, `max.message.bytes` is the bound. */
  readonly recordBytes: number;
  /** A batch ends too where so much was read past since the one before. */
  readonly passedBytes: number;
}

const recordLimits: RecordLimits = { bytes: 4 << 20, records: 20_000, recordBytes: 64 << 20, passedBytes: 256 << 20 };

export interface DecodeOptions {
  readonly compacted?: boolean | undefined;
  readonly limits?: Partial<RecordLimits>;
  /** Told of each piece of a compressed batch: what it expands to may take a while to read past. */
  readonly onPiece?: () => void;
}

interface KafkaBatch {
  readonly bytes: Buffer;
  readonly base: bigint;
  readonly last: bigint;
  readonly count: number;
  readonly codec: number;
  readonly logAppendTime: boolean;
  readonly transactional: boolean;
  readonly control: boolean;
  readonly producer: bigint;
  readonly firstTimestamp: number;
  readonly lastTimestamp: number;
}

const headBytes = 61;
const lengthBytes = 12;
/** The checksum is over all that is behind it. */
const crcOf = 21;

/** Yields batches as they are full, and returns the last one. */
type Batches = AsyncGenerator<FetchedBatch, FetchedBatch | null>;

/**
 * The batches from `position` on, each beginning where the one before ended; null: there are no more. Throws `hole`, `old-format`,
 * and, where it begins with a batch whose checksum fails, `corrupt`: what comes before one is handed out.
 */
export async function* decodeRecordSet(
  answer: PartitionAnswer,
  position: bigint,
  { compacted = false, limits: own, onPiece = () => {} }: DecodeOptions = {},
): Batches {
  const limits = { ...recordLimits, ...own };
  const builder = new BatchBuilder(answer, position, compacted);
  const aborted = new AbortedFilter(answer.aborted);
  for (const batch of kafkaBatches(answer)) {
    if (!isSound(batch)) {
      const sound = builder.take();
      if (sound) return sound;
      const where = `${answer.topic} ${answer.partition}`;
      throw new KafkaError(
        'corrupt',
        `${where}: the batch at offset ${batch.base} has another checksum than its bytes`,
      );
    }
    if (aborted.hides(batch)) builder.hide(batch.base, batch.last + 1n);
    else if (batch.last >= position) yield* readBatch(batch, builder, limits, onPiece);
  }
  return builder.take();
}

/** kafkajs leaves it out, and a disk's error would be sealed as what a producer said. 1.8 GB/s. */
function isSound({ bytes }: KafkaBatch): boolean {
  return crc32c(bytes.subarray(crcOf)) === bytes.readUInt32BE(17);
}

function* kafkaBatches({ topic, partition, recordSet }: PartitionAnswer): Generator<KafkaBatch> {
  for (let at = 0; recordSet.length - at >= headBytes; ) {
    const end = at + lengthBytes + recordSet.readInt32BE(at + 8);
    const magic = recordSet.readInt8(at + 16);
    if (magic !== 2) {
      const message = `${topic} ${partition}: found records in format ${magic}, expected 2, which Kafka has had since 0.11`;
      throw new KafkaError('old-format', message);
    }
    if (end > recordSet.length || end < at + headBytes) return; // cut off where the answer was full
    yield parseBatch(recordSet.subarray(at, end));
    at = end;
  }
}

function parseBatch(bytes: Buffer): KafkaBatch {
  const base = bytes.readBigInt64BE(0);
  const attributes = bytes.readInt16BE(21);
  return {
    bytes,
    base,
    last: base + BigInt(bytes.readInt32BE(23)),
    count: bytes.readInt32BE(57),
    codec: attributes & 7,
    logAppendTime: (attributes & 8) !== 0,
    transactional: (attributes & 16) !== 0,
    control: (attributes & 32) !== 0,
    producer: bytes.readBigInt64BE(43),
    firstTimestamp: Number(bytes.readBigInt64BE(27)),
    lastTimestamp: Number(bytes.readBigInt64BE(35)),
  };
}

/** Follows the transactions of an answer, batch by batch. */
export class AbortedFilter {
  readonly #waiting: { readonly producer: bigint; readonly first: bigint }[];
  readonly #aborted = new Set<bigint>();

  constructor(aborted: PartitionAnswer['aborted']) {
    this.#waiting = aborted.toSorted((a, b) => (a.first < b.first ? -1 : 1));
  }

  /** Whether the batch holds nothing that was committed: it was aborted, or is a marker. */
  hides(batch: Pick<KafkaBatch, 'last' | 'producer' | 'control' | 'transactional'>): boolean {
    for (let next = this.#waiting[0]; next && next.first <= batch.last; next = this.#waiting[0]) {
      this.#aborted.add(next.producer);
      this.#waiting.shift();
    }
    if (!batch.control) return batch.transactional && this.#aborted.has(batch.producer);
    this.#aborted.delete(batch.producer);
    return true;
  }
}

async function* readBatch(
  batch: KafkaBatch,
  builder: BatchBuilder,
  limits: RecordLimits,
  onPiece: () => void,
): AsyncGenerator<FetchedBatch> {
  const inflow = openBatch(batch, onPiece);
  // Where compaction has taken none, the n-th record is at the n-th offset, whatever it says itself: a broker assigns offsets so,
  // and reads nothing of records that come uncompressed.
  const dense = BigInt(batch.count) === batch.last - batch.base + 1n;
  let index = 0;
  let passed = 0;
  const group = new Group(limits);
  builder.begin();
  try {
    for (; index < batch.count; index++) {
      // Once what comes before this batch is out, and it is still too much, a part of it is.
      while (isFull(builder, limits)) yield* builder.drain();
      if (passed >= limits.passedBytes) {
        passed = 0;
        yield* builder.drain();
      }
      const length = inflow.peekInt() ?? (await inflow.long());
      const isHeld = batch.codec === CODECS.none || length <= limits.recordBytes;
      const parts = isHeld
        ? parseRecord(inflow.peek(length) ?? (await inflow.take(length)))
        : await passRecord(inflow, length);
      if (!isHeld) passed += length;
      const record = recordOf(batch, parts, dense ? index : parts.offsetDelta);
      builder.add(record, isHeld ? length : 0);
      group.add(record, length);
    }
    builder.end(batch.last + 1n, group.records);
  } catch (error) {
    if (!(error instanceof KafkaError) || error.code !== 'undecodable') throw error;
    yield* giveUp(batch, batch.base + BigInt(index), builder, limits);
  } finally {
    await inflow.close();
  }
}

function openBatch({ bytes, codec }: KafkaBatch, onPiece: () => void): Inflow {
  const records = bytes.subarray(headBytes);
  return codec === CODECS.none ? new Inflow(records) : new Inflow(Buffer.alloc(0), inflate(codec, records), onPiece);
}

function recordOf(batch: KafkaBatch, parts: RecordParts, delta: number): FetchedRecord {
  const offset = batch.base + BigInt(delta);
  const { logAppendTime } = batch;
  const timestamp = logAppendTime ? batch.lastTimestamp : batch.firstTimestamp + parts.timestampDelta;
  const { key, value, headers, unheld } = parts;
  const record = { offset, timestamp, logAppendTime, key, value, headers };
  return unheld ? { ...record, unheld } : record;
}

/** All records of one batch, wherever the fetch began: whether they are too many to be held does not depend on that. */
class Group {
  readonly #limits: RecordLimits;
  #records: FetchedRecord[] | null = [];
  #bytes = 0;

  constructor(limits: RecordLimits) {
    this.#limits = limits;
  }

  get records(): readonly FetchedRecord[] | null {
    return this.#records;
  }

  add(record: FetchedRecord, bytes: number): void {
    if (!this.#records) return;
    const isFull = this.#bytes >= this.#limits.bytes || this.#records.length >= this.#limits.records;
    this.#bytes += bytes;
    if (isFull || record.unheld) this.#records = null;
    else this.#records.push(record);
  }
}

/** A batch whose bytes are those that were sent, and that can't be read: it never will be, so each record left is said to be unreadable. */
async function* giveUp(
  { bytes, last, ...batch }: KafkaBatch,
  first: bigint,
  builder: BatchBuilder,
  limits: RecordLimits,
) {
  const { logAppendTime, lastTimestamp: timestamp } = batch;
  const unheld = { code: 'unreadable-batch', first, last } as const;
  for (let offset = first; offset <= last; offset++) {
    while (isFull(builder, limits)) yield* builder.drain();
    const value = offset === first ? bytes : null;
    builder.add({ offset, timestamp, logAppendTime, key: null, value, headers: [], unheld }, value?.length ?? 0);
  }
}

function isFull({ bytes, count }: BatchBuilder, limits: RecordLimits): boolean {
  return bytes >= limits.bytes || count >= limits.records;
}
