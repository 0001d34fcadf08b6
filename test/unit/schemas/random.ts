// Random values of a schema: every branch, empty and long lists, texts of any characters, numbers up to the edges of what is exact.

import fc from 'fast-check';
import { type Model, parseRecordModel } from '../../../schemas/model.ts';

const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 12 }).map(one => one.toWellFormed()),
  fc.constantFrom('', '\u0000', '\u007f', '\u0080', 'é', '\u2010', '\ufeff', '\ufffd', '😀'.repeat(20), 'x'.repeat(63)),
  fc.nat({ max: 400 }).map(length => 'ab'.repeat(length)),
  fc.nat({ max: 200 }).map(length => 'äb'.repeat(length)),
);
const long = fc.oneof(
  fc.integer({ min: -200, max: 200 }),
  fc.maxSafeInteger().filter(value => value >= 1 - 2 ** 52 && value <= 2 ** 53 - 2),
  fc.constantFrom(0, -1, 63, 64, -64, -65, 2 ** 31, -(2 ** 31) - 1, 1_767_607_272_123_456, 1 - 2 ** 52, 2 ** 53 - 2),
);

const primitives: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  null: fc.constant(null),
  boolean: fc.boolean(),
  int: fc.integer(),
  long,
  bytes: fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
};

/** Values of a record's schema, with any texts, or these. */
export function valuesOf<T>(schemaText: string, texts: fc.Arbitrary<string> = text): fc.Arbitrary<T> {
  return arbitrary(parseRecordModel(schemaText), texts) as fc.Arbitrary<T>;
}

function arbitrary(model: Model, texts: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  switch (model.kind) {
    case 'primitive':
      return model.name === 'string' ? texts : (primitives[model.name] ?? fc.constant(null));
    case 'enum':
      return fc.constantFrom(...model.symbols);
    case 'union':
      return fc.oneof(...model.branches.map(branch => arbitrary(branch, texts)));
    case 'array': {
      const items = arbitrary(model.items, texts);
      return fc.oneof(
        { weight: 9, arbitrary: fc.array(items, { maxLength: 4 }) },
        // Counts of two bytes.
        { weight: 1, arbitrary: items.chain(item => fc.constant(Array.from({ length: 70 }, () => item))) },
      );
    }
    case 'record':
      return fc.record(Object.fromEntries(model.fields.map(field => [field.name, arbitrary(field.type, texts)])));
    default:
      throw new TypeError(`found a ${model.kind}, expected what the schemas are made of`);
  }
}
