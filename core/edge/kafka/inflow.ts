// Bytes that come in pieces, read as if they lay in one: sync where what is wanted is there already, which it nearly always is.

import { KafkaError } from './error.ts';

export class Inflow {
  readonly #more: AsyncIterator<Buffer> | null;
  readonly #onPiece: () => void;
  #bytes: Buffer;
  #at = 0;
  /** Bytes of earlier pieces. */
  #before = 0;

  /** `more` comes behind `bytes`; null: nothing does. `onPiece` is told of each piece of it. */
  constructor(bytes: Buffer, more: AsyncIterator<Buffer> | null = null, onPiece = () => {}) {
    this.#bytes = bytes;
    this.#more = more;
    this.#onPiece = onPiece;
  }

  /** How many bytes were read. */
  get read(): number {
    return this.#before + this.#at;
  }

  /** The next bytes if they are here; else null: wait for them by `take`. They are no copy. */
  peek(length: number): Buffer | null {
    const end = this.#at + length;
    if (end > this.#bytes.length) return null;
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** The next bytes. Throws `undecodable` where fewer come. */
  async take(length: number): Promise<Buffer> {
    if (length < 0) throw new KafkaError('undecodable', `a record has a part of ${length} bytes`);
    const here = this.peek(length);
    if (here) return here;
    const parts: Buffer[] = [];
    await this.drain(length, part => parts.push(part));
    return Buffer.concat(parts);
  }

  /** Shows the next bytes part by part and holds none of them. */
  async drain(length: number, show: (part: Buffer) => void): Promise<void> {
    for (let left = length; left > 0; ) {
      if (this.#at === this.#bytes.length) await this.#pull();
      const part = this.#bytes.subarray(this.#at, this.#at + left);
      this.#at += part.length;
      left -= part.length;
      show(part);
    }
  }

  /** A zigzag number of up to five bytes if it is here; else null, and nothing is taken. */
  peekInt(): number | null {
    let result = 0;
    for (let at = this.#at, shift = 0; shift < 35; at++, shift += 7) {
      const byte = this.#bytes[at];
      if (byte === undefined) return null;
      result |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      this.#at = at + 1;
      return (result >>> 1) ^ -(result & 1);
    }
    throw new KafkaError('undecodable', 'a number of more than five bytes');
  }

  /** A zigzag number of up to ten bytes, rounded where it is beyond 2^53. */
  async long(): Promise<number> {
    let value = 0;
    let first = 0;
    for (let n = 0, scale = 1; n < 10; n++, scale *= 128) {
      const [byte = 0] = await this.take(1);
      if (n === 0) first = byte;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return (first & 1) === 0 ? value / 2 : -(value + 1) / 2;
    }
    throw new KafkaError('undecodable', 'a number of more than ten bytes');
  }

  /** Ends what the bytes come from. */
  async close(): Promise<void> {
    await this.#more?.return?.();
  }

  async #pull(): Promise<void> {
    const next = await this.#more?.next();
    if (!next || next.done) throw new KafkaError('undecodable', 'a batch ends before its last record');
    this.#onPiece();
    this.#before += this.#bytes.length;
    this.#bytes = next.value;
    this.#at = 0;
  }
}
