// What a raw record goes through: policy, enrichment, sealing; each seen in the event that comes out.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { finish, ownersIn, type Parts, prepare } from '../../../consumers/normalizer/pipeline.ts';
import { parsePolicyFile } from '../../../consumers/normalizer/policy/index.ts';
import { VALUE_ROOM } from '../../../consumers/normalizer/run.ts';
import type { FetchedRecord } from '../../../core/edge/kafka/index.ts';
import { memoryKeyRing, openPersonal, sealPersonal } from '../../../core/envelope/index.ts';
import { type AuditEvent, type AuditRecord, auditEventText, auditRecordType } from '../../../schemas/index.ts';
import { valuesOf } from '../schemas/random.ts';
import { encode, makeEvent, place, rawRecord, writer } from './records.ts';

const now = 1_767_600_002_000_000;
const off: Parts = { policy: null, services: null, actions: null, enrichers: null, ring: null };
const actor: AuditEvent['actor'] = {
  kind: 'human',
  id: 'u-77',
  name: 'Grace Hopper',
  email: 'grace@navy.example',
  roles: [],
  session: null,
  onBehalfOf: [],
  credential: null,
};
const policyOf = (text: string) => {
  const policy = parsePolicyFile(`version: 1\n${text}`);
  return () => policy;
};

/** Through the whole of it, with the keys that it asks for and no others. */
async function run(raw: FetchedRecord, parts: Partial<Parts>) {
  const prepared = prepare(raw, place, writer, now, { ...off, ...parts });
  await parts.ring?.prepare(ownersIn([prepared]), AbortSignal.timeout(1000));
  const { key, value } = finish(prepared, parts.ring ?? null);
  const datum = value.subarray(VALUE_ROOM);
  return { key, datum, decision: prepared.decision, record: auditRecordType().decode(datum) };
}

const raw = (more: Partial<AuditEvent> = {}, of: Partial<FetchedRecord> = {}) =>
  rawRecord(encode(makeEvent({ actor, ...more })), of);

test('with all of it off an event is as it was', async () => {
  const { key, record } = await run(raw(), {});
  expect(record).toMatchObject({ ...makeEvent({ actor }), policy: null, flags: [], enrichment: [] });
  expect(key?.toString()).toBe('k');
});

test('a policy marks what it flags, and says by which text', async () => {
  const policy = policyOf(
    "rules:\n  - name: why\n    actions: ['account.*']\n    require: [reason]\n    otherwise: flag\n",
  );
  const { record, decision } = await run(raw(), { policy });
  expect(decision.refused).toBeNull();
  expect(record.policy).toEqual({ digest: policy().digest, rules: ['why'] });
  expect(record.flags).toMatchObject([{ code: 'policy-fields', field: 'reason' }]);
});

test('a refusal by policy is a refusal like any other: reason, producer, bytes, and the policy itself', async () => {
  const policy = policyOf(
    "rules:\n  - name: known\n    actions: ['**']\n    identity: verified\n    otherwise: refuse\n",
  );
  const input = raw({ reason: 'asked by Grace Hopper' });
  const { record, decision, key } = await run(input, { policy });
  expect(decision.refused).toBe('policy-identity');
  expect(record).toMatchObject({
    action: 'audit.refuse',
    actor: null,
    reason: null,
    producer: makeEvent().producer,
    policy: { digest: policy().digest, rules: ['known'] },
    refused: { code: 'policy-identity', problems: [{ field: 'actor', found: 'asserted' }] },
    original: { cause: 'refused', value: input.value },
  });
  expect(key).toBeNull();
  expect(JSON.stringify(record.refused)).not.toContain('Grace');
});

test('a secret is masked before it is sealed, and enrichers see what is left', async () => {
  const seen: AuditRecord[] = [];
  const enrichers = { enrich: (record: AuditRecord) => record, seen: (record: AuditRecord) => void seen.push(record) };
  const ring = memoryKeyRing({ strict: true });
  const card = '4111 1111 1111 1111';
  const policy = policyOf('mask:\n  cards: true\nrules: []\n');
  const { record } = await run(raw({ reason: `paid by ${card}` }), { policy, enrichers, ring });
  expect(seen[0]?.reason).not.toContain(card);
  expect(openPersonal(record, ring.find).record.reason).toBe(seen[0]?.reason);
  expect(record.flags).toMatchObject([{ code: 'masked', field: 'reason' }]);
});

