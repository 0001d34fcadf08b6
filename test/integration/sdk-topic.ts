/** What a raw topic holds, read with nothing of the SDK's. */
import { Kafka, logLevel } from 'kafkajs';
import { auditEventType } from '../../schemas/avro.ts';
import type { AuditEvent } from '../../schemas/types.ts';
import { freshNames, stackVariable } from '../stack.ts';

export interface RawRecord {
  readonly partition: number;
  readonly key: string | undefined;
  readonly schemaId: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly event: AuditEvent;
}

/** Reads from the beginning until so many records have come. */
export async function readRaw(topic: string, count: number): Promise<RawRecord[]> {
  const kafka = new Kafka({ brokers: stackVariable('KAFKA_BROKERS').split(','), logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: freshNames().group });
  const records: RawRecord[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`${records.length} records came, ${count} were expected`)), 30_000);
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ partition, message: { key, value, headers } }) => {
      if (value?.[0] !== 0) return reject(new Error('a record without the registry prefix'));
      records.push({
        partition,
        key: key?.toString(),
        schemaId: value.readUInt32BE(1),
        headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)])),
        event: auditEventType().decode(value.subarray(5)),
      });
      if (records.length >= count) resolve();
    },
  });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
  return records;
}
