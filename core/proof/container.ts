// Avro Object Container Files (Avro 1.11 specification), both ways, as segments use them.
//
//   "Obj" 0x01 · metadata map (avro.schema, avro.codec, …) · 16-byte sync marker
//   blocks: long count · long size · data in the codec · sync marker
//
// Reading is strict: what an altered or cut file could hide behind (repeated metadata, bytes behind the last block, another
// marker) is an error.

import { AvroReader } from './avro.ts';
import { concat, equalBytes, textOf, utf8 } from './bytes.ts';
import type { Decompress } from './crypto.ts';
import { ProofError } from './error.ts';

export type Codec = 'zstandard' | 'deflate';

const magic = Uint8Array.of(0x4f, 0x62, 0x6a, 0x01);
const syncLength = 16;

/** Each block's count of datums and its data, decompressed. */
export interface Block {
  readonly count: number;
  readonly data: Uint8Array;
}

interface Head {
  readonly metadata: ReadonlyMap<string, Uint8Array>;
  readonly codec: Codec;
  readonly sync: Uint8Array;
}

export interface Container extends Head {
  readonly blocks: readonly Block[];
}

/** A container that is read as its blocks are asked for, once: a segment's data need not be held as a whole. */
export interface OpenContainer extends Head {
  readonly blocks: Iterable<Block>;
}

function readMetadata(reader: AvroReader): Map<string, Uint8Array> {
  const metadata = new Map<string, Uint8Array>();
  reader.blocks(() => {
    const name = reader.string();
    if (metadata.has(name)) throw new ProofError('malformed-segment', `metadata "${name.slice(0, 40)}" is repeated`);
    metadata.set(name, reader.bytes());
  });
  return metadata;
}

function readHead(reader: AvroReader): Head {
  if (!equalBytes(reader.take(magic.length), magic))
    throw new ProofError('malformed-segment', 'not an Avro container: wrong magic');
  const metadata = readMetadata(reader);
  const codecBytes = metadata.get('avro.codec');
  const codec = codecBytes ? textOf(codecBytes) : 'null';
  if (codec !== 'zstandard' && codec !== 'deflate') {
    throw new ProofError('malformed-segment', `found codec "${codec.slice(0, 40)}", expected zstandard or deflate`);
  }
  return { metadata, codec, sync: reader.take(syncLength) };
}

function readBlock(reader: AvroReader, { codec, sync }: Head, decompress: Decompress, limit: number): Block {
  const count = reader.int();
  if (count < 0) throw new ProofError('malformed-segment', `a block of ${count} datums`);
  const data = decompress(codec, reader.bytes(), limit);
  if (!equalBytes(reader.take(syncLength), sync))
    throw new ProofError('malformed-segment', 'a block does not end in the sync marker');
  return { count, data };
}

function* readBlocks(reader: AvroReader, head: Head, decompress: Decompress, limit: number): Generator<Block> {
  let left = limit;
  while (!reader.done) {
    const block = orMalformed(() => readBlock(reader, head, decompress, left));
    left -= block.data.length;
    yield block;
  }
}

function orMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof ProofError && cause.code === 'malformed-segment') throw cause;
    throw new ProofError(
      'malformed-segment',
      `not a readable Avro container: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

/**
 * Opens a container, of at most `limit` bytes of data in all (against compressed bombs). Throws `malformed-segment`, with the reason, for
 * anything that is not exactly one container: of what is in its blocks, when they are asked for.
 */
export function openContainer(bytes: Uint8Array, decompress: Decompress, limit: number): OpenContainer {
  const reader = new AvroReader(bytes);
  const head = orMalformed(() => readHead(reader));
  return { ...head, blocks: readBlocks(reader, head, decompress, limit) };
}

/** As {@link openContainer}, with all its blocks read. */
export function parseContainer(bytes: Uint8Array, decompress: Decompress, limit: number): Container {
  const open = openContainer(bytes, decompress, limit);
  return { ...open, blocks: [...open.blocks] };
}

/** Avro's zigzag variable-length long. */
export function encodeLong(value: number): Uint8Array {
  const out: number[] = [];
  let rest = (BigInt(value) << 1n) ^ (BigInt(value) >> 63n);
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Uint8Array.from(out);
}

function encodeBytes(bytes: Uint8Array): Uint8Array {
  return concat(encodeLong(bytes.length), bytes);
}

/** Writes a container of blocks that are compressed already. */
export function formatContainer(
  metadata: readonly (readonly [name: string, value: Uint8Array])[],
  sync: Uint8Array,
  blocks: readonly { readonly count: number; readonly compressed: Uint8Array }[],
): Uint8Array {
  const head = metadata.flatMap(([name, value]) => [encodeBytes(utf8(name)), encodeBytes(value)]);
  const body = blocks.flatMap(({ count, compressed }) => [encodeLong(count), encodeBytes(compressed), sync]);
  return concat(magic, encodeLong(metadata.length), ...head, encodeLong(0), sync, ...body);
}
