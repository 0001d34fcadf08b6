// Where to go on: from the seal at the end of the events topic, or, where that is empty, from the archive's end. The position of the
// normalizer is inside its output and nowhere else.

import { type FetchClient, type FetchedRecord, logEndsEarly, readBackwards } from '../../core/edge/kafka/index.ts';
import { type ChainEnd, chainAfter } from '../../core/proof/chain.ts';
import type { Crypto } from '../../core/proof/crypto.ts';
import { isBy, parseNote, signerOf, type VerifierKey } from '../../core/proof/note.ts';
import { parseSeal, SEAL_HEADER, type Seal, sealHash } from '../../core/proof/seal.ts';
import { NormalizerError } from './error.ts';

export interface SealContext {
  readonly crypto: Crypto;
  readonly verifiers: readonly VerifierKey[];
  readonly origin: string;
  readonly topic: string;
  readonly partition: number;
}

export interface FoundSeal {
  readonly seal: Seal;
  readonly end: ChainEnd;
}

/**
 * What a record says about the chain: nothing (null), a seal of this partition that verifies, one signed by keys that we do not know,
 * or something else (`foreign`).
 */
export type SealReading =
  | null
  | ({ kind: 'ours' } & FoundSeal)
  | { kind: 'unknown-key'; seal: Seal }
  | { kind: 'foreign' };

export function readSeal(record: FetchedRecord, context: SealContext): SealReading {
  const header = record.headers.findLast(([name]) => name === SEAL_HEADER);
  if (!header) return null;
  const { crypto, verifiers, origin, topic, partition } = context;
  try {
    const note = parseNote(header[1] ?? new Uint8Array());
    const seal = parseSeal(note.text);
    if (seal.origin !== origin || seal.topic !== topic || seal.partition !== partition) return { kind: 'foreign' };
    if (signerOf(crypto, note, verifiers)) {
      return { kind: 'ours', seal, end: chainAfter(seal, sealHash(crypto.sha256, note.text)) };
    }
    // A signature that names a key of ours and does not verify is a forgery; a key that we don't know may be a colleague's.
    const claimsOurs = note.signatures.some(signature => verifiers.some(key => isBy(key, signature)));
    return claimsOurs ? { kind: 'foreign' } : { kind: 'unknown-key', seal };
  } catch {
    return { kind: 'foreign' };
  }
}

export interface Tail {
  readonly found: FoundSeal | null;
  /** Seals that do not verify, or that come behind one that reaches further: somebody else writes to the topic. */
  readonly foreign: number;
}

/** Offsets that are looked through at least, so that a few records of somebody else's do not hide where the chain ends. */
const minimumOffsets = 512;

/**
 * The seal that verifies and reaches furthest: by generation, then next. In normal life that is the last one. Where anything else is met,
 * all of the log is looked through: an old run, written again, must not become the end. Throws `unknown-key` where a seal by a
 * key that we don't know reaches further than ours: to go on from ours would fork the chain.
 */
export async function findLastSeal(client: FetchClient, eventsTopic: string, context: SealContext): Promise<Tail> {
  const search = new Search();
  let seen = 0;
  for await (const window of readBackwards(client, eventsTopic, context.partition)) {
    search.take(window.map(record => readSeal(record, context)));
    seen += window.length;
    if (search.found && search.foreign === 0 && seen >= minimumOffsets) break;
  }
  const { found, foreign, stranger } = search;
  if (stranger && (!found || reachesFurther(stranger, found.seal))) {
    throw new NormalizerError(
      'unknown-key',
      `${eventsTopic} ${context.partition}: the seal up to raw offset ${stranger.next} is signed by a key that is not accepted. ` +
        "Expected TIDEMARK_SEAL_KEY's own: add the other normalizers' verifier keys to TIDEMARK_SEAL_VERIFIERS",
    );
  }
  return { found, foreign };
}

/** Windows from the newest to the oldest, each in order. */
class Search {
  found: FoundSeal | null = null;
  stranger: Seal | null = null;
  foreign = 0;

  take(window: readonly SealReading[]): void {
    let highest: FoundSeal | null = null;
    for (const reading of window) {
      if (reading === null) continue;
      if (reading.kind === 'ours' && (!highest || reachesFurther(reading.seal, highest.seal))) {
        highest = reading;
        continue;
      }
      this.foreign++;
      if (reading.kind === 'unknown-key' && (!this.stranger || reachesFurther(reading.seal, this.stranger))) {
        this.stranger = reading.seal;
      }
    }
    if (!highest) return;
    if (this.found && !reachesFurther(this.found.seal, highest.seal)) this.foreign++;
    if (!this.found || reachesFurther(highest.seal, this.found.seal)) this.found = highest;
  }
}

function reachesFurther(a: Seal, b: Seal): boolean {
  return a.generation > b.generation || (a.generation === b.generation && a.next > b.next);
}

/** The raw offset to read from, given where the chain ends and the raw log. Throws where the two contradict each other. */
export function positionAfter(
  end: ChainEnd,
  generation: number,
  log: { readonly start: bigint; readonly end: bigint },
  place: { readonly topic: string; readonly partition: number },
): bigint {
  const begins = end.lastSeal === null;
  if (!begins && generation < end.generation) {
    throw new NormalizerError(
      'generation-falls',
      `TIDEMARK_GENERATION is ${generation}, but the chain of ${place.topic} ${place.partition} is in generation ` +
        `${end.generation}: set it to that, or higher if the topic's offsets begin anew`,
    );
  }
  // What a new chain or generation finds gone was never promised by it.
  if (begins || generation > end.generation) return log.start;
  if (end.next > log.end) throw logEndsEarly(place.topic, place.partition, end.next, log.end);
  return end.next;
}
