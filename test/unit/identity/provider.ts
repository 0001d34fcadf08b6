// A real OpenID provider (oidc-provider) in this process: tokens, keys and introspection are its own. Its keys are rotated by another
// instance of it at the same address.

import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import type { JWK } from 'jose';
import { type Configuration, Provider } from 'oidc-provider';
import { AUDIENCE } from './issuer.ts';
import { startWeb, type Web } from './web.ts';

export interface RealProvider {
  readonly web: Web;
  readonly issuer: string;
  readonly client: { readonly clientId: string; readonly clientSecret: string };
  /** A signed token (RFC 9068) by the client credentials grant. */
  clientToken(): Promise<string>;
  /** A signed token of a person, for an audience, with further claims; it ends after so many seconds. */
  personToken(person: string, options?: TokenOptions): Promise<string>;
  /** An opaque token of a person. */
  opaqueToken(person: string, options?: TokenOptions): Promise<string>;
  /** By the person, or by whoever holds it (RFC 7009). */
  revoke(token: string): Promise<void>;
  /** The provider goes on with other keys. */
  rotate(keys: readonly JWK[]): void;
}

export interface TokenOptions {
  readonly audience?: string;
  readonly seconds?: number;
  readonly claims?: Readonly<Record<string, unknown>>;
}

export function rsaKey(kid: string): JWK {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    ...createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })).export({ format: 'jwk' }),
    kid,
    use: 'sig',
  };
}

/** Further claims of tokens. */
const further = new WeakMap<object, TokenOptions['claims']>();

const CLIENT = { clientId: 'nightly', clientSecret: 'a secret: with + signs & colons' };

export async function startProvider(): Promise<RealProvider> {
  let current: ReturnType<Provider['callback']> | undefined;
  const web = await startWeb((request, response) => void current?.(request, response), { keep: true });
  let provider = new Provider(web.url, configuration([rsaKey('one')]));
  current = provider.callback();

  const post = async (path: string, form: Record<string, string>) => {
    const { clientId, clientSecret } = CLIENT;
    const body = new URLSearchParams({ client_id: clientId, client_secret: clientSecret, ...form });
    const answer = await fetch(`${web.url}${path}`, { method: 'POST', body });
    return { status: answer.status, body: await answer.text() };
  };
  const tokenOf = async (person: string, format: 'jwt' | 'opaque', options: TokenOptions) => {
    const { audience = AUDIENCE, seconds = 300, claims } = options;
    const client = await provider.Client.find(CLIENT.clientId);
    if (client === undefined) throw new Error('the provider has no client');
    const grant = new provider.Grant({ accountId: person, clientId: client.clientId });
    const token = new provider.AccessToken({
      accountId: person,
      client,
      grantId: await grant.save(),
      gty: 'authorization_code',
      expiresWithSession: false,
      sessionUid: 'none',
      scope: 'audit',
      claims: {},
      expiresIn: seconds,
    });
    token.resourceServer = new provider.ResourceServer(audience, { ...RESOURCE, audience, accessTokenFormat: format });
    further.set(token, claims);
    return token.save();
  };
  return {
    web,
    issuer: web.url,
    client: CLIENT,
    clientToken: async () => {
      const { body } = await post('/token', { grant_type: 'client_credentials', resource: AUDIENCE, scope: 'audit' });
      return String(JSON.parse(body).access_token);
    },
    personToken: (person, options = {}) => tokenOf(person, 'jwt', options),
    opaqueToken: (person, options = {}) => tokenOf(person, 'opaque', options),
    revoke: async token => {
      const { status, body } = await post('/token/revocation', { token });
      if (status !== 200) throw new Error(body);
    },
    rotate: keys => {
      provider = new Provider(web.url, configuration(keys));
      current = provider.callback();
    },
  };
}

const RESOURCE = { scope: 'audit', accessTokenTTL: 300 };

function configuration(keys: readonly JWK[]): Configuration {
  return {
    jwks: { keys: [...keys] },
    clients: [
      {
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: 'client_secret_post',
      },
      {
        client_id: 'resource',
        client_secret: CLIENT.clientSecret,
        grant_types: [],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    ttl: { ClientCredentials: 300, Grant: 300 },
    extraTokenClaims: (_, token) => further.get(token),
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({ ...RESOURCE, audience: resource, accessTokenFormat: 'jwt' }),
      },
    },
    cookies: { keys: ['a key of this test'] },
  };
}
