// Kafka's compression codecs for kafkajs, which brings gzip alone. Snappy comes either as one raw block or, from the Java client,
// in xerial's framing: an 82 53 4e 41 50 50 59 00 header with two versions, then blocks of a 4-byte length and raw snappy. LZ4 is
// the frame format; zstd is Node's own.

import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import lz4 from 'lz4-napi';
import snappy from 'snappy';

interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(data: Buffer): Promise<Buffer>;
}

const xerialMagic = Buffer.from('82534e4150505900', 'hex');
const xerialHeaderBytes = 16;

async function unsnappy(data: Buffer): Promise<Buffer> {
  if (!data.subarray(0, xerialMagic.length).equals(xerialMagic)) return Buffer.from(await snappy.uncompress(data));
  const parts: Buffer[] = [];
  for (let at = xerialHeaderBytes; at < data.length; ) {
    const length = data.readInt32BE(at);
    if (length < 0 || at + 4 + length > data.length) {
      throw new RangeError(`snappy: found a block of ${length} bytes at ${at}, ${data.length} bytes are there`);
    }
    parts.push(Buffer.from(await snappy.uncompress(data.subarray(at + 4, at + 4 + length))));
    at += 4 + length;
  }
  return Buffer.concat(parts);
}

const codecs = {
  Snappy: { compress: async ({ buffer }) => Buffer.from(await snappy.compress(buffer)), decompress: unsnappy },
  LZ4: { compress: ({ buffer }) => lz4.compressFrame(buffer), decompress: data => lz4.decompressFrame(data) },
  ZSTD: { compress: ({ buffer }) => promisify(zstdCompress)(buffer), decompress: promisify(zstdDecompress) },
} satisfies Record<string, Codec>;

/** Makes kafkajs read and write batches in each of Kafka's codecs. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = () => codecs.Snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => codecs.LZ4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => codecs.ZSTD;
}
