import avro from 'avsc';
import { describe, expect, test } from 'vitest';
import { auditEventText, auditRecordText } from '../../../schemas/avro.ts';
import { checkCompatibility, unknownTo } from '../../../schemas/compatibility.ts';

const change = (from: string, to: string): string => {
  expect(auditEventText).toContain(from);
  return auditEventText.replace(from, to);
};
const added = (field: object): string => {
  const schema = JSON.parse(auditEventText);
  schema.fields.push(field);
  return JSON.stringify(schema);
};
const without = (name: string): string => {
  const schema = JSON.parse(auditEventText);
  schema.fields = schema.fields.filter((field: { name: string }) => field.name !== name);
  return JSON.stringify(schema);
};

describe('what lives together', () => {
  test.each([
    ['itself', auditEventText],
    ['an optional field more', added({ name: 'note', type: ['null', 'string'], default: null })],
    ['a field with a default less', without('corrects')],
    ['a symbol more where readers have a default', change('"denied"', '"denied", "partial"')],
    ['other documentation', change('"How it ended."', '"Its end."')],
  ])('%s', (_, newer) => {
    expect(checkCompatibility(auditEventText, newer)).toEqual([]);
    expect(checkCompatibility(auditRecordText, auditRecordText)).toEqual([]);
  });
});

describe('what does not', () => {
  test.each([
    ['a field added without a default', added({ name: 'note', type: 'string' }), 'note: added without a default'],
    ['a field removed that has none', without('action'), 'action: removed'],
    ['another type', change('"type": "string"', '"type": "bytes"'), 'id: was string, is bytes'],
    ['another time unit', change('timestamp-micros', 'timestamp-millis'), 'was timestamp-micros, is timestamp-millis'],
    ['a wider number', added({ name: 'x', type: 'int', default: 0 }), ''],
    ['a branch more', change('["null", "string"]', '["null", "string", "bytes"]'), 'tenant: branch bytes added'],
    [
      'a branch less',
      change('["null", "string", "Sealed"]', '["null", "string"]'),
      'branch dev.tidemark.Sealed removed',
    ],
    ['a tag less', change('"confluent:tags": ["PII"]', '"note": ""'), 'lost its tag PII'],
    ['a renamed type', change('"name": "Outcome"', '"name": "Result"'), 'outcome: was dev.tidemark.Outcome'],
  ])('%s', (_, newer, problem) => {
    if (problem === '') {
      const wider = newer.replace('"type":"int"', '"type":"long"');
      expect(checkCompatibility(newer, wider)).toEqual(['x: was int, is long']);
    } else expect(checkCompatibility(auditEventText, newer).join()).toContain(problem);
  });

  test('a symbol more where a reader has no default to read it as', () => {
    const of = (...symbols: string[]): string => JSON.stringify({ type: 'enum', name: 'E', symbols });
    expect(checkCompatibility(of('a'), of('a', 'b'))).toEqual([
      'the schema: symbol b added, but the older version has no default to read it as',
    ]);
    expect(checkCompatibility(of('a', 'b'), of('a'))).toHaveLength(1);
  });
});

describe('what a reader does not know of a writer', () => {
  test.each([
    ['nothing of itself', auditEventText, []],
    ['nothing of an older one', without('corrects'), []],
    ['a field', added({ name: 'note', type: ['null', 'string'], default: null }), ['note']],
    ['a symbol', change('"denied"', '"denied", "partial"'), ['outcome=partial']],
    ['a branch', change('["null", "string"]', '["null", "string", "bytes"]'), ['tenant|bytes']],
    ['a field far down', change('"name": "before"', '"name": "former"'), ['targets[].changes[].former']],
  ])('%s', (_, writer, unknown) => {
    expect(unknownTo(auditEventText, writer)).toEqual(unknown);
  });

  test('a recursive schema ends', () => {
    const tree = { type: 'record', name: 'Tree', fields: [{ name: 'next', type: ['null', 'Tree'], default: null }] };
    expect(unknownTo(JSON.stringify(tree), JSON.stringify(tree))).toEqual([]);
    expect(checkCompatibility(JSON.stringify(tree), JSON.stringify(tree))).toEqual([]);
  });
});

test('what our walk calls compatible, avsc can read', () => {
  const options = () => ({ wrapUnions: 'never' as const });
  const newer = added({ name: 'note', type: ['null', 'string'], default: null });
  const older = avro.Type.forSchema(JSON.parse(auditEventText), options());
  const later = avro.Type.forSchema(JSON.parse(newer), options());
  expect(() => [older.createResolver(later), later.createResolver(older)]).not.toThrow();
});
