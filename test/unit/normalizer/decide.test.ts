// Every raw record becomes one event: what is accepted, what is refused and why, and that no bytes whatever break it.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, refusalId } from '../../../consumers/normalizer/decide.ts';
import { checkEvent, INSTANCE_HEADER, RETRY_HEADER, SEQUENCE_HEADER } from '../../../core/event/index.ts';
import { type AuditEvent, auditEventText, auditEventType, auditRecordType } from '../../../schemas/index.ts';
import { encode, makeEvent, place, rawRecord, withPrefix, writer, writerOf } from './records.ts';

const now = 1_767_600_002_000_000;
const decideOn = (value: Buffer | null, more = {}, as: Parameters<typeof decide>[2] = writer) =>
  decide(rawRecord(value, more), place, as, now);

/** A long beyond what JavaScript's numbers hold, as Avro. */
function longBytes(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

/** The event's datum with another `occurredAt`: behind the id, which has a byte of length. */
function withTime(value: bigint): Buffer {
  const datum = auditEventType().encode(makeEvent());
  const idEnd = 1 + makeEvent().id.length;
  const timeEnd = idEnd + longBytes(BigInt(makeEvent().occurredAt)).length;
  return withPrefix(Buffer.concat([datum.subarray(0, idEnd), longBytes(value), datum.subarray(timeEnd)]));
}

const good = encode(makeEvent());
const withBadText = Buffer.from(good);
withBadText[withBadText.indexOf('Ada')] = 0xff;

describe('a record that is accepted', () => {
  test('is the event, with where it came from and how far it can be believed', () => {
    const { record, refused, unknown } = decideOn(good);
    expect({ refused, unknown }).toEqual({ refused: null, unknown: false });
    expect(record).toEqual({
      ...makeEvent(),
      raw: { ...place, offset: 41 },
      received: { at: 1_767_600_001_234_000, source: 'broker' },
      normalizedAt: now,
      attribution: 'anonymous',
      attributionReason: 'no actor is named',
      enrichment: [],
      flags: [],
      policy: null,
      refused: null,
      original: null,
    });
  });

  test('a time that the producer set is marked as its claim', () => {
    expect(decideOn(good, { logAppendTime: false }).record.received.source).toBe('producer');
    expect(decideOn(good, { logAppendTime: false, timestamp: -1 }).record.received.at).toBe(0);
  });

  test('a credential in the event is what the producer says: asserted, never verified', () => {
    const credential = { method: 'oidc', issuer: null, subject: null, keyId: null, checkedAt: 1 };
    const actor: AuditEvent['actor'] = {
      kind: 'human',
      id: 'u-1',
      name: null,
      email: null,
      roles: [],
      session: null,
      onBehalfOf: [],
      credential,
    };
    expect(decideOn(encode(makeEvent({ actor }))).record.attribution).toBe('asserted');
    const without = { ...actor, credential: null };
    expect(decideOn(encode(makeEvent({ actor: without }))).record.attribution).toBe('asserted');
  });

  test('of a writer that knows more keeps the raw record beside', () => {
    const schema = JSON.parse(auditEventText);
    schema.fields.push({ name: 'nanos', type: ['null', 'long'], default: null });
    const later = writerOf(JSON.stringify(schema));
    // A number beyond 2^53 in a field that nobody reads here is no reason to refuse.
    const value = Buffer.concat([good, Buffer.from([2]), longBytes(2n ** 62n)]);
    const headers = [['h', Buffer.from('1')]] as const;
    const { record, refused, unknown } = decideOn(value, { headers }, later);
    expect({ refused, unknown }).toEqual({ refused: null, unknown: true });
    expect(record.original).toMatchObject({ cause: 'unknown', value, headers: [{ key: 'h' }], sealed: null });
    expect(record.id).toBe(makeEvent().id);
  });
});

describe('a record that is refused', () => {
  test.each<[string, Buffer | null, Parameters<typeof decide>[2]]>([
    ['no-value', null, undefined],
    ['truncated', Buffer.alloc(0), undefined],
    ['truncated', Buffer.from([0, 0, 0, 0]), undefined],
    ['wrong-magic', Buffer.concat([Buffer.from([1]), good]), undefined],
    ['wrong-magic', Buffer.from('{"id":1}'), undefined],
    ['unknown-schema', good, 'unknown-schema'],
    ['unusable-schema', good, 'unusable-schema'],
    ['undecodable', good.subarray(0, 5), writer],
    ['undecodable', good.subarray(0, -1), writer],
    ['trailing-bytes', Buffer.concat([good, Buffer.from([0])]), writer],
    ['invalid-utf8', withBadText, writer],
    ['out-of-range', withTime(2n ** 60n), writer],
    ['out-of-range', withTime(-(2n ** 52n) - 1n), writer],
    ['invalid', withTime(-1n), writer],
    ['invalid', encode(makeEvent({ targets: [] })), writer],
    ['invalid', encode(makeEvent({ action: 'audit.refuse' })), writer],
  ])('%s', (code, value, as) => {
    const { record, refused } = decideOn(value, {}, as);
    expect(refused).toBe(code);
    expect(record).toMatchObject({
      id: refusalId(place, 41n),
      action: 'audit.refuse',
      outcome: 'denied',
      occurredAt: record.received.at,
      attribution: 'anonymous',
      refused: { code },
      original: { cause: 'refused', key: Buffer.from('k'), value },
    });
    // It has to be an event that its schema can say, and one that keeps the rules but for its reserved action.
    expect(auditRecordType().decode(auditRecordType().encode(record))).toEqual(record);
    expect(checkEvent({ ...record, action: 'record.refuse' })).toEqual([]);
  });

  test('a forged count of items does not keep it busy', () => {
    const datum = Buffer.from(good.subarray(5));
    const targets = datum.indexOf('account', datum.indexOf('acme')) - 2;
    const forged = Buffer.concat([datum.subarray(0, targets), longBytes(2n ** 40n), datum.subarray(targets + 1)]);
    const started = performance.now();
    expect(decideOn(withPrefix(forged)).refused).toBe('undecodable');
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('says nothing of what the record says', () => {
    const action = 'Ada Lovelace 4111111111111111';
    for (const value of [encode(makeEvent({ action })), withBadText, good.subarray(0, -1)]) {
      const { refused, attributionReason } = decideOn(value).record;
      expect(JSON.stringify([refused, attributionReason])).not.toMatch(/Lovelace|4111/);
    }
  });

  test('a record that is sent again links to its first try, accepted or not; what is no id is not repeated', () => {
    const first = 'a61a96d9-2dc2-830c-96dc-c61ea76c2f1e';
    const flagsOf = (value: Buffer, header: string) =>
      decideOn(value, { headers: [[RETRY_HEADER, Buffer.from(header)]] }).record.flags;
    const link = [{ code: 'retried', field: null, note: expect.stringMatching(`${first}$`) }];
    expect(flagsOf(good, first)).toEqual(link);
    expect(flagsOf(good.subarray(0, -1), first)).toEqual(link);
    for (const header of ['', 'Ada Lovelace', `${first} of Ada`, first.toUpperCase()])
      expect(flagsOf(good, header)).toEqual([]);
  });

  test("keeps the producer's number: of the event where that is sound, else of the headers", () => {
    const headers = [
      [INSTANCE_HEADER, Buffer.from('i-9')],
      [SEQUENCE_HEADER, Buffer.from('12')],
    ] as const;
    const ofHeaders = { instance: 'i-9', sequence: 12, last: false, abandoned: [] };
    expect(decideOn(encode(makeEvent({ targets: [] })), { headers }).record.producer).toEqual(makeEvent().producer);
    expect(decideOn(good.subarray(0, -1), { headers }).record.producer).toEqual(ofHeaders);
    const wrong = makeEvent({ producer: { instance: 'i-1', sequence: -4, last: false, abandoned: [] } });
    expect(decideOn(encode(wrong), { headers }).record.producer).toEqual(ofHeaders);
    expect(decideOn(null).record.producer).toBe(null);
    for (const bad of ['', '-1', '01', '1e3', '99999999999999999999', 'x']) {
      const [instance] = headers;
      expect(decideOn(null, { headers: [instance, [SEQUENCE_HEADER, Buffer.from(bad)]] }).record.producer).toBe(null);
    }
  });

  test('is the same event when it is decided on again', () => {
    expect(decideOn(withBadText).record).toEqual(decideOn(withBadText).record);
    expect(refusalId(place, 41n)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(refusalId(place, 42n)).not.toBe(refusalId(place, 41n));
  });
});

describe('whatever the bytes', () => {
  const checked = (value: Buffer | null, headers: [string, Buffer | null][] = []) => {
    const { record, refused } = decideOn(value, { headers });
    const datum = auditRecordType().encode(record);
    expect(auditRecordType().decode(datum)).toEqual(record);
    return refused;
  };

  test('random ones never break it', () => {
    const header = fc.tuple(fc.string(), fc.option(fc.uint8Array().map(bytes => Buffer.from(bytes))));
    fc.assert(
      fc.property(
        fc.option(fc.uint8Array({ maxLength: 300 })),
        fc.array(header, { maxLength: 3 }),
        (bytes, headers) => {
          checked(bytes && Buffer.from(bytes), headers);
          if (bytes) checked(withPrefix(bytes), headers);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('valid ones with bytes changed, cut and put in never break it, and what is accepted is what was written', () => {
    const edit = fc.record({
      at: fc.nat(400),
      byte: fc.nat(255),
      how: fc.constantFrom('set', 'insert', 'delete', 'cut'),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), edits => {
        let value = Buffer.from(good);
        for (const { at, byte, how } of edits) {
          const i = 5 + (at % Math.max(1, value.length - 5));
          const tail = value.subarray(how === 'insert' ? i : i + 1);
          const middle = how === 'set' || how === 'insert' ? [byte] : [];
          value =
            how === 'cut' ? value.subarray(0, i) : Buffer.concat([value.subarray(0, i), Buffer.from(middle), tail]);
        }
        if (checked(value) !== null) return;
        const { record } = decideOn(value);
        // Reading what was accepted and writing it again loses nothing but another way to write the same numbers.
        expect(auditEventType().decode(auditEventType().encode(record))).toEqual(
          auditEventType().decode(value.subarray(5)),
        );
      }),
      { numRuns: 3000 },
    );
  });
});
