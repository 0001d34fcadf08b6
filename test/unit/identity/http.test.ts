// Issuers that hang, say too much or the wrong thing, send elsewhere, or show a certificate of an authority of their own.

import { createServer, type Server } from 'node:https';
import { expect, onTestFinished, test } from 'vitest';
import {
  createIntrospectionChecker,
  createOidcChecker,
  createReplayMemory,
} from '../../../producers/identity/index.ts';
import { createAuthority } from './authority.ts';
import { AUDIENCE, codeOf, newKey, startIssuer } from './issuer.ts';
import { startWeb } from './web.ts';

/** What a check by an issuer at an address says of a genuine token. */
async function checkBy(url: string, http: { timeoutMs?: number; ca?: string } = {}) {
  const mint = await startIssuer();
  const checker = createOidcChecker({ issuer: url, audience: AUDIENCE, jwksUri: `${url}/jwks`, http });
  return codeOf(checker.check({ kind: 'token', token: await mint.mint({ iss: url }) }));
}

const jwks = JSON.stringify({ keys: [] });

test.each([
  ['does not answer', () => {}],
  ['stops in the middle of its answer', (response: Response) => void response.writeHead(200).write('{"keys": [')],
  ['ends the connection', (response: Response) => void response.socket?.destroy()],
  [
    'says more than keys can be',
    (response: Response) => void response.end(`{"keys":[], "x":"${'x'.repeat(2_000_000)}"}`),
  ],
  ['says no JSON', (response: Response) => void response.end('<html>')],
  ['says other JSON', (response: Response) => void response.end('[]')],
  ['is in trouble', (response: Response) => void response.writeHead(503).end(jwks)],
])('one that %s is unavailable', async (_, answer) => {
  const web = await startWeb((__, response) => answer(response));
  expect(await checkBy(web.url, { timeoutMs: 300 })).toBe('unavailable');
});

type Response = Parameters<Parameters<typeof startWeb>[0]>[1];

test('one that sends elsewhere is not followed', async () => {
  const other = await startWeb((_, response) => response.end(jwks));
  const web = await startWeb((_, response) => response.writeHead(302, { location: `${other.url}/jwks` }).end());
  expect(await checkBy(web.url)).toBe('unavailable');
  expect(other.requests).toEqual([]);
});

test('one whose metadata leads to an address in clear is not followed', async () => {
  const web = await startWeb((_, response) =>
    response.end(JSON.stringify({ issuer: web.url, jwks_uri: 'http://keys.example.com/jwks' })),
  );
  const issuer = await startIssuer();
  const checker = createOidcChecker({ issuer: web.url, audience: AUDIENCE });
  await expect(checker.check({ kind: 'token', token: await issuer.mint({ iss: web.url }) })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('without https:'),
  });
});

test('one whose metadata is in the name of another is not believed', async () => {
  const issuer = await startIssuer();
  const web = await startWeb((_, response) =>
    response.end(JSON.stringify({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` })),
  );
  const checker = createOidcChecker({ issuer: web.url, audience: AUDIENCE });
  const token = await issuer.mint({ iss: web.url });
  expect(await codeOf(checker.check({ kind: 'token', token }))).toBe('unavailable');
  expect(issuer.web.requests).toEqual([]);
});

test.each([
  ['as RFC 7662 has it', {}, 'verified'],
  ['of a client alone', { sub: undefined, client_id: 'nightly' }, 'verified'],
  ['of another issuer', { iss: 'https://other.example.com' }, 'wrong-issuer'],
  ['that does not hold yet', { nbf: 10_000_000_000 }, 'not-yet-valid'],
  ['that has expired all the same', { exp: 1_000_000_000 }, 'expired'],
  ['for nobody', { aud: undefined }, 'wrong-audience'],
  ['of nobody', { sub: undefined }, 'wrong-claim'],
  ['whose activity is a text', { active: 'true' }, 'unavailable'],
  ['without activity', { active: undefined }, 'unavailable'],
  ['with a subject that is no text', { sub: 7 }, 'unavailable'],
])('an answer about an opaque token %s', async (_, changed, expected) => {
  const web = await startWeb((__, response) =>
    response.end(JSON.stringify({ active: true, sub: 'u-1', aud: AUDIENCE, ...changed })),
  );
  const client = { clientId: 'resource', clientSecret: 'secret', issuer: 'https://login.example.com' };
  const checker = createIntrospectionChecker({ ...client, endpoint: web.url, audience: AUDIENCE });
  const found = await codeOf(checker.check({ kind: 'token', token: 'opaque' }));
  expect(typeof found === 'string' ? found : found.attribution).toBe(expected);
});

test('its certificate has to be of an authority that is known, or given', async () => {
  const [authority, other] = [await createAuthority('own'), await createAuthority('other')];
  const key = await newKey('first');
  const own = await authority.issue({ names: [{ type: 'ip', value: '127.0.0.1' }] });
  const server: Server = createServer(own, (_, response) => response.end(JSON.stringify({ keys: [key.publicJwk] })));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });
  const address = server.address();
  const issuer = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const mint = await startIssuer();
  const token = await mint.mint({ iss: issuer }, {}, key);
  const check = (ca?: string) => {
    const checker = createOidcChecker({ issuer, audience: AUDIENCE, jwksUri: `${issuer}/jwks`, http: { ca } });
    return codeOf(checker.check({ kind: 'token', token }));
  };
  expect(await check()).toBe('unavailable');
  expect(await check(other.cert)).toBe('unavailable');
  expect(await check(authority.cert)).toMatchObject({ attribution: 'verified' });
});

test('a shared memory that does not answer makes nothing unique', async () => {
  const issuer = await startIssuer();
  const memory = createReplayMemory();
  let isDown = true;
  const once = {
    use: async (id: string, endsAt: number) => {
      if (isDown) throw new Error(`the store is down: ${id}`);
      return memory.use(id, endsAt);
    },
  };
  const checker = createOidcChecker({ issuer: issuer.url, audience: AUDIENCE, once });
  const token = await issuer.mint();
  expect(await codeOf(checker.check({ kind: 'token', token }))).toBe('unavailable');
  isDown = false;
  expect(await codeOf(checker.check({ kind: 'token', token }))).toMatchObject({ attribution: 'verified' });
});
