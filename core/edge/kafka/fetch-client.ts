// Reads partitions at positions of the caller's own: no group, no committed offset, no silent reset. kafkajs' consumer keeps
// a position by itself, moves it to the log's start when it is out of range, and hides fetches that hold only markers; here
// each answer is for the position that was asked for, or an error says why there is none. Always READ_COMMITTED.

import type { Kafka } from 'kafkajs';
import type { FetchedBatch } from './batch.ts';
import { describeError, KafkaError } from './error.ts';
import { fetchFrom } from './fetch-request.ts';
import { type Cluster, createCluster, READ_COMMITTED, READ_UNCOMMITTED } from './internals.ts';
import { decodeRecordSet } from './record-set.ts';

export interface PartitionOffsets {
  /** First offset that is still there. */
  readonly start: bigint;
  /** Last stable offset: behind the last record that is committed or aborted for good. */
  readonly stable: bigint;
  /** High watermark: behind the last record. */
  readonly end: bigint;
}

export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  /** What a record of a compressed batch may expand to and still be held; 64 MiB if not said. */
  readonly maxRecordBytes?: number;
  /** The log is compacted: offsets without a record are its normal life. */
  readonly compacted?: boolean;
}

const defaultLimits: FetchLimits = { maxWaitMs: 100, maxBytes: 4 << 20, maxBytesPerPartition: 1 << 20 };

