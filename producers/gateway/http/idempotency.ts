/**
 * Answers of requests with an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), bounded in number and time. What
 * was not recorded is forgotten, so that it can be sent again.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Answer, RequestError } from './problem.ts';

const MAX_KEYS = 10_000;
const KEPT_MS = 3_600_000;

interface Kept {
  readonly seed: string;
  readonly answer: Promise<Answer>;
}

export class Idempotency {
  readonly #kept = new LRUCache<string, Kept>({ max: MAX_KEYS, ttl: KEPT_MS });

  /** The answer that was given to this caller, key and body, or that of `work`. Throws RequestError. */
  answer(caller: string, key: string, body: unknown, work: (seed: string) => Promise<Answer>): Promise<Answer> {
    if (!/^[!-~]{1,255}$/.test(key)) {
      throw new RequestError(400, 'Idempotency-Key: expected 1 to 255 visible ASCII characters');
    }
    const name = digest([caller, key]);
    const seed = digest([caller, key, body]);
    const kept = this.#kept.get(name);
    if (kept !== undefined) {
      if (kept.seed === seed) return kept.answer;
      throw new RequestError(422, 'Idempotency-Key: found another body under the same key, expected the same body');
    }
    const answer = work(seed);
    this.#kept.set(name, { seed, answer });
    const forget = () => {
      if (this.#kept.peek(name)?.answer === answer) this.#kept.delete(name);
    };
    answer.then(({ status }) => status === 503 && forget(), forget);
    return answer;
  }
}

const digest = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
