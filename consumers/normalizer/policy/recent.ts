// The records that a raw topic holds of the last hour, say, as the normalizer would make them: read beside the group, without a trace.

import type { Kafka } from 'kafkajs';
import { FetchClient, readBackwards } from '../../../core/edge/kafka/index.ts';
import type { AuditRecord, Registry } from '../../../schemas/index.ts';
import { decide, schemaIdOf } from '../decide.ts';
import { createWriterSchemas } from '../writer-schema.ts';

export interface RecentOptions {
  readonly kafka: Kafka;
  readonly registry: Pick<Registry, 'textOf'>;
  readonly topic: string;
  /** Milliseconds since 1970, by the timestamps of the topic's records. */
  readonly since: number;
  readonly signal: AbortSignal;
  /** Told each time that the registry gave no answer; it is asked again. */
  onWait(error: unknown): void;
}

/** Records since a time, refused ones among them, partition by partition, in no order that means anything. Throws KafkaError. */
export async function* recentRecords(options: RecentOptions): AsyncGenerator<AuditRecord> {
  const { kafka, topic, since, signal } = options;
  const writers = createWriterSchemas(options.registry, { onWait: (_id, error) => options.onWait(error) });
  const client = new FetchClient(kafka);
  try {
    await client.prepare(topic);
    for (let partition = 0; partition < client.partitionsOf(topic); partition++) {
      const place = { topic, generation: 0, partition };
      for await (const window of readBackwards(client, topic, partition)) {
        // Timestamps of producers are in no order: a window is the last one only where all of it is older.
        const recent = window.filter(({ timestamp }) => timestamp >= since);
        for (const raw of recent) {
          const id = schemaIdOf(raw.value);
          const writer = typeof id === 'number' ? await writers.find(id, signal) : undefined;
          yield decide(raw, place, writer, Date.now() * 1000).record;
        }
        if (window.length > 0 && recent.length === 0) break;
      }
    }
  } finally {
    await client.close();
  }
}