export class FetchClient {
  readonly #cluster: Cluster;
  readonly #topics = new Set<string>();
  /** Of each partition, the answer that is not handed out whole yet, and the position where it goes on. */
  readonly #rests = new Map<string, { readonly position: bigint; readonly rest: ReturnType<typeof decodeRecordSet> }>();
  #connected: Promise<void> | null = null;
  /** When something was last read of what a broker answered, ms. */
  readAt = 0;
  readonly #onPiece = (): void => {
    this.readAt = Date.now();
  };

  constructor(kafka: Kafka) {
    this.#cluster = createCluster(kafka);
  }

  /** Connects, if that has not been done, and learns where the topic's leaders are. */
  async prepare(topic: string): Promise<void> {
    this.#connected ??= this.#cluster.connect();
    try {
      await this.#connected;
    } catch (cause) {
      this.#connected = null;
      throw new KafkaError('unavailable', `no broker answers: ${describeError(cause)}`, { cause });
    }
    if (!this.#topics.has(topic)) {
      await this.#cluster.addTargetTopic(topic);
      this.#topics.add(topic);
    }
    await this.#cluster.refreshMetadataIfNecessary();
  }

  /** Which broker leads which of these partitions; those without a leader are left out. */
  leaders(topic: string, partitions: readonly number[]): Map<string, number[]> {
    const leaders = this.#cluster.findLeaderForPartitions(topic, [...partitions]);
    return new Map(Object.entries(leaders).filter(([node]) => Number(node) >= 0));
  }

  /** How many partitions a prepared topic has, as last heard; 0: none, or not prepared. */
  partitionsOf(topic: string): number {
    return this.#cluster.findTopicPartitionMetadata(topic).length;
  }

  /** Asks anew who leads what: after an error. */
  async refresh(): Promise<void> {
    await this.#cluster.refreshMetadata();
  }

  /**
   * One fetch of partitions that one broker leads. Answers a batch for each partition that had something at its position; where
   * the broker's answer holds more than a batch, the next fetch from where it ends goes on with that.
   * Throws kafkajs' errors (KafkaJSOffsetOutOfRange with the partition), and `hole`, `corrupt`, `old-format`.
   */
  async fetch(
    node: string,
    topic: string,
    positions: ReadonlyMap<number, bigint>,
    limits: FetchLimits = defaultLimits,
  ): Promise<FetchedBatch[]> {
    const batches: FetchedBatch[] = [];
    const asked = new Map(positions);
    for (const [partition, position] of positions) {
      const batch = await this.#goOn(topic, partition, position);
      if (!batch) continue;
      batches.push(batch);
      asked.delete(partition);
    }
    if (asked.size === 0) return batches;
    const broker = await this.#cluster.findBroker({ nodeId: node });
    // The first of them have the room of an answer: each is to be among those now and then.
    const partitions = Array.from(asked, ([partition, position]) => ({
      order: Math.random(),
      partition,
      fetchOffset: `${position}`,
      maxBytes: limits.maxBytesPerPartition,
    })).sort((a, b) => a.order - b.order);
    const answers = await fetchFrom(broker, {
      isolationLevel: READ_COMMITTED,
      maxWaitTime: batches.length > 0 ? 0 : limits.maxWaitMs,
      minBytes: 1,
      maxBytes: limits.maxBytes,
      topics: [{ topic, partitions }],
    });
    const { compacted, maxRecordBytes: recordBytes } = limits;
    const own = recordBytes === undefined ? {} : { recordBytes };
    const options = { compacted, limits: own, onPiece: this.#onPiece };
    let corrupt: unknown;
    for (const answer of answers) {
      const position = asked.get(answer.partition);
      if (position === undefined) continue;
      const rest = decodeRecordSet(answer, position, options);
      this.#rests.set(`${topic} ${answer.partition}`, { position, rest });
      try {
        const batch = await this.#goOn(topic, answer.partition, position);
        if (batch) batches.push(batch);
      } catch (error) {
        // Another replica may have the right bytes: the other partitions need not wait for that.
        if (!(error instanceof KafkaError) || error.code !== 'corrupt') throw error;
        corrupt = error;
      }
    }
    if (corrupt && batches.length === 0) throw corrupt;
    return batches;
  }

  /** Gives back what is left of an answer whose reader has gone. */
  forget(topic: string, partition: number): void {
    const name = `${topic} ${partition}`;
    void this.#rests.get(name)?.rest.return(null);
    this.#rests.delete(name);
  }

  /** The next batch of an answer that held more than one, if `position` is where it stands. */
  async #goOn(topic: string, partition: number, position: bigint): Promise<FetchedBatch | null> {
    const name = `${topic} ${partition}`;
    const kept = this.#rests.get(name);
    if (!kept) return null;
    this.#rests.delete(name);
    if (kept.position !== position) {
      await kept.rest.return(null);
      return null;
    }
    const { done, value } = await kept.rest.next();
    if (!done) this.#rests.set(name, { ...kept, position: value.next });
    return value;
  }

  /** One fetch of one partition, from whoever leads it; null where there was nothing at the position. */
  async fetchOne(
    topic: string,
    partition: number,
    position: bigint,
    limits: Partial<FetchLimits> = {},
  ): Promise<FetchedBatch | null> {
    return this.#atLeader(topic, partition, async node => {
      const [batch] = await this.fetch(node, topic, new Map([[partition, position]]), { ...defaultLimits, ...limits });
      return batch ?? null;
    });
  }

  /** Where a partition's log starts and ends. */
  async offsets(topic: string, partition: number): Promise<PartitionOffsets> {
    return this.#atLeader(topic, partition, async node => {
      const broker = await this.#cluster.findBroker({ nodeId: node });
      const at = async (timestamp: '-1' | '-2', isolationLevel: number): Promise<bigint> => {
        const topics = [{ topic, partitions: [{ partition, timestamp }] }];
        const { responses } = await broker.listOffsets({ replicaId: -1, isolationLevel, topics });
        const offset = responses[0]?.partitions[0]?.offset;
        if (offset === undefined)
          throw new KafkaError('unavailable', `${topic} ${partition}: no offsets in the answer`);
        return BigInt(offset);
      };
      const start = await at('-2', READ_UNCOMMITTED);
      const stable = await at('-1', READ_COMMITTED);
      return { start, stable, end: await at('-1', READ_UNCOMMITTED) };
    });
  }

  async close(): Promise<void> {
    await this.#cluster.disconnect();
  }

  /** Tries a few times: leaders move, connections end. OffsetOutOfRange and `hole` are answers, not tried again. */
  async #atLeader<T>(topic: string, partition: number, ask: (node: string) => Promise<T>): Promise<T> {
    let last: unknown;
    for (let attempt = 0; attempt < 8; attempt++) {
      if (attempt > 0) await new Promise(resolve => setTimeout(resolve, 50 * 2 ** attempt));
      try {
        await this.prepare(topic);
        if (attempt > 0) await this.refresh();
        const [node] = this.leaders(topic, [partition]).keys();
        if (node !== undefined) return await ask(node);
        last = new Error('it has no leader');
      } catch (error) {
        if (isOutOfRange(error) || (error instanceof KafkaError && error.code === 'hole')) throw error;
        last = error;
      }
    }
    throw new KafkaError('unavailable', `${topic} ${partition} can't be read: ${describeError(last)}`, { cause: last });
  }
}

/** kafkajs' error for a position below the log's start or behind its end. */
export function isOutOfRange(error: unknown): error is Error & { partition: number } {
  return error instanceof Error && error.name === 'KafkaJSOffsetOutOfRange' && 'partition' in error;
}
