// One partition's way from the events topic into the bucket. Starting, recovering and taking over are one path: find the chain's end in
// the bucket, read the topic from a hint, take the runs that go on from there. A writer that was paused and comes back finds the keys
// taken, and can do nothing but what its successor does.

import type { FetchedBatch, Hint, PartitionWorker } from '../../core/edge/kafka/index.ts';
import { findArchiveEnd } from '../../core/edge/s3/archive-end.ts';
import type { SegmentFacts } from '../../core/edge/s3/segment-object.ts';
import type { PartitionRow } from '../../core/proof/batch.ts';
import { hex } from '../../core/proof/bytes.ts';
import { type ChainEnd, chainAfter, chainStart, joinSeal } from '../../core/proof/chain.ts';
import { ClaimedChain } from './chain-place.ts';
import type { ArchiverContext } from './context.ts';
import { ArchiverError } from './error.ts';
import { flushedBefore, formatProgress } from './progress.ts';
import { problemOfRun, problemOfSeal } from './run-check.ts';
import { SegmentQueue } from './segment-queue.ts';
import { RunAssembler, type TopicRun } from './topic-run.ts';

/** What outlives a worker of the partition within this program: what its predecessor has learnt. */
export interface PartitionMemory {
  /** The hinted offset led to a run that does not join: begin at the topic's beginning. */
  hintMisleads: boolean;
  /** Digests of segments that verify but are of runs that were never committed. */
  readonly refuted: Set<string>;
}

/** What the worker asks of Kafka. */
export interface PartitionEdge {
  /** Where the partition's log starts, and the offset within it that its last owner committed; null: none. */
  offsets(): Promise<{ readonly start: bigint; readonly hint: bigint | null }>;
  commit(hint: Hint): Promise<void>;
  /** For what fails between batches. */
  fail(error: unknown): void;
  /** Whether the program ends by itself: then what is whole is written first. */
  readonly stopping: () => boolean;
}

