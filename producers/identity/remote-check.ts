/**
 * Answers about opaque tokens, kept for a short while by the SHA-256 of the token: never the token. Concurrent questions
 * about one token are one question. What could not be asked is not kept.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { IdentityError } from './error.ts';
import type { VerifiedIdentity } from './identity.ts';

export interface AnswerCacheOptions {
  /** How long an answer holds, and so how long a token that was revoked is still accepted; default 30 seconds, 0: not at all. */
  readonly ttlMs?: number | undefined;
  /** Default 10,000 tokens. */
  readonly max?: number | undefined;
}

type Ask = (token: string) => Promise<VerifiedIdentity>;

const MAX_TOKEN = 16_384;
/** RFC 6750, 2.1: what a bearer token consists of. */
const BEARER = /^[\w.~+/-]+=*$/;

/** `ask` with a memory. Throws what it throws, and `malformed` for what is no bearer token. */
export function remembering(ask: Ask, options: AnswerCacheOptions, now: () => number): Ask {
  const { ttlMs = 30_000, max = 10_000 } = options;
  const answers = new LRUCache<string, VerifiedIdentity | IdentityError>({ max, perf: { now }, ttlResolution: 0 });
  const asked = new Map<string, Promise<VerifiedIdentity>>();

  const keep = (key: string, answer: VerifiedIdentity | IdentityError): void => {
    const endsAt = answer instanceof IdentityError ? undefined : answer.expiresAt;
    const ttl = Math.min(ttlMs, (endsAt ?? Number.POSITIVE_INFINITY) - now());
    if (ttl > 0) answers.set(key, answer, { ttl });
  };
  const askOnce = async (key: string, token: string): Promise<VerifiedIdentity> => {
    try {
      const identity = await ask(token);
      keep(key, identity);
      return identity;
    } catch (error) {
      if (error instanceof IdentityError && error.disposition === 'refuse') keep(key, error);
      throw error;
    } finally {
      asked.delete(key);
    }
  };
  return async token => {
    if (token.length > MAX_TOKEN || !BEARER.test(token)) {
      throw new IdentityError('malformed', `expected a bearer token of at most ${MAX_TOKEN} characters`);
    }
    const key = hash('sha256', token, 'base64url');
    const known = answers.get(key);
    // A new error each time: one that is thrown twice has the stack of another request.
    if (known instanceof IdentityError) throw new IdentityError(known.code, known.message);
    if (known !== undefined) return known;
    const pending = asked.get(key) ?? askOnce(key, token);
    asked.set(key, pending);
    return pending;
  };
}
