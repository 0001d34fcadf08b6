// What a segment comes to by itself, without its events: what its listing should say, what is wrong within each run and with its seal's
// signature, and producers' numbers. It depends on nothing but the bytes and the keys, so segments can be read in any order, and on any
// thread; how they join is for who has them in the order of their chain (check-segment.ts).

import type { EventFields } from './avro.ts';
import type { ListedSegment } from './batch.ts';
import type { Crypto, Decompress } from './crypto.ts';
import { type DatedKey, judgeSigner } from './keys.ts';
import { leafHash, leafHashWithRoom } from './merkle.ts';
import { formatMicros } from './period.ts';
import { NumbersBuilder, type SegmentNumbers } from './producer-numbers.ts';
import { sealKeyName } from './seal.ts';
import {
  checkEnd,
  forEachEvent,
  type OpenSegment,
  openSegment,
  type ReaderCache,
  RunCheck,
  type SealedNote,
  segmentKey,
} from './segment.ts';

/** Whose signatures on seals count. */
export interface SealTrust {
  readonly origin: string;
  readonly sealKeys: readonly DatedKey[];
  /** Length of a period, ms: keys are valid by period. */
  readonly durationMs: number;
}

export interface RunFacts {
  readonly sealed: SealedNote;
  readonly events: number;
  /** How the seal's signature stands to the normalizer's keys. */
  readonly signer: ReturnType<typeof judgeSigner>;
  /** What is wrong between the events and the seal, in words. */
  readonly problems: readonly string[];
}

/** A segment's facts as its listing words them. */
export type Listing = Omit<ListedSegment, 'retainUntil'>;

export interface SegmentFacts {
  readonly listing: Listing;
  readonly runs: readonly [RunFacts, ...RunFacts[]];
  readonly numbers: SegmentNumbers;
}

/** Takes a segment's events one after the other, each into the run that its place among them belongs to. */
class FactsReader {
  readonly numbers = new NumbersBuilder();
  readonly #sha256: Crypto['sha256'];
  readonly #checks: readonly RunCheck[];
  readonly #counts: readonly number[];
  #run = 0;
  events = 0;
  min = 0n;
  max = 0n;

  constructor(crypto: Crypto, { seals, schema }: OpenSegment) {
    this.#sha256 = crypto.sha256;
    this.#checks = seals.map(({ seal }) => new RunCheck(crypto.sha256, seal, schema));
    this.#counts = seals.map(({ seal }) => seal.events);
  }

  take(fields: EventFields, data: Uint8Array, start: number, end: number): void {
    const { occurredAt } = fields;
    if (this.events === 0) [this.min, this.max] = [occurredAt, occurredAt];
    else if (occurredAt < this.min) this.min = occurredAt;
    else if (occurredAt > this.max) this.max = occurredAt;
    this.events++;
    let check = this.#checks[this.#run];
    if (check && check.events === this.#counts[this.#run]) check = this.#checks[++this.#run];
    // More events than the seals count: that is said once they are counted.
    if (!check) return;
    // The byte before was hashed with its own event.
    const leaf =
      start === 0
        ? leafHash(this.#sha256, data.subarray(start, end))
        : leafHashWithRoom(this.#sha256, data.subarray(start - 1, end));
    check.take(fields, leaf);
    this.numbers.take(fields, this.#run);
  }

  runs(crypto: Crypto, seals: OpenSegment['seals'], trust: SealTrust): [RunFacts, ...RunFacts[]] {
    const name = sealKeyName(trust.origin);
    const keys = trust.sealKeys.filter(({ key }) => key.name === name);
    const factsOf = (sealed: SealedNote, index: number): RunFacts => ({
      sealed,
      events: sealed.seal.events,
      signer: judgeSigner(crypto, sealed.note, keys, sealed.seal.sealedAt, trust.durationMs),
      problems: this.#checks[index]?.conclude() ?? [],
    });
    const [first, ...rest] = seals;
    return [factsOf(first, 0), ...rest.map((sealed, index) => factsOf(sealed, index + 1))];
  }
}

/** Reads a segment's facts (`digest`: hex SHA256 of its bytes); throws a ProofError where the bytes are no segment. Its data are opened a block at a time. */
export function readSegmentFacts(
  crypto: Crypto,
  bytes: Uint8Array,
  digest: string,
  decompress: Decompress,
  readers: ReaderCache,
  trust: SealTrust,
): SegmentFacts {
  const open = openSegment(crypto, bytes, decompress, readers);
  const reader = new FactsReader(crypto, open);
  for (const block of open.blocks)
    forEachEvent(open.read, block, (fields, start, end) => reader.take(fields, block.data, start, end));
  checkEnd(open, reader.events);
  const runs = reader.runs(crypto, open.seals, trust);
  const [{ sealed: first }] = runs;
  const last = (runs.at(-1) ?? runs[0]).sealed;
  const { partition, generation, first: begin, sealedAt } = first.seal;
  const listing: Listing = {
    key: segmentKey({ partition, generation, first: begin, sealedAt }),
    sha256: digest,
    bytes: bytes.length,
    events: reader.events,
    seals: runs.length,
    generation,
    first: begin,
    next: last.seal.next,
    lastSeal: last.hash,
    schema: open.schema,
    sealed: { first: sealedAt, last: last.seal.sealedAt },
    occurredAt: { min: formatMicros(reader.min), max: formatMicros(reader.max) },
  };
  return { listing, runs, numbers: reader.numbers.build() };
}