export class PartitionArchiver implements PartitionWorker {
  readonly #context: ArchiverContext;
  readonly #edge: PartitionEdge;
  readonly #partition: number;
  readonly #memory: PartitionMemory;
  readonly #assembler: RunAssembler;
  readonly #queue: SegmentQueue;
  #claimed: ClaimedChain | null = null;
  #segments: readonly SegmentFacts[] = [];
  /** The end of the chain, pending runs included. */
  #end: ChainEnd = chainStart;
  /** Seals that segments end with, as hex, in the chain's order, from the last listed one on. */
  readonly #ends = new Set<string>();
  #listedEnd: ChainEnd = chainStart;
  #isStarted = false;
  #fromHint = false;
  #position = 0n;
  #committed = '';
  #timer: NodeJS.Timeout | undefined;
  /** One thing at a time: batches, and what is written because time has passed. */
  #turn: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(context: ArchiverContext, edge: PartitionEdge, partition: number, memory: PartitionMemory) {
    this.#context = context;
    this.#edge = edge;
    this.#partition = partition;
    this.#memory = memory;
    this.#assembler = new RunAssembler(context.reader.crypto.sha256);
    const { segmentBytes, segmentAgeMs } = context.limits;
    this.#queue = new SegmentQueue({
      context,
      partition,
      cut: { duration: context.reader.duration, maxBytes: segmentBytes, maxAgeMs: segmentAgeMs },
      refuted: memory.refuted,
      onWritten: async ({ run }) => {
        this.#ends.add(hex(run.sealed.hash));
        await this.#tellProgress();
      },
      onFailure: error => edge.fail(error),
    });
    context.backlog.add(this.#queue);
  }

  async start(): Promise<bigint> {
    const { reader, events } = this.#context;
    const { listed, unlisted, end } = await findArchiveEnd(reader, this.#partition, this.#memory.refuted);
    const seals = unlisted.flatMap(segment => segment.seals);
    this.#claimed = new ClaimedChain(reader.crypto.sha256, { listed, seals });
    this.#segments = unlisted;
    this.#end = end;
    this.#listedEnd = listed;
    for (const { hash } of unlisted.map(segment => segment.last)) this.#ends.add(hex(hash));
    const offsets = await this.#edge.offsets();
    this.#position = (this.#memory.hintMisleads ? null : offsets.hint) ?? offsets.start;
    this.#fromHint = this.#position > offsets.start;
    this.#isStarted = true;
    events.recovered(this.#partition, { end, position: this.#position, unlisted: unlisted.length });
    return this.#position;
  }

  onBatch(batch: FetchedBatch): Promise<void> {
    return this.#inTurn(async () => {
      for (const record of batch.records) {
        for (const item of this.#assembler.push(record)) {
          if (item.kind === 'run') await this.#take(item.run);
          else this.#tornRecords(item.nextOffset - 1n, item.why);
        }
      }
      this.#position = batch.next;
      this.#context.events.read(this.#partition, batch.next, batch.highWatermark);
      await this.#tellProgress();
    });
  }

  /**
   * Told what a batch lists of this partition. Where somebody has cut the same runs otherwise, it may go another way than we did: then
   * this worker begins again behind it, or the two would never meet.
   */
  checkListed({ generation, next, lastSeal }: PartitionRow): Promise<void> {
    return this.#inTurn(async () => {
      await this.#queue.settled(); // what is being written may be listed already
      const known = this.#listedEnd;
      const isBefore = generation < known.generation || (generation === known.generation && next <= known.next);
      if (!this.#isStarted || this.#ended || lastSeal === null || (known.lastSeal !== null && isBefore)) return;
      const hash = hex(lastSeal);
      if (!this.#ends.has(hash)) {
        const message = `partition ${this.#partition}: the last batch ends at ${next}, where no segment of ours does`;
        throw new ArchiverError('listed-otherwise', message);
      }
      for (const end of this.#ends) {
        this.#ends.delete(end);
        if (end === hash) break;
      }
      this.#listedEnd = { generation, next, lastSeal, sealedAt: known.sealedAt };
    }).catch(error => this.#edge.fail(error));
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    const isWanted = this.#edge.stopping();
    if (!isWanted) this.#ended = true;
    await this.#inTurn(async () => {
      this.#ended = true;
      await this.#queue.settled();
      if (isWanted) await this.#queue.flush(() => true);
      if (isWanted) await this.#tellProgress();
    }).finally(() => {
      this.#context.backlog.remove(this.#queue);
      this.#context.events.left(this.#partition);
    });
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(action);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #take(run: TopicRun): Promise<void> {
    const problem = await this.#problemOf(run);
    if (problem !== null) {
      this.#torn(run.nextOffset - 1n, problem);
      return;
    }
    if (this.#claimed && !this.#confirm(this.#claimed, run)) return;
    const { seal, hash } = run.sealed;
    const join = joinSeal(this.#context.reader.crypto.sha256, this.#end, seal);
    if (!join.joins) {
      this.#torn(run.nextOffset - 1n, join.why);
      return;
    }
    const schemaText = await this.#schemaText(run);
    this.#end = chainAfter(seal, hash);
    await this.#queue.push({ run, schemaText, takenAt: this.#context.now() });
    await this.#context.backlog.makeRoom();
    this.#arm();
  }

  async #problemOf(run: TopicRun): Promise<string | null> {
    if (run.schemaId === null) return 'its records are not of one schema';
    const { reader } = this.#context;
    return problemOfSeal(reader, this.#partition, run) ?? problemOfRun(reader, run, await this.#schemaText(run));
  }

  async #schemaText(run: TopicRun): Promise<string> {
    return await this.#context.schemaText(run.schemaId ?? -1);
  }

  /** Before the first run that joins: whether this is it. What the bucket has in no batch yet is a claim until then. */
  #confirm(claimed: ClaimedChain, run: TopicRun): boolean {
    const placed = claimed.place(run.sealed);
    const offset = run.nextOffset - 1n;
    switch (placed.kind) {
      case 'joins':
        this.#claimed = null;
        this.#memory.hintMisleads = false;
        return true;
      case 'archived':
      case 'below':
        return false;
      case 'refutes':
        return this.#refute(placed.index);
      case 'apart':
        if (this.#fromHint) this.#distrustHint(offset, placed.why);
        this.#torn(offset, placed.why);
        return false;
    }
  }

  /** The bucket's chain goes another way than the topic's behind the claimed seal `index`: begin again without those segments. */
  #refute(index: number): never {
    let seals = 0;
    for (const segment of this.#segments) {
      seals += segment.seals.length;
      if (seals <= index + 1) continue;
      this.#memory.refuted.add(segment.sha256);
      this.#context.events.alarm('uncommitted', segment.key, 'it is of runs that the topic has not committed');
    }
    this.#memory.hintMisleads = true;
    throw new ArchiverError('segment-refuted', `partition ${this.#partition}: a segment is of runs never committed`);
  }

  /** Records that make no run: torn, unless we may have begun to read in the middle of one. */
  #tornRecords(offset: bigint, why: string): void {
    if (this.#claimed && this.#fromHint) this.#distrustHint(offset, why);
    this.#torn(offset, why);
  }

  #distrustHint(offset: bigint, why: string): never {
    this.#memory.hintMisleads = true;
    throw new ArchiverError('hint-misleads', `partition ${this.#partition}, offset ${offset}: ${why}`);
  }

  #torn(offset: bigint, why: string): void {
    this.#context.events.torn(this.#partition, offset, why);
  }

  async #tellProgress(): Promise<void> {
    if (this.#end.lastSeal === null) return;
    const { first } = this.#queue;
    // Until the topic has shown where it goes on from the bucket, nothing is known to be through.
    const isKnown = this.#claimed === null;
    const before = isKnown
      ? flushedBefore(this.#context.reader.duration, first?.sealed.seal.sealedAt ?? null, this.#end.sealedAt)
      : flushedBefore(this.#context.reader.duration, null, this.#end.sealedAt);
    const offset = first?.firstOffset ?? this.#assembler.waitingFrom ?? this.#position;
    if (!isKnown && this.#assembler.waitingFrom !== null) return;
    const metadata = formatProgress(before);
    const told = `${metadata} ${first ? offset : ''}`;
    if (told === this.#committed) return;
    this.#committed = told;
    await this.#edge.commit({ offset, metadata });
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const { due } = this.#queue;
    if (due === null || this.#ended) return;
    const onDue = () =>
      this.#inTurn(async () => {
        if (this.#ended) return;
        await this.#queue.flush(() => (this.#queue.due ?? Number.POSITIVE_INFINITY) <= this.#context.now());
        this.#arm();
      }).catch(error => this.#edge.fail(error));
    this.#timer = setTimeout(onDue, Math.max(0, due - this.#context.now()) + 1);
  }
}
