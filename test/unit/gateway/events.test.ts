// `POST /v1/events`: every status, who is named as acting, and that no body makes the gateway fail.

import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { gatewaySettings } from '../../../producers/gateway/http/settings.ts';
import { IdentityError } from '../../../producers/identity/index.ts';
import { world } from './world.ts';

const event = { action: 'invoice.cancel', target: { type: 'invoice', id: 'i-7' } };

test('an event is recorded under the identity of the credential', async () => {
  const { audit, post, stored } = await world();
  const answer = await post({ ...event, occurredAt: '2026-01-05T12:00:00Z', attributes: { 'api-key.owner': 'me' } });
  expect(answer.statusCode).toBe(202);
  expect(answer.json()).toEqual({ results: [{ id: audit.events[0]?.id, status: 'accepted' }] });
  expect(audit.events).toMatchObject([
    {
      action: 'invoice.cancel',
      occurredAt: new Date('2026-01-05T12:00:00Z'),
      actor: { kind: 'machine', id: 'service/billing', credential: { method: 'api-key', keyId: stored.id } },
      attributes: { 'api-key.owner': 'u-7' },
    },
  ]);
});

test('an actor in the body is whom the caller says that it acts for', async () => {
  const { audit, post } = await world();
  await post({ ...event, actor: { kind: 'human', id: 'u-1' }, attributes: { 'gateway.asserted-actor': 'nobody' } });
  await post({ ...event, actor: { kind: 'machine', id: 'service/billing' } });
  expect(audit.events[0]?.actor).toMatchObject({ id: 'service/billing', onBehalfOf: [{ kind: 'human', id: 'u-1' }] });
  expect(audit.events[0]?.attributes).toMatchObject({ 'gateway.asserted-actor': 'u-1' });
  expect(audit.events[1]?.actor?.onBehalfOf ?? []).toEqual([]);
  const credential = { method: 'oidc', issuer: 'https://login.example.com' };
  const forged = await post({ ...event, actor: { kind: 'human', id: 'u-1', credential } });
  expect(forged.statusCode).toBe(422);
  expect(audit.events).toHaveLength(2);
});

test('a list has a result for each event', async () => {
  const { post } = await world();
  const some = await post([event, { action: 'Nonsense', target: event.target }, event]);
  expect(some.statusCode).toBe(207);
  const refused = {
    status: 'refused',
    problems: [{ field: 'action', found: '"Nonsense"', expected: expect.any(String) }],
  };
  expect(some.json().results).toMatchObject([{ status: 'accepted' }, refused, { status: 'accepted' }]);
  const none = await post([{ action: 'Nonsense', target: event.target }]);
  expect(none).toMatchObject({
    statusCode: 422,
    headers: { 'content-type': expect.stringMatching(/^application.problem.json/) },
  });
  expect(none.json()).toMatchObject({ type: 'about:blank', status: 422, results: [refused] });
});

test('what is no request for events is a problem that says what is expected', async () => {
  const { app, post, audit } = await world();
  let nested: unknown = 1;
  for (let depth = 0; depth < 40; depth += 1) nested = [nested];
  const cases: [number, ReturnType<typeof post>][] = [
    [400, post('{"action":')],
    [400, post('')],
    [400, post('7')],
    [400, post([])],
    [400, post({ ...event, attributes: { nested } })],
    [400, post(event, { 'idempotency-key': 'with space' })],
    [401, post(event, { authorization: '' })],
    [401, post(event, { authorization: 'Bearer tmk_nonsense' })],
    [401, post(event, { authorization: 'Basic dXNlcjpwYXNz' })],
    [413, post([event, event, event, event])],
    [413, post({ ...event, reason: 'x'.repeat(30_000) })],
    [415, post(event, { 'content-type': 'text/plain' })],
    [404, app.inject({ url: '/v1/nothing' }).then(answer => answer)],
  ];
  for (const [status, asked] of cases) {
    const answer = await asked;
    expect(answer.json()).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
    expect(answer).toMatchObject({
      statusCode: status,
      headers: { 'content-type': expect.stringMatching(/^application.problem.json/) },
    });
    expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
  }
  expect(audit.events).toEqual([]);
});

