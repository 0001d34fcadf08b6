// What a fetch brought, as records and as the offsets that it accounts for.

import { KafkaError } from './error.ts';
import { LOG_APPEND_TIME, type RawPartition } from './internals.ts';
import { type HeaderList, headersOf } from './patch.ts';

export interface FetchedRecord {
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** The broker stamped it when it appended the record; else the producer says so. */
  readonly logAppendTime: boolean;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: HeaderList;
}

/** Committed records of one partition; they, `skipped` and `lost` account for each offset from `first` up to, not including, `next`. */
export interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly first: bigint;
  readonly next: bigint;
  /** May be empty where only markers and aborted records were there. */
  readonly records: readonly FetchedRecord[];
  /** Offsets that were seen and hold no committed record: transaction markers, aborted records. */
  readonly skipped: bigint;
  /** Offsets from `first` that were gone below the log's start before they could be read. */
  readonly lost: bigint;
  /** The offset behind the log's last record. */
  readonly highWatermark: bigint;
  readonly logStart: bigint;
}

/**
 * Takes a partition's answer for a fetch at `position` apart; null where it brought nothing. Throws `hole` where an offset is
 * missing that neither the log's start nor a filtered record explains; in a compacted log such offsets are skipped ones.
 */
export function toBatch(topic: string, answer: RawPartition, position: bigint, compacted = false): FetchedBatch | null {
  const records: FetchedRecord[] = [];
  const logStart = BigInt(answer.lastStartOffset);
  let next = position;
  let [skipped, lost] = [0n, 0n];
  for (const message of answer.messages) {
    const offset = BigInt(message.offset);
    if (offset < next) continue; // a compressed batch is given whole
    if (offset > next) {
      if (compacted) skipped += offset - next;
      else if (next === position && offset === logStart) lost = offset - position;
      else throw holeError(topic, answer.partition, next, offset);
    }
    next = offset + 1n;
    if (message.isControlRecord) {
      skipped++;
      continue;
    }
    records.push({
      offset,
      timestamp: Number(message.timestamp),
      logAppendTime: message.batchContext.timestampType === LOG_APPEND_TIME,
      key: message.key,
      value: message.value,
      headers: headersOf(message),
    });
  }
  if (next === position) return null;
  const highWatermark = BigInt(answer.highWatermark);
  return { topic, partition: answer.partition, first: position, next, records, skipped, lost, highWatermark, logStart };
}

/** The records of a batch below an offset, as a batch that ends there; null where none of it is below. */
export function clipBatch(batch: FetchedBatch, end: bigint): FetchedBatch | null {
  if (batch.next <= end) return batch;
  if (batch.first >= end) return null;
  const records = batch.records.filter(record => record.offset < end);
  const lost = batch.first + batch.lost > end ? end - batch.first : batch.lost;
  return { ...batch, next: end, records, lost, skipped: end - batch.first - lost - BigInt(records.length) };
}

function holeError(topic: string, partition: number, from: bigint, to: bigint): KafkaError {
  return new KafkaError(
    'hole',
    `${topic} ${partition}: no record at the offsets ${from} to ${to - 1n}, although the log has its start before them. ` +
      "Expected a topic with cleanup.policy=delete that nobody compacts; what is missing can't be called skipped",
  );
}
