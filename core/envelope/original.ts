// A raw record's key, value and headers as one plaintext, exact to the byte:
//
//   0x01, key, value, number of headers (4 bytes, big-endian), of each header its name (UTF-8) and its value
//
// where each is its length (4 bytes, big-endian) and its bytes, and the length FFFFFFFF, without bytes, is null.

import type { Header, Original } from '../../schemas/types.ts';
import { EnvelopeError } from './error.ts';

type Content = Pick<Original, 'key' | 'value' | 'headers'>;

const version = 1;
const absent = 0xffff_ffff;

export function encodeOriginal({ key, value, headers }: Content): Buffer {
  const parts: Uint8Array[] = [Buffer.of(version)];
  const add = (bytes: Uint8Array | null) => {
    parts.push(uint32(bytes === null ? absent : bytes.length));
    if (bytes !== null) parts.push(bytes);
  };
  add(key);
  add(value);
  parts.push(uint32(headers.length));
  for (const header of headers) {
    add(Buffer.from(header.key, 'utf8'));
    add(header.value);
  }
  return Buffer.concat(parts);
}

/** What {@link encodeOriginal} was given; throws `bad-original` for anything else. */
export function decodeOriginal(bytes: Uint8Array): Content {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 1;
  const number = (): number => {
    if (at + 4 > buffer.length) throw bad(buffer.length);
    at += 4;
    return buffer.readUInt32BE(at - 4);
  };
  const take = (): Buffer | null => {
    const length = number();
    if (length === absent) return null;
    if (at + length > buffer.length) throw bad(buffer.length);
    at += length;
    return buffer.subarray(at - length, at);
  };
  if (buffer[0] !== version) throw bad(buffer.length);
  const key = take();
  const value = take();
  const headers: Header[] = [];
  for (let left = number(); left > 0; left--) headers.push({ key: take()?.toString('utf8') ?? '', value: take() });
  if (at !== buffer.length) throw bad(buffer.length);
  return { key, value, headers };
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function bad(length: number): EnvelopeError {
  return new EnvelopeError('bad-original', `found ${length} bytes that are no encoded key, value and headers`);
}
