// One partition's normalizer: recovers from the end of its output, makes each raw record an event, and commits runs. Nothing in here
// outlives a failure: what is not committed is made again from the raw topic.

import { nodeCrypto } from '../../core/edge/crypto.ts';
import type { FetchedBatch, FetchedRecord, PartitionWorker, WorkerContext } from '../../core/edge/kafka/index.ts';
import type { ChainEnd } from '../../core/proof/chain.ts';
import type { NormalizerContext } from './context.ts';
import { type Decision, type Place, schemaIdOf } from './decide.ts';
import { NormalizerError } from './error.ts';
import { type Output, openOutput } from './output.ts';
import { finish, ownersIn, type Prepared, prepare } from './pipeline.ts';
import { findLastSeal, positionAfter } from './recover.ts';
import { withoutBody } from './room.ts';
import { type Chain, RunBuilder, type RunEvent } from './run.ts';
import { SCHEMA_WINDOW } from './writer-schema.ts';

/** A run is committed when it is this old, this large, or has this many events. */
const limits = { ageMs: 120, bytes: 3_000_000, events: 10_000 };
/** Records that are prepared together: their keys are fetched at once, and heartbeats of the group go on behind them. */
const together = { records: 128, owners: 5000 };
/** Groups of these whose keys are asked for before they are sealed. */
const groupsAhead = 4;
const hintEveryMs = 1000;
const tailPatienceMs = 20_000;

/** Records that are prepared together. */
interface Group {
  readonly records: readonly Prepared[];
  readonly owners: number;
  /** Resolves when the keys of all are in memory; `isReady` tells that it has. */
  readonly keys: Promise<void>;
  isReady: boolean;
}

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
    const partitions = client.partitionsOf(topic);
    if (client.partitionsOf(eventsTopic) <= partition) await client.refresh();
    if (client.partitionsOf(eventsTopic) <= partition) throw tooFewPartitions(eventsTopic, partition);
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
    for await (const records of this.#prepare(batch)) {
      await this.#exclusively(async () => {
        next = await this.#add(records, next);
      });
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
            'Expected no writer but the normalizers of one TIDEMARK_GROUP: stop the other one',
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

  async #add(records: readonly Prepared[], first: bigint): Promise<bigint> {
    let run = this.#openRun(first);
    const { parts, room } = this.#context;
    for (const one of records) {
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
    await this.#fetchKeys([refused]);
    return [refused.decision, finish(refused, parts.ring)];
  }

  #finish(batch: FetchedBatch, next: bigint): void {
    const run = this.#openRun(next);
    run.skip(batch.next - run.next);
    this.#context.events.read(batch);
  }

  /**
   * A batch's records, some at a time, with the keys that sealing them needs in memory: while the keys of some are fetched, the next ones
   * are prepared and theirs asked for. A batch may hold far more than its compressed size.
   */
  async *#prepare({ records }: FetchedBatch): AsyncGenerator<readonly Prepared[]> {
    let at = 0;
    let owners = 0;
    const ahead: Group[] = [];
    while (at < records.length || ahead.length > 0) {
      // Where the keys are in memory already, what is prepared ahead would only make work for the collector of garbage.
      while (
        at < records.length &&
        ahead.length < groupsAhead &&
        owners < together.owners &&
        ahead[0]?.isReady !== true
      ) {
        const group = await this.#prepareSome(records, at);
        at += group.records.length;
        owners += group.owners;
        ahead.push(group);
        await new Promise(resolve => setImmediate(resolve));
      }
      const first = ahead.shift();
      owners -= first?.owners ?? 0;
      await first?.keys;
      if (first) yield first.records;
    }
  }

  async #prepareSome(records: readonly FetchedRecord[], from: number): Promise<Group> {
    const { parts, writers } = this.#context;
    const ready: Prepared[] = [];
    let owners = 0;
    for (let at = from; at < records.length && ready.length < together.records && owners < together.owners; at++) {
      if (at % SCHEMA_WINDOW === 0) await this.#learnWriters(records.slice(at, at + SCHEMA_WINDOW));
      const raw = records[at] as FetchedRecord;
      const id = idOf(raw);
      const isId = typeof id === 'number';
      const writer = isId ? (writers.known(id) ?? (await writers.find(id, this.#worker.signal))) : undefined;
      const prepared = prepare(raw, this.#place, writer, Date.now() * 1000, parts);
      ready.push(prepared);
      owners += prepared.sealing?.owners.length ?? 0;
    }
    const keys = this.#fetchKeys(ready);
    const group = { records: ready, owners, keys, isReady: false };
    // A failure is told when its turn comes.
    keys.then(
      () => {
        group.isReady = true;
      },
      () => {},
    );
    return group;
  }

  async #fetchKeys(records: readonly Prepared[]): Promise<void> {
    const { ring } = this.#context.parts;
    if (ring) await ring.prepare(ownersIn(records), this.#worker.signal);
  }

  #openRun(first: bigint): RunBuilder {
    if (this.#worker.signal.aborted) throw new NormalizerError('stopped', 'the partition was taken away');
    if (!this.#chain) throw new TypeError('a batch came before the start was over');
    this.#run ??= new RunBuilder(nodeCrypto.sha256, this.#chain, first);
    return this.#run;
  }

  /** Ids that are news are asked for together: each may take a while to be found to be nobody's. */
  async #learnWriters(records: readonly FetchedRecord[]): Promise<void> {
    const ids = new Set<number>();
    for (const raw of records) {
      const id = idOf(raw);
      if (typeof id === 'number') ids.add(id);
    }
    if (ids.size > 1) await this.#context.writers.prepare(ids, this.#worker.signal);
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

const idOf = ({ value, unheld }: FetchedRecord) => (unheld ? null : schemaIdOf(value));

function tooFewPartitions(eventsTopic: string, partition: number): Error {
  return new NormalizerError(
    'too-few-partitions',
    `${eventsTopic} has no partition ${partition}, which the raw topic has: add partitions to ${eventsTopic} first`,
  );
}
