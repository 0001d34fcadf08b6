import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AvroReader, compileEventReader } from '../../../core/proof/avro.ts';
import { concat, hex } from '../../../core/proof/bytes.ts';
import { encodeLong } from '../../../core/proof/container.ts';
import { avscType, makeTestSchema, readEvent, type TestEvent } from '../../archive-events.ts';

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const name = fc.string({ unit: 'binary', maxLength: 20 }).filter(text => text.isWellFormed());
const event: fc.Arbitrary<TestEvent> = fc.record({
  id: name,
  occurredAt: long,
  action: name,
  raw: fc.record({ topic: name, generation: fc.nat(), partition: fc.nat(), offset: long }),
  producer: fc.option(
    fc.record({
      instance: name,
      sequence: long,
      last: fc.boolean(),
      abandoned: fc.array(fc.record({ first: long, last: long }), { maxLength: 3 }),
    }),
  ),
});

interface Field {
  readonly type: unknown;
  readonly value: unknown;
}

let names = 0;
const freshName = () => `T${names++}`;
const primitives: fc.Arbitrary<Field> = fc.oneof(
  fc.constant({ type: 'null', value: null }),
  fc.boolean().map(value => ({ type: 'boolean', value })),
  fc.integer().map(value => ({ type: 'int', value })),
  long.map(value => ({ type: 'long', value })),
  fc.double({ noNaN: true }).map(value => ({ type: 'double', value })),
  fc.constant({ type: 'float', value: 0.5 }),
  fc.uint8Array({ maxLength: 70 }).map(data => ({ type: 'bytes', value: Buffer.from(data) })),
  name.map(value => ({ type: 'string', value })),
  name.map(value => ({ type: { type: 'string', logicalType: 'uuid' }, value })),
  fc.nat(2).map(i => ({ type: { type: 'enum', name: freshName(), symbols: ['A', 'B', 'C'] }, value: 'ABC'[i] })),
  fc
    .nat(9)
    .map(size => ({ type: { type: 'fixed', name: freshName(), size: size + 1 }, value: Buffer.alloc(size + 1, 3) })),
);
const { field } = fc.letrec<{ field: Field }>(tie => ({
  field: fc.oneof(
    { maxDepth: 3 },
    primitives,
    fc.record({ of: tie('field'), count: fc.nat(3) }).map(({ of, count }) => ({
      type: { type: 'array', items: of.type },
      value: Array.from({ length: count }, () => of.value),
    })),
    fc
      .record({ of: fc.array(tie('field'), { maxLength: 3 }), space: fc.option(fc.constant('other.space')) })
      .map(({ of, space }) => ({
        type: {
          type: 'record',
          name: freshName(),
          ...(space === null ? {} : { namespace: space }),
          fields: of.map(({ type }, i) => ({ name: `f${i}`, type })),
        },
        value: Object.fromEntries(of.map(({ value }, i) => [`f${i}`, value])),
      })),
    fc.record({ value: fc.integer(), isNull: fc.boolean() }).map(({ value, isNull }) => ({
      type: ['null', 'int', 'string'],
      value: isNull ? null : value,
    })),
  ),
}));

function expectSame(schemaText: string, datum: Uint8Array, value: TestEvent): void {
  const { id, occurredAt, raw, producer } = value;
  const reader = new AvroReader(datum);
  expect(compileEventReader(schemaText)(reader)).toEqual({ id, occurredAt, ...raw, producer });
  expect(reader.done).toBe(true);
}

const sample: TestEvent = {
  id: 'e',
  occurredAt: 1n,
  action: 'a',
  raw: { topic: 't', generation: 0, partition: 1, offset: 2n },
  producer: { instance: 'i', sequence: 3n, last: true, abandoned: [{ first: 1n, last: 2n }] },
};

