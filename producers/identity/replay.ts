/** Remembers tokens for one use. */
import { LRUCache } from 'lru-cache';
import { IdentityError } from './error.ts';

/** A memory that instances share (a database, a cache server) has this shape too. */
export interface ReplayMemory {
  /**
   * Whether an id is new: true once for each, until it ends (milliseconds since 1970). Throws where it can't know, never
   * answers true then.
   */
  use(id: string, endsAt: number): boolean | Promise<boolean>;
}

/**
 * A memory of this process alone, for as many tokens at a time. When it is full of tokens that still hold, more are refused
 * as `unavailable`: to forget one would let it be replayed.
 */
export function createReplayMemory(max = 100_000, now: () => number = Date.now): ReplayMemory {
  const used = new LRUCache<string, true>({ max, perf: { now }, ttlResolution: 0 });
  return {
    use: (id, endsAt) => {
      if (used.has(id)) return false;
      if (used.size >= max) used.purgeStale();
      if (used.size >= max) {
        throw new IdentityError('unavailable', `${max} tokens for one use are remembered, and no more can be now`);
      }
      used.set(id, true, { ttl: Math.max(1, endsAt - now()) });
      return true;
    },
  };
}