test('a role that is demanded, a rate, and an issuer that does not answer', async () => {
  const role = await world({ role: 'auditor' });
  expect((await role.post(event)).statusCode).toBe(403);
  const time = { now: 0 };
  const limited = await world({ rate: 1, now: () => time.now });
  expect((await limited.post([event, event, event])).statusCode).toBe(202);
  const over = await limited.post([event, event]);
  expect(over).toMatchObject({ statusCode: 429, headers: { 'retry-after': '2' } });
  time.now = 2000;
  expect((await limited.post([event, event])).statusCode).toBe(202);
  const check = async () => {
    throw new IdentityError('unavailable', 'the issuer does not answer');
  };
  const away = await world({}, [{ accepts: () => true, check, close: () => undefined }]);
  const answer = await away.post(event, { authorization: 'Bearer abc' });
  expect(answer).toMatchObject({ statusCode: 503, headers: { 'retry-after': '5' } });
});

test('what Kafka does not acknowledge is 503, and may be sent again under its key', async () => {
  const { audit, post } = await world();
  audit.away = true;
  const key = { 'idempotency-key': 'k-1' };
  const answer = await post(event, key);
  expect(answer).toMatchObject({ statusCode: 503, headers: { 'retry-after': '5' } });
  expect(answer.json().results).toMatchObject([{ status: 'not-recorded' }]);
  audit.away = false;
  expect((await post(event, key)).statusCode).toBe(202);
});

test('a key answers once for a body, with ids that another instance gives as well', async () => {
  const { audit, post } = await world();
  const key = { 'idempotency-key': 'k-1' };
  const [first, again] = await Promise.all([post([event, event], key), post([event, event], key)]);
  expect(again.json()).toEqual(first.json());
  expect(audit.events).toHaveLength(2);
  expect((await post(event, key)).statusCode).toBe(422);
  const other = await world();
  expect((await other.post([event, event], key)).json()).toEqual(first.json());
});

test('a delivery of GitHub is recorded once where its signature is right', async () => {
  const { app, audit } = await world({ githubSecret: 'a secret' });
  const deliver = (payload: string, headers: Record<string, string> = {}, secret = 'a secret') => {
    const signature = `sha256=${createHmac('sha256', secret).update(payload).digest('hex')}`;
    const delivery = { 'x-hub-signature-256': signature, 'x-github-event': 'star', 'x-github-delivery': 'd-1' };
    const all = { 'content-type': 'application/json', ...delivery, ...headers };
    return app.inject({ method: 'POST', url: '/v1/webhooks/github', headers: all, payload });
  };
  const body = JSON.stringify({ action: 'created', sender: { id: 12, type: 'User', login: 'octocat' } });
  expect((await deliver(body)).statusCode).toBe(202);
  expect((await deliver(body)).statusCode).toBe(202);
  expect(audit.events).toMatchObject([{ actor: { kind: 'human', id: 'github:12' }, request: { id: 'd-1' } }]);
  expect(audit.events).toHaveLength(1);
  expect((await deliver(body, {}, 'another')).statusCode).toBe(401);
  expect((await deliver(body, { 'x-hub-signature-256': '' })).statusCode).toBe(401);
  expect((await deliver(body, { 'x-github-delivery': '' })).statusCode).toBe(400);
  expect((await deliver('{')).statusCode).toBe(400);
  expect((await deliver(body, { 'content-type': 'text/plain' })).statusCode).toBe(415);
  expect(audit.events).toHaveLength(1);
});

test('settings say all that is wrong with them', () => {
  const env = { TIDEMARK_GATEWAY_PORT: 'http', TIDEMARK_OIDC_AUDIENCE: 'audit' };
  expect(() => gatewaySettings(env)).toThrow(
    /^3 settings[\s\S]*TIDEMARK_API_KEYS[\s\S]*OIDC_ISSUER[\s\S]*GATEWAY_PORT/,
  );
  expect(gatewaySettings({ TIDEMARK_API_KEYS: 'keys.yaml' })).toMatchObject({ maxEvents: 512, oidc: undefined });
});
