// The two topics, read by a plain kafkajs consumer (READ_COMMITTED, as it is by default), unpatched: its one known fault there, an aborted
// record whose key is the bytes 00 00 00 00 ends its filter, can't come in, as no key of these runs is that.

import { randomUUID } from 'node:crypto';
import kafkajs, { type KafkaMessage } from 'kafkajs';

/** All committed messages of a topic, in the order of each partition, up to what was stable when it began. */
export async function readTopic(
  brokers: readonly string[],
  topic: string,
  onMessage: (partition: number, message: KafkaMessage) => void,
): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], clientId: 'checker', logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const left = new Map(
    offsets.filter(({ high, low }) => BigInt(high) > BigInt(low)).map(one => [one.partition, BigInt(one.high)]),
  );
  if (left.size === 0) return;
  const ends = new Map(left);
  const { promise: isRead, resolve, reject } = Promise.withResolvers<void>();
  const consumer = kafka.consumer({ groupId: `checker-${randomUUID()}`, maxWaitTimeInMs: 100 });
  const patience = setTimeout(() => reject(new Error(`${topic} was not read within 5 minutes`)), 300_000);
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    // A fetch of nothing but markers and aborted records reaches no handler, only this.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
      if (BigInt(lastOffset) + 1n >= (left.get(partition) ?? 0n)) left.delete(partition);
      if (left.size === 0) resolve();
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { partition, messages } }) => {
        const end = ends.get(partition) ?? 0n;
        for (const message of messages) if (BigInt(message.offset) < end) onMessage(partition, message);
      },
    });
    await isRead;
  } finally {
    clearTimeout(patience);
    await consumer.disconnect();
  }
}

/** The texts that a registry answers for the schema ids of messages, each asked for once. */
export class SchemaTexts {
  readonly #url: string;
  readonly #texts = new Map<number, string>();

  constructor(url: string) {
    this.#url = url;
  }

  async of(id: number): Promise<string> {
    const known = this.#texts.get(id);
    if (known !== undefined) return known;
    const answer = await fetch(`${this.#url}/schemas/ids/${id}`);
    if (!answer.ok) throw new Error(`the registry answered ${answer.status} for schema ${id}`);
    const { schema } = (await answer.json()) as { schema: string };
    this.#texts.set(id, schema);
    return schema;
  }
}
