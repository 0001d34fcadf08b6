// How far the pipeline has come, watched from outside while it runs: what of `audit.raw` is sealed, by the seals that a plain consumer of
// `audit.events` sees; what of that is in the bucket, by the positions that the archivers tell. For the report's times alone: what
// is right and wrong, the checker says, at the end.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin, type Consumer, type Kafka } from 'kafkajs';
import { runTransactionsTool } from './open-transactions.ts';
import type { World } from './world.ts';

type Ends = ReadonlyMap<number, bigint>;

export interface Recovered {
  readonly sealedAt: number;
  readonly archivedAt: number;
}

interface Sealed {
  /** Behind the last sealed raw offset. */
  readonly next: bigint;
  /** Behind the run's last record, in the events topic. */
  readonly offset: bigint;
  readonly generation: number;
}

const pollMs = 250;
const consumerPatienceMs = 30_000;

export class Monitor {
  readonly #world: World;
  readonly #kafka: Kafka;
  readonly #admin: Admin;
  #consumer: Consumer | null = null;
  /** Seals were seen since the last look. */
  #isAlive = false;
  #watching: NodeJS.Timeout | undefined;
  #isOver = false;
  #sealed = new Map<number, Sealed>();
  /** Changes when one of the topics is made anew. */
  #topics = 0;
  /** Of the raw topic, as it is now: what an earlier one held says nothing of it. */
  generation = 0;
  /** Sealing time of the latest seal, ms. */
  lastSealedAt = 0;

