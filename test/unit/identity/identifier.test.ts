// Several checkers as one, what a request presents, and what is less than verified.

import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  ANONYMOUS,
  asserted,
  createApiKey,
  createIdentifier,
  createIntrospectionChecker,
  createOidcChecker,
  createReplayMemory,
  IdentityError,
  openApiKeyChecker,
  type Presented,
  presentedBy,
} from '../../../producers/identity/index.ts';
import { temporaryFolder } from '../../temporary.ts';
import { anEvent, fakeAuditor } from '../sdk/fake-transport.ts';
import { AUDIENCE, newKey, startIssuer } from './issuer.ts';
import { startWeb } from './web.ts';

const inAnHour = () => Date.now() + 3_600_000;

/** Two issuers of signed tokens, one of opaque ones, and API keys. */
async function world() {
  const [first, second] = [await startIssuer(), await startIssuer()];
  const web = await startWeb((request, response) => {
    let body = '';
    request.on('data', part => (body += part));
    request.on('end', () => {
      const token = new URLSearchParams(body).get('token') ?? '';
      // Whatever an issuer says, even the token itself.
      response.writeHead(token.startsWith('broken') ? 500 : 200);
      response.end(JSON.stringify({ active: token.startsWith('good'), sub: 'u-3', aud: AUDIENCE, error: token }));
    });
  });
  const file = join(temporaryFolder(), 'keys.yaml');
  const actor = { kind: 'machine' as const, id: 'service/billing' };
  const { key } = createApiKey(file, { actor, owner: 'u-77', roles: [], by: 'u-9', expiresAt: inAnHour() }, Date.now());
  const identifier = createIdentifier([
    createOidcChecker({ issuer: first.url, audience: AUDIENCE, once: true }),
    createOidcChecker({ issuer: second.url, audience: AUDIENCE }),
    createIntrospectionChecker({
      endpoint: `${web.url}/introspect`,
      issuer: web.url,
      audience: AUDIENCE,
      clientId: 'resource',
      clientSecret: 'client-secret-of-ours',
      clientAuthentication: 'post',
    }),
    await openApiKeyChecker({ file }),
  ]);
  return { first, second, web, key, identifier };
}

test('each credential goes to the checker of its kind and issuer', async () => {
  const { first, second, web, key, identifier } = await world();
  const identify = (presented: Presented) => identifier.identify(presented);
  const seen = [
    await identify({ kind: 'token', token: await first.mint() }),
    await identify({ kind: 'token', token: await second.mint() }),
    await identify({ kind: 'token', token: 'good-opaque-token' }),
    await identify({ kind: 'api-key', key }),
  ].map(({ attribution, actor }) => [attribution, actor?.credential?.method, actor?.credential?.issuer]);
  expect(seen).toEqual([
    ['verified', 'oidc', first.url],
    ['verified', 'oidc', second.url],
    ['verified', 'introspection', web.url],
    ['verified', 'api-key', undefined],
  ]);
  identifier.close();
});

test('no credential is anonymous; one that fails is an error and never anonymous', async () => {
  const { first, identifier } = await world();
  const stranger = await startIssuer();
  expect(await identifier.identify(undefined)).toEqual(ANONYMOUS);
  await expect(identifier.identify({ kind: 'token', token: await stranger.mint() })).rejects.toMatchObject({
    code: 'wrong-issuer',
    disposition: 'refuse',
  });
  await first.web.down();
  await expect(identifier.identify({ kind: 'token', token: await first.mint() })).rejects.toMatchObject({
    code: 'unavailable',
    disposition: 'retry',
  });
  await expect(createIdentifier([]).identify({ kind: 'api-key', key: 'x' })).rejects.toMatchObject({
    code: 'unsupported',
  });
  identifier.close();
});

test('what is merely said is asserted, and was checked by nobody', () => {
  const credential = { method: 'oidc', issuer: 'https://login.example.com', checkedAt: 1 };
  expect(asserted({ kind: 'human', id: 'u-1', roles: ['admin'], credential })).toEqual({
    attribution: 'asserted',
    actor: {
      kind: 'human',
      id: 'u-1',
      roles: ['admin'],
      credential: { method: 'oidc', issuer: 'https://login.example.com' },
    },
    attributes: {},
  });
  expect(asserted({ kind: 'human', id: 'u-1' }).actor).toEqual({ kind: 'human', id: 'u-1' });
});

describe('what a request presents', () => {
  test.each([
    [{}, undefined],
    [{ authorization: '' }, undefined],
    [{ authorization: 'Bearer abc.def' }, { kind: 'token', token: 'abc.def' }],
    [{ authorization: 'bearer  abc' }, { kind: 'token', token: 'abc' }],
    [{ authorization: 'Bearer tmk_abc' }, { kind: 'api-key', key: 'tmk_abc' }],
    [{ 'x-api-key': 'whatever' }, { kind: 'api-key', key: 'whatever' }],
  ])('%o', (headers, presented) => {
    expect(presentedBy({ headers })).toEqual(presented);
  });

  test.each([
    [{ authorization: 'Basic dTpw' }, 'unsupported'],
    [{ authorization: 'Bearer' }, 'unsupported'],
    [{ authorization: 'Bearer a b' }, 'unsupported'],
    [{ authorization: 'Bearer a', 'x-api-key': 'b' }, 'malformed'],
    [{ 'x-api-key': ['a', 'b'] }, 'malformed'],
  ])('%o is refused', (headers, code) => {
    expect(() => presentedBy({ headers })).toThrow(expect.objectContaining({ code }));
  });
});

