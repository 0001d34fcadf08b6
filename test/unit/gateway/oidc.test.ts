// Tokens of a real OpenID provider at the gateway, checked as `npm run gateway` checks them: by issuer and audience alone.

import { decodeJwt, decodeProtectedHeader, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createOidcChecker } from '../../../producers/identity/index.ts';
import { AUDIENCE } from '../identity/issuer.ts';
import { type RealProvider, startProvider } from '../identity/provider.ts';
import { world } from './world.ts';

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

const event = { action: 'invoice.cancel', target: { type: 'invoice', id: 'i-7' } };

/** A gateway of that provider's tokens; the time of its checks can be set forward. */
async function gateway() {
  const time = { later: 0 };
  const now = () => Date.now() + time.later;
  const checker = createOidcChecker({ issuer: provider.issuer, audience: AUDIENCE, now });
  onTestFinished(() => checker.close());
  const delivered: boolean[] = [];
  const onDelivery = (isDelivered: boolean) => delivered.push(isDelivered);
  const { audit, post, postTo } = await world({ onDelivery }, [checker]);
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  return {
    audit,
    time,
    delivered,
    post: (token: string, body: unknown = event) => post(body, bearer(token)),
    postTo: (url: string, token: string, body: unknown) => postTo(url, body, bearer(token)),
  };
}

test('a person, a client and an agent act under the issuer and subject that were checked, whatever the body says', async () => {
  const { audit, post, postTo } = await gateway();
  const person = await provider.personToken('u-1842');
  const said = { ...event, actor: { kind: 'human', id: 'u-1' } };
  expect((await post(person)).statusCode).toBe(202);
  expect((await post(person, said)).statusCode).toBe(202);
  expect((await post(await provider.clientToken())).statusCode).toBe(202);
  expect((await post(await provider.personToken('u-1842', { claims: { act: { sub: 'agent-7' } } }))).statusCode).toBe(
    202,
  );
  const logs = {
    resourceLogs: [
      {
        scopeLogs: [
          {
            logRecords: [
              {
                eventName: 'invoice.cancel',
                attributes: [
                  { key: 'audit.target.id', value: { stringValue: 'i-7' } },
                  { key: 'audit.target.type', value: { stringValue: 'invoice' } },
                ],
              },
            ],
          },
        ],
      },
    ],
  };
  expect((await postTo('/v1/logs', person, logs)).payload).toBe('{}');
  const credential = (subject: string) => ({ method: 'oidc', issuer: provider.issuer, subject });
  const ada = { kind: 'human', id: 'u-1842', credential: { ...credential('u-1842'), keyId: decodeJwt(person).jti } };
  expect(audit.events).toMatchObject([
    { actor: ada, attributes: { 'oauth.client': 'nightly' } },
    { actor: { ...ada, onBehalfOf: [{ id: 'u-1' }] }, attributes: { 'gateway.asserted-actor': 'u-1' } },
    { actor: { kind: 'machine', id: 'nightly', credential: credential('nightly') } },
    { actor: { id: 'agent-7', onBehalfOf: [{ kind: 'human', id: 'u-1842' }], credential: credential('agent-7') } },
    { actor: ada },
  ]);
  for (const { actor } of audit.events) expect(actor?.credential?.checkedAt).toEqual(expect.anything());
  // Nothing of a token is kept.
  expect(JSON.stringify(audit.events)).not.toContain(person.split('.')[2]);
});

test('expired, for another audience, altered, and signed by nobody: 401 each, which says why, and nothing is recorded', async () => {
  const { audit, time, post, delivered } = await gateway();
  const good = await provider.personToken('u-1', { seconds: 7200 });
  const short = await provider.personToken('u-1', { seconds: 30 });
  const elsewhere = await provider.personToken('u-1', { audience: 'https://other.example.com' });
  const claims = { ...decodeJwt(good), sub: 'root' };
  const { kid } = decodeProtectedHeader(good);
  const [header, , signature] = good.split('.');
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  time.later = 60_000;
  const cases: [string, string][] = [
    ['expired', short],
    ['wrong-audience', elsewhere],
    ['algorithm', new UnsecuredJWT(claims).encode()],
    ['algorithm', `${part({ alg: 'none', kid, typ: 'at+jwt' })}.${part(claims)}.`],
    ['bad-signature', `${header}.${part(claims)}.${signature}`],
    ['wrong-issuer', 'not.a.token'],
  ];
  for (const [code, token] of cases) {
    const answer = await post(token);
    expect(answer, code).toMatchObject({ statusCode: 401, headers: { 'www-authenticate': 'Bearer' } });
    expect(answer.json().detail).toMatch(new RegExp(`^${code}: `));
    expect(answer.body).not.toContain('root');
  }
  expect([audit.events, delivered]).toEqual([[], []]);
  expect((await post(good)).statusCode).toBe(202);
});

test('while the provider is down: 503 for keys that are not known, 202 by those that are', async () => {
  const [known, fresh] = [await gateway(), await gateway()];
  const token = await provider.personToken('u-1');
  expect((await known.post(token)).statusCode).toBe(202);
  await provider.web.down();
  try {
    expect((await known.post(token)).statusCode).toBe(202);
    const answer = await fresh.post(token);
    expect(answer).toMatchObject({ statusCode: 503, headers: { 'retry-after': '5' } });
    expect(answer.json().detail).toBe('the credential cannot be checked now');
    // It says nothing of Kafka.
    expect([fresh.audit.events, fresh.delivered]).toEqual([[], []]);
  } finally {
    await provider.web.up();
  }
});
