// The benches' topics: filled once, copied to fresh ones of one partition each, and what the broker's own clock says of how fast that went.

import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { pino } from 'pino';
import { createKafka, FetchClient, readRange } from '../../core/edge/kafka/index.ts';
import { kafkaSettings } from '../../core/edge/settings.ts';
import type { AuditEvent } from '../../schemas/index.ts';
import { rawKey, rawValue } from './shapes.ts';

export interface Topics {
  readonly kafka: Kafka;
  /** `retentionBytes`: what the broker keeps of a partition at least; undefined: all. */
  create(topic: string, partitions?: number, retentionBytes?: number): Promise<void>;
  remove(topic: string): Promise<void>;
  close(): Promise<void>;
}

/** Topics of the servers that the environment names. */
export async function openTopics(): Promise<Topics> {
  const kafka = createKafka(kafkaSettings(process.env), pino({ level: 'silent' }), 'tidemark-bench');
  const admin = kafka.admin();
  await admin.connect();
  return {
    kafka,
    create: (topic, partitions = 1, retentionBytes = -1) => createTopic(admin, topic, partitions, retentionBytes),
    remove: topic => admin.deleteTopics({ topics: [topic] }),
    close: () => admin.disconnect(),
  };
}

/** Stamped by the broker: what is measured does not read the clock itself. */
async function createTopic(admin: Admin, topic: string, numPartitions: number, retentionBytes: number): Promise<void> {
  const configEntries = [
    { name: 'message.timestamp.type', value: 'LogAppendTime' },
    { name: 'retention.bytes', value: `${retentionBytes}` },
    { name: 'segment.bytes', value: `${retentionBytes < 0 ? 1 << 30 : 32 << 20}` },
    { name: 'max.message.bytes', value: `${topic.startsWith('raw') ? 1_048_588 : 4 << 20}` },
  ];
  // A broker may answer for a moment that it does not know a topic which it has just created.
  for (const deadline = Date.now() + 30_000; ; await delay(50)) {
    try {
      await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: true });
      return;
    } catch (error) {
      const isNew = error instanceof Error && 'type' in error && error.type === 'UNKNOWN_TOPIC_OR_PARTITION';
      if (!isNew || Date.now() > deadline) throw error;
    }
  }
}

const recordsPerSend = 500;

/** Appends events to partition 0; answers the mean size of their values. */
export async function fillTopic(
  kafka: Kafka,
  topic: string,
  schemaId: number,
  events: Iterable<AuditEvent>,
): Promise<number> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  let [bytes, count] = [0, 0];
  let messages: kafkajs.Message[] = [];
  const send = async () => {
    await producer.send({ topic, messages, acks: -1, compression: kafkajs.CompressionTypes.None });
    messages = [];
  };
  for (const event of events) {
    const value = rawValue(schemaId, event);
    bytes += value.length;
    count += 1;
    messages.push({ partition: 0, key: rawKey(event), value });
    if (messages.length === recordsPerSend) await send();
  }
  if (messages.length > 0) await send();
  await producer.disconnect();
  return bytes / count;
}

/** Records a second, from the broker's time of the first record of each part to that of its last. */
export interface Rates {
  /** Of the records before `warmUp`: start-up is not in it, what compilers have yet to learn is. */
  readonly cold: number;
  readonly warm: number;
}

/** Waits until partition 0 has that many committed records; answers how fast they came. Looks rarely, so as not to disturb. */
export async function ratesOf(
  kafka: Kafka,
  topic: string,
  count: number,
  warmUp: number,
  checkRuns: () => void,
): Promise<Rates> {
  const client = new FetchClient(kafka);
  try {
    await client.prepare(topic);
    for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await delay(200)) {
      checkRuns();
      const { stable } = await client.offsets(topic, 0);
      if (stable < BigInt(count)) continue;
      const times = await timesOf(client, topic);
      if (times.length < count) continue;
      return { cold: rateOf(times.slice(0, warmUp)), warm: rateOf(times.slice(warmUp - 1, count)) };
    }
  } finally {
    await client.close();
  }
  throw new Error(`${topic} has no ${count} records after ${patienceMs / 1000} s`);
}

const patienceMs = 180_000;

async function timesOf(client: FetchClient, topic: string): Promise<number[]> {
  const times: number[] = [];
  for await (const { records } of readRange(client, topic, 0, 0n))
    for (const { timestamp } of records) times.push(timestamp);
  return times;
}

/** Records are stamped by batch: those of the first batch came before the time that counts began. */
function rateOf(times: readonly number[]): number {
  const [first = 0] = times;
  const last = times.at(-1) ?? 0;
  const counted = times.filter(time => time > first).length;
  return (counted * 1000) / (last - first);
}
