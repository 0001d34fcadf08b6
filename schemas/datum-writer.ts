// Writes Avro data one behind the other into one growing buffer, byte for byte as avsc writes them (but for texts with lone surrogates,
// which avsc makes invalid UTF-8 of, and this U+FFFD). Generated code (audit-record-writer.generated.ts) says in which order.

import { encodingOf } from './shared-encoding.ts';

/** What takes the place of personal texts, in their order. */
export interface Replacements {
  /** Writes what stands for the next personal text, as the branch of its union; false: that text stays as it is. */
  next(writer: DatumWriter): boolean;
}

const chunkSize = 1 << 18;
/** Of a part by itself. */
const partSize = 256;
/** Up to this length a loop costs less than a call. */
const shortText = 24;
/** A long takes so many bytes at most. */
const maxLongBytes = 10;

export class DatumWriter {
  #bytes: Buffer;
  #start = 0;
  #at = 0;
  #replacements: Replacements | null = null;
  /** Where the personal texts of what is being written are, while that is asked for. */
  #personal: number[] | null = null;

  constructor(size = chunkSize) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  /** Begins a datum, with `room` bytes before it for who has to put something there. */
  begin(room = 0, replacements: Replacements | null = null): void {
    this.#replacements = replacements;
    this.#start = this.#at;
    this.#reserve(room);
    this.#at += room;
  }

  /** What was written since `begin`, the room included. It is never written to again. */
  end(): Buffer {
    return this.#bytes.subarray(this.#start, this.#at);
  }

  boolean(value: boolean): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value ? 1 : 0;
  }

  /** The index of a union's branch; below 64. */
  branch(index: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = index << 1;
  }

  int(value: number): void {
    if (value !== (value | 0)) throw new TypeError('found a number out of range, expected an Avro int');
    this.long(value);
  }

  long(value: number): void {
    this.#reserve(maxLongBytes);
    if ((value & 63) === value) {
      this.#bytes[this.#at++] = value << 1;
      return;
    }
    if (!Number.isSafeInteger(value))
      throw new TypeError('found a number that is no exact integer, expected an Avro long');
    let rest = value >= 0 ? value * 2 : -value * 2 - 1;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 0x80;
    this.#bytes[this.#at++] = rest;
  }

  /** As an index among its symbols. */
  symbol<T extends string>(symbols: readonly T[], value: T): void {
    const index = symbols.indexOf(value);
    if (index < 0) throw new TypeError(`found another symbol, expected one of ${symbols.join(', ')}`);
    this.long(index);
  }

  bytes(value: Uint8Array): void {
    this.long(value.length);
    this.raw(value);
  }

  text(value: string): void {
    const { length } = value;
    this.#reserve(maxLongBytes + length * 3);
    if (length <= shortText) {
      const bytes = this.#bytes;
      const start = this.#at;
      bytes[start] = length << 1;
      let seen = 0;
      for (let at = 0; at < length; at++) {
        const code = value.charCodeAt(at);
        seen |= code;
        bytes[start + 1 + at] = code;
      }
      if (seen < 0x80) {
        this.#at = start + 1 + length;
        return;
      }
    }
    this.long(Buffer.byteLength(value, 'utf8'));
    this.#at += this.#bytes.write(value, this.#at, 'utf8');
  }

  /** A personal field: null, a text or what stands for it, or what was sealed before. */
  personalText<T extends object>(value: string | T | null, sealed: (writer: DatumWriter, value: T) => void): void {
    if (value === null) this.branch(0);
    else if (typeof value !== 'string') {
      this.branch(2);
      sealed(this, value);
    } else if (this.#replacements === null || !this.#replacements.next(this)) {
      const start = this.#at - this.#start;
      this.branch(1);
      this.text(value);
      this.#personal?.push(start, this.#at - this.#start);
    }
  }

  /** A part that may be one of those that many records share: then its bytes are known. */
  sharedPart<T extends object>(value: T, write: (writer: DatumWriter, value: T) => void): void {
    const known = encodingOf(value);
    if (known === undefined) write(this, value);
    else this.splice(known.bytes, known.personal);
  }

  /** A part by itself, with where its personal texts are. */
  static encodePart<T>(value: T, write: (writer: DatumWriter, value: T) => void) {
    const writer = new DatumWriter(partSize);
    const personal: number[] = [];
    writer.#personal = personal;
    writer.begin();
    write(writer, value);
    return { bytes: writer.end(), personal };
  }

  /** A Sealed, as the third branch of a personal field: `head` is its key id and nonce, encoded; its ciphertext a part of one and a tag. */
  sealedText(head: Uint8Array, ciphertext: Buffer, start: number, end: number, tag: Uint8Array): void {
    this.branch(2);
    this.raw(head);
    this.long(end - start + tag.length);
    this.copy(ciphertext, start, end);
    if (tag.length > 0) this.raw(tag);
  }

  /** A datum as it stands, but for what takes the place of its personal texts: `personal` is their starts and ends, as a reader notes them. */
  splice(datum: Buffer, personal: readonly number[]): void {
    let from = 0;
    if (this.#replacements !== null) {
      for (let at = 0; at < personal.length; at += 2) {
        const start = personal[at] as number;
        this.copy(datum, from, start);
        from = this.#replacements.next(this) ? (personal[at + 1] as number) : start;
      }
    }
    this.copy(datum, from, datum.length);
  }

  /** Bytes that are encoded already. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** A part of a datum, as it stands. */
  copy(datum: Buffer, start: number, end: number): void {
    const length = end - start;
    this.#reserve(length);
    if (length <= shortText) {
      const bytes = this.#bytes;
      for (let from = start, to = this.#at; from < end; ) bytes[to++] = datum[from++] as number;
    } else datum.copy(this.#bytes, this.#at, start, end);
    this.#at += length;
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const written = this.#bytes.subarray(this.#start, this.#at);
    // What was handed out stays where it is: a new buffer takes what is being written.
    this.#bytes = Buffer.allocUnsafe(Math.max(chunkSize, 2 * (written.length + length)));
    written.copy(this.#bytes);
    this.#start = 0;
    this.#at = written.length;
  }
}
