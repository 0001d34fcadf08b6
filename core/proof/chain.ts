// Where a partition's chain of seals stands, and whether a seal goes on from there (archive format, section 2). The one rule
// that normalizer, archiver, sealer and auditor decide by.

import { equalBytes } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import type { Seal } from './seal.ts';

/** The end of a partition's chain. */
export interface ChainEnd {
  readonly generation: number;
  /** The raw offset to go on at. */
  readonly next: bigint;
  /** SHA256 of the last seal's text; null before the first seal. */
  readonly lastSeal: Uint8Array | null;
  /** Sealing time of the last seal, ms; 0 before the first. */
  readonly sealedAt: number;
}

/** Before the first seal. */
export const chainStart: ChainEnd = { generation: 0, next: 0n, lastSeal: null, sealedAt: 0 };

/** What the first seal of a chain names as the one before it: SHA256(""). */
export function previousOf(sha256: Crypto['sha256'], end: ChainEnd): Uint8Array {
  return end.lastSeal ?? sha256(new Uint8Array());
}

/** Where the chain stands after this seal, whose text has this hash. */
export function chainAfter(seal: Seal, hash: Uint8Array): ChainEnd {
  return { generation: seal.generation, next: seal.next, lastSeal: hash, sealedAt: seal.sealedAt };
}

/** Why a seal does not go on from an end; `restart` tells that it does, as a new generation (reported). */
export type Join = { joins: true; restart: boolean } | { joins: false; why: string };

/**
 * Whether `seal` follows `end` in its partition's chain. A caller has checked signature, origin, topic and partition.
 * Offsets before a chain's very first seal were never promised, so that one joins wherever it begins.
 */
export function joinSeal(sha256: Crypto['sha256'], end: ChainEnd, seal: Seal): Join {
  if (!equalBytes(seal.previous, previousOf(sha256, end))) {
    return {
      joins: false,
      why: end.lastSeal ? 'it names another seal before it' : 'it names a seal before it, where the chain begins',
    };
  }
  if (end.lastSeal === null) return { joins: true, restart: false };
  if (seal.generation < end.generation)
    return { joins: false, why: `generation ${seal.generation} after ${end.generation}` };
  if (seal.sealedAt < end.sealedAt)
    return { joins: false, why: `sealed at ${seal.sealedAt} ms, before the seal that it follows (${end.sealedAt} ms)` };
  if (seal.generation > end.generation) return { joins: true, restart: true };
  if (seal.first !== end.next)
    return { joins: false, why: `it begins at raw offset ${seal.first}, expected ${end.next}` };
  return { joins: true, restart: false };
}
