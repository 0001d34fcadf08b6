// One partition's normalizer: recovers from the end of its output, makes each raw record an event, and commits runs. Nothing in here
// outlives a failure: what is not committed is made again from the raw topic.

import { nodeCrypto } from '../../core/edge/crypto.ts';
import type { FetchedBatch, FetchedRecord, PartitionWorker, WorkerContext } from '../../core/edge/kafka/index.ts';
import type { ChainEnd } from '../../core/proof/chain.ts';
import type { NormalizerContext } from './context.ts';
import type { Decision, Place } from './decide.ts';
import { NormalizerError } from './error.ts';
import { type Output, openOutput } from './output.ts';
import { finish, ownersIn, prepare } from './pipeline.ts';
import { Preparation } from './preparation.ts';
import { findLastSeal, positionAfter } from './recover.ts';
import { withoutBody } from './room.ts';
import { type Chain, RunBuilder, type RunEvent } from './run.ts';

/** A run is committed when it is this old, this large, or has this many events. */
const limits = { ageMs: 80, bytes: 3_000_000, events: 10_000 };
/** Records between which heartbeats of the group go on. */
const together = 128;
const hintEveryMs = 1000;
const tailPatienceMs = 20_000;

export class PartitionNormalizer implements PartitionWorker {
  readonly #context: NormalizerContext;
  readonly #worker: WorkerContext;
  readonly #place: Place;
  #chain: Chain | undefined;
  #output: Output | undefined;
  #end: ChainEnd | undefined;
  #run: RunBuilder | null = null;
  #commitTimer: NodeJS.Timeout | undefined;
  #heartbeats: { stop(): void } | undefined;
  #lastTimestamp = 0;
  #hintAt = 0;
  /** Commits by batch and by timer, one after the other. */
  #queue: Promise<void> = Promise.resolve();
  /** The run that is being written: the next one is filled meanwhile, and waits for it when it is full. */
  #writing: Promise<void> = Promise.resolve();

  constructor(context: NormalizerContext, worker: WorkerContext, partition: number) {
    this.#context = context;
    this.#worker = worker;
    const { rawTopic, generation } = context.settings.archive;
    this.#place = { topic: rawTopic, generation, partition };
  }

