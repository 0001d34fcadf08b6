// Signed tokens: each attack is named after what it tries.

import { CompactSign, UnsecuredJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { createOidcChecker, type OidcOptions } from '../../../producers/identity/index.ts';
import { AUDIENCE, codeOf, newKey, startIssuer } from './issuer.ts';

async function world(options: Partial<OidcOptions> = {}) {
  const time = { now: Date.UTC(2026, 0, 5, 12) };
  const issuer = await startIssuer(() => time.now);
  const checker = createOidcChecker({ issuer: issuer.url, audience: AUDIENCE, now: () => time.now, ...options });
  const check = (token: string) => codeOf(checker.check({ kind: 'token', token }));
  return { time, issuer, checker, check };
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a genuine token gives the actor, with what proved it', async () => {
  const { issuer, check, time } = await world({ roles: ['realm_access.roles', 'groups'], personal: true });
  const claims = {
    jti: 't-1',
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    sid: 's-9',
    client_id: 'web',
    scope: 'read',
  };
  const token = await issuer.mint({ ...claims, realm_access: { roles: ['admin', 'ops'] }, groups: ['ops', 7] });
  expect(await check(token)).toEqual({
    attribution: 'verified',
    actor: {
      kind: 'human',
      id: 'u-1842',
      name: 'Ada Lovelace',
      email: 'ada@example.com',
      session: 's-9',
      roles: ['admin', 'ops'],
      onBehalfOf: [],
      credential: { method: 'oidc', issuer: issuer.url, subject: 'u-1842', keyId: 't-1', checkedAt: time.now * 1000 },
    },
    attributes: { 'oauth.client': 'web', 'oauth.scope': 'read' },
    expiresAt: time.now + 300_000,
  });
});

test('what is personal is left out unless it is wanted, and an address is no id', async () => {
  const { issuer, check } = await world();
  const token = await issuer.mint({ sub: 'ada@example.com', name: 'Ada', email: 'ada@example.com', sid: 's-9' });
  const identity = await check(token);
  expect(identity).toMatchObject({ actor: { kind: 'human', id: expect.stringMatching(/^sha256:[\w-]{22}$/) } });
  expect(identity).toMatchObject({ actor: { credential: { subject: 'ada@example.com' } } });
  expect(identity).not.toHaveProperty('actor.name');
  expect(identity).not.toHaveProperty('actor.email');
  expect(identity).not.toHaveProperty('actor.session');
});

test('a client on its own is a machine', async () => {
  const { issuer, check } = await world();
  expect(await check(await issuer.mint({ sub: 'nightly', client_id: 'nightly' }))).toMatchObject({
    actor: { kind: 'machine', id: 'nightly' },
  });
});