describe('a memory of tokens for one use', () => {
  test('is bounded, and when it is full refuses rather than forgets', () => {
    let now = 1000;
    const memory = createReplayMemory(2, () => now);
    expect(memory.use('a', 5000)).toBe(true);
    expect(memory.use('b', 6000)).toBe(true);
    expect(() => memory.use('c', 7000)).toThrow(expect.objectContaining({ code: 'unavailable' }));
    expect(memory.use('a', 5000)).toBe(false);
    now = 5001;
    expect(memory.use('c', 7000)).toBe(true);
    expect(memory.use('b', 6000)).toBe(false);
  });

  test('may be shared by instances', async () => {
    const issuer = await startIssuer();
    const used = new Set<string>();
    const once = { use: async (id: string) => !used.has(id) && used.add(id).has(id) };
    const [one, two] = [0, 1].map(() => createOidcChecker({ issuer: issuer.url, audience: AUDIENCE, once }));
    const presented = { kind: 'token' as const, token: await issuer.mint() };
    expect(await one?.check(presented)).toMatchObject({ attribution: 'verified' });
    await expect(two?.check(presented)).rejects.toMatchObject({ code: 'replayed' });
  });
});

describe('nothing of a credential is left', () => {
  afterEach(() => vi.restoreAllMocks());

  test('not in identities, errors, events, nor on the standard streams, whatever happens', async () => {
    const written: string[] = [];
    const spies = [process.stdout, process.stderr].map(stream =>
      vi.spyOn(stream, 'write').mockImplementation(text => written.push(String(text)) > 0),
    );
    const { first, second, web, key, identifier } = await world();
    const claims = { email: 'ada@example.com' };
    const [header = '', payload = '', signature = ''] = (await first.mint(claims)).split('.');
    const replayed = await first.mint(claims);
    const tokens = [
      replayed,
      replayed,
      await second.mint({ ...claims, exp: 1_000_000_000 }),
      await second.mint({ ...claims, aud: 'other' }),
      await second.mint({ ...claims, sub: 'x'.repeat(600) }),
      await second.mint({ ...claims, act: { sub: '' } }),
      await second.mint(claims, { kid: 'unknown-kid' }),
      await second.mint(claims, {}, await newKey('first')),
      `${header}.${payload}.${signature.slice(2)}`,
      `${header}.${payload}`,
      `${header}.${payload.slice(1)}.${signature}`,
      'good-opaque-token-1',
      'bad-opaque-token-2',
      'broken-opaque-token-3',
      'no token at all',
    ];
    const keys = [key, `${key.slice(0, -1)}!`, key.replace(/.{10}$/, '0123456789'), 'tmk_short'];
    const presented: Presented[] = [
      ...tokens.map(token => ({ kind: 'token' as const, token })),
      ...keys.map(one => ({ kind: 'api-key' as const, key: one })),
    ];
    const seen: unknown[] = [];
    const { auditor, transport } = fakeAuditor();
    const identifyAndRecord = async (one: Presented) => {
      try {
        const { attribution: _, expiresAt: __, ...rest } = await identifier.identify(one);
        await auditor.record({ ...anEvent(), ...rest });
        return rest;
      } catch (error) {
        return error;
      }
    };
    for (const one of presented) seen.push(await identifyAndRecord(one));
    await web.down();
    seen.push(await identifyAndRecord({ kind: 'token', token: 'bad-opaque-token-4' }));
    for (const spy of spies) spy.mockRestore();

    expect(seen.filter(one => one instanceof IdentityError).length).toBeGreaterThan(14);
    expect(transport.taken).toHaveLength(3);
    const text = [
      ...seen.map(one => inspect(one, { depth: 20, showHidden: true })),
      ...seen.map(one => JSON.stringify(one)),
      ...seen.map(one => (one instanceof Error ? `${one.stack} ${String(one.cause)}` : '')),
      inspect(transport.taken, { depth: 20 }),
      ...transport.taken.map(({ message }) => message.datum.toString('latin1')),
      inspect(identifier, { depth: 20, showHidden: true }),
      written.join(''),
    ].join('\n');
    const secrets = [
      ...tokens.flatMap(token => token.split('.').filter(part => part.length > 12 && part !== header)),
      ...keys.flatMap(one => one.split('_')[2] ?? []),
      'bad-opaque-token-4',
      'client-secret-of-ours',
      'ada@example.com',
    ];
    expect(secrets.length).toBeGreaterThan(30);
    expect(secrets.filter(secret => text.includes(secret))).toEqual([]);
    identifier.close();
  });
});
