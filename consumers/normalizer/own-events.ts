// What the normalizer itself has to say goes through the raw topic like everything else, and so becomes evidence: ordinary raw records,
// signed as any service may, but without a producer's number, since a number that was given and not sent would look like a loss.

import kafkajs, { type Kafka } from 'kafkajs';
import { SOURCE_HEADER } from '../../core/proof/source.ts';
import { type AuditEvent, auditEventType } from '../../schemas/index.ts';
import { type OwnSource, proveOwn } from './sources/index.ts';

export interface OwnEvents {
  /** Sends an event into a partition. What it resolves after is in all in-sync replicas. */
  send(event: AuditEvent, partition: number): Promise<void>;
  close(): Promise<void>;
}

export interface OwnEventsOptions {
  readonly topic: string;
  /** Of AuditEvent at the registry. */
  readonly schemaId: number;
  readonly source: OwnSource;
}

/** Connects with the first event. */
export function openOwnEvents(kafka: Kafka, { topic, schemaId, source }: OwnEventsOptions): OwnEvents {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    retry: { initialRetryTime: 100, retries: 5 },
  });
  let connecting: Promise<void> | undefined;
  return {
    send: async (event, partition) => {
      const value = encodeOwn(event, schemaId);
      const headers = { [SOURCE_HEADER]: proveOwn(source, { topic, partition }, value) };
      try {
        connecting ??= producer.connect();
        await connecting;
        await producer.send({ topic, acks: -1, messages: [{ key: null, value, partition, headers }] });
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
