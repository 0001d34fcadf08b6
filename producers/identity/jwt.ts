/**
 * Checks signed tokens (JWT, RFC 7519) as RFC 8725 asks: algorithms, issuer and audience are pinned by the options, and
 * nothing in the token chooses how it is checked. What a verified token means is said by a mapping that is passed in.
 */
import { decodeJwt, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { isIdentifier } from './claims.ts';
import { IdentityError, type IdentityErrorCode } from './error.ts';
import { addressOption, type HttpOptions } from './http.ts';
import type { Checker, Presented, VerifiedIdentity } from './identity.ts';
import { fixedKeys, issuerKeys } from './key-set.ts';
import { createReplayMemory, type ReplayMemory } from './replay.ts';

export interface JwtOptions {
  /** Exactly as its tokens say it. */
  readonly issuer: string;
  /** Whom tokens have to be for: one of these. */
  readonly audience: string | readonly string[];
  /** Accepted algorithms, only asymmetric ones; default RS256, PS256, ES256 and EdDSA with their longer forms. */
  readonly algorithms?: readonly string[] | undefined;
  /** Header `typ` that is demanded, such as `at+jwt` (RFC 9068). */
  readonly type?: string | undefined;
  /** How far clocks may differ; default 10. */
  readonly clockToleranceSeconds?: number | undefined;
  /** Tokens that were issued longer ago are `expired`. */
  readonly maxTokenAgeSeconds?: number | undefined;
  /** Tokens hold for one use: by their `jti`, in a memory of this process or in one of yours. */
  readonly once?: boolean | ReplayMemory | undefined;
  readonly jwksUri?: string | undefined;
  /** The issuer's keys themselves: nothing is fetched then. */
  readonly jwks?: JSONWebKeySet | undefined;
  /** See KeySetOptions. */
  readonly keys?:
    | { readonly maxAgeMs?: number; readonly maxStaleMs?: number; readonly coolDownMs?: number }
    | undefined;
  readonly http?: HttpOptions | undefined;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/** A token whose signature, issuer, audience and times are right. */
export interface VerifiedToken {
  readonly claims: JWTPayload;
  readonly issuer: string;
  readonly subject: string;
  readonly keyId: string | undefined;
  /** Microseconds since 1970. */
  readonly checkedAt: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** In characters. Headers of HTTP are not larger. */
const MAX_TOKEN = 16_384;
const JWS = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Whether a text has the form of a signed token. */
export const isJwt = (text: string): boolean => text.length <= MAX_TOKEN && JWS.test(text);

/** The issuer that a token claims. Proves nothing. */
export function claimedIssuer(token: string): string | undefined {
  try {
    return isJwt(token) ? decodeJwt(token).iss : undefined;
  } catch {
    return undefined;
  }
}

/** A checker of an issuer's tokens. Throws IdentityError `invalid-options`. */
export function createJwtChecker(options: JwtOptions, map: (token: VerifiedToken) => VerifiedIdentity): Checker {
  const { issuer, now = Date.now } = options;
  const rules = rulesOf(options);
  const find = keysOf(options, now);
  const memory = options.once === true ? createReplayMemory(undefined, now) : options.once || undefined;
  return {
    accepts: presented => presented.kind === 'token' && claimedIssuer(presented.token) === issuer,
    check: async presented => {
      const checkedAt = now();
      const claims = await verify(tokenOf(presented), find, { ...rules, currentDate: new Date(checkedAt) });
      const identity = map(verified(claims.payload, claims.kid, checkedAt));
      // Last of all: a token that is refused for another reason was not used.
      if (memory !== undefined) await useOnce(memory, claims.payload, rules.clockTolerance);
      return identity;
    },
    close: () => {},
  };
}

type Rules = ReturnType<typeof rulesOf>;

function rulesOf(options: JwtOptions) {
  const { algorithms = ASYMMETRIC, type, audience, clockToleranceSeconds = 10, maxTokenAgeSeconds } = options;
  const audiences = [audience].flat().filter(one => one !== '');
  if (audiences.length === 0) throw new IdentityError('invalid-options', 'audience: found none, expected one at least');
  const unfit = algorithms.filter(one => !ASYMMETRIC.includes(one));
  if (unfit.length > 0 || algorithms.length === 0) {
    const found = unfit.length > 0 ? unfit.join(', ') : 'none';
    throw new IdentityError('invalid-options', `algorithms: found ${found}, expected some of ${ASYMMETRIC.join(', ')}`);
  }
  return {
    issuer: options.issuer,
    audience: audiences,
    algorithms: [...algorithms],
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ['exp', 'sub'],
    ...(type === undefined ? {} : { typ: type }),
    ...(maxTokenAgeSeconds === undefined ? {} : { maxTokenAge: maxTokenAgeSeconds }),
  };
}

function keysOf(options: JwtOptions, now: () => number): JWTVerifyGetKey {
  const { issuer, jwksUri, jwks, keys, http = {} } = options;
  if (jwks !== undefined) return fixedKeys(jwks);
  addressOption('issuer', issuer);
  if (jwksUri !== undefined) addressOption('jwksUri', jwksUri);
  return issuerKeys({ ...keys, issuer, jwksUri, http, now });
}

/** The token of what was presented; throws where it is no signed token. */
function tokenOf(presented: Presented): string {
  if (presented.kind !== 'token') throw new IdentityError('unsupported', `found a ${presented.kind}, expected a token`);
  const { token } = presented;
  if (isJwt(token)) return token;
  const found = token.length > MAX_TOKEN ? `more than ${MAX_TOKEN} characters` : 'another form';
  throw new IdentityError('malformed', `found ${found}, expected a signed token (JWT)`);
}

async function verify(token: string, find: JWTVerifyGetKey, rules: Rules & { currentDate: Date }) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, find, rules);
    return { payload, kid: protectedHeader.kid };
  } catch (error) {
    throw error instanceof IdentityError ? error : asIdentityError(error, rules);
  }
}

