// The hot path's codec against avsc: the same bytes from the same record, the same values from the same bytes, and of data that are not
// sound the same flaws that the check beside avsc finds.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileCheck } from '../../../consumers/normalizer/datum-check.ts';
import {
  type AuditEvent,
  type AuditRecord,
  auditEventText,
  auditEventType,
  auditRecordText,
  auditRecordType,
  DatumWriter,
  type EventRead,
  readEvent,
  shareEnrichment,
  writeEvent,
  writeRecord,
} from '../../../schemas/index.ts';
import { valuesOf } from './random.ts';

const events = valuesOf<AuditEvent>(auditEventText);
const records = valuesOf<AuditRecord>(auditRecordText);
const { avro } = auditEventType();
const check = compileCheck(avro, avro);

/** What avsc and the check beside it say of a datum. */
const asAvsc = (datum: Buffer): AuditEvent | string => check(datum) ?? auditEventType().decode(datum);
const isRead = (read: EventRead | string): read is EventRead => typeof read !== 'string';

test('a record is written as avsc writes it, byte for byte', () => {
  const writer = new DatumWriter();
  fc.assert(
    fc.property(records, fc.nat({ max: 9 }), (record, room) => {
      const bytes = writeRecord(writer, record, null, null, room).subarray(room);
      expect(bytes.equals(auditRecordType().encode(record))).toBe(true);
    }),
    { numRuns: 150 },
  );
});

test('an event is written as avsc writes it, byte for byte', () => {
  const writer = new DatumWriter();
  fc.assert(
    fc.property(events, event => {
      expect(writeEvent(writer, event).equals(auditEventType().encode(event))).toBe(true);
    }),
    { numRuns: 150 },
  );
});

