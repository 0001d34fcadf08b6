// The compacted topic of changes, shared by all normalizers of an archive: each reads it from its beginning before it begins to work,
// goes on following it, and writes what it saw itself. It decides nothing: whatever is lost here costs marks, never an event, so no
// failure leaves this file, and nobody waits for a write.

import { setTimeout } from 'node:timers/promises';
import kafkajs, { type Kafka, type Producer } from 'kafkajs';
import { FetchClient } from '../../../core/edge/kafka/index.ts';
import type { ChangeHistory } from './change-history.ts';
import type { ChangeKey, SeenChange } from './change-of.ts';
import { formatChange, parseChange } from './change-value.ts';
import type { EnrichEvents } from './events.ts';

export interface ChangeTopicOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly history: ChangeHistory;
  readonly events: Pick<EnrichEvents, 'changesUnavailable' | 'changesRestored' | 'changesForgotten' | 'strangeChange'>;
}

const restorePatienceMs = 15_000;
const longPollMs = 500;
const writeDelayMs = 50;
const retryMs = { first: 250, most: 10_000 };
const endPatienceMs = 3000;
const maxDirty = 10_000;

export class ChangeTopic {
  readonly #options: ChangeTopicOptions;
  readonly #client: FetchClient;
  readonly #producer: Producer;
  readonly #positions = new Map<number, bigint>();
  readonly #goals = new Map<number, bigint>();
  #restored: () => void = () => {};
  readonly #dirty = new Map<string, ChangeKey>();
  #writing: Promise<void> | null = null;
  #connected = false;
  readonly #ended = new AbortController();
  #following: Promise<void> = Promise.resolve();

  private constructor(options: ChangeTopicOptions) {
    this.#options = options;
    this.#client = new FetchClient(options.kafka);
    this.#producer = options.kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: { retries: 3 },
    });
  }

  /** Answers when all that the topic held is taken, or when that took too long: then the rest comes later, and events lack marks. */
  static async open(options: ChangeTopicOptions): Promise<ChangeTopic> {
    const topic = new ChangeTopic(options);
    const restored = new Promise<boolean>(resolve => {
      topic.#restored = () => resolve(true);
    });
    topic.#following = topic.#follow();
    const patience = delay(restorePatienceMs).then(() => false);
    if (await Promise.race([restored, patience])) options.events.changesRestored(options.history.services);
    else options.events.changesUnavailable('restore', new Error(`not restored within ${restorePatienceMs / 1000} s`));
    return topic;
  }

  /** Takes a change that was seen, and writes it soon. */
  take({ key, mark }: SeenChange): void {
    if (this.#options.history.take(key, [mark], true)) this.#write(key);
  }

  /** Writes what is left to write, if Kafka takes it soon. */
  async close(): Promise<void> {
    const written = this.#writing ?? Promise.resolve();
    await Promise.race([written, delay(endPatienceMs)]);
    this.#ended.abort();
    await Promise.race([this.#following, delay(endPatienceMs)]);
    await Promise.allSettled([this.#client.close(), this.#producer.disconnect()]);
  }

  async #follow(): Promise<void> {
    let pause = retryMs.first;
    while (!this.#ended.signal.aborted) {
      try {
        if (this.#positions.size === 0) await this.#begin();
        await this.#read();
        pause = retryMs.first;
      } catch (error) {
        if (this.#ended.signal.aborted) return;
        this.#options.events.changesUnavailable('read', error);
        // From the beginning again: the topic is small, and may have been made anew. What is known already is no news.
        this.#positions.clear();
        await delay(pause, this.#ended.signal);
        pause = Math.min(pause * 2, retryMs.most);
      }
    }
  }

  async #begin(): Promise<void> {
    const { topic } = this.#options;
    await createCompacted(this.#options);
    await this.#client.prepare(topic);
    if (this.#client.partitionsOf(topic) === 0) await this.#client.refresh();
    for (let partition = 0; partition < this.#client.partitionsOf(topic); partition++) {
      const { start, stable } = await this.#client.offsets(topic, partition);
      this.#positions.set(partition, start);
      this.#goals.set(partition, stable);
    }
    if (this.#positions.size === 0) throw new Error(`${topic} has no partitions yet`);
  }

  async #read(): Promise<void> {
    const { topic } = this.#options;
    const maxWaitMs = Math.ceil(longPollMs / this.#positions.size);
    for (const [partition, position] of this.#positions) {
      if (this.#goals.size === 0 || position < (this.#goals.get(partition) ?? 0n)) {
        const batch = await this.#client.fetchOne(topic, partition, position, { maxWaitMs, compacted: true });
        for (const { key, value } of batch?.records ?? []) if (value !== null) this.#learn(key, value);
        if (batch) this.#positions.set(partition, batch.next);
      } else this.#goals.delete(partition);
    }
    if (this.#goals.size === 0) this.#restored();
  }

  #learn(key: Buffer | null, value: Buffer): void {
    const { history, events } = this.#options;
    const change = parseChange(key, value);
    if (!change) {
      events.strangeChange();
      return;
    }
    history.take(change.key, change.marks);
    // Another instance wrote before it had read what this one wrote: once all have the union, nobody writes any more.
    if (history.hasMore(change.key, change.marks)) this.#write(change.key);
  }

  #write(key: ChangeKey): void {
    if (this.#dirty.size < maxDirty) this.#dirty.set(formatChange(key, []).key, key);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
  }

  async #writeAll(): Promise<void> {
    const { topic, history, events } = this.#options;
    await delay(writeDelayMs, this.#ended.signal);
    for (let pause = retryMs.first; this.#dirty.size > 0 && !this.#ended.signal.aborted; ) {
      const keys = [...this.#dirty];
      this.#dirty.clear();
      try {
        if (!this.#connected) await this.#producer.connect();
        this.#connected = true;
        await this.#producer.send({ topic, messages: keys.map(([, key]) => formatChange(key, history.marks(key))) });
      } catch (error) {
        for (const [name, key] of keys) this.#dirty.set(name, key);
        events.changesUnavailable('write', error);
        await delay(pause, this.#ended.signal);
        pause = Math.min(pause * 2, retryMs.most);
      }
    }
  }
}

/** Makes the topic where it is missing and that is allowed; tells of one that is there and forgets. */
async function createCompacted({ kafka, topic, events }: ChangeTopicOptions): Promise<void> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    if ((await admin.listTopics()).includes(topic)) {
      const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['cleanup.policy'] }];
      // Who may not ask is not told.
      const answer = await admin.describeConfigs({ resources, includeSynonyms: false }).catch(() => null);
      const policy = answer?.resources[0]?.configEntries[0]?.configValue;
      if (policy !== undefined && policy !== 'compact') events.changesForgotten(topic, policy);
      return;
    }
    const configEntries = [{ name: 'cleanup.policy', value: 'compact' }];
    // As many replicas as the cluster gives by default.
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: -1, configEntries }] });
  } finally {
    await admin.disconnect();
  }
}

/** Ends early, not with an error, where the signal aborts; keeps no process alive. */
async function delay(ms: number, signal?: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, signal ? { signal, ref: false } : { ref: false }).catch(() => {});
}
