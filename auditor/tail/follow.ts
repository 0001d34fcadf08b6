// Sealed events as they come: every partition of the events topic, committed records only, from a time or from now on. It belongs to
// no group, commits nothing and checks no seal: it shows what is on its way, `verify` proves what has arrived.

import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { describeError, FetchClient, type FetchedBatch, type FetchedRecord } from '../../core/edge/kafka/index.ts';
import type { Registry } from '../../schemas/index.ts';
import { AuditorError } from '../error.ts';
import { compileFilter, type Filter } from '../read/filter.ts';
import { decodeSealed, type SealedEvent } from './sealed-event.ts';

export interface FollowOptions {
  readonly kafka: Kafka;
  readonly registry: Pick<Registry, 'textOf'>;
  readonly topic: string;
  /** Milliseconds since 1970, by when events were sealed; null: from now on. */
  readonly since: number | null;
  readonly filter: Filter;
  /** Only those of records that were not accepted. */
  readonly refused: boolean;
  /** Ends when what was there at the beginning has been read. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  /** Brokers are away, or evidence has left the topic unread: it is gone on with. */
  onTrouble(text: string): void;
}

const limits = { maxWaitMs: 250, maxBytes: 4 << 20, maxBytesPerPartition: 1 << 20 };
const pauseMs = 500;

/** Events in order within each partition. Throws AuditorError `not-found` where the topic is not there. */
export async function* followEvents(options: FollowOptions): AsyncGenerator<SealedEvent> {
  const { kafka, registry, topic, filter, refused, once, signal, onTrouble } = options;
  const client = new FetchClient(kafka);
  const isAsked = compileFilter(filter);
  try {
    await prepare(client, topic);
    const { positions, ends } = await startOf(client, options);
    for (let trouble = ''; !signal.aborted; ) {
      if (once && [...positions].every(([partition, position]) => position >= (ends.get(partition) ?? 0n))) return;
      let batches: readonly FetchedBatch[] = [];
      try {
        batches = await fetchAll(client, topic, positions);
        trouble = '';
      } catch (error) {
        const text = describeError(error);
        if (text !== trouble) onTrouble(`${topic} can't be read, trying again: ${text}`);
        trouble = text;
        await delay(pauseMs, undefined, { signal }).catch(() => {});
        await recover(client, options, positions).catch(() => {});
      }
      for (const batch of batches) {
        if (batch.lost > 0n) onTrouble(`${topic} ${batch.partition}: retention took ${batch.lost} records unread`);
        for (const record of batch.records) {
          const event = await sealedEvent(registry, batch.partition, record);
          if (isAsked(event.view) && (!refused || event.refused !== null)) yield event;
        }
        positions.set(batch.partition, batch.next);
      }
    }
  } finally {
    await client.close();
  }
}

async function prepare(client: FetchClient, topic: string): Promise<void> {
  try {
    await client.prepare(topic);
  } catch (cause) {
    const advice =
      'TIDEMARK_EVENTS_TOPIC has to name the topic that the normalizer writes, and you have to be allowed to read it';
    throw new AuditorError('not-found', `${topic}: ${describeError(cause)}. ${advice}`, { cause });
  }
}

async function startOf(client: FetchClient, { kafka, topic, since, once }: FollowOptions) {
  const partitions = Array.from({ length: client.partitionsOf(topic) }, (_, partition) => partition);
  const offsets = await Promise.all(partitions.map(partition => client.offsets(topic, partition)));
  const ends = new Map(offsets.map(({ stable }, partition) => [partition, stable]));
  if (since === null) return { positions: new Map(ends), ends: once ? ends : new Map<number, bigint>() };
  const positions = new Map<number, bigint>();
  const admin = kafka.admin();
  await admin.connect();
  try {
    for (const { partition, offset } of await admin.fetchTopicOffsetsByTimestamp(topic, since))
      positions.set(partition, BigInt(offset));
  } finally {
    await admin.disconnect();
  }
  return { positions, ends };
}

/** A fetch at each broker, at once. */
async function fetchAll(client: FetchClient, topic: string, positions: ReadonlyMap<number, bigint>) {
  const leaders = client.leaders(topic, [...positions.keys()]);
  if (leaders.size === 0) throw new Error('no partition has a leader');
  const fetches = Array.from(leaders, ([node, partitions]) => {
    const own = new Map(partitions.map(partition => [partition, positions.get(partition) ?? 0n]));
    return client.fetch(node, topic, own, limits);
  });
  return (await Promise.all(fetches)).flat();
}

/** Leaders anew; and positions that retention has passed are moved to the log's start. */
async function recover(client: FetchClient, { topic, onTrouble }: FollowOptions, positions: Map<number, bigint>) {
  await client.refresh();
  for (const [partition, position] of positions) {
    const { start } = await client.offsets(topic, partition);
    if (position >= start) continue;
    onTrouble(`${topic} ${partition}: retention took the records from ${position} to ${start - 1n} unread`);
    positions.set(partition, start);
  }
}

async function sealedEvent(
  registry: FollowOptions['registry'],
  partition: number,
  record: FetchedRecord,
): Promise<SealedEvent> {
  const { value } = record;
  const id = value !== null && value.length >= 5 && value[0] === 0 ? value.readUInt32BE(1) : null;
  const text = id === null ? null : await registry.textOf(id).catch(() => null);
  return decodeSealed({ partition, offset: record.offset, sealedAt: record.timestamp, value, schema: { id, text } });
}
