// Kafka's compression codecs for kafkajs, which brings gzip alone: to write batches, and to read them where kafkajs' own consumer
// does. The programs read by record-set.ts, which opens no batch all at once.

import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import lz4 from 'lz4-napi';
import snappy from 'snappy';
import { CODECS, inflate } from './inflate.ts';

interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(data: Buffer): Promise<Buffer>;
}

const inflateWhole = (codec: number) => async (data: Buffer) => {
  const pieces: Buffer[] = [];
  for await (const piece of inflate(codec, data)) pieces.push(piece);
  return Buffer.concat(pieces);
};

const codecs = {
  Snappy: {
    compress: async ({ buffer }) => Buffer.from(await snappy.compress(buffer)),
    decompress: inflateWhole(CODECS.snappy),
  },
  LZ4: { compress: ({ buffer }) => lz4.compressFrame(buffer), decompress: inflateWhole(CODECS.lz4) },
  ZSTD: { compress: ({ buffer }) => promisify(zstdCompress)(buffer), decompress: inflateWhole(CODECS.zstd) },
} satisfies Record<string, Codec>;

/** Makes kafkajs read and write batches in each of Kafka's codecs. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = () => codecs.Snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => codecs.LZ4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => codecs.ZSTD;
}
