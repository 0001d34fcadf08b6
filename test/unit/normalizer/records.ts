// Raw records for the normalizer's unit tests.

import { makeWriter, type WriterSchema } from '../../../consumers/normalizer/writer-schema.ts';
import type { FetchedRecord } from '../../../core/edge/kafka/index.ts';
import { type AuditEvent, auditEventText, auditEventType } from '../../../schemas/index.ts';

export const SCHEMA_ID = 7;
export const place = { topic: 'audit.raw', generation: 2, partition: 3 };

export function writerOf(text: string): WriterSchema {
  const writer = makeWriter(text);
  if (typeof writer === 'string') throw new Error(writer);
  return writer;
}

export const writer = writerOf(auditEventText);

export function makeEvent(more: Partial<AuditEvent> = {}): AuditEvent {
  return {
    id: '0192e4a0-0000-7000-8000-000000000001',
    occurredAt: 1_767_600_000_000_000,
    action: 'account.close',
    outcome: 'success',
    tenant: 'acme',
    actor: null,
    targets: [{ type: 'account', id: 'a-1', name: 'Ada Lovelace', person: false, changes: [] }],
    origin: null,
    producer: { instance: 'i-1', sequence: 5, last: false, abandoned: [] },
    request: null,
    change: null,
    reason: null,
    corrects: null,
    attributes: [],
    ...more,
  };
}

export function withPrefix(datum: Uint8Array, id = SCHEMA_ID): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(id, 1);
  return Buffer.concat([prefix, datum]);
}

export function encode(event: AuditEvent): Buffer {
  return withPrefix(auditEventType().encode(event));
}

export function rawRecord(value: Buffer | null, more: Partial<FetchedRecord> = {}): FetchedRecord {
  return {
    offset: 41n,
    timestamp: 1_767_600_001_234,
    logAppendTime: true,
    key: Buffer.from('k'),
    value,
    headers: [],
    ...more,
  };
}
