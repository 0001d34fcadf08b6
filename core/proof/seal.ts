// The seal: the normalizer's signature over a run, the events of one Kafka transaction (archive format, section 2).
//
//   tidemark-seal/1
//   <origin>
//   <raw topic> <generation> <partition> <partitions of the raw topic>
//   <first raw offset> <next raw offset>
//   <events> <skipped> <lost>
//   <sealing time, ms since 1970>
//   <hex SHA256 of the schema's text>
//   <base64 Merkle root of the run's events>
//   <base64 SHA256 of the text of the seal before it; of "" for the first ever>

import { base64, parseBase64, parseCount, parseDecimal, parseHex, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { ProofError } from './error.ts';
import { isKeyName } from './note.ts';

/** The Kafka header of a run's last record that carries its seal, a signed note. */
export const SEAL_HEADER = 'tidemark-seal';

/** Name of the normalizer's keys. */
export function sealKeyName(origin: string): string {
  return `${origin}/normalizer`;
}

export interface Seal {
  readonly origin: string;
  /** Raw topic. */
  readonly topic: string;
  readonly generation: number;
  readonly partition: number;
  /** Partitions of the raw topic. */
  readonly partitions: number;
  /** First raw offset accounted for. */
  readonly first: bigint;
  /** The raw offset behind the last one accounted for. */
  readonly next: bigint;
  /** Events of the run, at least one. */
  readonly events: number;
  /** Raw offsets that hold no record: transaction markers, aborted records. */
  readonly skipped: number;
  /** Raw offsets gone before they could be read: always a finding. */
  readonly lost: number;
  /** Sealing time, milliseconds since 1970. */
  readonly sealedAt: number;
  /** Hex SHA256 of the schema's text. */
  readonly schema: string;
  /** Merkle root of the run's events. */
  readonly root: Uint8Array;
  /** SHA256 of the text of the seal before. */
  readonly previous: Uint8Array;
}

export function formatSeal(seal: Seal): string {
  return [
    'tidemark-seal/1',
    seal.origin,
    `${seal.topic} ${seal.generation} ${seal.partition} ${seal.partitions}`,
    `${seal.first} ${seal.next}`,
    `${seal.events} ${seal.skipped} ${seal.lost}`,
    `${seal.sealedAt}`,
    seal.schema,
    base64(seal.root),
    base64(seal.previous),
    '',
  ].join('\n');
}

/** SHA256 of a seal's text: how the next seal, rows and segments name it. */
export function sealHash(sha256: Crypto['sha256'], text: string): Uint8Array {
  return sha256(utf8(text));
}

const maxInt = 2 ** 31 - 1;

/** Parses a seal's text and checks that it accounts for its range; throws `malformed-seal`. */
export function parseSeal(text: string): Seal {
  const fail = (why: string): never => {
    throw new ProofError('malformed-seal', `not a seal: ${why}`);
  };
  const lines = text.split('\n');
  if (lines.length !== 10 || lines[9] !== '' || lines[0] !== 'tidemark-seal/1')
    return fail('expected the nine lines of tidemark-seal/1');
  const [, origin = '', place = '', range = '', counts = '', time = '', schema = '', rootText = '', previousText = ''] =
    lines;
  const decimals = (line: string, count: number): bigint[] => {
    const numbers = line.split(' ').map(parseDecimal);
    const found = numbers.filter(number => number !== null);
    return numbers.length === count && found.length === count
      ? found
      : fail(`found "${line.slice(0, 80)}", expected ${count} decimals`);
  };
  const space = place.indexOf(' ');
  const topic = place.slice(0, space);
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(topic)) return fail('expected the raw topic on the third line');
  const [generation = 0, partition = 0, partitions = 0] = decimals(place.slice(space + 1), 3).map(Number);
  const [first = 0n, next = 0n] = decimals(range, 2);
  const [events = 0, skipped = 0, lost = 0] = decimals(counts, 3).map(Number);
  const sealedAt = parseCount(time);
  const root = parseBase64(rootText);
  const previous = parseBase64(previousText);
  if (!isKeyName(origin)) return fail('expected an origin on the second line');
  if (generation > maxInt || partitions > maxInt || partition >= partitions)
    return fail(`found partition ${partition} of ${partitions}`);
  if (events < 1) return fail('it has no event');
  if (
    BigInt(events) + BigInt(skipped) + BigInt(lost) !== next - first ||
    ![events, skipped, lost].every(Number.isSafeInteger)
  ) {
    return fail(
      `${events} events, ${skipped} skipped and ${lost} lost do not add up to the offsets from ${first} to ${next}`,
    );
  }
  if (sealedAt === null || sealedAt > maxTime)
    return fail(`found time "${time.slice(0, 40)}", expected milliseconds since 1970`);
  if (parseHex(schema)?.length !== 32) return fail('expected the hex SHA256 of the schema');
  if (root?.length !== 32 || previous?.length !== 32)
    return fail('expected the base64 of 32 bytes as root and as previous seal');
  return {
    origin,
    topic,
    generation,
    partition,
    partitions,
    first,
    next,
    events,
    skipped,
    lost,
    sealedAt,
    schema,
    root,
    previous,
  };
}

/** The last instant of year 9999: later ones have no text in the format. */
const maxTime = 253_402_300_799_999;
