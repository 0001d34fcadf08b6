// Where a run that the topic has committed stands to what is in the bucket. The bucket's chain beyond the last batch is only a
// claim until the topic confirms it: a seal among the topic's committed records covers all before it, and so does one that names it.

import { equalBytes, hex } from '../../core/proof/bytes.ts';
import { type ChainEnd, chainAfter, joinSeal, previousOf } from '../../core/proof/chain.ts';
import type { Crypto } from '../../core/proof/crypto.ts';
import type { SealedNote } from '../../core/proof/segment.ts';

/** What of the chain is in the bucket but in no batch yet. */
export interface Claimed {
  /** The end by the last batch. */
  readonly listed: ChainEnd;
  /** The seals behind it, in order. */
  readonly seals: readonly SealedNote[];
}

export type Placed =
  /** It goes on from the end. */
  | { readonly kind: 'joins'; readonly restart: boolean }
  /** It is in the bucket. */
  | { readonly kind: 'archived' }
  /** It lies before the end and is not among what we know: archived long ago, or of no account. */
  | { readonly kind: 'below' }
  /** It goes on from before the end: what the bucket has behind its `index`-th claimed seal was never committed. */
  | { readonly kind: 'refutes'; readonly index: number }
  /** It names a seal that we do not have. */
  | { readonly kind: 'apart'; readonly why: string };

export class ClaimedChain {
  readonly #sha256: Crypto['sha256'];
  readonly #claimed: Claimed;
  readonly #index: ReadonlyMap<string, number>;
  readonly #end: ChainEnd;

  constructor(sha256: Crypto['sha256'], claimed: Claimed) {
    this.#sha256 = sha256;
    this.#claimed = claimed;
    this.#index = new Map(claimed.seals.map(({ hash }, index) => [hex(hash), index]));
    const last = claimed.seals.at(-1);
    this.#end = last ? chainAfter(last.seal, last.hash) : claimed.listed;
  }

  /** Places the topic's next run, before the first one that joins. */
  place({ seal, hash }: SealedNote): Placed {
    if (this.#index.has(hex(hash))) return { kind: 'archived' };
    const { listed, seals } = this.#claimed;
    if (listed.lastSeal && equalBytes(hash, listed.lastSeal)) return { kind: 'archived' };
    const join = joinSeal(this.#sha256, this.#end, seal);
    if (join.joins) return { kind: 'joins', restart: join.restart };
    for (let index = seals.length - 2; index >= -1; index--) {
      const before = seals[index];
      const at = before ? chainAfter(before.seal, before.hash) : listed;
      const names = equalBytes(seal.previous, previousOf(this.#sha256, at));
      if (seals.length > 0 && names && joinSeal(this.#sha256, at, seal).joins) return { kind: 'refutes', index };
    }
    const isBelow =
      this.#end.lastSeal !== null &&
      (seal.generation < this.#end.generation ||
        (seal.generation === this.#end.generation && seal.next <= this.#end.next));
    return isBelow ? { kind: 'below' } : { kind: 'apart', why: join.why };
  }
}

/** How the seals of a segment in the bucket compare to the committed runs that would go in its place. */
export type Comparison = 'within' | 'beyond' | 'differs';

/** `within`: all its seals are among ours; `beyond`: all ours are among its, and it has more that the topic has to confirm. */
export function compareSeals(inBucket: readonly SealedNote[], ours: readonly SealedNote[]): Comparison {
  const shared = Math.min(inBucket.length, ours.length);
  for (let i = 0; i < shared; i++) {
    const [there, own] = [inBucket[i], ours[i]];
    if (!there || !own || !equalBytes(there.hash, own.hash)) return 'differs';
  }
  return inBucket.length <= ours.length ? 'within' : 'beyond';
}
