// Makes of a raw record the one event that it becomes: accepted, or a refusal that says why and keeps its bytes. Pure and total:
// the same record gives the same decision, whoever makes it again after a crash; only `normalizedAt` differs.
//
// No text of a refusal has a word from the record: what was found is told by kind and size, since a record may hold anything.

import { createHash, hash } from 'node:crypto';
import type { FetchedRecord, Unheld } from '../../core/edge/kafka/index.ts';
import {
  AUDIT_ACTIONS,
  checkEvent,
  INSTANCE_HEADER,
  RETRIED_FLAG,
  RETRY_HEADER,
  SEQUENCE_HEADER,
} from '../../core/event/index.ts';
import type {
  Attribution,
  AuditEvent,
  AuditRecord,
  DatumFlaw,
  EventBytes,
  Flag,
  Original,
  Problem,
  Producer,
  RawPosition,
  Received,
} from '../../schemas/index.ts';
import type { PolicyRefusal, PolicyRefusalCode } from './policy/index.ts';
import { judgeSource, NO_PROOF, type Services, type SourceRefusalCode, type SourceVerdict } from './sources/index.ts';
import type { NoSchema, WriterSchema } from './writer-schema.ts';

/** What makes a record unacceptable by itself, whatever the policy. */
type Flaw = Unheld['code'] | 'no-value' | 'truncated' | 'wrong-magic' | NoSchema | DatumFlaw | 'invalid';
/** Why a record is refused; also a metric's label. */
export type RefusalCode = Flaw | SourceRefusalCode | PolicyRefusalCode;

/** Where a record stands. */
export interface Place {
  readonly topic: string;
  readonly generation: number;
  readonly partition: number;
}

export interface Decision {
  readonly record: AuditRecord;
  readonly refused: RefusalCode | null;
  /** The writer's schema can say more than this normalizer knows. */
  readonly unknown: boolean;
  /** The event's own bytes, where the record's event is just what they say; null: they are of no use. */
  readonly bytes: EventBytes | null;
}

const prefixBytes = 5;

/** The schema id of the Confluent prefix (00, then 4 bytes big-endian), or why there is none. */
export function schemaIdOf(value: Buffer | null): number | 'no-value' | 'truncated' | 'wrong-magic' {
  if (value === null) return 'no-value';
  if (value.length > 0 && value[0] !== 0) return 'wrong-magic';
  return value.length < prefixBytes ? 'truncated' : value.readUInt32BE(1);
}

/** What is known of who sent a record; without registered services nothing is. */
export interface KnownSource {
  readonly verdict: SourceVerdict;
  readonly services: Services | null;
}

const UNKNOWN_SOURCE: KnownSource = { verdict: NO_PROOF, services: null };

/**
 * Decides on a record. `writer` is what was found for `schemaIdOf` of its value, `now` the normalizer's clock in microseconds.
 */
export function decide(
  raw: FetchedRecord,
  place: Place,
  writer: WriterSchema | NoSchema | undefined,
  now: number,
  source: KnownSource = UNKNOWN_SOURCE,
): Decision {
  if (raw.unheld) return flawed(raw, place, now, raw.unheld.code);
  const id = schemaIdOf(raw.value);
  if (typeof id !== 'number') return flawed(raw, place, now, id);
  if (writer === undefined || typeof writer === 'string') {
    return flawed(raw, place, now, writer ?? 'unknown-schema');
  }
  const datum = (raw.value ?? Buffer.alloc(0)).subarray(prefixBytes);
  const read = writer.read(datum);
  if (typeof read === 'string') return flawed(raw, place, now, read);
  const { event, bytes, isPlain } = read;
  const problems = checkEvent(event, isPlain);
  if (problems.length > 0) return flawed(raw, place, now, 'invalid', problems, event);
  const judged = judgeSource(event, source.verdict, source.services);
  // Nobody ends another's instance, or gives up numbers of it, by an event that is not believed.
  const { producer } = event;
  if ('code' in judged) return refuse(raw, place, now, judged, producer && { ...producer, last: false, abandoned: [] });
  const unknown = writer.unknown.length > 0;
  return { record: accept(raw, place, event, unknown, now, judged), refused: null, unknown, bytes };
}

