// Kafka's batches (format 2), written by hand: what no client would write, a broker may take all the same.

import { gzipSync, zstdCompressSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import lz4 from 'lz4-napi';
import snappy from 'snappy';

export interface RecordToWrite {
  readonly key?: Buffer | null;
  readonly value?: Buffer | null;
  readonly headers?: readonly (readonly [string, Buffer | null])[];
  readonly timestampDelta?: number;
  /** Its place in the batch, if not said. */
  readonly offsetDelta?: number;
}

export interface BatchToWrite {
  readonly base?: bigint;
  readonly codec?: keyof typeof compressions;
  readonly firstTimestamp?: number;
  readonly attributes?: number;
  readonly producer?: bigint;
  readonly lastOffsetDelta?: number;
  readonly magic?: number;
  /** Compressed already; else the records are. */
  readonly body?: Buffer;
  readonly count?: number;
}

export const compressions = {
  none: { bits: 0, compress: (bytes: Buffer) => bytes },
  gzip: { bits: 1, compress: (bytes: Buffer) => gzipSync(bytes) },
  snappy: { bits: 2, compress: (bytes: Buffer) => Buffer.from(snappy.compressSync(bytes)) },
  lz4: { bits: 3, compress: (bytes: Buffer) => lz4.compressFrameSync(bytes) },
  zstd: { bits: 4, compress: (bytes: Buffer) => zstdCompressSync(bytes) },
} as const;

export const codecNames = Object.keys(compressions) as (keyof typeof compressions)[];

/** A zigzag number of variable length. */
export function varint(value: number | bigint): Buffer {
  const out: number[] = [];
  let rest = (BigInt(value) << 1n) ^ (BigInt(value) >> 63n);
  for (; rest >= 0x80n; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  out.push(Number(rest));
  return Buffer.from(out);
}

const part = (bytes: Buffer | null): Buffer[] => (bytes ? [varint(bytes.length), bytes] : [varint(-1)]);

export function formatRecord(record: RecordToWrite, index: number): Buffer {
  const headers = record.headers ?? [];
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(record.timestampDelta ?? 0),
    varint(record.offsetDelta ?? index),
    ...part(record.key ?? null),
    ...part(record.value ?? null),
    varint(headers.length),
    ...headers.flatMap(([name, value]) => [...part(Buffer.from(name)), ...part(value)]),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

export function formatBatch(records: readonly RecordToWrite[], batch: BatchToWrite = {}): Buffer {
  const { bits, compress } = compressions[batch.codec ?? 'none'];
  const count = batch.count ?? records.length;
  const body = batch.body ?? compress(Buffer.concat(records.map(formatRecord)));
  const head = Buffer.alloc(61);
  head.writeBigInt64BE(batch.base ?? 0n, 0);
  head.writeInt32BE(head.length - 12 + body.length, 8);
  head.writeInt32BE(-1, 12);
  head.writeInt8(batch.magic ?? 2, 16);
  head.writeInt16BE(bits | (batch.attributes ?? 0), 21);
  head.writeInt32BE(batch.lastOffsetDelta ?? count - 1, 23);
  const time = BigInt(batch.firstTimestamp ?? 0);
  head.writeBigInt64BE(time, 27);
  head.writeBigInt64BE(time, 35);
  head.writeBigInt64BE(batch.producer ?? -1n, 43);
  head.writeInt16BE(-1, 51);
  head.writeInt32BE(-1, 53);
  head.writeInt32BE(count, 57);
  const bytes = Buffer.concat([head, body]);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}
