// Deals a topic's partitions out among the members of a group, and runs a worker for each of ours. kafkajs' consumer does the
// group alone: every partition is paused the moment it is assigned, so that it fetches nothing; batches come by FetchLoop, from
// the position that the worker's recovery answers. No committed offset decides anything.
//
// At each assignment (also one that changes nothing) all workers are stopped and made anew: another member may have owned a
// partition meanwhile. Start, recovery and takeover are so one path.

import type { Consumer, Kafka } from 'kafkajs';
import type { Logger } from 'pino';
import type { FetchedBatch } from './batch.ts';
import { describeError, dispositionOf, KafkaError } from './error.ts';
import { FetchClient, type FetchLimits } from './fetch-client.ts';
import { FetchLoop, type Slot } from './fetch-loop.ts';
import { type Hint, sendHint } from './hint.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';

/**
 * What a program does with one partition while it owns it. Its methods are never called two at a time; once the context's
 * `signal` is aborted, what is under way should end soon, by an error if need be.
 */
export interface PartitionWorker {
  /** Recovers from the end of the output; answers the offset of the topic to read from. */
  start(): Promise<bigint>;
  /** Batches come one at a time, each beginning where the one before ended. */
  onBatch(batch: FetchedBatch): Promise<void>;
  /** No batch comes any more: gives up, or finishes, what is under way. Called once, also when `start` failed. */
  stop(): Promise<void>;
}

/** What a worker is given beside its partition. */
export interface WorkerContext {
  /** For reading tails: one client for all workers. */
  readonly client: FetchClient;
  /** Commits an offset with metadata for displays and for hints. It decides nothing, so a failure is only logged. */
  commitHint(hint: Hint): Promise<void>;
  /** Aborted when the worker is to end. */
  readonly signal: AbortSignal;
  /** Asks for a new start of this worker, as if `onBatch` had thrown: for what fails between batches. */
  fail(error: unknown): void;
}

export interface RunOptions {
  readonly kafka: Kafka;
  readonly log: Logger;
  readonly groupId: string;
  readonly topic: string;
  createWorker(partition: number, context: WorkerContext): PartitionWorker;
  /** Called once: the program can't go on, and has to exit. The consumer has left the group by then, if it could. */
  onFatal(error: Error): void;
  /** Ours or not, after each assignment. */
  onAssigned?(partitions: readonly number[]): void;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  /** How long it takes at the most until partitions that are added to the topic are dealt out: nobody reads them before. */
  readonly metadataAgeMs?: number;
  readonly limits?: Partial<FetchLimits>;
}

export interface RunningPartitions {
  /** Stops the workers, then leaves the group. */
  stop(): Promise<void>;
  /** Those assigned now, in order. */
  partitions(): number[];
  /** Whether all workers of ours have recovered and read. */
  ready(): boolean;
  readonly client: FetchClient;
}

const limits: FetchLimits = { maxWaitMs: 200, maxBytes: 8 << 20, maxBytesPerPartition: 1 << 20 };

/** Joins the group; resolves when the first assignment has come. */
export async function runPartitions(options: RunOptions): Promise<RunningPartitions> {
  const run = new PartitionRun(options);
  await run.join();
  return run;
}

interface Owned {
  readonly partition: number;
  worker: PartitionWorker | null;
  abort: AbortController | null;
  starting: Promise<unknown> | null;
  slot: Slot | null;
  /** In a row: each within `calmMs` of the one before. */
  failures: number;
  failedAt: number;
  /** Taken away: whatever it says is ignored. */
  ended: boolean;
  stopping: Promise<void> | null;
}

const maxFailures = 8;
const calmMs = 60_000;
/** Between starts where something else has to come back: whoever says so has tried for a while already. */
const waitMs = 500;

