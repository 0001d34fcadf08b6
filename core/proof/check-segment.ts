// Whether a segment's bytes are what its batch lists, what its seals say, and what goes on from the chain before it
// (archive format, sections 2 to 4).

import type { ListedSegment } from './batch.ts';
import { equalBytes, hex, utf8 } from './bytes.ts';
import { type ChainEnd, chainAfter, joinSeal } from './chain.ts';
import type { Crypto } from './crypto.ts';
import type { Notebook, Where } from './finding.ts';
import type { DatedKey } from './keys.ts';
import { leafHash } from './merkle.ts';
import { type Duration, formatTime, periodOf } from './period.ts';
import { sealKeyName } from './seal.ts';
import type { SealedNote } from './segment.ts';
import type { Listing, RunFacts, SegmentFacts } from './segment-facts.ts';

/** What is known of the archive when its segments are checked. */
export interface SegmentTrust {
  readonly origin: string;
  /** Raw topic; null while not known (no archive.json). */
  readonly topic: string | null;
  readonly duration: Duration;
  readonly sealKeys: readonly DatedKey[];
  /** Seals later than this, ms, are in the future. */
  readonly latest: number;
}

/** Compares a listing with the segment it lists; says each fact that differs. */
export function checkListing(actual: Listing, listed: ListedSegment, where: Where, notebook: Notebook): void {
  const word = (value: unknown) =>
    value instanceof Uint8Array ? hex(value) : typeof value === 'object' ? JSON.stringify(value) : String(value);
  for (const name of [
    'key',
    'bytes',
    'events',
    'seals',
    'generation',
    'first',
    'next',
    'lastSeal',
    'schema',
    'sealed',
    'occurredAt',
  ] as const) {
    const [found, said] = [word(actual[name]), word(listed[name])];
    if (found !== said) notebook.finding('segment-differs', where, `its ${name} is ${found}, its batch lists ${said}`);
  }
}

function runWhere(where: Where, { seal }: SealedNote): Where {
  return {
    ...where,
    partition: seal.partition,
    generation: seal.generation,
    offsets: { first: seal.first, next: seal.next },
    events: seal.events,
  };
}

function checkSigner({ sealed, signer }: RunFacts, trust: SegmentTrust, where: Where, notebook: Notebook): void {
  if (signer === 'valid') return;
  const { note, seal } = sealed;
  const place = runWhere(where, sealed);
  if (signer === 'outside') {
    const text = `sealed at ${formatTime(seal.sealedAt)}, outside the periods that its key is valid for`;
    notebook.finding('key-outside-periods', place, text);
    return;
  }
  const name = sealKeyName(trust.origin);
  const by = note.signatures.map(({ name: other, id }) => `${other}+${hex(id)}`).join(', ');
  notebook.finding('seal-unsigned', place, `the seal has no valid signature by a key of ${name}; found one by ${by}`);
}

function checkWhole(segment: SegmentFacts, trust: SegmentTrust, where: Where, notebook: Notebook): void {
  const first = segment.runs[0].sealed.seal;
  for (const { sealed } of segment.runs) {
    const { seal } = sealed;
    if (seal.generation !== first.generation || seal.partition !== first.partition) {
      notebook.finding(
        'segment-misplaced',
        runWhere(where, sealed),
        'runs of several partitions or generations in one segment',
      );
    }
    if (periodOf(trust.duration, seal.sealedAt) !== periodOf(trust.duration, first.sealedAt)) {
      notebook.finding(
        'segment-misplaced',
        runWhere(where, sealed),
        `sealed at ${formatTime(seal.sealedAt)}, in another period than the segment's first run`,
      );
    }
  }
}

/**
 * Checks a segment from the chain's end on, by its facts: every seal signed, true of its run, and joining; answers where the chain
 * stands after it. After a seal that does not join, checking goes on from that seal.
 */
export function checkSegment(
  crypto: Crypto,
  segment: SegmentFacts,
  end: ChainEnd,
  trust: SegmentTrust,
  where: Where,
  notebook: Notebook,
): ChainEnd {
  checkWhole(segment, trust, where, notebook);
  let chain = end;
  for (const run of segment.runs) {
    const { sealed } = run;
    const { seal } = sealed;
    const place = runWhere(where, sealed);
    checkSigner(run, trust, where, notebook);
    if (seal.origin !== trust.origin)
      notebook.finding('run-altered', place, `a seal of ${seal.origin}, expected ${trust.origin}`);
    if (trust.topic !== null && seal.topic !== trust.topic)
      notebook.finding('run-altered', place, `a seal of the topic ${seal.topic}, expected ${trust.topic}`);
    for (const problem of run.problems) notebook.finding('run-altered', place, problem);
    const join = joinSeal(crypto.sha256, chain, seal);
    if (!join.joins) notebook.finding('chain-broken', place, `the chain does not go on here: ${join.why}`);
    else if (join.restart)
      notebook.report(
        'restart',
        place,
        `raw topic began anew: generation ${seal.generation} follows ${chain.generation}`,
      );
    if (seal.lost > 0) notebook.finding('lost', place, `${seal.lost} raw offsets were gone before they could be read`);
    if (seal.sealedAt > trust.latest)
      notebook.finding('future', place, `sealed at ${formatTime(seal.sealedAt)}, after the time of verification`);
    // Only across segments: within one all seals are of one period.
    if (chain.lastSeal !== null && seal.sealedAt - chain.sealedAt > 2 * trust.duration.ms) {
      notebook.report(
        'silence',
        place,
        `nothing was sealed from ${formatTime(chain.sealedAt)} to ${formatTime(seal.sealedAt)}; the chain goes on`,
      );
    }
    chain = chainAfter(seal, sealed.hash);
  }
  return chain;
}

/** Leaf hashes of a segment's seals, for the batch root. */
export function sealLeaves(crypto: Crypto, segment: SegmentFacts): Uint8Array[] {
  return segment.runs.map(({ sealed }) => leafHash(crypto.sha256, utf8(sealed.note.text)));
}

/** Whether a segment goes on from a chain's end and is wholly true: what makes it pending, or adoptable. */
export function joinsWhole(crypto: Crypto, segment: SegmentFacts, end: ChainEnd, trust: SegmentTrust): boolean {
  const first = segment.runs[0].sealed.seal;
  if (!joinSeal(crypto.sha256, end, first).joins || first.origin !== trust.origin) return false;
  let sound = true;
  const deaf = {
    finding: () => {
      sound = false;
    },
    report: () => {},
  };
  checkSegment(crypto, segment, end, { ...trust, latest: Number.MAX_SAFE_INTEGER }, {}, deaf);
  return sound;
}

/** Whether two hashes name the same seal; null is none. */
export function isSameSeal(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b);
}
