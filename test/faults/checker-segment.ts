// A segment as the published format page has it (docs/archive-format.md, section 3), read with a few lines of our own: an Avro object
// container file. Where one event ends within a block, only its schema tells: avsc reads it.

import { inflateRawSync, zstdDecompressSync } from 'node:zlib';
import avro from 'avsc';

export interface ReadEvent {
  readonly fields: EventFields;
  readonly datum: Buffer;
}

/** What the checker looks at; the schema has more. */
export interface EventFields {
  readonly id: string;
  readonly action: string;
  readonly raw: {
    readonly topic: string;
    readonly generation: number;
    readonly partition: number;
    readonly offset: number;
  };
  readonly producer: { readonly instance: string; readonly sequence: number; readonly last: boolean } | null;
  readonly targets: readonly { readonly id: string }[];
  readonly attributes: readonly { readonly key: string; readonly value: { readonly text: unknown } }[];
}

const types = new Map<string, avro.Type>();

/** The type of a schema's text. Unions are not wrapped: a nullable record is the record or null. */
export function typeOf(text: string): avro.Type {
  let type = types.get(text);
  if (!type) {
    type = avro.Type.forSchema(JSON.parse(text), { wrapUnions: 'never' });
    types.set(text, type);
  }
  return type;
}

class Bytes {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get isOver(): boolean {
    return this.#at >= this.#buffer.length;
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#buffer.length) throw new Error('a segment that is cut off');
    this.#at += length;
    return this.#buffer.subarray(this.#at - length, this.#at);
  }

  /** Avro's long: zigzag, seven bits a byte, the lowest first. */
  long(): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.take(1)[0] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number((value >> 1n) ^ -(value & 1n));
    }
  }

  prefixed(): Buffer {
    return this.take(this.long());
  }
}

/** The events of a segment's bytes, in order. */
export function readSegment(object: Buffer): ReadEvent[] {
  const bytes = new Bytes(object);
  if (bytes.take(4).toString('latin1') !== 'Obj\u0001') throw new Error('no Avro object container file');
  const metadata = readMetadata(bytes);
  const sync = bytes.take(16);
  const type = typeOf(metadata.get('avro.schema')?.toString() ?? '');
  const codec = metadata.get('avro.codec')?.toString() ?? 'null';
  const events: ReadEvent[] = [];
  while (!bytes.isOver) {
    const count = bytes.long();
    const block = decompress(codec, bytes.prefixed());
    if (!bytes.take(16).equals(sync)) throw new Error('a block without its sync marker');
    let at = 0;
    for (let n = 0; n < count; n++) {
      const { value, offset } = type.decode(block, at);
      if (offset <= at) throw new Error('a block with fewer events than it says');
      events.push({ fields: value as EventFields, datum: block.subarray(at, offset) });
      at = offset;
    }
    if (at !== block.length) throw new Error('a block with bytes behind its last event');
  }
  return events;
}

function readMetadata(bytes: Bytes): Map<string, Buffer> {
  const metadata = new Map<string, Buffer>();
  for (let count = bytes.long(); count !== 0; count = bytes.long()) {
    if (count < 0) bytes.long(); // the size of such a block, for who skips it
    for (let n = Math.abs(count); n > 0; n--) metadata.set(bytes.prefixed().toString(), bytes.prefixed());
  }
  return metadata;
}

function decompress(codec: string, block: Buffer): Buffer {
  if (codec === 'zstandard') return zstdDecompressSync(block);
  if (codec === 'deflate') return inflateRawSync(block);
  if (codec === 'null') return block;
  throw new Error(`codec ${codec}, which the format does not have`);
}
