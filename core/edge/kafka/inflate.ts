// What a compressed batch expands to, piece by piece: a broker bounds what a batch takes compressed alone, and a megabyte of zstd may
// stand for 30 GB. Nobody holds more than one piece (gzip, zstd: 64 KiB; LZ4: a block of 4 MiB at most; snappy expands 22 times
// at most), and who has seen enough stops.
//
// Snappy comes either as one raw block or, from the Java client, in xerial's framing: an 82 53 4e 41 50 50 59 00 header with two
// versions, then blocks of a 4-byte length and raw snappy, and perhaps another header. LZ4 is the frame format, blocks
// independent of each other: Kafka takes no others. Zstd may come in several frames, of which Node's zlib sees the first alone.

import { promisify } from 'node:util';
import { createGunzip, createZstdDecompress, gunzip, zstdDecompress } from 'node:zlib';
import lz4 from 'lz4-napi';
import snappy from 'snappy';
import { KafkaError } from './error.ts';

/** A batch's codec, as the three lowest bits of its attributes have it. */
export const CODECS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

/** What expands to no more than this is expanded at once, in a thread of its own; the usual case. */
const atOnce = 1 << 22;
const pieceBytes = 1 << 16;

/** The pieces of what `data` expands to. Throws `undecodable` where it is not what its codec says. */
export async function* inflate(codec: number, data: Buffer): AsyncGenerator<Buffer> {
  try {
    if (codec === CODECS.gzip) yield* inflateGzip(data);
    else if (codec === CODECS.snappy) yield* inflateSnappy(data);
    else if (codec === CODECS.lz4) yield* inflateLz4(data);
    else if (codec === CODECS.zstd) yield* inflateZstd(data);
    else throw new RangeError(`found codec ${codec}, expected one of ${Object.keys(CODECS).join(', ')}`);
  } catch (cause) {
    const { message } = cause instanceof Error ? cause : { message: String(cause) };
    throw new KafkaError('undecodable', `a compressed batch can't be opened: ${message}`, { cause });
  }
}

async function* inflateGzip(data: Buffer): AsyncGenerator<Buffer> {
  const whole = await promisify(gunzip)(data, { maxOutputLength: atOnce }).catch(unlessTooLarge);
  if (whole) yield whole;
  else yield* piecesOf(createGunzip({ chunkSize: pieceBytes }), data);
}

/** With `info`, zlib answers how much of the input it took too. */
type Opened = { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
const skippableMagic = 0x184d2a5;

async function* inflateZstd(data: Buffer): AsyncGenerator<Buffer> {
  const options = { maxOutputLength: atOnce, info: true };
  const whole = (await promisify(zstdDecompress)(data, options).catch(unlessTooLarge)) as unknown as Opened | null;
  if (whole && whole.engine.bytesWritten === data.length) {
    yield whole.buffer;
    return;
  }
  for (let rest = data; rest.length > 0; ) {
    if (rest.length >= 8 && rest.readUInt32LE(0) >>> 4 === skippableMagic) {
      rest = rest.subarray(8 + rest.readUInt32LE(4));
      continue;
    }
    const stream = createZstdDecompress({ chunkSize: pieceBytes });
    yield* piecesOf(stream, rest);
    if (stream.bytesWritten === 0) throw new RangeError('zstd: a frame takes no bytes');
    rest = rest.subarray(stream.bytesWritten);
  }
}

async function* piecesOf(stream: ReturnType<typeof createGunzip | typeof createZstdDecompress>, data: Buffer) {
  stream.end(data);
  // Destroys the stream where the loop is left early.
  for await (const piece of stream) yield piece as Buffer;
}

function unlessTooLarge(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') return null;
  throw error;
}

const xerialMagic = Buffer.from('82534e4150505900', 'hex');
const xerialHeaderBytes = 16;

async function* inflateSnappy(data: Buffer): AsyncGenerator<Buffer> {
  if (!startsXerial(data, 0)) {
    yield await openSnappy(data);
    return;
  }
  for (let at = 0; at < data.length; ) {
    if (startsXerial(data, at)) {
      at += xerialHeaderBytes;
      continue;
    }
    const length = data.readInt32BE(at);
    if (length < 0 || at + 4 + length > data.length) {
      throw new RangeError(`snappy: found a block of ${length} bytes at ${at}, ${data.length} bytes are there`);
    }
    yield await openSnappy(data.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
}

const startsXerial = (data: Buffer, at: number): boolean =>
  data.length >= at + xerialHeaderBytes && data.compare(xerialMagic, 0, 8, at, at + 8) === 0;

/** Three bytes of snappy stand for 64 at most; the length that a block begins with is believed no further. */
const maxSnappyFactor = 64;

async function openSnappy(block: Buffer): Promise<Buffer> {
  let length = 0;
  for (let at = 0, scale = 1; at < 5; at++, scale *= 128) {
    const byte = block[at] ?? 0;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  if (length > block.length * maxSnappyFactor)
    throw new RangeError(`snappy: a block of ${block.length} bytes says that it stands for ${length}`);
  return Buffer.from(await snappy.uncompress(block));
}

const lz4Magic = 0x184d2204;
/** A frame's beginning (independent blocks of 4 MiB at most, no checksums) and its end, put around each block to open it alone. */
const lz4Head = Buffer.from('04224d18607073', 'hex');
const lz4End = Buffer.alloc(4);
const lz4Flags = { blockChecksum: 0x10, contentSize: 0x08, dictionary: 0x01 };

async function* inflateLz4(data: Buffer): AsyncGenerator<Buffer> {
  if (data.readUInt32LE(0) !== lz4Magic) throw new RangeError('lz4: no frame');
  const flags = data.readUInt8(4);
  const checksum = flags & lz4Flags.blockChecksum ? 4 : 0;
  let at = 7 + (flags & lz4Flags.contentSize ? 8 : 0) + (flags & lz4Flags.dictionary ? 4 : 0);
  for (;;) {
    const size = data.readUInt32LE(at);
    if (size === 0) return;
    const end = at + 4 + (size & 0x7fffffff);
    if (end > data.length) throw new RangeError(`lz4: found a block up to ${end}, ${data.length} bytes are there`);
    const isPlain = size >= 0x80000000;
    const block = data.subarray(at, end);
    yield isPlain ? block.subarray(4) : await lz4.decompressFrame(Buffer.concat([lz4Head, block, lz4End]));
    at = end + checksum;
  }
}
