/** Access tokens of an OAuth or OpenID Connect issuer that are signed (JWT; with `type: 'at+jwt'` those of RFC 9068 alone). */
import { attributesOf } from './claims.ts';
import type { Checker } from './identity.ts';
import { createJwtChecker, type JwtOptions } from './jwt.ts';
import { actorOf, type PartyRules } from './parties.ts';

export type OidcOptions = JwtOptions & PartyRules;

/** Throws IdentityError `invalid-options`. */
export function createOidcChecker(options: OidcOptions): Checker {
  return createJwtChecker(options, token => {
    const { claims, keyId, checkedAt, expiresAt } = token;
    return {
      attribution: 'verified',
      actor: actorOf(token, options, { method: 'oidc', keyId, checkedAt }),
      attributes: attributesOf({ 'oauth.client': claims.client_id ?? claims.azp, 'oauth.scope': claims.scope }),
      expiresAt,
    };
  });
}