describe('refused', () => {
  test('expired, and not before the tolerance is over', async () => {
    const { issuer, check, time } = await world({ clockToleranceSeconds: 10 });
    const token = await issuer.mint();
    time.now += 309_000;
    expect(await check(token)).toMatchObject({ attribution: 'verified' });
    time.now += 2000;
    expect(await check(token)).toBe('expired');
  });

  test('older than the options allow', async () => {
    const { issuer, check, time } = await world({ maxTokenAgeSeconds: 60 });
    const token = await issuer.mint();
    time.now += 80_000;
    expect(await check(token)).toBe('expired');
  });

  test.each([
    ['without an end', { exp: undefined }, 'wrong-claim'],
    ['without a subject', { sub: undefined }, 'wrong-claim'],
    ['with a subject of control characters', { sub: 'a\nb' }, 'wrong-claim'],
    ['with a subject longer than an event takes', { sub: 'x'.repeat(600) }, 'wrong-claim'],
    ['not yet valid', { nbf: 2_000_000_000 }, 'not-yet-valid'],
    ['of another issuer, by the same key', { iss: 'https://other.example.com' }, 'wrong-issuer'],
    ['for another audience', { aud: 'https://other.example.com' }, 'wrong-audience'],
    ['for nobody', { aud: undefined }, 'wrong-audience'],
    ['bound to a key that nobody showed', { cnf: { jkt: 'x' } }, 'unsupported'],
    ['with more roles than an event takes', { roles: Array.from({ length: 257 }, (_, n) => `r${n}`) }, 'wrong-claim'],
  ])('%s', async (_, claims, code) => {
    const { issuer, check } = await world();
    expect(await check(await issuer.mint(claims))).toBe(code);
  });

  test('an ID token where access tokens are demanded', async () => {
    const { issuer, check } = await world({ type: 'at+jwt' });
    expect(await check(await issuer.mint({}, { typ: 'JWT' }))).toBe('wrong-type');
    expect(await check(await issuer.mint({}, { typ: 'application/at+jwt' }))).toMatchObject({
      attribution: 'verified',
    });
  });

  test('alg none', async () => {
    const { issuer, check } = await world();
    const unsigned = new UnsecuredJWT({ sub: 'root' })
      .setIssuer(issuer.url)
      .setAudience(AUDIENCE)
      .setExpirationTime('1h');
    expect(await check(unsigned.encode())).toBe('algorithm');
    const [, payload] = (await issuer.mint()).split('.');
    for (const alg of ['none', 'None', 'nOnE', '']) {
      expect(['algorithm', 'malformed']).toContain(await check(`${encode({ alg, kid: 'first' })}.${payload}.`));
    }
  });

  test('HMAC with the public key as secret', async () => {
    const { issuer, check } = await world();
    const [, payload = ''] = (await issuer.mint()).split('.');
    const jwk = issuer.keys[0]?.publicJwk ?? {};
    for (const secret of [JSON.stringify(jwk), jwk.x ?? '']) {
      const forged = await new CompactSign(Buffer.from(payload, 'base64url'))
        .setProtectedHeader({ alg: 'HS256', kid: 'first' })
        .sign(Buffer.from(secret.padEnd(32, '=')));
      expect(await check(forged)).toBe('algorithm');
    }
  });

  test('forged by another key under a known id', async () => {
    const { issuer, check } = await world();
    expect(await check(await issuer.mint({}, {}, await newKey('first')))).toBe('bad-signature');
  });

  test("by an algorithm that is not the key's", async () => {
    const { issuer, check } = await world();
    expect(['unknown-key', 'algorithm']).toContain(
      await check(await issuer.mint({}, {}, await newKey('first', 'EdDSA'))),
    );
  });

  test('with a key of its own in the header, or the address of one', async () => {
    const { issuer, check } = await world();
    const own = await newKey('own');
    for (const header of [{ jwk: own.publicJwk }, { jku: `${issuer.url}/mine` }, { x5u: `${issuer.url}/mine` }]) {
      expect(await check(await issuer.mint({}, header, own))).toBe('unknown-key');
    }
    expect(issuer.web.requests).not.toContain('GET /mine');
  });

  test('with a payload that was changed, or a signature cut off', async () => {
    const { issuer, check } = await world();
    const [header, payload = '', signature = ''] = (await issuer.mint()).split('.');
    const changed = encode({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: 'root' });
    expect(await check(`${header}.${changed}.${signature}`)).toBe('bad-signature');
    expect(await check(`${header}.${payload}.`)).toBe('bad-signature');
    expect(await check(`${header}.${payload}.${signature.slice(0, -4)}`)).toBe('bad-signature');
  });

  test('an extension that is demanded and unknown', async () => {
    const { issuer, check } = await world();
    const [, payload = ''] = (await issuer.mint()).split('.');
    const [key] = issuer.keys;
    const forged = `${encode({ alg: key?.alg, kid: 'first', crit: ['x'], x: 1 })}.${payload}.AAAA`;
    expect(await check(forged)).toBe('unsupported');
  });

  test.each([
    '',
    '.',
    '..',
    'a.b',
    'a.b.c.d.e',
    'opaque',
    '*.*.*',
    `a.${'b'.repeat(20_000)}.c`,
    'e30.e30.e30',
    'bnVsbA.bnVsbA.AA',
  ])('what is no token: %#', async token => {
    const { check } = await world();
    expect(['malformed', 'algorithm']).toContain(await check(token));
  });
});

describe('options that would weaken the check', () => {
  test.each([
    [{ algorithms: ['HS256'] }, 'algorithms'],
    [{ algorithms: ['RS256', 'none'] }, 'algorithms'],
    [{ algorithms: [] }, 'algorithms'],
    [{ audience: [] }, 'audience'],
    [{ audience: '' }, 'audience'],
    [{ issuer: 'http://login.example.com' }, 'issuer'],
    [{ jwksUri: 'http://login.example.com/jwks' }, 'jwksUri'],
  ])('%o', (options, name) => {
    const base = { issuer: 'https://login.example.com', audience: AUDIENCE };
    expect(() => createOidcChecker({ ...base, ...options })).toThrow(
      expect.objectContaining({ code: 'invalid-options', message: expect.stringContaining(name) }),
    );
  });
});

