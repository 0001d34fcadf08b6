/**
 * The public keys of an issuer (RFC 7517), found by discovery, kept, and fetched again when they are old or when a token
 * names one that isn't there. Not jose's own remote set, which forgets its keys when they are old and the issuer is down:
 * here keys that are known go on for a day, and only what is unknown is `unavailable`.
 *
 * Whoever sends tokens with invented key ids causes one fetch in each cool-down, whatever he sends.
 */
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { IdentityError } from './error.ts';
import { type HttpOptions, requestJson, secureUrl } from './http.ts';

export interface KeySetOptions {
  readonly issuer: string;
  /** Where the keys are; by default what the issuer's metadata says. */
  readonly jwksUri?: string | undefined;
  /** Keys are fetched again when they are older; default 10 minutes. */
  readonly maxAgeMs?: number | undefined;
  /** How long keys go on while the issuer is down; default a day. */
  readonly maxStaleMs?: number | undefined;
  /** The least time between two fetches; default 30 seconds, and 5 where the last one failed. */
  readonly coolDownMs?: number | undefined;
  readonly http: HttpOptions;
  readonly now: () => number;
}

interface Held {
  readonly find: JWTVerifyGetKey;
  readonly fetchedAt: number;
}

const MINUTE = 60_000;
const RETRY_MS = 5000;

const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(1000) });
const metadata = z.looseObject({ issuer: z.string(), jwks_uri: z.string() });

/** Keys that are given: never fetched. */
export function fixedKeys(jwks: JSONWebKeySet): JWTVerifyGetKey {
  return createLocalJWKSet(asymmetric(jwks));
}

/** Keys of an issuer. Throws IdentityError `unknown-key` and `unavailable`. */
export function issuerKeys(options: KeySetOptions): JWTVerifyGetKey {
  const { maxAgeMs = 10 * MINUTE, maxStaleMs = 24 * 60 * MINUTE, coolDownMs = 30_000, now } = options;
  let held: Held | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failure: IdentityError | undefined;
  let pending: Promise<void> | undefined;

  const load = async (): Promise<void> => {
    triedAt = now();
    try {
      held = { find: createLocalJWKSet(await fetchKeys(options)), fetchedAt: triedAt };
      failure = undefined;
    } catch (error) {
      failure = error instanceof IdentityError ? error : unusable(options.issuer);
    }
  };
  const refresh = (): Promise<void> => {
    const wait = failure === undefined ? coolDownMs : Math.min(coolDownMs, RETRY_MS);
    if (pending === undefined && now() - triedAt >= wait) {
      pending = load().finally(() => {
        pending = undefined;
      });
    }
    return pending ?? Promise.resolve();
  };

  return async (header, token) => {
    if (held === undefined || now() - held.fetchedAt >= maxAgeMs) await refresh();
    if (held === undefined || now() - held.fetchedAt >= maxStaleMs) throw failure ?? unusable(options.issuer);
    try {
      return await held.find(header, token);
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
    await refresh();
    // A key that may be new can't be told from an invented one while the issuer is down.
    if (failure !== undefined) throw failure;
    return held.find(header, token);
  };
}

async function fetchKeys({ issuer, jwksUri, http }: KeySetOptions): Promise<JSONWebKeySet> {
  const url = secureUrl(jwksUri ?? (await discover(issuer, http)));
  if (url === undefined)
    throw new IdentityError('unavailable', `${issuer} keeps its keys at an address without https:`);
  const { status, body } = await requestJson(url, {}, http);
  const parsed = keySet.safeParse(body);
  if (status !== 200 || !parsed.success) throw unusable(issuer);
  return asymmetric(parsed.data);
}

/** OpenID Connect Discovery 1.0, then RFC 8414, which puts the well-known part before the issuer's path. */
async function discover(issuer: string, http: HttpOptions): Promise<string> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const places = [`${path}/.well-known/openid-configuration`, `/.well-known/oauth-authorization-server${path}`];
  for (const place of places) {
    const { status, body } = await requestJson(new URL(place, origin), {}, http);
    if (status !== 200) continue;
    const parsed = metadata.safeParse(body);
    // RFC 8414, 3.3: metadata of another issuer must not be used.
    if (parsed.success && parsed.data.issuer === issuer) return parsed.data.jwks_uri;
  }
  throw new IdentityError('unavailable', `${issuer} has no metadata in its name; give jwksUri, or mend the issuer`);
}

/** Without keys for HMAC: a public file that holds one would let everybody sign. */
function asymmetric({ keys }: { keys: JSONWebKeySet['keys'] }): JSONWebKeySet {
  return { keys: keys.filter(({ kty }) => kty === 'RSA' || kty === 'EC' || kty === 'OKP') };
}

function isUnknown(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_JWKS_NO_MATCHING_KEY';
}

function unusable(issuer: string): IdentityError {
  return new IdentityError('unavailable', `${issuer} did not give its keys`);
}
