// Records of one partition as one batch (Kafka's record format v2), encoded into one buffer as they are added. kafkajs makes several
// objects and buffers of each message and copies each batch five times; that costs more than all that the normalizer does with an event.
//
//   base offset 8, length 4, leader epoch 4, magic 1, CRC-32C 4 (of all behind it), attributes 2, last offset delta 4,
//   first and max timestamp 8 each, producer id 8, producer epoch 2, first sequence 4, number of records 4, records
//   record: length, attributes 1, timestamp delta, offset delta, key, value, headers; each length and delta a zigzag varint
//
// A set is given to kafkajs in the place of an array of messages (`messages`): it counts them and sorts them by partition, and the patch
// of its Broker (produce-patch.ts) sends the bytes. All else, such as sequence numbers and retries, stays kafkajs'.

import { crc32c } from '@node-rs/crc32';
import type { Message } from 'kafkajs';

/** Who writes, as the batch says it. */
export interface BatchWriter {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly isTransactional: boolean;
  /** Of all its records, ms since 1970. */
  readonly timestamp: number;
}

const HEADER_BYTES = 61;
/** Before the batch: for what a request has there. */
const ROOM = 1024;
const MAGIC = 2;
const TRANSACTIONAL = 0x10;
const CRC_AT = 17;
/** Of a record beside its key, value and headers: lengths, deltas, counts. */
const RECORD_BYTES = 40;

export class OutgoingBatch {
  readonly partition: number;
  #bytes: Buffer;
  #at = ROOM + HEADER_BYTES;
  #length = 0;

  /** `capacity`: bytes that its records will take, as far as is known; it grows. */
  constructor(partition: number, capacity = 1 << 16) {
    this.partition = partition;
    this.#bytes = Buffer.allocUnsafe(ROOM + HEADER_BYTES + capacity);
  }

  /** Number of records. */
  get length(): number {
    return this.#length;
  }

  add(key: Uint8Array | null, value: Uint8Array | null, header: readonly [string, Uint8Array] | null = null): void {
    const name = header === null ? null : Buffer.from(header[0], 'utf8');
    const ofHeader = name === null || header === null ? 1 : 1 + sizeOf(name) + sizeOf(header[1]);
    // 1 byte of attributes, 1 of a timestamp delta of 0.
    const size = 2 + varintSize(this.#length) + sizeOf(key) + sizeOf(value) + ofHeader;
    this.#reserve(size + RECORD_BYTES);
    this.#varint(size);
    this.#bytes[this.#at++] = 0;
    this.#bytes[this.#at++] = 0;
    this.#varint(this.#length);
    this.#put(key);
    this.#put(value);
    this.#varint(header === null ? 0 : 1);
    if (header !== null) {
      this.#put(name);
      this.#put(header[1]);
    }
    this.#length++;
  }

  /** The batch, behind these bytes. May be called again, as kafkajs does where it tries again. */
  encode(
    { producerId, producerEpoch, firstSequence, isTransactional, timestamp }: BatchWriter,
    before: Uint8Array,
  ): Buffer {
    const bytes = this.#bytes;
    const size = this.#at - ROOM;
    let at = bytes.writeBigInt64BE(0n, ROOM);
    at = bytes.writeInt32BE(size - 12, at);
    at = bytes.writeInt32BE(0, at);
    at = bytes.writeInt8(MAGIC, at);
    at = bytes.writeInt16BE(isTransactional ? TRANSACTIONAL : 0, at + 4);
    at = bytes.writeInt32BE(this.#length - 1, at);
    at = bytes.writeBigInt64BE(BigInt(timestamp), at);
    at = bytes.writeBigInt64BE(BigInt(timestamp), at);
    at = bytes.writeBigInt64BE(producerId, at);
    at = bytes.writeInt16BE(producerEpoch, at);
    at = bytes.writeInt32BE(firstSequence, at);
    bytes.writeInt32BE(this.#length, at);
    bytes.writeUInt32BE(crc32c(bytes.subarray(ROOM + CRC_AT + 4, this.#at)), ROOM + CRC_AT);
    const start = ROOM - before.length;
    if (start < 0) return Buffer.concat([before, bytes.subarray(ROOM, this.#at)]);
    bytes.set(before, start);
    return bytes.subarray(start, this.#at);
  }

  /** Bytes of the batch. */
  get size(): number {
    return this.#at - ROOM;
  }

  /** For kafkajs, which asks an array of messages no more than its length, `find` and `reduce`. */
  get messages(): Message[] {
    return this as unknown as Message[];
  }

  /** It looks for a message without a value: there is none. */
  find(): undefined {
    return undefined;
  }

  /** It sorts messages by partition, each time copying those before. */
  reduce(): Record<number, OutgoingBatch> {
    return { [this.partition]: this };
  }

  #put(bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.#varint(-1);
      return;
    }
    this.#varint(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #varint(value: number): void {
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#at++] = rest;
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * this.#bytes.length + length);
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Of bytes with their length. */
const sizeOf = (bytes: Uint8Array | null): number => (bytes === null ? 1 : varintSize(bytes.length) + bytes.length);

/** Of a number from 0 to 2^30. */
function varintSize(value: number): number {
  let size = 1;
  for (let rest = 2 * value; rest >= 0x80; rest >>>= 7) size++;
  return size;
}