test('what was written stays as it is while more is written', () => {
  const writer = new DatumWriter();
  fc.assert(
    fc.property(fc.array(records, { minLength: 2, maxLength: 5 }), fc.nat({ max: 300_000 }), (many, length) => {
      const [first, ...others] = many;
      const all = [{ ...first, reason: 'x'.repeat(length) }, ...others] as AuditRecord[];
      const written = all.map(record => writeRecord(writer, record));
      for (const [n, record] of all.entries()) expect(written[n]?.equals(auditRecordType().encode(record))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test('an event is read as avsc reads it', () => {
  fc.assert(
    fc.property(events, event => {
      const datum = auditEventType().encode(event);
      const read = readEvent(datum);
      if (!isRead(read)) throw new Error(read);
      expect(read.event).toEqual({ ...auditEventType().decode(datum) });
      expect(read.bytes).not.toBeNull();
    }),
    { numRuns: 150 },
  );
});

test('an event becomes a record by its own bytes as it does by its fields', () => {
  const writer = new DatumWriter();
  fc.assert(
    fc.property(events, records, (event, record) => {
      const read = readEvent(auditEventType().encode(event));
      const whole = { ...record, ...event };
      if (!isRead(read)) throw new Error(read);
      expect(writeRecord(writer, whole, read.bytes).equals(auditRecordType().encode(whole))).toBe(true);
    }),
    { numRuns: 100 },
  );
});

/** Stands for personal texts by turns: this one, or the text itself. */
function everyOther() {
  let n = 0;
  return {
    next: (writer: DatumWriter) => {
      n++;
      if (n % 2 === 0) return false;
      writer.sealedText(Buffer.of(2, 0x6b, 2, n), Buffer.from([9, n, 9]), 1, 2, Buffer.of(7));
      return true;
    },
  };
}

test('an enrichment that many records share is written as any other, whatever takes the place of its texts', () => {
  const writer = new DatumWriter();
  fc.assert(
    fc.property(records, record => {
      const sealed = Buffer.from(writeRecord(writer, record, null, everyOther()));
      const decoded = auditRecordType().decode(sealed);
      expect(sealed.equals(auditRecordType().encode(decoded))).toBe(true);
      for (const entry of record.enrichment) shareEnrichment(entry);
      expect(writeRecord(writer, record).equals(auditRecordType().encode(record))).toBe(true);
      expect(writeRecord(writer, record, null, everyOther()).equals(sealed)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test('what a reader notes of an event is where it says', () => {
  fc.assert(
    fc.property(events, event => {
      const datum = auditEventType().encode(event);
      const read = readEvent(datum);
      if (!isRead(read) || read.bytes === null) throw new Error('expected an event and its bytes');
      const { texts, fields, personal } = read.bytes;
      const partsOf = (at: readonly number[]) =>
        Array.from({ length: at.length / 2 }, (_, n) => datum.subarray(at[2 * n], at[2 * n + 1]));
      const all = partsOf(texts).map(part => part.toString('utf8'));
      expect(all.slice(0, 2)).toEqual([event.id, event.action]);
      expect(fields).toHaveLength(Object.keys(event).length);
      if (typeof event.reason === 'string') expect(all[fields[11] ?? -1]).toBe(event.reason);
      if (event.corrects !== null) expect(all[fields[12] ?? -1]).toBe(event.corrects);
      for (const part of partsOf(personal)) expect(part[0]).toBe(2);
      const hasControl = all.some(text => /\p{Cc}/u.test(text));
      expect(read.isPlain).toBe(!hasControl);
    }),
    { numRuns: 100 },
  );
});

/** Bytes of an event, some changed, put in, or cut off: what a forger or a fault makes of them. */
const mutated = fc
  .tuple(
    events,
    fc.array(
      fc.record({
        at: fc.nat(),
        byte: fc.nat({ max: 255 }),
        kind: fc.constantFrom('change', 'insert', 'remove', 'cut'),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([event, changes]) => {
    let bytes = auditEventType().encode(event);
    for (const { at, byte, kind } of changes) {
      const place = at % (bytes.length + 1);
      const rest = bytes.subarray(
        kind === 'change' || kind === 'remove' ? place + 1 : kind === 'cut' ? bytes.length : place,
      );
      const between = kind === 'change' || kind === 'insert' ? Buffer.of(byte) : Buffer.alloc(0);
      bytes = Buffer.concat([bytes.subarray(0, place), between, rest]);
    }
    return bytes;
  });

test('of data that are not sound the same flaw is found as before, and all others are read alike', () => {
  const writer = new DatumWriter();
  fc.assert(
    fc.property(
      fc.oneof(
        mutated,
        fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes)),
      ),
      datum => {
        const read = readEvent(datum);
        const other = asAvsc(datum);
        if (!isRead(read)) {
          expect(read).toBe(other);
          return;
        }
        expect(read.event).toEqual({ ...(other as AuditEvent) });
        // Bytes are offered for copying only where our encoder would write the very same.
        const isCanonical = datum.equals(auditEventType().encode(read.event));
        expect(read.bytes !== null).toBe(isCanonical);
        if (isCanonical) expect(writeRecord(writer, { ...tail, ...read.event }, read.bytes)).toBeInstanceOf(Buffer);
      },
    ),
    { numRuns: 1500 },
  );
});

const tail = fc.sample(records, { numRuns: 1, seed: 7 })[0] as AuditRecord;

/** A long as another encoder might write it: with more bytes than it needs. */
const padded = (zigzag: number, bytes: number): Buffer =>
  Buffer.from(Array.from({ length: bytes }, (_, n) => (n === 0 ? zigzag : 0) | (n < bytes - 1 ? 0x80 : 0)));

test('an array in blocks with sizes, and numbers that are longer than they have to be, are read but not copied', () => {
  const event = { ...(fc.sample(events, { numRuns: 1, seed: 3 })[0] as AuditEvent), attributes: [] };
  const datum = auditEventType().encode(event);
  const attribute = Buffer.from([2, 0x6b, 0, 2, 2, 0x76]); // key "k", type string, text "v"
  const head = datum.subarray(0, -1);
  const forms = [
    Buffer.concat([head, Buffer.of(1, 12), attribute, Buffer.of(0)]), // one block of one item, with its size
    Buffer.concat([head, Buffer.of(2), attribute, Buffer.of(2), attribute, Buffer.of(0)]), // two blocks
    Buffer.concat([head, padded(2, 2), attribute, Buffer.of(0)]),
    Buffer.concat([head, Buffer.of(2), attribute, padded(0, 10)]),
  ];
  for (const form of forms) {
    const read = readEvent(form);
    if (!isRead(read)) throw new Error(read);
    expect(read.bytes).toBeNull();
    expect(read.event).toEqual({ ...auditEventType().decode(form) });
    expect(read.event.attributes[0]).toEqual({ key: 'k', value: { type: 'string', text: 'v' } });
  }
  expect(readEvent(Buffer.concat([head, padded(0, 11)]))).toBe('undecodable');
});

test.each([
  ['no exact integer', { normalizedAt: 0.5 }],
  ['no int', { raw: { topic: 't', generation: 0, partition: 2 ** 31, offset: 0 } }],
  ['another symbol', { outcome: 'maybe' }],
])('%s is not written', (_, change) => {
  expect(() => writeRecord(new DatumWriter(), { ...tail, ...change } as AuditRecord)).toThrow(TypeError);
});
