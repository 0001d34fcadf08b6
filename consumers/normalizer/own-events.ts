// What the normalizer itself has to say goes through the raw topic like everything else, and so becomes evidence: ordinary raw records,
// without a producer's number, since a number that was given and not sent would look like a loss.

import kafkajs, { type Kafka } from 'kafkajs';
import { type AuditEvent, auditEventType } from '../../schemas/index.ts';

export interface OwnEvents {
  /** Sends an event into a partition, or into that of its target. What it resolves after is in all in-sync replicas. */
  send(event: AuditEvent, partition?: number): Promise<void>;
  close(): Promise<void>;
}

/** `schemaId`: of AuditEvent at the registry. Connects with the first event. */
export function openOwnEvents(kafka: Kafka, topic: string, schemaId: number): OwnEvents {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    retry: { initialRetryTime: 100, retries: 5 },
  });
  let connecting: Promise<void> | undefined;
  return {
    send: async (event, partition) => {
      const [target] = event.targets;
      const key = target ? `${target.type}/${target.id}` : null;
      const value = encodeOwn(event, schemaId);
      try {
        connecting ??= producer.connect();
        await connecting;
        const message = partition === undefined ? { key, value } : { key: null, value, partition };
        await producer.send({ topic, acks: -1, messages: [message] });
      } catch (error) {
        connecting = undefined;
        throw error;
      }
    },
    close: () => producer.disconnect(),
  };
}

/** An event as a raw record's value. */
function encodeOwn(event: AuditEvent, schemaId: number): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(schemaId, 1);
  return Buffer.concat([prefix, auditEventType().encode(event)]);
}
