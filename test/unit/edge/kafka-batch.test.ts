// A batch accounts for each offset, or there is none.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clipBatch, toBatch } from '../../../core/edge/kafka/batch.ts';
import type { RawMessage, RawPartition } from '../../../core/edge/kafka/internals.ts';

const message = (offset: number, isControlRecord = false): RawMessage => ({
  offset: `${offset}`,
  timestamp: '5',
  key: null,
  value: null,
  headers: {},
  isControlRecord,
  batchContext: { producerId: '1', inTransaction: false, timestampType: 1 },
});
const answer = (messages: RawMessage[], logStart = 0): RawPartition => ({
  partition: 0,
  highWatermark: '100',
  lastStableOffset: '100',
  lastStartOffset: `${logStart}`,
  abortedTransactions: null,
  messages,
});

test('records below the position are not taken twice, markers are skipped', () => {
  const batch = toBatch('t', answer([message(3), message(4), message(5, true), message(6)]), 4n);
  expect(batch).toMatchObject({ first: 4n, next: 7n, skipped: 1n, lost: 0n });
  expect(batch?.records.map(({ offset, logAppendTime }) => [offset, logAppendTime])).toEqual([
    [4n, true],
    [6n, true],
  ]);
  expect(toBatch('t', answer([message(3)]), 4n)).toBe(null);
  expect(toBatch('t', answer([]), 4n)).toBe(null);
});

test('what is below the start of the log is lost; a hole elsewhere is an error, never skipped', () => {
  expect(toBatch('t', answer([message(9)], 9), 4n)).toMatchObject({ first: 4n, next: 10n, lost: 5n });
  expect(() => toBatch('t', answer([message(9)], 3), 4n)).toThrow(/no record at the offsets 4 to 8/);
  expect(() => toBatch('t', answer([message(4), message(6)], 6), 4n)).toThrow(/no record at the offsets 5 to 5/);
});

test('in a compacted log, offsets without a record are skipped ones', () => {
  const batch = toBatch('t', answer([message(6), message(9)]), 4n, true);
  expect(batch).toMatchObject({ first: 4n, next: 10n, skipped: 4n, lost: 0n });
  expect(batch?.records).toHaveLength(2);
});

test('a part of a batch adds up as well', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }),
      fc.nat(5),
      fc.nat(40),
      (markers, lost, cut) => {
        const messages = markers.map((isMarker, index) => message(lost + index, isMarker));
        const batch = toBatch('t', answer(messages, lost), 0n);
        if (!batch) throw new Error('no batch');
        const part = clipBatch(batch, BigInt(cut));
        if (cut === 0) {
          expect(part).toBe(null);
          return;
        }
        if (!part) throw new Error('no part');
        expect(part.next).toBe(BigInt(Math.min(cut, lost + markers.length)));
        expect(BigInt(part.records.length) + part.skipped + part.lost).toBe(part.next - part.first);
        expect(part.skipped).toBe(BigInt(markers.slice(0, Math.max(0, cut - lost)).filter(Boolean).length));
      },
    ),
  );
});
