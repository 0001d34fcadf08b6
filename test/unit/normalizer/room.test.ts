// What an event has no room for is refused with its digest, and never stops a partition.

import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { decide } from '../../../consumers/normalizer/decide.ts';
import { finish, prepare } from '../../../consumers/normalizer/pipeline.ts';
import { createRoom, withoutBody } from '../../../consumers/normalizer/room.ts';
import { memoryKeyRing } from '../../../core/envelope/index.ts';
import { auditRecordType } from '../../../schemas/index.ts';
import { place, rawRecord, writer } from './records.ts';

const now = 1_767_600_002_000_000;
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const event = (value: Buffer) => ({ key: null, value });

test('an event fits by what it takes compressed, as it is written', () => {
  const room = createRoom(1_000_000);
  expect(room.holds(event(randomBytes(990_000)))).toBe(true);
  expect(room.holds(event(randomBytes(1_000_000)))).toBe(false);
  expect(room.holds(event(Buffer.alloc(20_000_000)))).toBe(true);
  expect(room.holds(event(Buffer.alloc(61 << 20)))).toBe(false);
  expect(room.holds({ key: Buffer.alloc(990_000), value: Buffer.alloc(990_000) })).toBe(true);
  expect(room.holds({ key: Buffer.alloc(995_000), value: Buffer.alloc(990_000) })).toBe(false);
  expect(createRoom(null).holds(event(randomBytes(2_000_000)))).toBe(true);
});

test('sealed, what was compressed well fits no more: its refusal does, and keeps the digest, the key and the number', async () => {
  const value = Buffer.alloc(3_000_000, 'nothing');
  const headers = [
    ['tidemark-instance', Buffer.from('i-9')],
    ['tidemark-sequence', Buffer.from('12')],
    ['large', Buffer.alloc(5000)],
  ] as const;
  const raw = rawRecord(value, { headers });
  const room = createRoom(2_000_000);
  const ring = memoryKeyRing();
  const parts = { policy: null, services: null, actions: null, enrichers: null, ring };
  const finishOne = async (one: typeof raw) => {
    const prepared = prepare(one, place, undefined, now, parts);
    await ring.prepare(prepared.sealing?.owners ?? [], AbortSignal.timeout(1000));
    return finish(prepared, ring);
  };
  expect(room.holds(await finishOne(raw))).toBe(false);
  expect(room.holds(await finishOne(withoutBody(raw)))).toBe(true);
  const { record, refused } = decide(withoutBody(raw), place, undefined, now);
  expect(refused).toBe('too-large');
  expect(record.original).toMatchObject({ sha256: digest(value), value: null, key: Buffer.from('k') });
  expect(record.original?.headers.map(({ key }) => key)).toEqual(['tidemark-instance', 'tidemark-sequence']);
  expect(record.producer).toMatchObject({ instance: 'i-9', sequence: 12 });
  expect(record.refused?.message).toContain('found a record of 3005045 bytes');
});

test('what the Kafka edge could not hold or open is refused as what it is, whatever schema its bytes seem to name', () => {
  const large = { code: 'too-large', bytes: 9, sha256: 'ab' } as const;
  const decision = decide(rawRecord(null, { unheld: large }), place, writer, now);
  expect(decision.record.refused?.code).toBe('too-large');
  expect(decision.record.original?.sha256).toBe('ab');
  const batch = Buffer.from('the bytes of a batch');
  const unheld = { code: 'unreadable-batch', first: 41n, last: 43n } as const;
  const first = decide(rawRecord(batch, { unheld }), place, writer, now).record;
  expect(first.refused).toMatchObject({ code: 'unreadable-batch', message: expect.stringContaining('41 to 43') });
  expect(first.original).toMatchObject({ value: batch, sha256: digest(batch) });
  const next = decide(rawRecord(null, { unheld, offset: 42n }), place, writer, now).record;
  expect(next.original).toMatchObject({ value: null, sha256: digest(Buffer.alloc(0)) });
  expect(() => auditRecordType().encode(next)).not.toThrow();
});
