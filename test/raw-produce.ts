// Produce by the protocol alone: a batch reaches the broker as it is, whatever a client would say of it.

import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { type Cluster, createCluster, type Protocol, sendFetch } from '../core/edge/kafka/internals.ts';

const require = createRequire(import.meta.url);

interface Encoder {
  writeString(text: string | null): Encoder;
  writeInt16(number: number): Encoder;
  writeInt32(number: number): Encoder;
  writeArray(items: Encoder[]): Encoder;
  writeBuffer(bytes: Buffer): Encoder;
}
const MakeEncoder: new () => Encoder = require('kafkajs/src/protocol/encoder');
const response: Protocol['response'] = require('kafkajs/src/protocol/requests/produce/v7/response');

const patienceMs = 60_000;

/** Sends batches to partitions of a topic; `send` answers `ok`, or the broker's error by its name. */
export async function openRawProducer(kafka: Kafka, topic: string) {
  const cluster: Cluster = createCluster(kafka);
  await cluster.connect();
  await cluster.addTargetTopic(topic);
  await cluster.refreshMetadata();
  return {
    send: async (partition: number, batch: Buffer): Promise<string> => {
      const broker = await cluster.findBroker({ nodeId: await leaderOf(cluster, topic, partition) });
      const size = new MakeEncoder().writeInt32(batch.length).writeBuffer(batch);
      const data = new MakeEncoder().writeInt32(partition).writeBuffer((size as unknown as { buffer: Buffer }).buffer);
      const topicData = new MakeEncoder().writeString(topic).writeArray([data]);
      const request = {
        apiKey: 0,
        apiVersion: 7,
        apiName: 'Produce',
        encode: async () =>
          new MakeEncoder().writeString(null).writeInt16(-1).writeInt32(patienceMs).writeArray([topicData]),
      };
      try {
        await sendFetch(broker, { request, response });
        return 'ok';
      } catch (error) {
        return error instanceof Error && 'type' in error ? String(error.type) : String(error);
      }
    },
    close: () => cluster.disconnect(),
  };
}

/** A topic that has just been created has none for a moment. */
async function leaderOf(cluster: Cluster, topic: string, partition: number): Promise<string> {
  for (const deadline = Date.now() + patienceMs; ; ) {
    const [node] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
    if (node !== undefined && Number(node) >= 0) return node;
    if (Date.now() > deadline) throw new Error(`${topic} ${partition} has no leader`);
    await delay(20);
    await cluster.refreshMetadata();
  }
}