test('nothing that is personal is in clear in what is sealed, and it opens again', async () => {
  const ring = memoryKeyRing({ strict: true });
  const { datum, record } = await run(raw({ reason: 'Ada asked' }), { ring });
  for (const text of ['Grace', 'navy.example', 'Ada']) expect(datum.includes(text)).toBe(false);
  expect(openPersonal(record, ring.find).record).toMatchObject({ actor, reason: 'Ada asked' });
});

test('a refused record is sealed under the key of its day, its key and headers too', async () => {
  const ring = memoryKeyRing({ strict: true });
  const value = Buffer.from('\x00\x00\x00\x00\x07 Ada Lovelace, Analytical Street 1');
  const input = rawRecord(value, { key: Buffer.from('ada@x.example'), headers: [['to', Buffer.from('Ada')]] });
  const { datum, record, key } = await run(input, { ring });
  expect(key).toBeNull();
  for (const text of ['Ada', 'ada@x']) expect(datum.includes(text)).toBe(false);
  expect(record.original?.sealed?.keyId).toBe('d1.2026-01-05');
  const { original } = openPersonal(record, ring.find).record;
  expect(Buffer.from(original?.value ?? [])).toEqual(value);
});

test('a key that says more than its event does in clear is left out where personal data is sealed', async () => {
  const ring = memoryKeyRing({ strict: true });
  const keyFor = async (text: string, sealed: boolean) =>
    (await run(raw({}, { key: Buffer.from(text) }), sealed ? { ring } : {})).key?.toString() ?? null;
  expect(await keyFor('account/a-1', true)).toBe('account/a-1');
  expect(await keyFor('acme', true)).toBe('acme');
  expect(await keyFor('ada@lovelace.example', true)).toBeNull();
  expect(await keyFor('ada@lovelace.example', false)).toBe('ada@lovelace.example');
});

test('what is sealed while it is written is what a record, sealed and then encoded, would say', async () => {
  const ring = memoryKeyRing();
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 9 }),
    fc.constantFrom('', 'ä', '\ufeff', 'x'.repeat(200)),
  );
  // Of its texts only those are random that any text may stand in.
  const events = valuesOf<AuditEvent>(auditEventText, text).map(event => {
    const { actor: who, reason, request, attributes, targets } = event;
    const clear = (one: AuditEvent['reason']) => (typeof one === 'object' ? null : one);
    return makeEvent({
      actor: who && { ...actor, name: clear(who.name), email: clear(who.email), session: clear(who.session) },
      reason: clear(reason),
      request: request && {
        id: null,
        traceParent: null,
        clientAddress: clear(request.clientAddress),
        userAgent: clear(request.userAgent),
      },
      attributes: attributes.map(({ value }, n) => ({
        key: `k${n}`,
        value: { type: 'string', text: clear(value.text) ?? '' },
      })),
      targets: [
        ...targets.map(({ name, person }, n) => ({ type: 't', id: `i${n}`, name: clear(name), person, changes: [] })),
        { type: 't', id: 'last', name: null, person: false, changes: [] },
      ],
    });
  });
  await fc.assert(
    fc.asyncProperty(events, fc.boolean(), async (event, isUnknown) => {
      // A refusal keeps its raw record, sealed too.
      const input = isUnknown ? rawRecord(Buffer.from(event.id)) : rawRecord(encode(event));
      const { record } = await run(input, { ring });
      const clear = prepare(input, place, writer, now, off).decision.record;
      const opened = openPersonal(record, ring.find);
      expect(opened.fields.map(({ state }) => state)).toEqual(opened.fields.map(() => 'open'));
      expect(opened.record).toEqual(openPersonal(sealPersonal(clear, ring), ring.find).record);
      expect(opened.fields.map(({ path }) => path)).toEqual(
        openPersonal(sealPersonal(clear, ring), ring.find).fields.map(({ path }) => path),
      );
      const { length } = auditRecordType().encode(record);
      expect(auditRecordType().encode(sealPersonal(clear, ring))).toHaveLength(length);
    }),
    { numRuns: 150 },
  );
});