  async start(): Promise<bigint> {
    const { settings, kafka, events } = this.#context;
    const { topic, generation, partition } = this.#place;
    const { eventsTopic, origin } = settings.archive;
    const { client, signal } = this.#worker;
    await client.prepare(topic);
    await client.prepare(eventsTopic);
    // A partition that was added is dealt out as soon as the group knows of it, which may be before this client does.
    const isNews = () => [topic, eventsTopic].some(name => client.partitionsOf(name) <= partition);
    if (isNews()) await client.refresh();
    const partitions = client.partitionsOf(topic);
    if (client.partitionsOf(eventsTopic) <= partition) throw tooFewPartitions(eventsTopic, partition);
    if (partitions <= partition) throw notThereYet(topic, partition, partitions);
    this.#output = await openOutput({ kafka, groupId: settings.groupId, topic: eventsTopic, partition });
    signal.throwIfAborted();
    await this.#awaitStableTail(eventsTopic);
    const context = { crypto: nodeCrypto, verifiers: settings.sealVerifiers, origin, topic, partition };
    const { found, foreign } = await findLastSeal(client, eventsTopic, context);
    this.#end = found?.end ?? (await this.#context.archiveEnd(partition));
    const position = positionAfter(this.#end, generation, await client.offsets(topic, partition), this.#place);
    const { schemaId, schemaText } = this.#context;
    this.#chain = { origin, topic, generation, partition, partitions, schemaId, schemaText };
    signal.throwIfAborted();
    this.#heartbeats = this.#context.heartbeats.start(partition);
    events.recovered(partition, { position, end: this.#end, from: found ? 'tail' : 'archive', foreign });
    return position;
  }

  /** What may have to wait for others (schemas, keys) does so outside the queue, so that runs are committed meanwhile. */
  async onBatch(batch: FetchedBatch): Promise<void> {
    await this.#exclusively(async () => this.#begin(batch));
    let next = batch.first + batch.lost;
    const preparation = new Preparation(this.#context, this.#place, batch, this.#worker.signal);
    while (!preparation.isDone) {
      await preparation.ready();
      await this.#exclusively(async () => {
        next = await this.#add(preparation, next);
      });
      await new Promise(resolve => setImmediate(resolve));
    }
    await this.#exclusively(async () => this.#finish(batch, next));
  }

  async stop(): Promise<void> {
    clearTimeout(this.#commitTimer);
    this.#heartbeats?.stop();
    this.#run = null;
    await this.#queue;
    await this.#writing.catch(() => {});
    await this.#output?.close();
    this.#context.events.left(this.#place.partition);
  }

  /** While another transaction is open, committed records behind it are hidden, and with them perhaps the end of the chain. */
  async #awaitStableTail(eventsTopic: string): Promise<void> {
    const { partition } = this.#place;
    const { client, signal } = this.#worker;
    for (const deadline = Date.now() + tailPatienceMs; ; ) {
      const { stable, end } = await client.offsets(eventsTopic, partition);
      if (stable === end) return;
      signal.throwIfAborted();
      if (Date.now() > deadline) {
        throw new NormalizerError(
          'tail-hidden',
          `${eventsTopic} ${partition}: a transaction at offset ${stable} is open since more than ${tailPatienceMs / 1000} s. ` +
            'Expected no writer but the normalizers of one TIDEMARK_GROUP: stop the other one. Where there is none, the broker has lost ' +
            `the transaction (KIP-664): kafka-transactions.sh abort --topic ${eventsTopic} --partition ${partition} --start-offset ${stable}`,
        );
      }
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }

  #begin(batch: FetchedBatch): void {
    if (batch.lost === 0n) return;
    this.#openRun(batch.first).lose(batch.lost);
    this.#context.events.lost(this.#place.partition, batch.first, batch.lost);
  }

  /** Takes some records; answers the offset behind them. */
  async #add(preparation: Preparation, first: bigint): Promise<bigint> {
    let run = this.#openRun(first);
    const { parts, room } = this.#context;
    for (let n = 0; n < together; n++) {
      const one = preparation.take();
      if (one === null) break;
      const { raw } = one;
      let { decision } = one;
      let event = finish(one, parts.ring);
      if (!room.holds(event)) [decision, event] = await this.#refuse(raw);
      run.skip(raw.offset - run.next);
      run.add(event);
      this.#lastTimestamp = raw.timestamp;
      this.#context.events.decided(decision);
      if (run.bytes >= limits.bytes || run.events >= limits.events) {
        await this.#commit();
        run = this.#openRun(raw.offset + 1n);
      }
    }
    if (run.events > 0) this.#commitLater();
    return run.next;
  }

  /** What becomes of a record whose event the events topic has no room for. */
  async #refuse(raw: FetchedRecord): Promise<[Decision, RunEvent]> {
    const { parts } = this.#context;
    const refused = prepare(withoutBody(raw), this.#place, undefined, Date.now() * 1000, parts);
    await parts.ring?.prepare(ownersIn([refused]), this.#worker.signal);
    return [refused.decision, finish(refused, parts.ring)];
  }

  #finish(batch: FetchedBatch, next: bigint): void {
    const run = this.#openRun(next);
    run.skip(batch.next - run.next);
    this.#context.events.read(batch);
  }

  #openRun(first: bigint): RunBuilder {
    if (this.#worker.signal.aborted) throw new NormalizerError('stopped', 'the partition was taken away');
    if (!this.#chain) throw new TypeError('a batch came before the start was over');
    this.#run ??= new RunBuilder(nodeCrypto.sha256, this.#chain, first);
    return this.#run;
  }

  #commitLater(): void {
    this.#commitTimer ??= setTimeout(() => {
      this.#commitTimer = undefined;
      this.#exclusively(() => this.#commit()).catch(error => this.#worker.fail(error));
    }, limits.ageMs);
  }

  /** Has the run written, once the one before it is. Resolves when that has begun: the next run is filled while it goes on. */
  async #commit(): Promise<void> {
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    const run = this.#run;
    if (!run || run.events === 0) return;
    await this.#writing;
    if (this.#worker.signal.aborted) throw new NormalizerError('stopped', 'the partition was taken away');
    this.#run = null;
    const written = this.#write(run, this.#lastTimestamp);
    this.#writing = written;
    written.catch(error => this.#worker.fail(error));
  }

  async #write(run: RunBuilder, rawTimestamp: number): Promise<void> {
    if (!this.#end || !this.#output) throw new TypeError('a run came before the start was over');
    const started = performance.now();
    const sealed = run.seal(this.#end, Date.now(), this.#context.settings.sealKey);
    await this.#output.write(sealed);
    this.#end = sealed.end;
    const seconds = (performance.now() - started) / 1000;
    this.#context.events.sealed(sealed, { seconds, rawTimestamp });
    if (Date.now() - this.#hintAt >= hintEveryMs) {
      this.#hintAt = Date.now();
      void this.#worker.commitHint({ offset: sealed.end.next });
    }
  }

  /** What was under way when one failed is not gone on with: the worker is dropped. */
  #exclusively(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => {});
    return done;
  }
}

function notThereYet(topic: string, partition: number, partitions: number): Error {
  return new NormalizerError(
    'unknown-partition',
    `${topic} ${partition} was dealt to this instance, and the broker that was asked knows of ${partitions} partitions yet: asking again`,
  );
}

function tooFewPartitions(eventsTopic: string, partition: number): Error {
  return new NormalizerError(
    'too-few-partitions',
    `${eventsTopic} has no partition ${partition}, which the raw topic has: add partitions to ${eventsTopic} first`,
  );
}
