/**
 * An entry of a spool, as bytes. Numbers are unsigned, of 32 bits, little-endian; checksums are CRC-32C.
 *
 *     0   length of the head
 *     4   length of the body
 *     8   checksum of head and body
 *     12  checksum of bytes 0 to 12: lengths are never believed, or a flipped bit would look like an end that was torn off
 *     16  head: JSON { id, key, headers }, then body: the event's datum
 *
 * The first entry of a segment has the head { format: 1 }, and as its body the text of the schema that its datums are written by.
 */
import { crc32c } from '@node-rs/crc32';

const PREFIX = 16;
const FORMAT = 1;

/** An event as it is spooled. */
export interface Spoolable {
  readonly id: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly datum: Buffer;
}

interface Entry {
  readonly head: Buffer;
  readonly body: Buffer;
  /** Checksum of head and body. */
  readonly checksum: number;
  /** Where the next one begins. */
  readonly end: number;
}

/** `short`: the bytes end within the entry. `damaged`: they are not what was written. */
export type Flaw = 'short' | 'damaged';

export function encodeEvent({ id, key, headers, datum }: Spoolable): Buffer {
  return encode(JSON.stringify({ id, key, headers }), datum);
}

export function encodeStart(schema: string): Buffer {
  return encode(JSON.stringify({ format: FORMAT }), Buffer.from(schema));
}

/** The entry that begins at a place. */
export function parseEntry(bytes: Buffer, at: number): Entry | Flaw {
  if (bytes.length - at < PREFIX) return 'short';
  if (crc32c(bytes.subarray(at, at + 12)) !== bytes.readUInt32LE(at + 12)) return 'damaged';
  const body = at + PREFIX + bytes.readUInt32LE(at);
  const end = body + bytes.readUInt32LE(at + 4);
  if (end > bytes.length) return 'short';
  const checksum = bytes.readUInt32LE(at + 8);
  if (crc32c(bytes.subarray(at + PREFIX, end)) !== checksum) return 'damaged';
  return { head: bytes.subarray(at + PREFIX, body), body: bytes.subarray(body, end), checksum, end };
}

/** Bytes that the entry at a place takes, where enough of it is there to say so. */
export function lengthOf(bytes: Buffer, at: number): number {
  return bytes.length - at < PREFIX ? PREFIX : PREFIX + bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4);
}

/** The event of an entry whose checksum was right. */
export function eventOf({ head, body }: Entry): Spoolable {
  return { ...JSON.parse(head.toString()), datum: body };
}

/** The schema's text; throws where the segment is of a later format. */
export function schemaOf({ head, body }: Entry): string {
  const { format } = JSON.parse(head.toString());
  if (format !== FORMAT) throw new Error(`found format ${format}, expected ${FORMAT}: a newer SDK wrote it`);
  return body.toString();
}

function encode(head: string, body: Buffer): Buffer {
  const length = Buffer.byteLength(head);
  const bytes = Buffer.allocUnsafe(PREFIX + length + body.length);
  bytes.write(head, PREFIX);
  body.copy(bytes, PREFIX + length);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt32LE(body.length, 4);
  bytes.writeUInt32LE(crc32c(bytes.subarray(PREFIX)), 8);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 12)), 12);
  return bytes;
}
