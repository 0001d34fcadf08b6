// One record of a batch (Kafka's message format 2): a length, attributes, timestamp and offset as differences to the batch's, key,
// value, headers; all numbers zigzag, of variable length.

import { createHash } from 'node:crypto';
import { KafkaError } from './error.ts';
import type { Inflow } from './inflow.ts';

export type HeaderList = readonly (readonly [string, Buffer | null])[];

/**
 * Why a record is not here with all that it has: it expands to more than anybody has room for (`sha256` is its value's), or the
 * batch that it is in, `first` to `last`, can't be opened (its bytes are then the value of the first).
 */
export type Unheld =
  | { readonly code: 'too-large'; readonly bytes: number; readonly sha256: string }
  | { readonly code: 'unreadable-batch'; readonly first: bigint; readonly last: bigint };

export interface RecordParts {
  readonly timestampDelta: number;
  readonly offsetDelta: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: HeaderList;
  readonly unheld?: Unheld;
}

const noHeaders: HeaderList = [];

/** Takes a record apart; what it answers are views. Throws `undecodable`. */
export function parseRecord(bytes: Buffer): RecordParts {
  const fields = new Fields(bytes, 1);
  const timestampDelta = fields.number(10);
  const offsetDelta = fields.number(5);
  const key = fields.bytes();
  const value = fields.bytes();
  const count = fields.number(5);
  if (count < 0 || count > bytes.length) throw undecodable(`${count} headers`);
  if (count === 0) return { timestampDelta, offsetDelta, key, value, headers: noHeaders };
  const headers: [string, Buffer | null][] = [];
  for (let n = 0; n < count; n++) headers.push([fields.bytes()?.toString('utf8') ?? '', fields.bytes()]);
  return { timestampDelta, offsetDelta, key, value, headers };
}

class Fields {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Rounded where it is beyond 2^53. */
  number(most: number): number {
    const first = this.#bytes[this.#at] ?? 0;
    let value = 0;
    for (let n = 0, scale = 1; n < most; n++, scale *= 128) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw undecodable('an end within a number');
      this.#at++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return (first & 1) === 0 ? value / 2 : -(value + 1) / 2;
    }
    throw undecodable(`a number of more than ${most} bytes`);
  }

  bytes(): Buffer | null {
    const length = this.number(5);
    if (length === -1) return null;
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw undecodable(`a part of ${length} bytes`);
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}

/** Of a record that is not held: a key up to this, and the first headers, up to these. A producer's number is among them. */
const kept = { key: 4096, headers: 16, name: 64, value: 1024 };

/** Reads past a record of `length` bytes and holds nothing of it but what is small. Throws `undecodable`. */
export async function passRecord(inflow: Inflow, length: number): Promise<RecordParts> {
  const end = inflow.read + length;
  await inflow.take(1);
  const timestampDelta = await inflow.long();
  const offsetDelta = await inflow.long();
  const key = await keep(inflow, kept.key);
  const hash = createHash('sha256');
  const valueLength = await inflow.long();
  if (valueLength > 0) await inflow.drain(valueLength, part => hash.update(part));
  const headers: [string, Buffer | null][] = [];
  const count = await inflow.long();
  for (let n = 0; n < Math.min(count, kept.headers); n++) {
    const name = await keep(inflow, kept.name);
    const value = await keep(inflow, kept.value);
    if (name) headers.push([name.toString('utf8'), value]);
  }
  await inflow.drain(Math.max(0, end - inflow.read), () => {});
  const unheld = { code: 'too-large', bytes: length, sha256: hash.digest('hex') } as const;
  return { timestampDelta, offsetDelta, key, value: null, headers, unheld };
}

/** A part that is no longer than `most`; a longer one is read past, and null. */
async function keep(inflow: Inflow, most: number): Promise<Buffer | null> {
  const length = await inflow.long();
  if (length < 0) return null;
  // A copy: a view would hold the whole piece that it is from.
  if (length <= most) return Buffer.from(await inflow.take(length));
  await inflow.drain(length, () => {});
  return null;
}

function undecodable(found: string): KafkaError {
  return new KafkaError('undecodable', `a record is not what Kafka's format says: found ${found}`);
}
