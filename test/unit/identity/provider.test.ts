// Against a real OpenID provider: what it signs, rotates, revokes and answers, and what happens while it is down.

import { decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createIntrospectionChecker, createOidcChecker } from '../../../producers/identity/index.ts';
import { AUDIENCE, codeOf, newKey } from './issuer.ts';
import { type RealProvider, rsaKey, startProvider } from './provider.ts';

let provider: RealProvider;
beforeAll(async () => {
  // It warns that its storage is not for production.
  vi.spyOn(console, 'warn').mockReturnValue();
  provider = await startProvider();
});
afterAll(async () => {
  await provider.web.down();
  vi.restoreAllMocks();
});

/** The time of the checkers can be set forward; the provider's is the machine's. */
function world() {
  const time = { later: 0 };
  const now = () => Date.now() + time.later;
  const { issuer } = provider;
  const oidc = createOidcChecker({
    issuer,
    audience: AUDIENCE,
    type: 'at+jwt',
    algorithms: ['RS256'],
    once: true,
    now,
  });
  const asking = { issuer, audience: AUDIENCE, clientId: 'resource', clientSecret: provider.client.clientSecret, now };
  const opaque = createIntrospectionChecker({ ...asking, endpoint: `${issuer}/token/introspection` });
  return {
    time,
    asking,
    signed: (token: string) => codeOf(oidc.check({ kind: 'token', token })),
    opaque: (token: string) => codeOf(opaque.check({ kind: 'token', token })),
  };
}

describe('signed tokens', () => {
  test('of a client, by its own grant', async () => {
    const { signed } = world();
    const token = await provider.clientToken();
    expect(decodeProtectedHeader(token)).toMatchObject({ typ: 'at+jwt', alg: 'RS256' });
    expect(await signed(token)).toMatchObject({
      actor: { kind: 'machine', id: 'nightly', credential: { issuer: provider.issuer, keyId: decodeJwt(token).jti } },
      attributes: { 'oauth.client': 'nightly', 'oauth.scope': 'audit' },
    });
  });

  test('of a person, and of an agent for a person', async () => {
    const { signed } = world();
    expect(await signed(await provider.personToken('u-1842'))).toMatchObject({
      actor: { kind: 'human', id: 'u-1842' },
    });
    const claims = { act: { sub: 'agent-7' } };
    expect(await signed(await provider.personToken('u-1842', { claims }))).toMatchObject({
      actor: { kind: 'machine', id: 'agent-7', onBehalfOf: [{ kind: 'human', id: 'u-1842' }] },
    });
  });

  test('expired, for another audience, replayed', async () => {
    const { signed, time } = world();
    const [short, used] = [await provider.personToken('u-1', { seconds: 30 }), await provider.personToken('u-1')];
    expect(await signed(used)).toMatchObject({ attribution: 'verified' });
    expect(await signed(used)).toBe('replayed');
    expect(await signed(await provider.personToken('u-1', { audience: 'https://other.example.com' }))).toBe(
      'wrong-audience',
    );
    time.later = 60_000;
    expect(await signed(short)).toBe('expired');
  });

  test('forged: its claims signed by another key, or by none', async () => {
    const { signed } = world();
    const genuine = await provider.personToken('u-1');
    const claims = { ...decodeJwt(genuine), sub: 'root' };
    const { kid = '' } = decodeProtectedHeader(genuine);
    const { privateKey } = await newKey(kid, 'RS256');
    const forged = new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid, typ: 'at+jwt' });
    expect(await signed(await forged.sign(privateKey))).toBe('bad-signature');
    expect(await signed(new UnsecuredJWT(claims).encode())).toBe('algorithm');
    const [, payload] = genuine.split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'none', kid, typ: 'at+jwt' })).toString('base64url');
    expect(await signed(`${header}.${payload}.`)).toBe('algorithm');
  });

  test('by rotated keys: the new one is found, the old one ends, and cached ones go on while the provider is down', async () => {
    const { signed, time } = world();
    const [first, second, third] = [rsaKey('rotated-1'), rsaKey('rotated-2'), rsaKey('rotated-3')];
    provider.rotate([first]);
    expect(await signed(await provider.personToken('u-1'))).toMatchObject({ attribution: 'verified' });
    const late = await provider.personToken('u-1', { seconds: 7200 });
    time.later = 60_000;
    // The new key signs, the old one is still published.
    provider.rotate([second, first]);
    expect(await signed(await provider.personToken('u-1'))).toMatchObject({ attribution: 'verified' });
    time.later = 120_000;
    provider.rotate([second]);
    const known = await provider.personToken('u-2', { seconds: 7200 });
    time.later = 1_000_000;
    expect(await signed(late)).toBe('unknown-key');
    provider.rotate([third, second]);
    const unknown = await provider.personToken('u-3', { seconds: 7200 });
    await provider.web.down();
    try {
      time.later = 1_700_000;
      expect(await signed(known)).toMatchObject({ attribution: 'verified' });
      expect(await signed(unknown)).toBe('unavailable');
    } finally {
      await provider.web.up();
    }
    time.later = 1_710_000;
    expect(await signed(unknown)).toMatchObject({ attribution: 'verified' });
  });
});

