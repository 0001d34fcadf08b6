/** All that the normalizer's partitions depend on. */
import type { Kafka } from 'kafkajs';
import type { ChainEnd } from '../../core/proof/chain.ts';
import type { NormalizerSettings } from './config.ts';
import type { NormalizerEvents } from './events.ts';
import type { Heartbeats } from './heartbeat.ts';
import type { Parts } from './pipeline.ts';
import type { Room } from './room.ts';
import type { WriterSchemas } from './writer-schema.ts';

export interface NormalizerContext {
  readonly settings: NormalizerSettings;
  readonly kafka: Kafka;
  readonly events: NormalizerEvents;
  readonly heartbeats: Heartbeats;
  readonly writers: WriterSchemas;
  /** What events go through between being decided on and being encoded. */
  readonly parts: Parts;
  /** What the events topic has room for. */
  readonly room: Room;
  /** Of AuditRecord, at the registry. */
  readonly schemaId: number;
  /** The text that the registry answers for it, byte for byte: seals commit to it. */
  readonly schemaText: string;
  /** Where the archive's chain of a partition ends; read only. */
  archiveEnd(partition: number): Promise<ChainEnd>;
}
