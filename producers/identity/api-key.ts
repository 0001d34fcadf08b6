/**
 * API keys: `tmk_<id>_<secret><checksum>`.
 *
 *     tmk_        by which scanners of repositories and logs find them (one regular expression: API_KEY)
 *     id          12 characters, public: names the key in lists, events and logs
 *     secret      43 characters, 256 random bits
 *     checksum    6 characters, CRC-32 of all before it: a typo or a lookalike is known without asking anybody
 *
 * All in base 62, so that a double click takes the whole. What is stored is SHA-256 of the key: with 256 random bits a slow
 * hash would protect nothing more.
 */
import { hash, randomInt, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PREFIX = 'tmk_';
const ID_LENGTH = 12;
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;

/** The form of a key, for scanners. */
export const API_KEY = /tmk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}/;
const WHOLE = new RegExp(`^${API_KEY.source}$`);

export interface NewApiKey {
  readonly id: string;
  /** To be shown once. */
  readonly key: string;
  readonly hash: string;
  /** Of the checksum: tells nothing of the secret that its hash doesn't. */
  readonly lastFour: string;
}

export function generateApiKey(): NewApiKey {
  const id = random(ID_LENGTH);
  const body = `${PREFIX}${id}_${random(SECRET_LENGTH)}`;
  const key = body + checksumOf(body);
  return { id, key, hash: hashApiKey(key), lastFour: key.slice(-4) };
}

/** Whether a text is meant to be a key, right or wrong. */
export const isApiKeyLike = (text: string): boolean => text.startsWith(PREFIX);

/** The id of a key; undefined where its form or checksum is wrong. */
export function apiKeyId(text: string): string | undefined {
  if (text.length > 128 || !WHOLE.test(text)) return undefined;
  const body = text.slice(0, -CHECKSUM_LENGTH);
  if (text.slice(-CHECKSUM_LENGTH) !== checksumOf(body)) return undefined;
  return text.slice(PREFIX.length, PREFIX.length + ID_LENGTH);
}

/** What is stored of a key. */
export function hashApiKey(key: string): string {
  return `sha256:${hash('sha256', key, 'base64url')}`;
}

/** In constant time, also where the id is unknown and there is no hash. */
export function isApiKey(key: string, stored: string | undefined): boolean {
  const found = Buffer.from(hashApiKey(key));
  const expected = Buffer.from(stored ?? hashApiKey(''));
  return found.length === expected.length && timingSafeEqual(found, expected) && stored !== undefined;
}

function random(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

function checksumOf(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let at = 0; at < CHECKSUM_LENGTH; at++) {
    text = `${ALPHABET[rest % ALPHABET.length]}${text}`;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}