function verified(claims: JWTPayload, kid: string | undefined, checkedAt: number): VerifiedToken {
  const { iss = '', sub = '', exp = 0, jti, cnf } = claims;
  // RFC 7800: it proves something only together with its holder's key, which nobody showed.
  if (cnf !== undefined) throw new IdentityError('unsupported', 'the token is bound to a key (cnf): no bearer token');
  return {
    claims,
    issuer: iss,
    subject: sub,
    keyId: [jti, kid].find(isIdentifier),
    checkedAt: checkedAt * 1000,
    expiresAt: exp * 1000,
  };
}

async function useOnce(memory: ReplayMemory, { iss, jti, exp = 0 }: JWTPayload, tolerance: number): Promise<void> {
  if (typeof jti !== 'string' || jti === '') {
    throw new IdentityError('wrong-claim', 'found no jti, expected one: the token is for one use');
  }
  // It is accepted until the tolerance is over, and has to be remembered as long.
  const isNew = await useIn(memory, JSON.stringify([iss, jti]), (exp + tolerance) * 1000 + 1000);
  if (!isNew) throw new IdentityError('replayed', 'the token is for one use, and was used');
}

async function useIn(memory: ReplayMemory, id: string, endsAt: number): Promise<boolean> {
  try {
    return await memory.use(id, endsAt);
  } catch (error) {
    if (error instanceof IdentityError) throw error;
    throw new IdentityError('unavailable', 'the memory of tokens for one use does not answer');
  }
}

/** Errors of jose by their stable codes. Its messages and the claims that it attaches are left behind. */
function asIdentityError(error: unknown, { issuer, audience, algorithms }: Rules): IdentityError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ERR_JWT_EXPIRED':
      return new IdentityError('expired', 'the token has expired');
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return new IdentityError('bad-signature', 'the signature is not that of the key which the token names');
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
      return new IdentityError('algorithm', `the token is signed by none of ${algorithms.join(', ')}`);
    case 'ERR_JWKS_NO_MATCHING_KEY':
      return new IdentityError('unknown-key', `${issuer} has no such key`);
    case 'ERR_JWKS_MULTIPLE_MATCHING_KEYS':
      return new IdentityError('unknown-key', `the token names no key (kid), and ${issuer} has several`);
    case 'ERR_JOSE_NOT_SUPPORTED':
      return new IdentityError('unsupported', 'the token demands an extension (crit) or a key that is not known');
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED': {
      const claim = error instanceof Error && 'claim' in error ? String(error.claim) : '';
      const [kind, message] = claimProblem(claim, issuer, audience);
      return new IdentityError(kind, message);
    }
    case undefined:
      // A TypeError: the key that the token names is not one for its algorithm.
      return new IdentityError('algorithm', 'the key that the token names is not one for its algorithm');
    default:
      return new IdentityError('malformed', 'found something that is no signed token (JWT)');
  }
}

function claimProblem(claim: string, issuer: string, audience: readonly string[]): [IdentityErrorCode, string] {
  if (claim === 'iss') return ['wrong-issuer', `the token is not of ${issuer}`];
  if (claim === 'aud') return ['wrong-audience', `the token is not for ${audience.join(' or ')}`];
  if (claim === 'typ') return ['wrong-type', 'the header typ is not the one demanded'];
  if (claim === 'nbf') return ['not-yet-valid', 'the token does not hold yet'];
  if (claim === 'iat') return ['wrong-claim', 'the time of issue (iat) is missing or lies in the future'];
  return [
    'wrong-claim',
    `the claim ${/^[a-z]{1,10}$/.test(claim) ? claim : 'asked for'} is missing or not as it has to be`,
  ];
}
