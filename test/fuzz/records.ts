// Valid records to begin with: events as services send them, by our own schema and by ones that say more, with whatever a field may hold.

import fc from 'fast-check';
import { makeWriter, type NoSchema, type WriterSchema } from '../../consumers/normalizer/writer-schema.ts';
import { type AuditEvent, auditEventText, avroType } from '../../schemas/index.ts';
import { makeEvent } from '../unit/normalizer/records.ts';
import { valuesOf } from '../unit/schemas/random.ts';
import type { Valid } from './mutate.ts';

const fields = JSON.parse(auditEventText).fields as object[];
const withFields = (...more: object[]): string =>
  JSON.stringify({ ...JSON.parse(auditEventText), fields: [...fields, ...more] });
const deep = { type: 'record', name: 'Deep', fields: [{ name: 'next', type: ['null', 'Deep'], default: null }] };
const texts = [
  auditEventText,
  withFields(
    { name: 'score', type: 'double', default: 0 },
    { name: 'more', type: { type: 'map', values: 'string' }, default: {} },
  ),
  withFields({ name: 'deep', type: ['null', deep], default: null }),
];

/** By schema id; others are unknown, and one is no event's. */
export const writers: ReadonlyMap<number, WriterSchema | NoSchema> = new Map<number, WriterSchema | NoSchema>([
  ...texts.map((text, n) => [n + 1, makeWriter(text)] as const),
  [9, 'unusable-schema'],
]);

const nest = (levels: number): object | null => {
  let nested: object | null = null;
  for (let n = 0; n < levels; n++) nested = { next: nested };
  return nested;
};

/** `seed` decides which events they are. */
export function validRecords(seed: number): [Valid, ...Valid[]] {
  const events = fc.sample(valuesOf<AuditEvent>(auditEventText), { numRuns: 30, seed });
  const sent = Array.from({ length: 70 }, (_, n) => sentEvent(n));
  const types = texts.map(text => avroType(text));
  const [first, ...others] = [...sent, ...events].map((event, n): Valid => {
    const index = n % 2 === 0 ? 0 : n % types.length;
    const prefix = Buffer.from([0, 0, 0, 0, index + 1]);
    const encode = (value: object) => Buffer.concat([prefix, types[index]?.toBuffer(value) ?? Buffer.alloc(0)]);
    const whole = { ...event, score: n, more: { a: 'b' }, deep: nest(n % 40) };
    return { bytes: encode(whole), event: whole, encode };
  });
  if (!first) throw new RangeError('no records to begin with');
  return [first, ...others];
}

/** As services send them: valid, and with something in each field. */
function sentEvent(n: number): AuditEvent {
  const value = { type: 'string', text: `v${n}` } as const;
  return makeEvent({
    id: `0194a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
    actor: {
      kind: n % 2 === 0 ? 'human' : 'machine',
      id: `u-${n}`,
      name: 'Ada Lovelace',
      email: 'ada@example.com',
      roles: ['clerk', 'auditor'],
      session: null,
      onBehalfOf: [],
      credential:
        n % 5 === 0 ? { method: 'oidc', issuer: 'https://id.example', subject: 's', keyId: null, checkedAt: n } : null,
    },
    targets: [
      {
        type: 'account',
        id: `a-${n}`,
        name: 'Ährenfeld',
        person: n % 3 === 0,
        changes: [{ field: 'state', before: value, after: null }],
      },
    ],
    origin: {
      service: 'billing',
      version: '1.2',
      commit: null,
      environment: 'production',
      region: null,
      host: 'pod-1',
    },
    producer: {
      instance: 'i-1',
      sequence: n,
      last: n % 11 === 0,
      abandoned: n % 7 === 0 && n > 3 ? [{ first: 1, last: 2 }] : [],
    },
    request: { id: 'r-1', traceParent: null, clientAddress: '203.0.113.9', userAgent: 'curl/8' },
    reason: n % 4 === 0 ? 'asked for by telephone, token ghp_0123456789abcdefghijABCDEFGHIJ012345' : 'because',
    attributes: [{ key: 'amount', value: { type: 'integer', text: `${n}` } }],
  });
}
