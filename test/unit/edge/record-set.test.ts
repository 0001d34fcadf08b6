// What a fetch answers, taken apart: in each codec, whatever it expands to, however it is cut, and never more in memory than agreed.

import { createHash, randomBytes } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import snappy from 'snappy';
import { describe, expect, test } from 'vitest';
import type { FetchedBatch } from '../../../core/edge/kafka/batch.ts';
import { AbortedFilter, decodeRecordSet, type RecordLimits } from '../../../core/edge/kafka/record-set.ts';
import {
  type BatchToWrite,
  codecNames,
  formatBatch,
  formatRecord,
  type RecordToWrite,
  varint,
} from '../../kafka-batches.ts';

const answerOf = (recordSet: Buffer, aborted: { producer: bigint; first: bigint }[] = []) => ({
  topic: 't',
  partition: 0,
  highWatermark: 99n,
  logStart: 0n,
  aborted,
  recordSet,
});

async function decodeAll(
  recordSet: Buffer,
  position = 0n,
  options: { limits?: RecordLimits; compacted?: boolean } = {},
) {
  const batches: FetchedBatch[] = [];
  const generator = decodeRecordSet(answerOf(recordSet), position, options);
  for (;;) {
    const { done, value } = await generator.next();
    if (value) batches.push(value);
    if (done) return batches;
  }
}
const recordsOf = (batches: readonly FetchedBatch[]) => batches.flatMap(({ records }) => records);

const some: RecordToWrite[] = Array.from({ length: 200 }, (_, n) => ({
  key: n % 3 === 0 ? null : Buffer.from(`k${n}`),
  value: n % 7 === 0 ? null : Buffer.from(`${n} `.repeat(n * 20)),
  headers: [
    ['toString', Buffer.from([n])],
    ['b', null],
    ['b', Buffer.from('x')],
  ],
  timestampDelta: n * 1000 - 50_000,
}));

function expectSome(batches: readonly FetchedBatch[], base: bigint): void {
  const found = recordsOf(batches);
  expect(found.map(({ offset }) => offset)).toEqual(some.map((_, n) => base + BigInt(n)));
  for (const [n, { key, value, headers, timestamp, unheld }] of found.entries()) {
    expect({ key, value, headers, unheld }).toEqual({
      unheld: undefined,
      key: some[n]?.key,
      value: some[n]?.value,
      headers: some[n]?.headers,
    });
    expect(timestamp).toBe(1_700_000_000_000 + n * 1000 - 50_000);
  }
}

const plain: BatchToWrite = { base: 7n, firstTimestamp: 1_700_000_000_000 };

test.each(codecNames)('records in %s come as they were written', async codec => {
  expectSome(await decodeAll(formatBatch(some, { ...plain, codec }), 7n), 7n);
  const [batch] = await decodeAll(formatBatch(some, { ...plain, codec }), 200n);
  expect(batch).toMatchObject({ first: 200n, next: 207n });
});

const body = Buffer.concat(some.map(formatRecord));
const middle = body.length >> 1;
const xerial = (...parts: Buffer[]) =>
  Buffer.concat([
    Buffer.from('82534e41505059000000000100000001', 'hex'),
    ...parts.flatMap(bytes => {
      const block = Buffer.from(snappy.compressSync(bytes));
      const length = Buffer.alloc(4);
      length.writeInt32BE(block.length);
      return [length, block];
    }),
  ]);
