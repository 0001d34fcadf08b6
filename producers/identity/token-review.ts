/**
 * Service accounts of Kubernetes by asking the API server (TokenReview, authentication.k8s.io/v1): knows of pods and
 * accounts that were deleted. Whoever asks needs the role `system:auth-delegator`.
 */
import { z } from 'zod';
import { isIdentifier } from './claims.ts';
import { IdentityError } from './error.ts';
import { addressOption, type HttpOptions, requestJson } from './http.ts';
import type { Checker, VerifiedIdentity } from './identity.ts';
import { claimedIssuer } from './jwt.ts';
import {
  checkServiceAccountRules,
  placeAttributes,
  type ServiceAccountRules,
  serviceAccount,
  serviceAccountId,
} from './kubernetes.ts';
import { type AnswerCacheOptions, remembering } from './remote-check.ts';

export interface TokenReviewOptions extends ServiceAccountRules {
  /** The API server, such as https://kubernetes.default.svc; its authority goes into `http.ca`. */
  readonly server: string;
  /** Issuer of the tokens, by which they are told from others. */
  readonly issuer: string;
  readonly audience: string | readonly string[];
  /** The token of who asks, read anew each time: projected ones are replaced within the hour. */
  readonly serverToken: () => string | Promise<string>;
  readonly cache?: AnswerCacheOptions | undefined;
  readonly http?: HttpOptions | undefined;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

const texts = z.array(z.string());
const review = z.looseObject({
  status: z.looseObject({
    authenticated: z.boolean().default(false),
    audiences: texts.default([]),
    user: z
      .looseObject({ username: z.string().default(''), extra: z.record(z.string(), texts).default({}) })
      .optional(),
  }),
});

/** Throws IdentityError `invalid-options`. */
export function createTokenReviewChecker(options: TokenReviewOptions): Checker {
  const { now = Date.now } = options;
  checkServiceAccountRules(options);
  const url = new URL('/apis/authentication.k8s.io/v1/tokenreviews', addressOption('server', options.server));
  const check = remembering(token => ask(url, token, options, now), options.cache ?? {}, now);
  return {
    accepts: presented => presented.kind === 'token' && claimedIssuer(presented.token) === options.issuer,
    check: async presented => {
      if (presented.kind === 'token') return check(presented.token);
      throw new IdentityError('unsupported', `found a ${presented.kind}, expected a token`);
    },
    close: () => {},
  };
}

async function ask(url: URL, token: string, options: TokenReviewOptions, now: () => number): Promise<VerifiedIdentity> {
  const { issuer, cluster, http = {} } = options;
  const audiences = [options.audience].flat();
  const body = JSON.stringify({
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences },
  });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${await ownToken(options)}` };
  const reply = await requestJson(url, { method: 'POST', headers, body }, http);
  const parsed = review.safeParse(reply.body);
  if (reply.status !== 201 && reply.status !== 200) {
    throw new IdentityError('unavailable', `${url.origin} answered ${reply.status} to a TokenReview`);
  }
  if (!parsed.success) throw new IdentityError('unavailable', `${url.origin} answered a TokenReview in another form`);
  const { authenticated, audiences: found, user } = parsed.data.status;
  if (!authenticated || user === undefined)
    throw new IdentityError('inactive', `${issuer} says that the token does not hold`);
  // An API server that knows nothing of audiences names none, and then the token could be for anybody.
  if (!found.some(one => audiences.includes(one))) {
    throw new IdentityError('wrong-audience', `the token is not for ${audiences.join(' or ')}`);
  }
  const account = serviceAccount(user.username, options);
  if (account === undefined) throw new IdentityError('not-allowed', 'expected the token of a service account');
  const extra = (name: string): string | undefined => user.extra[`authentication.kubernetes.io/${name}`]?.[0];
  const credential = {
    method: 'kubernetes',
    issuer,
    subject: user.username,
    keyId: [extra('credential-id')].find(isIdentifier),
  };
  return {
    attribution: 'verified',
    actor: {
      kind: 'machine',
      id: serviceAccountId(account, options),
      roles: [],
      onBehalfOf: [],
      credential: { ...credential, checkedAt: now() * 1000 },
    },
    attributes: placeAttributes(cluster, account.namespace, extra('pod-name'), extra('node-name')),
  };
}

async function ownToken({ serverToken }: TokenReviewOptions): Promise<string> {
  try {
    return await serverToken();
  } catch {
    throw new IdentityError('unavailable', 'serverToken does not give the token of who asks the API server');
  }
}