function accept(
  raw: FetchedRecord,
  place: Place,
  event: AuditEvent,
  unknown: boolean,
  now: number,
  [attribution, attributionReason]: readonly [Attribution, string],
): AuditRecord {
  const { id, occurredAt, action, outcome, tenant, actor, targets, origin, producer, request, change } = event;
  const { reason, corrects, attributes } = event;
  // Field by field: spread, the two would take as long as all the checks.
  return {
    id,
    occurredAt,
    action,
    outcome,
    tenant,
    actor,
    targets,
    origin,
    producer,
    request,
    change,
    reason,
    corrects,
    attributes,
    raw: positionOf(raw, place),
    received: receivedOf(raw),
    normalizedAt: now,
    attribution,
    attributionReason,
    enrichment: [],
    flags: flagsOf(raw),
    policy: null,
    refused: null,
    original: unknown ? originalOf(raw, 'unknown') : null,
  };
}

const uuidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A record that is sent again says for which refusal. Whoever sends it says so: it links, and proves nothing. */
function flagsOf(raw: FetchedRecord): Flag[] {
  const first = raw.headers.length === 0 ? undefined : headerText(raw, RETRY_HEADER);
  if (first === undefined || !uuidForm.test(first)) return [];
  return [
    { code: RETRIED_FLAG, field: null, note: `the record was sent again; its first try is the refusal ${first}` },
  ];
}

/** Limits of a refusal's list, so that it stays far smaller than what events may be larger than raw records. */
const maxProblems = 50;
const maxFieldLength = 200;

function flawed(
  raw: FetchedRecord,
  place: Place,
  now: number,
  code: Flaw,
  problems: readonly Problem[] = [],
  event?: AuditEvent,
): Decision {
  const refusal = { code, message: messages[code](raw), problems };
  return refuse(raw, place, now, refusal, producerOf(raw, problems, event));
}

/** A record that is sound, and that the policy does not accept: `judged` is what the policy made of it. */
export function refuseByPolicy(
  raw: FetchedRecord,
  place: Place,
  judged: AuditRecord,
  refusal: PolicyRefusal,
): Decision {
  const decision = refuse(raw, place, judged.normalizedAt, refusal, judged.producer);
  return { ...decision, record: { ...decision.record, policy: judged.policy } };
}

interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly problems: readonly Problem[];
}

function refuse(
  raw: FetchedRecord,
  place: Place,
  now: number,
  { code, message, problems }: Refusal,
  producer: Producer | null,
): Decision {
  const { topic, generation, partition } = place;
  const received = receivedOf(raw);
  const target = `${topic}/${generation}/${partition}/${raw.offset}`;
  const record: AuditRecord = {
    id: refusalId(place, raw.offset),
    occurredAt: received.at,
    action: AUDIT_ACTIONS.refuse,
    outcome: 'denied',
    tenant: null,
    actor: null,
    targets: [{ type: 'record', id: target, name: null, person: false, changes: [] }],
    origin: null,
    producer,
    request: null,
    change: null,
    reason: null,
    corrects: null,
    attributes: [],
    raw: positionOf(raw, place),
    received,
    normalizedAt: now,
    attribution: 'anonymous',
    attributionReason: 'the record was refused',
    enrichment: [],
    flags: flagsOf(raw),
    policy: null,
    refused: {
      code,
      message,
      problems: problems.slice(0, maxProblems).map(({ field, found, expected }) => ({
        field: field.slice(0, maxFieldLength),
        found,
        expected,
      })),
    },
    original: originalOf(raw, 'refused'),
  };
  return { record, refused: code, unknown: false, bytes: null };
}