describe('the four fields', () => {
  test('are those that avsc wrote, under any schema', () => {
    fc.assert(
      fc.property(event, fc.array(field, { maxLength: 5 }), (value, further) => {
        const fields = further.map(({ type }, i) => ({ name: `more${i}`, type }));
        const schemaText = makeTestSchema('AuditRecord', fields);
        const whole = {
          ...value,
          ...Object.fromEntries(further.map(one => one.value).map((one, i) => [`more${i}`, one])),
        };
        expectSame(schemaText, new Uint8Array(avscType(schemaText).toBuffer(whole)), value);
      }),
      { numRuns: 200 },
    );
  });

  test.each<[string, object[], object]>([
    ['a type named again', [{ name: 'more', type: 'Raw' }], { more: sample.raw }],
    ['a type named in full', [{ name: 'more', type: 'tidemark.test.Raw' }], { more: sample.raw }],
    [
      'a type that names itself',
      [{ name: 'more', type: { type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }] } }],
      { more: { next: { next: null } } },
    ],
    [
      'a record that names itself',
      [{ name: 'more', type: ['null', 'AuditRecord'] }],
      { more: { ...sample, more: null } },
    ],
  ])('are read beside %s', (_, fields, values) => {
    const schemaText = makeTestSchema('AuditRecord', fields);
    expectSame(schemaText, new Uint8Array(avscType(schemaText).toBuffer({ ...sample, ...values })), sample);
  });

  test('are read where blocks of an array carry their size', () => {
    const schemaText = makeTestSchema('AuditRecord', [{ name: 'more', type: { type: 'array', items: 'int' } }]);
    const whole = new Uint8Array(avscType(schemaText).toBuffer({ ...sample, more: [] }));
    const blocks = [encodeLong(-2), encodeLong(2), Uint8Array.of(2, 4), encodeLong(1), Uint8Array.of(6), encodeLong(0)];
    expectSame(schemaText, concat(whole.subarray(0, -1), ...blocks), sample);
  });

  test('are not read out of bytes that are cut off', () => {
    const schemaText = makeTestSchema('AuditRecord');
    const datum = new Uint8Array(avscType(schemaText).toBuffer(sample));
    for (let length = 0; length < datum.length; length++)
      expect(() => readEvent(schemaText, datum.subarray(0, length)), hex(datum)).toThrowError(
        expect.objectContaining({ code: 'malformed-event' }),
      );
  });
});

const deep = (depth: number) => `${'{"type":"array","items":'.repeat(depth)}"int"${'}'.repeat(depth)}`;
const schema = makeTestSchema('AuditRecord');
describe('schemas', () => {
  test.each([
    ['no JSON', '{'],
    ['no record', '"string"'],
    ['a record without id', schema.replace('"name":"id"', '"name":"identity"')],
    ['a record without raw', schema.replace('"name":"raw"', '"name":"row"')],
    ['a field that is there twice', schema.replace('"name":"action"', '"name":"id"')],
    ['a type that is defined twice', schema.replace('"name":"Range"', '"name":"Raw"')],
    [
      'types nested without end',
      schema.replace('"name":"action","type":"string"', `"name":"action","type":${deep(100_000)}`),
    ],
  ])('refused: %s', (_, text) => {
    expect(() => compileEventReader(text)).toThrowError(expect.objectContaining({ code: 'malformed-schema' }));
  });

  const mapField = '"name":"action","type":{"type":"map","values":"string"}';
  test.each([
    ['id', '"name":"id","type":"string"', '"name":"id","type":"long"'],
    ['occurredAt', 'timestamp-micros', 'timestamp-millis'],
    ['raw.offset', '"offset","type":"long"', '"offset","type":"string"'],
    ['raw.generation', '"generation","type":"int"', '"generation","type":"long"'],
    ['producer.sequence', '"sequence","type":"long"', '"sequence","type":"int"'],
    ['abandoned', '"last","type":"long"', '"last","type":"int"'],
    ['the record', '"name":"AuditRecord"', '"name":"Record"'],
    ['a map', '"name":"action","type":"string"', mapField],
  ])('of another type than the format fixes are refused: %s', (_, from, to) => {
    const text = schema.replace(from, to);
    expect(text).not.toBe(schema);
    expect(() => compileEventReader(text)).toThrowError(expect.objectContaining({ code: 'malformed-schema' }));
  });

  test('of a type that names itself let no data nest without end', () => {
    const node = { type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }] };
    const text = makeTestSchema('AuditRecord', [{ name: 'more', type: node }]);
    const whole = new Uint8Array(avscType(text).toBuffer({ ...sample, more: { next: null } }));
    const datum = concat(whole.subarray(0, -1), new Uint8Array(5_000_000).fill(2), Uint8Array.of(0));
    expect(() => readEvent(text, datum)).toThrowError(expect.objectContaining({ code: 'malformed-event' }));
  });

  test('of items without bytes keep no reader busy for ever', () => {
    const text = makeTestSchema('AuditRecord', [{ name: 'more', type: { type: 'array', items: 'null' } }]);
    const whole = new Uint8Array(avscType(text).toBuffer({ ...sample, more: [] }));
    const datum = concat(whole.subarray(0, -1), encodeLong(2 ** 50), Uint8Array.of(0));
    expect(() => readEvent(text, datum)).toThrowError(expect.objectContaining({ code: 'malformed-event' }));
  });
});
