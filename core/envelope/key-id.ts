// Whose a data key is, and its public id, which stands in events, in names of objects and in logs, and so must not tell who it is:
//
//   p1.<32 hex: the first 16 bytes of HMAC-SHA256(lookup key, "tidemark-key/1\nperson\n" || id)>
//   d1.<day, as 2026-01-05>
//
// The digit is the algorithm that the key is for (1: AES-256-GCM as in seal.ts): a key of one is never used with another. The lookup
// key is apart from the keys that wrap data keys, so that these can be rotated and a person is still found.

import { createHmac, type KeyObject } from 'node:crypto';
import { EnvelopeError } from './error.ts';

/** Whose key: a person, by the pseudonymous id that events use; or nobody in particular, and then a day's (UTC). */
export type KeyOwner =
  | { readonly kind: 'person'; readonly id: string }
  | { readonly kind: 'day'; readonly day: string };

const keyIdForm = /^(?:p1\.[0-9a-f]{32}|d1\.\d{4}-\d{2}-\d{2})$/;
const hexDigits = 32;

/** The public id of an owner's key. */
export function keyIdOf(lookupKey: KeyObject, owner: KeyOwner): string {
  if (owner.kind === 'day') return checkKeyId(`d1.${owner.day}`);
  const mac = createHmac('sha256', lookupKey).update(`tidemark-key/1\nperson\n${owner.id}`).digest('hex');
  return `p1.${mac.slice(0, hexDigits)}`;
}

/** The id, where it is one of ours and of an algorithm that we know; else throws `bad-key-id`. */
export function checkKeyId(id: string): string {
  if (keyIdForm.test(id)) return id;
  const algorithm = /^[pd](\d+)\./.exec(id)?.[1];
  const found =
    algorithm !== undefined && algorithm !== '1'
      ? `algorithm ${algorithm.slice(0, 20)}, expected 1 (AES-256-GCM)`
      : 'another form, expected p1.<32 hex> or d1.<day>';
  throw new EnvelopeError('bad-key-id', `key id ${JSON.stringify(id.slice(0, 60))}: found ${found}`);
}

/** One name for an owner within a process: equal for equal owners. */
export function ownerName(owner: KeyOwner): string {
  return owner.kind === 'person' ? `person ${owner.id}` : `day ${owner.day}`;
}
