/** A bucket of tokens for each credential, one for an event; the callers that are remembered are bounded. */
import { LRUCache } from 'lru-cache';
import { RequestError } from './problem.ts';

const MAX_CALLERS = 10_000;

/** Takes so many tokens of a caller; throws RequestError 429 where there are too few. */
export type TakeTokens = (caller: string, count: number) => void;

export function createRateLimit(perSecond: number, burst: number, now: () => number): TakeTokens {
  const buckets = new LRUCache<string, { tokens: number; at: number }>({ max: MAX_CALLERS });
  return (caller, count) => {
    const at = now();
    const before = buckets.get(caller) ?? { tokens: burst, at };
    const tokens = Math.min(burst, before.tokens + (Math.max(0, at - before.at) / 1000) * perSecond);
    if (tokens < count) {
      buckets.set(caller, { tokens, at });
      const wait = Math.max(1, Math.ceil((count - tokens) / perSecond));
      throw new RequestError(429, `found more than ${perSecond} events a second of this credential`, wait);
    }
    buckets.set(caller, { tokens: tokens - count, at });
  };
}