describe('one use', () => {
  test('a token is taken once, and one that failed was not used', async () => {
    const { issuer, check, time } = await world({ once: true });
    const [first, second] = [await issuer.mint({ jti: 'a' }), await issuer.mint({ jti: 'b', aud: 'other' })];
    expect(await check(first)).toMatchObject({ attribution: 'verified' });
    expect(await check(first)).toBe('replayed');
    expect(await check(await issuer.mint({ jti: 'a', exp: Math.floor(time.now / 1000) + 200 }))).toBe('replayed');
    expect(await check(second)).toBe('wrong-audience');
    expect(await check(await issuer.mint({ jti: 'b' }))).toMatchObject({ attribution: 'verified' });
    expect(await check(await issuer.mint({ jti: undefined }))).toBe('wrong-claim');
  });

  test('of two at once one is taken', async () => {
    const { issuer, check } = await world({ once: true });
    const token = await issuer.mint();
    const results = await Promise.all([check(token), check(token), check(token)]);
    expect(results.filter(result => result === 'replayed')).toHaveLength(2);
  });

  test('it is remembered as long as clocks may differ', async () => {
    const { issuer, check, time } = await world({ once: true, clockToleranceSeconds: 10 });
    const token = await issuer.mint();
    expect(await check(token)).toMatchObject({ attribution: 'verified' });
    time.now += 309_000;
    expect(await check(token)).toBe('replayed');
  });
});

describe('keys', () => {
  test('are fetched once, also by many at the same time', async () => {
    const { issuer, check } = await world();
    const token = await issuer.mint();
    await Promise.all(Array.from({ length: 20 }, () => check(token)));
    expect(issuer.web.requests).toEqual(['GET /.well-known/openid-configuration', 'GET /jwks']);
  });

  test('that are new are found when a token names them, and those taken away end with their age', async () => {
    const { issuer, check, time } = await world();
    const old = await issuer.mint({ exp: 2_000_000_000 });
    expect(await check(old)).toMatchObject({ attribution: 'verified' });
    issuer.keys = [await newKey('second', 'RS256')];
    time.now += 31_000;
    expect(await check(old)).toMatchObject({ attribution: 'verified' });
    expect(await check(await issuer.mint())).toMatchObject({ attribution: 'verified' });
    expect(await check(old)).toBe('unknown-key');
  });

  test('that are invented cause one fetch in a cool-down', async () => {
    const { issuer, check, time } = await world();
    await check(await issuer.mint());
    time.now += 31_000;
    const before = issuer.web.requests.length;
    for (let n = 0; n < 50; n++) expect(await check(await issuer.mint({}, { kid: `x${n}` }))).toBe('unknown-key');
    expect(issuer.web.requests.slice(before).filter(one => one === 'GET /jwks')).toHaveLength(1);
  });

  test('go on for a day while the issuer is down; what is unknown is unavailable; it comes back', async () => {
    const { issuer, check, time } = await world();
    expect(await check(await issuer.mint())).toMatchObject({ attribution: 'verified' });
    const second = await newKey('second');
    await issuer.web.down();
    time.now += 3_600_000;
    expect(await check(await issuer.mint())).toMatchObject({ attribution: 'verified' });
    expect(await check(await issuer.mint({}, {}, second))).toBe('unavailable');
    time.now += 24 * 3_600_000;
    expect(await check(await issuer.mint())).toBe('unavailable');
    issuer.keys = [second];
    await issuer.web.up();
    time.now += 5000;
    expect(await check(await issuer.mint())).toMatchObject({ attribution: 'verified' });
  });

  test('of a metadata document in another name are not taken', async () => {
    const { issuer } = await world();
    const checker = createOidcChecker({ issuer: `${issuer.url}/tenant`, audience: AUDIENCE });
    expect(await codeOf(checker.check({ kind: 'token', token: await issuer.mint() }))).toBe('unavailable');
    expect(issuer.web.requests).toContain('GET /tenant/.well-known/openid-configuration');
    expect(issuer.web.requests).toContain('GET /.well-known/oauth-authorization-server/tenant');
  });
});
