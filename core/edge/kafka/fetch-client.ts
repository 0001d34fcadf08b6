// Reads partitions at positions of the caller's own: no group, no committed offset, no silent reset. kafkajs' consumer keeps
// a position by itself, moves it to the log's start when it is out of range, and hides fetches that hold only markers; here
// each answer is for the position that was asked for, or an error says why there is none. Always READ_COMMITTED.

import type { Kafka } from 'kafkajs';
import { type FetchedBatch, toBatch } from './batch.ts';
import { describeError, KafkaError } from './error.ts';
import { type Cluster, createCluster, type FetchRequest, READ_COMMITTED, READ_UNCOMMITTED } from './internals.ts';

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
  /** The log is compacted: offsets without a record are its normal life. */
  readonly compacted?: boolean;
}

const defaultLimits: FetchLimits = { maxWaitMs: 100, maxBytes: 4 << 20, maxBytesPerPartition: 1 << 20 };

export class FetchClient {
  readonly #cluster: Cluster;
  readonly #topics = new Set<string>();
  #connected: Promise<void> | null = null;

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
   * One fetch of partitions that one broker leads. Answers a batch for each partition that had something at its position.
   * Throws kafkajs' errors (KafkaJSOffsetOutOfRange with the partition), and `hole`.
   */
  async fetch(
    node: string,
    topic: string,
    positions: ReadonlyMap<number, bigint>,
    limits: FetchLimits = defaultLimits,
  ): Promise<FetchedBatch[]> {
    const broker = await this.#cluster.findBroker({ nodeId: node });
    const partitions = Array.from(positions, ([partition, position]) => ({
      partition,
      fetchOffset: `${position}`,
      maxBytes: limits.maxBytesPerPartition,
    }));
    const request: FetchRequest = {
      isolationLevel: READ_COMMITTED,
      maxWaitTime: limits.maxWaitMs,
      minBytes: 1,
      maxBytes: limits.maxBytes,
      topics: [{ topic, partitions }],
    };
    const { responses } = await broker.fetch(request);
    return responses.flatMap(answer =>
      answer.partitions.flatMap(partition => {
        const position = positions.get(partition.partition);
        return (position !== undefined && toBatch(topic, partition, position, limits.compacted)) || [];
      }),
    );
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
