// Reads an Avro datum and checks it in the same pass: what comes out is exactly what was written. avsc trusts what it reads: it turns
// invalid UTF-8 into U+FFFD in silence, gives wrong values for longs below -2^52 (mtth/avsc#455), and for a forged count of array
// items goes on until memory ends. Generated code (audit-event-reader.generated.ts) says in which order a type's parts are read.
//
// Texts are the cost of reading. A small datum is made one latin1 string, of which an ASCII text is a part: a fifth of the price of
// decoding each. Such a part keeps the whole string in memory, so what keeps texts for long copies them (core/edge/own-text.ts).

import { isAscii, isUtf8 } from 'node:buffer';

/** What is wrong with a datum. */
export type DatumFlaw = 'undecodable' | 'trailing-bytes' | 'invalid-utf8' | 'out-of-range';

/** The first flaw met. */
export class DatumError extends Error {
  override readonly name = 'DatumError';
  readonly flaw: DatumFlaw;

  constructor(flaw: DatumFlaw) {
    super(flaw);
    this.flaw = flaw;
  }
}

/** What is exact in a number, and what other readers (avsc) read rightly too. */
const minLong = 1 - 2 ** 52;
const maxLong = 2 ** 53 - 2;
/** Items may take no bytes, so that their count alone could keep us busy. */
const maxItems = 1_000_000;
/** A datum is read as one string up to this size. */
const smallDatum = 4096;
/** From here on a call costs less than a loop. */
const longText = 64;

export class DatumReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  /** All bytes as characters; null where the datum is too large for that. */
  readonly #characters: string | null;
  #at = 0;
  /** Where its texts are, as start and end of each, in order. */
  readonly texts: number[] = [];
  /** Where the values of personal fields that are texts are, with the index of their union: start and end of each, in order. */
  readonly personal: number[] = [];
  /** Of each field of the outermost record: how many texts come before it. */
  readonly fields: number[] = [];
  /** Each part is written as our encoder writes it, so that its bytes can be copied: no number longer than it has to be, no array in parts. */
  isCanonical = true;
  /** No text has a control character (Unicode's Cc). */
  isPlain = true;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.length;
    this.#characters = bytes.length <= smallDatum ? bytes.toString('latin1') : null;
  }

  /** A field of the outermost record begins. */
  field(): void {
    this.fields.push(this.texts.length >> 1);
  }

  /** Nothing may follow. */
  finish(): void {
    if (this.#at !== this.#end) throw new DatumError('trailing-bytes');
  }

  boolean(): boolean {
    const byte = this.#byte();
    if (byte > 1) throw new DatumError('undecodable');
    return byte === 1;
  }

  int(): number {
    const value = this.#number();
    if (value < -(2 ** 31) || value >= 2 ** 31) throw new DatumError('out-of-range');
    return value;
  }

  long(): number {
    const value = this.#number();
    if (value < minLong || value > maxLong) throw new DatumError('out-of-range');
    return value;
  }

  /** The index of a union's branch, of so many. */
  branch(branches: number): number {
    const index = this.#number();
    if (index < 0 || index >= branches) throw new DatumError('undecodable');
    return index;
  }

  symbol<T extends string>(symbols: readonly T[]): T {
    const symbol = symbols[this.#number()];
    if (symbol === undefined) throw new DatumError('undecodable');
    return symbol;
  }

  /** A copy. */
  bytes(): Uint8Array {
    const start = this.#skip(this.#number());
    return Buffer.from(this.#bytes.subarray(start, this.#at));
  }

  text(): string {
    const start = this.#skip(this.#number());
    const end = this.#at;
    this.texts.push(start, end);
    if (end - start >= longText || this.#characters === null) return this.#longText(start, end);
    const bytes = this.#bytes;
    let seen = 0;
    let isPlain = true;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      seen |= byte;
      if (byte < 0x20 || byte === 0x7f) isPlain = false;
    }
    if (seen >= 0x80) return this.#wideText(start, end);
    if (!isPlain) this.isPlain = false;
    return this.#characters.substring(start, end);
  }

  /** A personal field: null, a text, or what was sealed before. */
  personalText<T>(sealed: (reader: DatumReader) => T): string | T | null {
    const start = this.#at;
    const branch = this.branch(3);
    if (branch === 0) return null;
    if (branch === 2) return sealed(this);
    const text = this.text();
    this.personal.push(start, this.#at);
    return text;
  }

  /** How many items an array's first block has; 0: it is empty. Each block is followed by {@link nextItems}. */
  firstItems(): number {
    const count = this.#number();
    if (count >= 0) return atMost(count);
    this.isCanonical = false;
    this.#number(); // the block's size
    return atMost(-count);
  }

  nextItems(): number {
    const count = this.firstItems();
    if (count !== 0) this.isCanonical = false;
    return count;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new DatumError('undecodable');
    return this.#bytes[this.#at++] as number;
  }

  /** A long of at most ten bytes: exact from -2^52 to 2^53, beyond that rounded, but of the right sign. */
  #number(): number {
    const first = this.#byte();
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let value = first & 0x7f;
    let byte = first;
    for (let scale = 128; byte >= 0x80; scale *= 128) {
      if (scale > 2 ** 63) throw new DatumError('undecodable');
      byte = this.#byte();
      value += (byte & 0x7f) * scale;
    }
    if (byte === 0) this.isCanonical = false;
    return (first & 1) === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Goes over so many bytes; answers where they begin. */
  #skip(length: number): number {
    const start = this.#at;
    if (length < 0 || start + length > this.#end) throw new DatumError('undecodable');
    this.#at = start + length;
    return start;
  }

  #longText(start: number, end: number): string {
    const part = this.#bytes.subarray(start, end);
    if (!isAscii(part)) return this.#wideText(start, end);
    const text = this.#characters?.substring(start, end) ?? this.#bytes.toString('latin1', start, end);
    if (this.isPlain && control.test(text)) this.isPlain = false;
    return text;
  }

  #wideText(start: number, end: number): string {
    if (!isUtf8(this.#bytes.subarray(start, end))) throw new DatumError('invalid-utf8');
    const text = this.#bytes.toString('utf8', start, end);
    if (this.isPlain && control.test(text)) this.isPlain = false;
    return text;
  }
}

const control = /\p{Cc}/u;

function atMost(items: number): number {
  if (items > maxItems) throw new DatumError('undecodable');
  return items;
}
