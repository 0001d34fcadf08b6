// Mutations of valid records: bytes, numbers and lengths, parts of others, headers, keys and times.

import type { FetchedRecord } from '../../core/edge/kafka/index.ts';
import { varint } from '../kafka-batches.ts';
import { alter } from './alter.ts';
import type { Random } from './random.ts';

/** Numbers at which something ends, as Avro has them; as a length, a count, a time or an index. */
const edges: readonly [bigint, ...bigint[]] = [
  0n,
  -1n,
  1n,
  63n,
  64n,
  127n,
  128n,
  255n,
  65_535n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 32n,
  2n ** 52n,
  -(2n ** 52n),
  2n ** 53n,
  253_402_214_400_000_000n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const pieces: readonly [Buffer, ...Buffer[]] = [
  Buffer.from([0xff]),
  Buffer.from([0xc0, 0x80]),
  Buffer.from('\ud83d\ude00'),
  Buffer.from('\u0000'),
  Buffer.alloc(11, 0xff),
  Buffer.alloc(300, 0x02),
  Buffer.from('NaN'),
  Buffer.from('-----BEGIN PRIVATE KEY-----'),
  Buffer.from('4111 1111 1111 1111'),
  Buffer.from('https://u:p@host/'),
];
const times: readonly [number, ...number[]] = [
  0,
  -1,
  1.5,
  1e15,
  -1e15,
  2 ** 53,
  1e300,
  -1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
];
const instances: readonly [string, ...string[]] = ['i-1', '', ' ', '\u00ff', 'x'.repeat(600), 'toString'];
const sequences: readonly [string, ...string[]] = [
  '0',
  '7',
  '-1',
  '01',
  '1e3',
  '999999999999999',
  '9999999999999999',
  '',
];

function mutateBytes(random: Random, bytes: Buffer, others: readonly [Buffer, ...Buffer[]]): Buffer {
  const at = random.int(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.int(8));
  const around = (middle: Uint8Array, rest = end): Buffer =>
    Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(rest)]);
  switch (random.int(12)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      if (at < bytes.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << random.int(8));
      return flipped;
    }
    case 1:
      return around(Buffer.from([random.int(256)]), Math.min(bytes.length, at + 1));
    case 2:
      return around(Buffer.alloc(0));
    case 3:
      return around(Buffer.from([random.int(256)]), at);
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return around(varint(random.pick(edges)), random.once(2) ? at : Math.min(bytes.length, at + 1));
    case 6:
      return around(random.pick(pieces), at);
    case 7: {
      const other = random.pick(others);
      const from = random.int(other.length);
      return around(other.subarray(from, from + 1 + random.int(60)), random.once(2) ? at : bytes.length);
    }
    case 8:
      return around(bytes.subarray(at, end), at);
    default:
      // Printable for printable: often still a text of the same length.
      return around(Buffer.from([32 + random.int(95)]), Math.min(bytes.length, at + 1));
  }
}

/** A valid value, as its bytes and as what they say. */
export interface Valid {
  readonly bytes: Buffer;
  readonly event: object;
  /** With the prefix; throws for what the schema does not describe. */
  encode(event: object): Buffer;
}

/** A record whose value is one of `valid`, one to six mutations away from it. */
export function mutate(
  random: Random,
  valid: readonly [Valid, ...Valid[]],
  others: readonly [Buffer, ...Buffer[]],
): FetchedRecord {
  const chosen = random.pick(valid);
  const altered = random.once(2) ? alterEvent(random, chosen) : null;
  let value: Buffer | null = altered ?? chosen.bytes;
  for (let n = random.pick([0, 0, 0, 1, 5]); n >= 0 && altered === null; n--) {
    // The prefix says which schema it is: mostly left alone, so that what is behind it is read.
    if (random.once(40)) value = mutateBytes(random, value, others);
    else value = Buffer.concat([value.subarray(0, 5), mutateBytes(random, value.subarray(5), others)]);
  }
  if (random.once(500)) value = null;
  const headers: [string, Buffer | null][] = [];
  if (random.once(4)) headers.push(['tidemark-instance', random.once(20) ? null : Buffer.from(random.pick(instances))]);
  if (random.once(4)) headers.push(['tidemark-sequence', random.once(20) ? null : Buffer.from(random.pick(sequences))]);
  if (random.once(20)) headers.push([random.pick(instances), random.pick(pieces)]);
  return {
    offset: BigInt(random.int(2 ** 31)),
    timestamp: random.once(4) ? random.pick(times) : 1_767_600_000_000,
    logAppendTime: random.once(2),
    key: random.once(3) ? null : random.pick(pieces),
    value,
    headers,
  };
}

function alterEvent(random: Random, { event, encode }: Valid): Buffer | null {
  let altered: unknown = event;
  for (let n = random.pick([0, 0, 1, 3]); n >= 0; n--) altered = alter(random, altered);
  try {
    return encode(altered as object);
  } catch {
    return null; // null where its schema wants a value
  }
}
