// What a fetch brought, as records and as the offsets that it accounts for.

import { KafkaError } from './error.ts';
import type { HeaderList, Unheld } from './record.ts';

export interface FetchedRecord {
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** The broker stamped it when it appended the record; else the producer says so. */
  readonly logAppendTime: boolean;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: HeaderList;
  /** Why this is not all of it. */
  readonly unheld?: Unheld;
}

/** What each batch of an answer says of its partition. */
export type BatchSource = Pick<FetchedBatch, 'topic' | 'partition' | 'highWatermark' | 'logStart'>;

/** Committed records of one partition; they, `skipped` and `lost` account for each offset from `first` up to, not including, `next`. */
export interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly first: bigint;
  readonly next: bigint;
  /** May be empty where only markers and aborted records were there. */
  readonly records: readonly FetchedRecord[];
  /**
   * Records that came together, in one batch of Kafka's, which is one producer's request: each group whole, in order, the first also
   * with its records below `first`. What was too large to be held at once is in no group.
   */
  readonly groups: readonly (readonly FetchedRecord[])[];
  /** Offsets that were seen and hold no committed record: transaction markers, aborted records. */
  readonly skipped: bigint;
  /** Offsets from `first` that were gone below the log's start before they could be read. */
  readonly lost: bigint;
  /** The offset behind the log's last record. */
  readonly highWatermark: bigint;
  readonly logStart: bigint;
}

/**
 * Takes what a fetch at `position` brought, in order, and makes batches of it that account for each offset. Throws `hole` where one is
 * missing that neither the log's start nor a hidden record explains; in a compacted log such offsets are skipped ones.
 */
export class BatchBuilder {
  readonly #source: BatchSource;
  readonly #compacted: boolean;
  readonly #position: bigint;
  #first: bigint;
  #next: bigint;
  #records: FetchedRecord[] = [];
  #groups: (readonly FetchedRecord[])[] = [];
  #bytes = 0;
  #skipped = 0n;
  #lost = 0n;
  /** Where the group that is being added begins; null: there is none, or a part of it was taken. */
  #mark: { readonly next: bigint; readonly count: number; readonly bytes: number; readonly skipped: bigint } | null =
    null;

  constructor(source: BatchSource, position: bigint, compacted = false) {
    this.#source = source;
    this.#compacted = compacted;
    this.#position = position;
    this.#first = position;
    this.#next = position;
  }

  /** Records that are in it now. */
  get count(): number {
    return this.#records.length;
  }

  /** What they take, as `add` was told. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a record; one below the position came along with others. */
  add(record: FetchedRecord, bytes: number): void {
    if (!this.#reach(record.offset)) return;
    this.#next = record.offset + 1n;
    this.#records.push(record);
    this.#bytes += bytes;
  }

  /** Offsets that hold no committed record: transaction markers, what was aborted. */
  hide(first: bigint, next: bigint): void {
    if (next <= this.#next || !this.#reach(first > this.#next ? first : this.#next)) return;
    this.#skipped += next - this.#next;
    this.#next = next;
  }

  /** A batch of the log begins: what is taken until it ends is taken without it, as long as there is anything else to take. */
  begin(): void {
    this.#mark = { next: this.#next, count: this.#records.length, bytes: this.#bytes, skipped: this.#skipped };
  }

  /** It ends before this offset: compaction may have taken its last records. `group`: all of its records; null: they are too many. */
  end(next: bigint, group: readonly FetchedRecord[] | null): void {
    if (this.#compacted) this.hide(this.#next, next);
    if (this.#mark && group && group.length > 0) this.#groups.push(group);
    this.#mark = null;
  }

  /** What was taken since the last time; null: nothing was. */
  take(): FetchedBatch | null {
    const { topic, partition, highWatermark, logStart } = this.#source;
    const [first, next, records, groups] = [this.#first, this.#next, this.#records, this.#groups];
    const [skipped, lost] = [this.#skipped, this.#lost];
    this.#mark = null;
    if (next === first) return null;
    this.#first = next;
    this.#records = [];
    this.#groups = [];
    this.#bytes = 0;
    this.#skipped = 0n;
    this.#lost = 0n;
    return { topic, partition, first, next, records, groups, skipped, lost, highWatermark, logStart };
  }

  /** `take`, as what a generator goes through; without the batch that is being added, if there is anything before it. */
  *drain(): Generator<FetchedBatch> {
    const batch = this.#takeBefore() ?? this.take();
    if (batch) yield batch;
  }

  #takeBefore(): FetchedBatch | null {
    const mark = this.#mark;
    if (!mark || mark.next === this.#first) return null;
    const [next, later, bytes, skipped] = [this.#next, this.#records.splice(mark.count), this.#bytes, this.#skipped];
    this.#next = mark.next;
    this.#skipped = mark.skipped;
    const before = this.take();
    this.#next = next;
    this.#records = later;
    this.#bytes = bytes - mark.bytes;
    this.#skipped = skipped - mark.skipped;
    this.#mark = { next: mark.next, count: 0, bytes: 0, skipped: 0n };
    return before;
  }

  /** Whether an offset is news; accounts for what is between. */
  #reach(offset: bigint): boolean {
    const next = this.#next;
    if (offset <= next) return offset === next;
    const { topic, partition, logStart } = this.#source;
    if (this.#compacted) this.#skipped += offset - next;
    else if (next === this.#position && offset === logStart) this.#lost = offset - next;
    else throw holeError(topic, partition, next, offset);
    this.#next = offset;
    return true;
  }
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