const sizeOf = (raw: FetchedRecord): string => `${raw.value?.length ?? 0} bytes`;
const messages: Record<Flaw, (raw: FetchedRecord) => string> = {
  'too-large': ({ unheld }) =>
    `found a record of ${unheld?.code === 'too-large' ? unheld.bytes : 'many'} bytes, more than an event has room for: ` +
    'the digest of its value is kept, and of its key and headers what is small',
  'unreadable-batch': ({ unheld }) =>
    `found a batch whose records can't be read${unheld?.code === 'unreadable-batch' ? `, from offset ${unheld.first} to ${unheld.last}` : ''}: ` +
    'its bytes are kept as the value of the first',
  'no-value': () => 'found a record without a value, expected an event',
  truncated: raw => `found a value of ${sizeOf(raw)}, expected the byte 00, a schema id of 4 bytes, and an event`,
  'wrong-magic': raw =>
    `found a value of ${sizeOf(raw)} whose first byte is ${raw.value?.[0]}, expected 0 and a schema id`,
  'unknown-schema': raw => `found schema id ${raw.value?.readUInt32BE(1)}, which the registry does not know`,
  'unusable-schema': raw => `found schema id ${raw.value?.readUInt32BE(1)}, whose schema is no AuditEvent`,
  undecodable: raw => `found a value of ${sizeOf(raw)} that its schema does not describe`,
  'trailing-bytes': raw => `found a value of ${sizeOf(raw)}, expected it to end where the event ends`,
  'invalid-utf8': raw => `found a value of ${sizeOf(raw)} with a text that is not valid UTF-8`,
  'out-of-range': raw => `found a value of ${sizeOf(raw)} with a number that is out of range`,
  invalid: () => 'found an event that breaks rules, listed by field',
};

const maxTime = Number.MAX_SAFE_INTEGER - 1;

function positionOf({ offset }: FetchedRecord, { topic, generation, partition }: Place): RawPosition {
  return { topic, generation, partition, offset: Number(offset) };
}

function receivedOf({ timestamp, logAppendTime }: FetchedRecord): Received {
  const at = Math.min(Math.max(0, Math.trunc(timestamp) * 1000), maxTime);
  return { at: Number.isNaN(at) ? 0 : at, source: logAppendTime ? 'broker' : 'producer' };
}

function originalOf(raw: FetchedRecord, cause: Original['cause']): Original {
  return {
    cause,
    sha256: raw.unheld?.code === 'too-large' ? raw.unheld.sha256 : hash('sha256', raw.value ?? Buffer.alloc(0), 'hex'),
    key: raw.key,
    value: raw.value,
    headers: raw.headers.map(([key, value]) => ({ key, value })),
    sealed: null,
  };
}

/** A UUID of version 8 (RFC 9562) from the raw position, so that a run that is made again has the same ids. */
export function refusalId({ topic, generation, partition }: Place, offset: bigint): string {
  const bytes = createHash('sha256')
    .update(`tidemark refusal\n${topic} ${generation} ${partition} ${offset}\n`)
    .digest();
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The producer's instance and number: of the event, where that part of it is sound, else of the record's headers. */
function producerOf(raw: FetchedRecord, problems: readonly Problem[], event?: AuditEvent): Producer | null {
  if (event?.producer && !problems.some(({ field }) => field.startsWith('producer'))) return event.producer;
  const instance = headerText(raw, INSTANCE_HEADER);
  const sequence = headerText(raw, SEQUENCE_HEADER);
  if (!instance || !/^[\x21-\x7e]{1,512}$/.test(instance)) return null;
  if (!sequence || !/^(0|[1-9][0-9]{0,14})$/.test(sequence)) return null;
  return { instance, sequence: Number(sequence), last: false, abandoned: [] };
}

function headerText(raw: FetchedRecord, name: string): string | undefined {
  return raw.headers.find(([key]) => key === name)?.[1]?.toString('latin1');
}