describe('opaque tokens', () => {
  test('of a person, asked about once in a while', async () => {
    const { opaque, time } = world();
    const token = await provider.opaqueToken('u-1842');
    const before = provider.web.requests.length;
    const results = await Promise.all([opaque(token), opaque(token)]);
    expect(results[0]).toMatchObject({
      attribution: 'verified',
      actor: {
        kind: 'human',
        id: 'u-1842',
        credential: { method: 'introspection', issuer: provider.issuer, subject: 'u-1842' },
      },
      attributes: { 'oauth.client': 'nightly' },
    });
    time.later = 20_000;
    await opaque(token);
    expect(provider.web.requests.slice(before)).toEqual(['POST /token/introspection']);
  });

  test('revoked, invented, or for another audience; a revoked one is known as long as the answer is kept', async () => {
    const { opaque, time } = world();
    const token = await provider.opaqueToken('u-1');
    expect(await opaque(token)).toMatchObject({ attribution: 'verified' });
    await provider.revoke(token);
    time.later = 29_000;
    expect(await opaque(token)).toMatchObject({ attribution: 'verified' });
    time.later = 31_000;
    expect(await opaque(token)).toBe('inactive');
    expect(await opaque('invented')).toBe('inactive');
    expect(await opaque(await provider.opaqueToken('u-1', { audience: 'https://other.example.com' }))).toBe(
      'wrong-audience',
    );
    expect(await opaque('not a token')).toBe('malformed');
  });

  test('that ends soon is not kept beyond its end', async () => {
    const { opaque, time } = world();
    const token = await provider.opaqueToken('u-1', { seconds: 10 });
    expect(await opaque(token)).toMatchObject({ attribution: 'verified' });
    time.later = 11_000;
    expect(await opaque(token)).toBe('expired');
  });

  test('while the provider is down, or does not know who asks', async () => {
    const { opaque, asking } = world();
    const [known, unknown] = [await provider.opaqueToken('u-1'), await provider.opaqueToken('u-2')];
    expect(await opaque(known)).toMatchObject({ attribution: 'verified' });
    await provider.web.down();
    try {
      expect(await opaque(known)).toMatchObject({ attribution: 'verified' });
      expect(await opaque(unknown)).toBe('unavailable');
    } finally {
      await provider.web.up();
    }
    expect(await opaque(unknown)).toMatchObject({ attribution: 'verified' });
    const endpoint = `${provider.issuer}/token/introspection`;
    const stranger = createIntrospectionChecker({ ...asking, clientSecret: 'wrong', endpoint });
    expect(await codeOf(stranger.check({ kind: 'token', token: unknown }))).toBe('unavailable');
  });
});