  constructor(world: World) {
    this.#world = world;
    this.#kafka = new kafkajs.Kafka({
      brokers: world.brokers.split(','),
      clientId: 'faults-monitor',
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 30 },
    });
    this.#admin = this.#kafka.admin();
  }

  async start(): Promise<void> {
    await this.#admin.connect();
    await this.#consume();
    this.#watch();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#watching);
    await Promise.allSettled([this.#consumer?.disconnect(), this.#admin.disconnect()]);
  }

  async #consume(): Promise<void> {
    const consumer = this.#kafka.consumer({
      groupId: `monitor-${randomUUID()}`,
      metadataMaxAge: 2000,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 30, restartOnFailure: async () => true },
    });
    this.#consumer = consumer;
    await consumer.connect();
    await consumer.subscribe({ topic: this.#world.topics.events, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message: { headers, offset } }) => {
        const seal = headers?.['tidemark-seal'];
        if (seal && this.#consumer === consumer) this.#take(partition, String(seal), BigInt(offset) + 1n);
      },
    });
  }

  /** Idle partitions are sealed too: where nothing comes, it may be kafkajs, whose consumer does not survive every restart of a broker. */
  #watch(): void {
    this.#watching = setTimeout(async () => {
      const consumer = this.#consumer;
      if (!this.#isAlive && consumer) {
        this.#consumer = null;
        void consumer.disconnect().catch(() => {});
        await this.#consume().catch(() => {});
      }
      this.#isAlive = false;
      // Stopped meanwhile: what was begun anew since ends too.
      if (this.#isOver) await this.#consumer?.disconnect().catch(() => {});
      else this.#watch();
    }, consumerPatienceMs);
  }

  /** The events topic was made anew: what is read by now is of the old one. */
  eventsAnew(): void {
    this.#sealed = new Map();
    this.#topics++;
  }

  /** The raw topic was made anew, and the generation raised. */
  rawAnew(): void {
    this.generation++;
    this.#topics++;
  }

  /** Where the raw topic ends, by partition; waits for a broker. */
  rawEnds(signal?: AbortSignal): Promise<Ends | null> {
    return this.#asked(async () => {
      const offsets = await this.#admin.fetchTopicOffsets(this.#world.topics.raw);
      return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]));
    }, signal);
  }

  /** Resolves once all that the raw topic holds by now is sealed, and in the bucket; null where the signal comes first. */
  async recovered(signal: AbortSignal): Promise<Recovered | null> {
    const topics = this.#topics;
    const ends = await this.rawEnds(signal);
    if (!ends) return null;
    // Topics are made anew only when all is through.
    if (!(await this.#until(() => topics !== this.#topics || this.#isSealed(ends), signal))) return null;
    const sealedAt = Date.now();
    return (await this.archived(signal)) ? { sealedAt, archivedAt: Date.now() } : null;
  }

  /** Resolves once all that is sealed by now is in the bucket; false where the signal comes first. */
  async archived(signal: AbortSignal): Promise<boolean> {
    const topics = this.#topics;
    const offsets = this.#ends();
    return this.#until(async () => topics !== this.#topics || (await this.#isArchived(offsets)), signal);
  }

  /** What is not sealed, and what of the sealed is not in the bucket, for the message of a run that does not end. */
  async behind(signal: AbortSignal): Promise<string> {
    const behind = (ends: Ends, reached: (partition: number) => bigint): string => {
      const list = [...ends].filter(([partition, end]) => reached(partition) < end);
      return list.map(([partition, end]) => `${partition}: ${reached(partition)}/${end}`).join(', ') || 'all';
    };
    const ends = await this.rawEnds(signal);
    const committed = await this.#asked(() => this.#committed(), signal);
    const sealed = ends === null ? 'no broker answers' : behind(ends, partition => this.sealedTo(partition));
    const archived = committed === null ? '?' : behind(this.#ends(), partition => committed.get(partition) ?? 0n);
    const open = ends === null ? [] : await this.#openTransactions(ends);
    return [`sealed: ${sealed}; of that archived: ${archived} (generation ${this.generation})`, ...open].join('\n');
  }

  /** Of a few of the partitions that are not sealed. */
  #openTransactions(ends: Ends): Promise<string[]> {
    const { brokers, topics } = this.#world;
    const unsealed = [...ends].filter(([partition, end]) => this.sealedTo(partition) < end).slice(0, 3);
    const describe = async ([partition]: readonly [number, bigint]): Promise<string> => {
      const place = ['--topic', topics.events, '--partition', `${partition}`];
      const found = await runTransactionsTool(brokers, 'describe-producers', ...place).catch(String);
      return `${topics.events} ${partition}:\n${found}`;
    };
    return Promise.all(unsealed.map(describe));
  }

  #take(partition: number, note: string, offset: bigint): void {
    const [, , place = '', range = '', , time = ''] = note.split('\n');
    const [, generation] = place.split(' ');
    const [, next = '0'] = range.split(' ');
    this.#isAlive = true;
    const known = this.#sealed.get(partition);
    // A consumer that was begun anew tells what is known already.
    if (known && known.offset > offset) return;
    this.#sealed.set(partition, { next: BigInt(next), offset, generation: Number(generation) });
    this.lastSealedAt = Math.max(this.lastSealedAt, Number(time));
  }

  #isSealed(ends: Ends): boolean {
    return [...ends].every(([partition, end]) => this.sealedTo(partition) >= end);
  }

  /** Behind the last raw offset that is sealed. */
  sealedTo(partition: number): bigint {
    const sealed = this.#sealed.get(partition);
    return sealed?.generation === this.generation ? sealed.next : 0n;
  }

  /** Behind the last seal, in the events topic. */
  #ends(): Ends {
    return new Map([...this.#sealed].map(([partition, { offset }]) => [partition, offset]));
  }

  /** What the archivers tell, in the events topic. */
  async #committed(): Promise<Ends> {
    const groupId = this.#world.groups.archiver;
    const [found] = await this.#admin.fetchOffsets({ groupId, topics: [this.#world.topics.events] });
    return new Map(found?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
  }

  async #isArchived(offsets: Ends): Promise<boolean> {
    const committed = await this.#committed();
    return [...offsets].every(([partition, offset]) => (committed.get(partition) ?? 0n) >= offset);
  }

  async #until(condition: () => boolean | Promise<boolean>, signal: AbortSignal): Promise<boolean> {
    return (await this.#asked(async () => ((await condition()) ? true : null), signal)) ?? false;
  }

  /** Asks until there is an answer, whatever is broken meanwhile. */
  async #asked<T>(ask: () => Promise<T | null>, signal?: AbortSignal): Promise<T | null> {
    for (;;) {
      const answer = await ask().catch(() => null);
      if (answer !== null) return answer;
      if (signal?.aborted) return null;
      await delay(pollMs);
    }
  }
}