const skippable = Buffer.from([0x52, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
const zstdParts = [zstdCompressSync(body.subarray(0, middle)), zstdCompressSync(body.subarray(middle))];

test.each([
  ['two frames of zstd, which zlib takes for one', 'zstd', Buffer.concat(zstdParts)],
  ['a skippable frame of zstd before', 'zstd', Buffer.concat([skippable, ...zstdParts])],
  ['two members of gzip', 'gzip', Buffer.concat([gzipSync(body.subarray(0, middle)), gzipSync(body.subarray(middle))])],
  [
    "xerial's framing of snappy, with a second header within",
    'snappy',
    Buffer.concat([xerial(body.subarray(0, middle)), xerial(body.subarray(middle))]),
  ],
] as const)('%s', async (_name, codec, bytes) => {
  expectSome(await decodeAll(formatBatch(some, { ...plain, codec, body: bytes }), 7n), 7n);
});

const limits: RecordLimits = { bytes: 10_000, records: 50, recordBytes: 1000, passedBytes: 20_000 };

describe('what expands', () => {
  test.each(codecNames)(
    'more records in %s than a call takes arguments come in batches that follow each other',
    async codec => {
      const many = Array.from({ length: 200_000 }, () => ({ value: Buffer.from('x') }));
      const batches = await decodeAll(formatBatch(many, { codec }), 0n);
      expect(recordsOf(batches)).toHaveLength(200_000);
      expect(batches.every(({ records }) => records.length <= 20_000)).toBe(true);
      for (const [n, { first }] of batches.entries()) expect(first).toBe(batches[n - 1]?.next ?? 0n);
    },
  );

  test.each(codecNames.filter(name => name !== 'none'))(
    'a record in %s that is too large is read past, and told',
    async codec => {
      const value = randomBytes(2500);
      const large: RecordToWrite = {
        key: Buffer.from('key'),
        value,
        headers: [
          ['tidemark-instance', Buffer.from('i-1')],
          ['long', Buffer.alloc(2000)],
          ['tidemark-sequence', Buffer.from('7')],
        ],
        timestampDelta: 3,
      };
      const batches = await decodeAll(formatBatch([some[1] ?? {}, large, some[2] ?? {}], { codec }), 0n, { limits });
      const [before, told, after] = recordsOf(batches);
      expect([before?.value, after?.value]).toEqual([some[1]?.value, some[2]?.value]);
      const { length: bytes } = formatRecord(large, 1);
      const unheld = { code: 'too-large', bytes: bytes - 2, sha256: createHash('sha256').update(value).digest('hex') };
      expect(told).toMatchObject({ offset: 1n, timestamp: 3, key: Buffer.from('key'), value: null, unheld });
      expect(told?.headers.map(([name, header]) => `${name}=${header}`)).toEqual([
        'tidemark-instance=i-1',
        'long=null',
        'tidemark-sequence=7',
      ]);
    },
  );

  const bomb = (codec: 'gzip' | 'zstd' | 'lz4') =>
    formatBatch([{ value: Buffer.alloc(120_000_000) }, { value: Buffer.from('behind it') }], { codec });

  test.each(['gzip', 'zstd', 'lz4'] as const)('120 MB of nothing in %s cost no memory', async codec => {
    const bytes = bomb(codec);
    const before = process.memoryUsage();
    let most = 0;
    const watch = setInterval(() => {
      const { arrayBuffers } = process.memoryUsage();
      most = Math.max(most, arrayBuffers - before.arrayBuffers);
    }, 5);
    const found = recordsOf(await decodeAll(bytes));
    clearInterval(watch);
    expect(found.map(({ unheld, value }) => unheld?.code ?? `${value}`)).toEqual(['too-large', 'behind it']);
    expect(most).toBeLessThan(60_000_000);
  });

  test('a batch ends where much was read past, so that time goes by in steps', async () => {
    const records = Array.from({ length: 30 }, () => ({ value: Buffer.alloc(5000) }));
    const batches = await decodeAll(formatBatch(records, { codec: 'zstd' }), 0n, { limits });
    expect(batches.map(({ records: { length } }) => length)).toEqual([4, 4, 4, 4, 4, 4, 4, 2]);
  });
});

describe('what can not be read', () => {
  test.each([
    ['is no zstd', { codec: 'zstd', body: Buffer.from('nothing of the kind') }],
    ['is cut off', { codec: 'gzip', body: gzipSync(body).subarray(0, 5000) }],
    ['is of a codec that there is not', { attributes: 5 }],
    ['has a snappy block that says it stands for 4 GB', { codec: 'snappy', body: Buffer.from('ffffffff0f00', 'hex') }],
    ['has an lz4 block beyond its end', { codec: 'lz4', body: Buffer.from('04224d18607073ffffff00', 'hex') }],
    ['has a record of a negative length', { codec: 'zstd', body: zstdCompressSync(varint(-5)) }],
    ['has a record that is too short', { body: Buffer.concat([varint(3), Buffer.from([0, 0, 0])]) }],
    ['has more headers than bytes', { body: Buffer.from([12, 0, 0, 0, 1, 1, 0x7e]) }],
  ] as const)('a batch that %s: each of its records is told', async (_name, batch) => {
    const bytes = formatBatch([], { ...batch, count: 60, base: 5n });
    const batches = await decodeAll(
      Buffer.concat([formatBatch([{ value: Buffer.from('before') }], { base: 4n }), bytes]),
      4n,
      { limits },
    );
    const [before, first, ...others] = recordsOf(batches);
    expect(`${before?.value}`).toBe('before');
    const unheld = { code: 'unreadable-batch', first: first?.offset, last: 64n };
    expect(first).toMatchObject({ value: bytes, unheld });
    expect(others.every(one => one.value === null && one.unheld?.code === 'unreadable-batch')).toBe(true);
    expect(batches.at(-1)?.next).toBe(65n);
  });

  test('a batch whose checksum fails is an error, and what comes before it is not', async () => {
    const altered = formatBatch(some, { base: 1n });
    altered[200] = (altered[200] ?? 0) ^ 1;
    const set = Buffer.concat([formatBatch([{ value: Buffer.from('sound') }]), altered]);
    const [sound] = await decodeAll(set);
    expect(sound).toMatchObject({ first: 0n, next: 1n });
    await expect(decodeAll(set, 1n)).rejects.toMatchObject({ code: 'corrupt', disposition: 'retry' });
  });

  test('a batch that is cut off where the answer was full is left for the next one', async () => {
    const bytes = formatBatch(some);
    for (const length of [10, 60, 61, 500, bytes.length - 1])
      expect(await decodeAll(bytes.subarray(0, length))).toEqual([]);
  });

  test('records from before Kafka 0.11 are an error that says so', async () => {
    await expect(decodeAll(formatBatch(some, { magic: 1 }))).rejects.toMatchObject({ code: 'old-format' });
  });

  test('offsets that a record gives itself count only where compaction took others', async () => {
    const records = [{ offsetDelta: 0 }, { offsetDelta: 9 }, { offsetDelta: 1 }];
    expect(recordsOf(await decodeAll(formatBatch(records))).map(({ offset }) => offset)).toEqual([0n, 1n, 2n]);
    const compacted = formatBatch([{ offsetDelta: 1 }, { offsetDelta: 4 }], { lastOffsetDelta: 6 });
    const [batch] = await decodeAll(compacted, 0n, { compacted: true });
    expect(batch).toMatchObject({ next: 7n, skipped: 5n, records: [{ offset: 1n }, { offset: 4n }] });
  });
});

test('aborted batches and markers are hidden, whatever their keys', async () => {
  const filter = new AbortedFilter([
    { producer: 2n, first: 2n },
    { producer: 1n, first: 0n },
  ]);
  const hides = (last: bigint, producer: bigint, more = {}) =>
    filter.hides({ last, producer, transactional: true, control: false, ...more });
  expect(hides(1n, 1n)).toBe(true);
  expect(hides(2n, 3n)).toBe(false);
  expect(hides(3n, 2n)).toBe(true);
  expect(hides(4n, 1n, { transactional: false })).toBe(false);
  expect(hides(5n, 1n, { control: true })).toBe(true);
  expect(hides(6n, 1n)).toBe(false);
  expect(hides(7n, 2n)).toBe(true);
});

describe('what came together', () => {
  const record = (text: string): RecordToWrite => ({ value: Buffer.from(text) });
  const batchOf = (base: number, ...texts: string[]) => formatBatch(texts.map(record), { base: BigInt(base) });
  const groupsOf = (batches: readonly FetchedBatch[]) =>
    batches.map(({ groups }) => groups.map(group => group.map(({ offset }) => Number(offset))));

  test('is a group for each batch of the log, whole, also where the fetch began within it', async () => {
    const log = Buffer.concat([batchOf(0, 'a'), batchOf(1, 'b', 'c', 'd'), batchOf(4, 'e', 'f')]);
    expect(groupsOf(await decodeAll(log, 0n))).toEqual([[[0], [1, 2, 3], [4, 5]]]);
    const [within] = await decodeAll(log, 3n);
    expect(within).toMatchObject({ first: 3n, next: 6n });
    expect(recordsOf([within as FetchedBatch]).map(({ offset }) => offset)).toEqual([3n, 4n, 5n]);
    expect(groupsOf([within as FetchedBatch])).toEqual([
      [
        [1, 2, 3],
        [4, 5],
      ],
    ]);
  });

  test.each(codecNames)('is not parted where it fits, nor what is before it held longer, in %s', async codec => {
    const batch = (base: number, count: number) =>
      formatBatch(
        Array.from({ length: count }, () => record('x'.repeat(100))),
        { base: BigInt(base), codec },
      );
    const few = { ...limits, records: 10 };
    const log = Buffer.concat([batch(0, 7), batch(7, 7), batch(14, 3), batch(17, 25), batch(42, 2)]);
    const batches = await decodeAll(log, 0n, { limits: few });
    for (const [n, { first, records }] of batches.entries()) {
      expect(first).toBe(batches[n - 1]?.next ?? 0n);
      expect(records.length).toBeLessThanOrEqual(10);
    }
    expect(recordsOf(batches).map(({ offset }) => Number(offset))).toEqual(Array.from({ length: 44 }, (_, n) => n));
    const range = (first: number, count: number) => Array.from({ length: count }, (_, n) => first + n);
    // The one of 25 is more than is held at once: it is in no group, wherever the fetch begins.
    const whole = [range(0, 7), range(7, 7), range(14, 3), range(42, 2)];
    expect(groupsOf(batches).flat()).toEqual(whole);
    expect(groupsOf(await decodeAll(log, 40n, { limits: few })).flat()).toEqual([range(42, 2)]);
    for (const { groups, records } of batches) {
      for (const group of groups) expect(records).toEqual(expect.arrayContaining([...group]));
    }
  });

  test('has none that is aborted, or that can not be held', async () => {
    const large = formatBatch([record('a'), record('x'.repeat(2500))], { base: 1n, codec: 'gzip' });
    const broken = formatBatch([record('c')], { base: 3n, codec: 'gzip', body: Buffer.from('no gzip') });
    const log = Buffer.concat([batchOf(0, 'a'), large, broken, batchOf(4, 'e')]);
    expect(groupsOf(await decodeAll(log, 0n, { limits }))).toEqual([[[0], [4]]]);
  });
});
