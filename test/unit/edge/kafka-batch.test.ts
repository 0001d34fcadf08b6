// A batch accounts for each offset, or there is none.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchBuilder, clipBatch, type FetchedBatch, type FetchedRecord } from '../../../core/edge/kafka/batch.ts';

const at = (offset: number): FetchedRecord => ({
  offset: BigInt(offset),
  timestamp: 5,
  logAppendTime: true,
  key: null,
  value: null,
  headers: [],
});
const source = (logStart = 0) => ({ topic: 't', partition: 0, highWatermark: 100n, logStart: BigInt(logStart) });
type Item = FetchedRecord | { marker: number };
const marker = (offset: number) => ({ marker: offset });

function build(items: readonly Item[], position: bigint, logStart = 0, compacted = false) {
  const builder = new BatchBuilder(source(logStart), position, compacted);
  for (const item of items) {
    if ('marker' in item) builder.hide(BigInt(item.marker), BigInt(item.marker + 1));
    else builder.add(item, 1);
  }
  return builder.take();
}

test('records below the position are not taken twice, markers are skipped', () => {
  const batch = build([at(3), at(4), marker(5), at(6)], 4n);
  expect(batch).toMatchObject({ first: 4n, next: 7n, skipped: 1n, lost: 0n });
  expect(batch?.records.map(({ offset }) => offset)).toEqual([4n, 6n]);
  expect(build([at(3)], 4n)).toBe(null);
  expect(build([marker(3)], 4n)).toBe(null);
  expect(build([], 4n)).toBe(null);
});

test('what is below the start of the log is lost; a hole elsewhere is an error, never skipped', () => {
  expect(build([at(9)], 4n, 9)).toMatchObject({ first: 4n, next: 10n, lost: 5n });
  expect(() => build([at(9)], 4n, 3)).toThrow(/no record at the offsets 4 to 8/);
  expect(() => build([at(4), at(6)], 4n, 6)).toThrow(/no record at the offsets 5 to 5/);
  expect(() => build([at(4), marker(6)], 4n, 6)).toThrow(/no record at the offsets 5 to 5/);
});

test('in a compacted log, offsets without a record are skipped ones', () => {
  const batch = build([at(6), at(9)], 4n, 0, true);
  expect(batch).toMatchObject({ first: 4n, next: 10n, skipped: 4n, lost: 0n });
  expect(batch?.records).toHaveLength(2);
});

test('batches follow each other, however often they are taken', () => {
  const builder = new BatchBuilder(source(2), 0n);
  builder.add(at(2), 10);
  expect(builder.bytes).toBe(10);
  expect(builder.take()).toMatchObject({ first: 0n, next: 3n, lost: 2n });
  expect(builder).toMatchObject({ bytes: 0, count: 0 });
  expect(builder.take()).toBe(null);
  builder.hide(3n, 5n);
  builder.add(at(5), 10);
  expect(builder.take()).toMatchObject({ first: 3n, next: 6n, skipped: 2n, lost: 0n });
});

test('a part of a batch adds up as well', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }),
      fc.nat(5),
      fc.nat(40),
      (markers, lost, cut) => {
        const items = markers.map((isMarker, index) => (isMarker ? marker(lost + index) : at(lost + index)));
        const batch = build(items, 0n, lost);
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

test('what is drained while a batch of the log is being added follows and adds up, and groups stay whole', () => {
  const step = fc.constantFrom('begin', 'record', 'marker', 'drain');
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(3), (steps, lost) => {
      const builder = new BatchBuilder(source(lost), 0n);
      const batches: FetchedBatch[] = [];
      let offset = lost;
      let group: FetchedRecord[] = [];
      builder.begin();
      for (const one of steps) {
        if (one === 'drain') batches.push(...builder.drain());
        else if (one === 'marker') builder.hide(BigInt(offset), BigInt(++offset));
        else if (one === 'record') {
          const record = at(offset++);
          builder.add(record, 1);
          group.push(record);
        } else {
          builder.end(BigInt(offset), group);
          group = [];
          builder.begin();
        }
      }
      batches.push(...[builder.take()].filter(batch => batch !== null));
      let next = 0n;
      for (const batch of batches) {
        expect(batch.first).toBe(next);
        next = batch.next;
        expect(BigInt(batch.records.length) + batch.skipped + batch.lost).toBe(next - batch.first);
        expect(batch.groups.flat().every(record => batch.records.includes(record))).toBe(true);
      }
      expect(next).toBe(offset === lost ? 0n : BigInt(offset));
    }),
  );
});
