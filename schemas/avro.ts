/**
 * The two schemas as texts and as avsc types. The text is what is registered and what seals commit to: it is read from
 * the file and never serialised again. Every type of every program is made with the same options, so that an event
 * decoded by one can be encoded by another.
 */
import { readFileSync } from 'node:fs';
import avro from 'avsc';
import type { AuditEvent, AuditRecord } from './types.ts';

/**
 * Unions are never wrapped: a nullable record is the record or null. avsc's own default ('auto') does the same for these
 * schemas but changes its mind where a union becomes ambiguous; 'never' throws instead. Record classes carry no methods:
 * a field called `toString` stays a field.
 */
const AVRO_OPTIONS = { wrapUnions: 'never', omitRecordMethods: true } as const;

/** The text of audit-event.avsc, byte for byte. */
export const auditEventText: string = readText('audit-event.avsc');

/** The text of audit-record.avsc, byte for byte. */
export const auditRecordText: string = readText('audit-record.avsc');

/** An Avro type whose values are `T`: what avsc knows, with the types that we know. */
export interface TypedAvro<T> {
  readonly avro: avro.Type;
  encode(value: T): Buffer;
  decode(datum: Buffer): T;
}

let event: TypedAvro<AuditEvent> | undefined;
let record: TypedAvro<AuditRecord> | undefined;

/** The type of raw events, made once. */
export function auditEventType(): TypedAvro<AuditEvent> {
  event ??= typed<AuditEvent>(auditEventText);
  return event;
}

/** The type of normalized events, made once. */
export function auditRecordType(): TypedAvro<AuditRecord> {
  record ??= typed<AuditRecord>(auditRecordText);
  return record;
}

/** An avsc type of any schema's text, with our options; throws where the text is no Avro schema. */
export function avroType(text: string): avro.Type {
  // A copy for each: avsc keeps the names that it defines in the options it was given.
  return avro.Type.forSchema(JSON.parse(text), { ...AVRO_OPTIONS });
}

/** Subject of a topic's values by TopicNameStrategy. */
export function subjectFor(topic: string): string {
  return `${topic}-value`;
}

function typed<T>(text: string): TypedAvro<T> {
  const type = avroType(text);
  return {
    avro: type,
    encode: value => type.toBuffer(value),
    decode: datum => type.fromBuffer(datum),
  };
}

function readText(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}