class PartitionRun implements RunningPartitions {
  readonly client: FetchClient;
  readonly #options: RunOptions;
  readonly #consumer: Consumer;
  readonly #loop: FetchLoop;
  readonly #log: Logger;
  readonly #sessionMs: number;
  readonly #rebalanceMs: number;
  #watchdog: Watchdog | undefined;
  #owned = new Map<number, Owned>();
  #ended = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#sessionMs = options.sessionTimeoutMs ?? 10_000;
    this.#rebalanceMs = options.rebalanceTimeoutMs ?? 30_000;
    this.client = new FetchClient(options.kafka);
    this.#loop = new FetchLoop(this.client, options.topic, { ...limits, ...options.limits }, options.log);
    this.#consumer = options.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: this.#sessionMs,
      rebalanceTimeout: this.#rebalanceMs,
      heartbeatInterval: Math.max(200, Math.floor(this.#sessionMs / 6)),
      maxWaitTimeInMs: 200, // with all paused, how often it looks whether a heartbeat is due
      metadataMaxAge: options.metadataAgeMs ?? 20_000,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 5 }, // then the group is joined anew, see CRASH
    });
  }

  async join(): Promise<void> {
    const { topic } = this.#options;
    const { events } = this.#consumer;
    const { promise: joined, resolve } = Promise.withResolvers<void>();
    await this.client.prepare(topic);
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [topic], fromBeginning: true });
    this.#consumer.on(events.GROUP_JOIN, event => {
      const partitions = event.payload.memberAssignment[topic] ?? [];
      // Synchronously: kafkajs fetches as soon as the listeners have returned, and awaits none.
      if (partitions.length > 0) this.#consumer.pause([{ topic, partitions }]);
      this.#watchdog?.joined();
      this.#assign(partitions);
      resolve();
    });
    this.#consumer.on(events.HEARTBEAT, () => this.#watchdog?.beat());
    this.#consumer.on(events.REBALANCING, () => this.#watchdog?.joining());
    this.#consumer.on(events.CRASH, ({ payload }) => {
      // Brokers that are away for a while: kafkajs joins anew, and whether that takes too long, the watchdog decides.
      if (payload.restart) {
        this.#log.warn({ error: describeError(payload.error) }, "the group's consumer failed, joining anew");
        this.#watchdog?.joining();
        return;
      }
      this.#fatal(new KafkaError('consumer-stopped', `the group's consumer crashed: ${payload.error.message}`));
      resolve();
    });
    this.#watchdog = startWatchdog({
      sessionMs: this.#sessionMs,
      rebalanceMs: this.#rebalanceMs,
      answeredAt: () => (this.#loop.wanting ? this.#loop.answeredAt : Date.now()),
      onSilence: what => this.#fatal(new KafkaError('consumer-stopped', what)),
    });
    await this.#consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async () => {} });
    await joined;
  }

  partitions(): number[] {
    return [...this.#owned.keys()].sort((a, b) => a - b);
  }

  ready(): boolean {
    return !this.#ended && [...this.#owned.values()].every(owned => owned.slot !== null);
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#close();
  }

  async #close(): Promise<void> {
    this.#watchdog?.stop();
    const owned = [...this.#owned.values()];
    this.#owned = new Map();
    await Promise.all(owned.map(one => this.#end(one)));
    this.#loop.close();
    await Promise.allSettled([this.#consumer.disconnect(), this.client.close()]);
  }

  #fatal(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#log.error({ error: describeError(error) }, 'fatal: leaving the group');
    const timeout = new Promise(resolve => setTimeout(resolve, 5000).unref());
    void Promise.race([this.#close().catch(() => {}), timeout]).then(() => this.#options.onFatal(error));
  }

  #assign(partitions: readonly number[]): void {
    if (this.#ended) return;
    const before = this.#owned;
    this.#owned = new Map();
    const ending = new Map([...before.values()].map(owned => [owned.partition, this.#end(owned)]));
    this.#log.info({ topic: this.#options.topic, partitions }, 'assigned');
    for (const partition of partitions) {
      const nothing = { worker: null, abort: null, starting: null, slot: null, stopping: null };
      const owned: Owned = { partition, failures: 0, failedAt: 0, ended: false, ...nothing };
      this.#owned.set(partition, owned);
      void Promise.resolve(ending.get(partition)).then(() => this.#start(owned));
    }
    this.#options.onAssigned?.(partitions);
  }

  /** Fence, tail, position: the worker's `start`; then its batches. */
  async #start(owned: Owned): Promise<void> {
    if (owned.ended || this.#ended) return;
    const { partition } = owned;
    const abort = new AbortController();
    const context: WorkerContext = {
      client: this.client,
      signal: abort.signal,
      commitHint: hint => sendHint(this.#consumer, this.#log, this.#options.topic, partition, hint),
      fail: error => {
        if (owned.worker === worker) this.#failed(owned, error);
      },
    };
    const worker = this.#options.createWorker(partition, context);
    owned.worker = worker;
    owned.abort = abort;
    try {
      const starting = worker.start();
      owned.starting = starting.catch(() => {});
      const position = await starting;
      if (owned.ended || owned.worker !== worker) return;
      this.#log.info({ topic: this.#options.topic, partition, position: `${position}` }, 'partition recovered');
      const onBatch = (batch: FetchedBatch): Promise<void> => worker.onBatch(batch);
      owned.slot = this.#loop.open(partition, position, onBatch, error => context.fail(error));
    } catch (error) {
      context.fail(error);
    }
  }

  #failed(owned: Owned, error: unknown): void {
    if (owned.ended || this.#ended) return;
    const { partition } = owned;
    const disposition = dispositionOf(error);
    this.#log.warn({ partition, disposition, error: describeError(error) }, 'partition failed');
    if (disposition === 'fatal') {
      this.#fatal(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const isCalm = disposition === 'wait' || Date.now() - owned.failedAt > calmMs;
    owned.failures = isCalm ? 1 : owned.failures + 1;
    owned.failedAt = Date.now();
    if (owned.failures > maxFailures) {
      const message = `partition ${partition} failed ${owned.failures} times in a row: ${describeError(error)}`;
      this.#fatal(new KafkaError('no-progress', message, { cause: error }));
      return;
    }
    const stopped = this.#halt(owned);
    if (disposition === 'fenced') {
      // Whoever took it over does so by an assignment that we are about to learn of. Without one, two owners would fight.
      const patience = this.#rebalanceMs + this.#sessionMs;
      const leave = () => !owned.ended && this.#fatal(error instanceof Error ? error : new Error(String(error)));
      setTimeout(leave, patience).unref();
      return;
    }
    const pause = disposition === 'wait' ? waitMs : Math.min(5000, 50 * 2 ** owned.failures);
    const backoff = pause * (0.5 + Math.random() / 2);
    void stopped.then(() => setTimeout(() => void this.#start(owned), backoff));
  }

  /** Ends the worker that runs, so that another may begin. */
  async #halt(owned: Owned): Promise<void> {
    const { worker, slot, starting, abort } = owned;
    owned.worker = null;
    owned.slot = null;
    abort?.abort();
    const before = owned.stopping;
    owned.stopping = (async () => {
      await before;
      await starting;
      await slot?.close();
      await worker?.stop();
    })().catch(error => this.#log.info({ partition: owned.partition, error: describeError(error) }, 'stop failed'));
    await owned.stopping;
  }

  async #end(owned: Owned): Promise<void> {
    owned.ended = true;
    await this.#halt(owned);
  }
}
