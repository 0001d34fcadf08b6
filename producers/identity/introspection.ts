/** Opaque tokens by asking their issuer (RFC 7662), as a client that is authenticated. */
import { z } from 'zod';
import { attributesOf, identifier, isIdentifier } from './claims.ts';
import { IdentityError } from './error.ts';
import { addressOption, type HttpOptions, type JsonAnswer, requestJson } from './http.ts';
import type { Checker, VerifiedIdentity } from './identity.ts';
import { isJwt } from './jwt.ts';
import { actorOf, type PartyRules } from './parties.ts';
import { type AnswerCacheOptions, remembering } from './remote-check.ts';

export interface IntrospectionOptions extends PartyRules {
  /** The introspection endpoint. */
  readonly endpoint: string;
  /** Whose tokens these are: what the identity names as issuer. An answer that names another one is refused. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** How the client shows its secret; default `basic`. */
  readonly clientAuthentication?: 'basic' | 'post' | undefined;
  /** Whom tokens have to be for: one of these. `any` where the issuer says it of none of its tokens. */
  readonly audience: string | readonly string[];
  /** Ask about signed tokens too; default false: they are for a checker of their issuer's keys. */
  readonly signedToo?: boolean | undefined;
  readonly cache?: AnswerCacheOptions | undefined;
  readonly http?: HttpOptions | undefined;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

const answer = z.looseObject({
  active: z.literal(true),
  sub: z.string().optional(),
  client_id: z.string().optional(),
  iss: z.string().optional(),
  aud: z.union([z.string(), z.array(z.string())]).optional(),
  jti: z.string().optional(),
  exp: z.number().optional(),
  nbf: z.number().optional(),
  username: z.string().optional(),
});

/** Throws IdentityError `invalid-options`. */
export function createIntrospectionChecker(options: IntrospectionOptions): Checker {
  const { now = Date.now, http = {} } = options;
  const url = addressOption('endpoint', options.endpoint);
  if (options.clientId === '' || options.clientSecret === '') {
    throw new IdentityError('invalid-options', 'clientId, clientSecret: expected both: who asks has to say who it is');
  }
  const ask = async (token: string): Promise<VerifiedIdentity> => {
    const reply = await requestJson(url, { method: 'POST', ...requestOf(token, options) }, http);
    return read(reply, options, now());
  };
  const check = remembering(ask, options.cache ?? {}, now);
  return {
    accepts: presented => presented.kind === 'token' && (options.signedToo === true || !isJwt(presented.token)),
    check: async presented => {
      if (presented.kind === 'token') return check(presented.token);
      throw new IdentityError('unsupported', `found a ${presented.kind}, expected a token`);
    },
    close: () => {},
  };
}

function requestOf(token: string, { clientId, clientSecret, clientAuthentication }: IntrospectionOptions) {
  const form = new URLSearchParams({ token, token_type_hint: 'access_token' });
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
  if (clientAuthentication === 'post') {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  } else {
    // RFC 6749, 2.3.1: both are form-encoded before they become user and password.
    const pair = [clientId, clientSecret].map(text => new URLSearchParams({ '': text }).toString().slice(1)).join(':');
    headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
  }
  return { headers, body: form.toString() };
}

function read({ status, body }: JsonAnswer, options: IntrospectionOptions, nowMs: number): VerifiedIdentity {
  const { issuer, endpoint } = options;
  const host = new URL(endpoint).origin;
  if (status === 401 || status === 403)
    throw new IdentityError('unavailable', `${host} does not take our client's secret`);
  const active = typeof body === 'object' && body !== null && 'active' in body ? body.active : undefined;
  if (status !== 200 || typeof active !== 'boolean') {
    throw new IdentityError('unavailable', `${host} answered ${status} without saying whether the token holds`);
  }
  if (!active) throw new IdentityError('inactive', `${issuer} says that the token does not hold`);
  const parsed = answer.safeParse(body);
  if (!parsed.success) throw new IdentityError('unavailable', `${host} answered in another form than RFC 7662's`);
  const claims = parsed.data;
  checkAnswer(claims, options, nowMs);
  const subject = identifier(claims.sub ?? claims.client_id, 'sub');
  const named = { issuer, subject, claims: { preferred_username: claims.username, ...claims } };
  const credential = { method: 'introspection', keyId: [claims.jti].find(isIdentifier), checkedAt: nowMs * 1000 };
  return {
    attribution: 'verified',
    actor: actorOf(named, options, credential),
    attributes: attributesOf({ 'oauth.client': claims.client_id, 'oauth.scope': claims.scope }),
    expiresAt: claims.exp === undefined ? undefined : claims.exp * 1000,
  };
}

/** What RFC 7662, 4 leaves to who asks. */
function checkAnswer(claims: z.output<typeof answer>, options: IntrospectionOptions, nowMs: number): void {
  const { issuer, audience } = options;
  const seconds = nowMs / 1000;
  if (claims.iss !== undefined && claims.iss !== issuer) {
    throw new IdentityError('wrong-issuer', `the token is not of ${issuer}`);
  }
  if (claims.exp !== undefined && claims.exp <= seconds) throw new IdentityError('expired', 'the token has expired');
  if (claims.nbf !== undefined && claims.nbf > seconds + 10) {
    throw new IdentityError('not-yet-valid', 'the token does not hold yet');
  }
  const wanted = [audience].flat();
  const found = [claims.aud ?? []].flat();
  if (!wanted.includes('any') && !found.some(one => wanted.includes(one))) {
    throw new IdentityError('wrong-audience', `the token is not for ${wanted.join(' or ')}`);
  }
}
