// An issuer of a test's own: keys that can be rotated, metadata, and tokens with whatever claims.

import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';
import type { IdentityErrorCode } from '../../../producers/identity/index.ts';
import { IdentityError, type VerifiedIdentity } from '../../../producers/identity/index.ts';
import { startWeb, type Web } from './web.ts';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function newKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export interface Issuer {
  readonly web: Web;
  readonly url: string;
  /** The keys that it publishes. */
  keys: SigningKey[];
  /** A token by its newest key; `claims` are laid over those that every token needs. */
  mint(claims?: Record<string, unknown>, header?: Partial<JWTHeaderParameters>, key?: SigningKey): Promise<string>;
}

export const AUDIENCE = 'https://api.example.com';

export async function startIssuer(clock: () => number = Date.now): Promise<Issuer> {
  const keys = [await newKey('first')];
  const web = await startWeb((request, response) => {
    const body =
      request.url === '/.well-known/openid-configuration'
        ? { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` }
        : request.url === '/jwks'
          ? { keys: issuer.keys.map(({ publicJwk }) => publicJwk) }
          : undefined;
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}));
  });
  const issuer: Issuer = {
    web,
    url: web.url,
    keys,
    mint: (claims = {}, header = {}, key = issuer.keys.at(-1)) => {
      if (key === undefined) throw new Error('the issuer has no key');
      const now = Math.floor(clock() / 1000);
      const base = { iss: web.url, sub: 'u-1842', aud: AUDIENCE, iat: now, exp: now + 300, jti: crypto.randomUUID() };
      return new SignJWT({ ...base, ...claims })
        .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header })
        .sign(key.privateKey);
    },
  };
  return issuer;
}

/** The code of the error that a check ends with, or what it gave. */
export async function codeOf(check: Promise<VerifiedIdentity>): Promise<IdentityErrorCode | VerifiedIdentity> {
  try {
    return await check;
  } catch (error) {
    if (error instanceof IdentityError) return error.code;
    throw error;
  }
}
