// Events of test archives, under a schema of their own: nothing but what the format fixes of an AuditRecord, and an action.

import avro from 'avsc';
import { AvroReader, compileEventReader, type EventFields } from '../core/proof/avro.ts';

export interface TestEvent {
  readonly id: string;
  /** Microseconds since 1970. */
  readonly occurredAt: bigint;
  readonly action: string;
  readonly raw: {
    readonly topic: string;
    readonly generation: number;
    readonly partition: number;
    readonly offset: bigint;
  };
  readonly producer: {
    readonly instance: string;
    readonly sequence: bigint;
    readonly last: boolean;
    readonly abandoned: readonly { readonly first: bigint; readonly last: bigint }[];
  } | null;
}

/** A schema with the given further fields behind the fixed ones (Avro JSON, each with a default of avsc's liking). */
export function makeTestSchema(name: string, further: readonly object[] = []): string {
  const long = (field: string) => ({ name: field, type: 'long' });
  const raw = [
    { name: 'topic', type: 'string' },
    { name: 'generation', type: 'int' },
    { name: 'partition', type: 'int' },
    long('offset'),
  ];
  const abandoned = { type: 'array', items: { type: 'record', name: 'Range', fields: [long('first'), long('last')] } };
  const producer = [
    { name: 'instance', type: 'string' },
    long('sequence'),
    { name: 'last', type: 'boolean' },
    { name: 'abandoned', type: abandoned },
  ];
  const fields = [
    { name: 'id', type: 'string' },
    { name: 'occurredAt', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'action', type: 'string' },
    { name: 'raw', type: { type: 'record', name: 'Raw', fields: raw } },
    { name: 'producer', type: ['null', { type: 'record', name: 'Producer', fields: producer }], default: null },
    ...further,
  ];
  return JSON.stringify({ type: 'record', name, namespace: 'tidemark.test', fields });
}

export const testSchemaText = makeTestSchema('AuditRecord');

const bigLong = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
});

function longsAsBigint(schema: avro.Schema): avro.Type | undefined {
  const type: unknown = typeof schema === 'object' && 'type' in schema ? schema.type : schema;
  return type === 'long' ? bigLong : undefined;
}

const types = new Map<string, avro.Type>();

/** avsc's type of a schema's text, with longs as bigint: an implementation of Avro that is not ours. */
export function avscType(schemaText: string): avro.Type {
  const known = types.get(schemaText);
  if (known) return known;
  const type = avro.Type.forSchema(JSON.parse(schemaText), { wrapUnions: 'never', typeHook: longsAsBigint });
  types.set(schemaText, type);
  return type;
}

const readers = new Map<string, ReturnType<typeof compileEventReader>>();

export function readEvent(schemaText: string, datum: Uint8Array): EventFields {
  const read = readers.get(schemaText) ?? compileEventReader(schemaText);
  readers.set(schemaText, read);
  return read(new AvroReader(datum));
}

interface Place {
  readonly topic: string;
  readonly generation: number;
  readonly partition: number;
  readonly first: bigint;
  readonly sealedAt: number;
}

/** A run's events as datums: what is described, and for the rest what follows from the place. */
export function testEvents(
  spec: {
    readonly events: number | readonly Partial<TestEvent>[];
    readonly producer?: string;
    readonly closes?: boolean;
  },
  place: Place,
  numbers: Map<string, bigint>,
  schemaText: string,
): Uint8Array[] {
  const { topic, generation, partition, first, sealedAt } = place;
  const given = typeof spec.events === 'number' ? Array.from({ length: spec.events }, () => ({})) : spec.events;
  return given.map((event: Partial<TestEvent>, index) => {
    const offset = first + BigInt(index);
    let producer: TestEvent['producer'] = null;
    if (spec.producer !== undefined) {
      const sequence = event.producer?.sequence ?? numbers.get(spec.producer) ?? 0n;
      numbers.set(spec.producer, sequence + 1n);
      const last = spec.closes === true && index === given.length - 1;
      producer = { instance: spec.producer, sequence, last, abandoned: [] };
    }
    const whole = {
      id: `${partition}-${generation}-${offset}`,
      occurredAt: BigInt(sealedAt) * 1000n - 1_000_000n + BigInt(index),
      action: 'test.write',
      raw: { topic, generation, partition, offset },
      producer,
      ...event,
    };
    return new Uint8Array(avscType(schemaText).toBuffer(whole));
  });
}
