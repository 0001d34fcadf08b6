import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { auditEventText, auditEventType, auditRecordText, auditRecordType } from '../../../schemas/avro.ts';
import { checkRules, checkSchemas, checkShared } from '../../../schemas/check.ts';
import { generatedFiles } from '../../../schemas/generate.ts';

const history = (name: string): string =>
  readFileSync(new URL(`../../../schemas/history/${name}`, import.meta.url), 'utf8');

const schema = (...fields: object[]): string =>
  JSON.stringify({ type: 'record', name: 'dev.tidemark.T', doc: 'A test.', fields });
const sealed = {
  type: 'record',
  name: 'Sealed',
  doc: 'Sealed.',
  fields: [{ name: 'keyId', doc: 'Key.', type: 'string' }],
};
const pii = { 'confluent:tags': ['PII'] };

test('the schemas keep all rules, and the types are current', () => {
  expect(checkSchemas()).toEqual([]);
});

test('a released version never changes', () => {
  expect(hash('sha256', history('audit-event.v1.avsc'))).toMatchInlineSnapshot(
    `"1209dc9b54f03b34cf9141f186e16dc73336dcd17fd28020b2d60e659e252663"`,
  );
  expect(hash('sha256', history('audit-record.v1.avsc'))).toMatchInlineSnapshot(
    `"99b7646c6dd2f6dd6e2d07ab9147f1ee885a3782e583e83a41ae096f0ca2cd8c"`,
  );
});

test.each([
  ['has no doc', { name: 'a', type: 'string' }],
  ['is a map', { name: 'a', doc: 'A.', type: { type: 'map', values: 'string' } }],
  ['is a map', { name: 'a', doc: 'A.', type: ['null', { type: 'array', items: { type: 'map', values: 'int' } }] }],
  ['no default symbol', { name: 'a', doc: 'A.', type: { type: 'enum', name: 'E', doc: 'E.', symbols: ['x'] } }],
  ['tagged PII', { name: 'a', doc: 'A.', type: ['null', 'string'], default: null, ...pii }],
  ['expected default null', { name: 'a', doc: 'A.', type: ['null', 'string', sealed], ...pii }],
  ['expected the tag PII', { name: 'a', doc: 'A.', type: ['null', 'string', sealed], default: null }],
  ['expected timestamp-micros', { name: 'sentAt', doc: 'A.', type: 'long' }],
])('a field that %s is found', (problem, field) => {
  expect(checkRules(schema(field)).join()).toContain(problem);
});

test('a field that differs between event and record is found', () => {
  expect(checkShared(auditEventText, auditRecordText.replace('"tenant"', '"customer"'))).toEqual([
    'audit-record.avsc: tenant is not what it is in audit-event.avsc',
  ]);
});

test('types follow the schema', () => {
  const changed = auditEventText.replace('"denied"', '"denied", "partial"');
  const event = generatedFiles(changed, auditRecordText).get('audit-event.generated.ts');
  expect(event).toContain("export type Outcome = 'success' | 'denied' | 'partial' | 'failure';");
});

test('the smallest event of a writer is an id, a time, an action and a target', () => {
  const smallest = { id: 'i', occurredAt: 1, action: 'a.b', targets: [{ type: 't', id: '1' }] };
  const type = auditEventType();
  const event = type.decode(type.avro.toBuffer(smallest));
  expect(event).toMatchObject({ ...smallest, outcome: 'success', actor: null, producer: null, attributes: [] });
});

test('a personal field holds nothing, a text or a sealed text, and a record what was refused', () => {
  const type = auditRecordType();
  const sealedText = { keyId: 'k', nonce: Buffer.alloc(12, 1), ciphertext: Buffer.from('c') };
  for (const reason of [null, 'because', sealedText]) {
    const record = {
      id: 'i',
      occurredAt: 1,
      action: 'audit.refuse',
      targets: [{ type: 't', id: '1' }],
      reason,
      raw: { topic: 'r', generation: 0, partition: 0, offset: 7 },
      received: { at: 1, source: 'broker' },
      normalizedAt: 2,
      refused: { code: 'undecodable', message: 'm' },
      original: { cause: 'refused', sha256: '00', value: Buffer.from([0, 1]), headers: [{ key: 'h', value: null }] },
    };
    expect(type.decode(type.avro.toBuffer(record))).toMatchObject(record);
  }
});
