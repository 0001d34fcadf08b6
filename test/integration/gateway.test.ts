// The gateway as a program: started as an operator starts it, asked as any language asks it, read from the raw topic.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { generatePem } from '../../core/edge/crypto.ts';
import { SOURCE_HEADER } from '../../core/proof/source.ts';
import { createAuditor } from '../../producers/sdk/index.ts';
import { createFresh } from '../stack.ts';
import { temporaryFolder } from '../temporary.ts';
import { AUDIENCE } from '../unit/identity/issuer.ts';
import { startProvider } from '../unit/identity/provider.ts';
import { billingKey, startGateway } from './gateway-program.ts';
import { readRaw } from './sdk-topic.ts';

test('events that are posted are in the topic under the identity that was checked', async () => {
  const { raw } = await createFresh();
  const { file, key, stored, actor } = billingKey();
  const { url, exit, stop } = await startGateway({
    TIDEMARK_RAW_TOPIC: raw,
    TIDEMARK_API_KEYS: file,
    TIDEMARK_SOURCE_KEY: generatePem(),
  });
  const body = JSON.stringify({ action: 'invoice.cancel', target: { type: 'invoice', id: 'i-7' } });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}`, 'idempotency-key': 'k-1' };
  const post = () => fetch(`${url}/v1/events`, { method: 'POST', headers, body });

  const answer = await post();
  expect(answer.status).toBe(202);
  const told: unknown = await answer.json();
  expect(await (await post()).json()).toEqual(told);
  expect((await fetch(`${url}/v1/events`, { method: 'POST', body })).status).toBe(401);
  stop();
  expect(await exit).toEqual([0, null]);

  const records = await readRaw(raw, 2);
  for (const { headers } of records) expect(headers[SOURCE_HEADER]).toMatch(/^tidemark-source\/1\ngateway\n/);
  const [record, close] = records.map(({ event }) => event);
  expect(told).toEqual({ results: [{ id: record?.id, status: 'accepted' }] });
  expect(record).toMatchObject({
    action: 'invoice.cancel',
    actor: { ...actor, credential: { method: 'api-key', subject: 'service/billing', keyId: stored.id } },
  });
  expect(close?.action).toBe('audit.close');
});

test('with a catalogue of actions, what is not as it declares is refused by the rule that it breaks', async () => {
  const { raw } = await createFresh();
  const { file, key } = billingKey();
  const actions = join(temporaryFolder(), 'actions.yaml');
  const declared = '{ targets: [invoice], required: [reason], by: { kinds: [machine] } }';
  writeFileSync(actions, `catalogue: 1\nactions:\n  invoice.cancel: ${declared}\n`);
  const { url, exit, stop } = await startGateway({
    TIDEMARK_RAW_TOPIC: raw,
    TIDEMARK_API_KEYS: file,
    TIDEMARK_ACTIONS: actions,
  });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const post = async (event: object) => {
    const answer = await fetch(`${url}/v1/events`, { method: 'POST', headers, body: JSON.stringify(event) });
    const { results } = (await answer.json()) as { results: { problems?: { rule?: string }[] }[] };
    return [answer.status, ...results.flatMap(({ problems = [] }) => problems.map(({ rule }) => rule))];
  };
  const cancel = { action: 'invoice.cancel', target: { type: 'invoice', id: 'i-7' }, reason: 'paid twice' };
  expect(await post(cancel)).toEqual([202]);
  expect(await post({ ...cancel, reason: undefined })).toEqual([422, 'invoice.cancel/required']);
  expect(await post({ ...cancel, action: 'invoice.shred' })).toEqual([422, 'declared']);
  stop();
  expect(await exit).toEqual([0, null]);
  const [record] = await readRaw(raw, 2);
  expect(record?.event.targets[0]).toMatchObject({ type: 'invoice', id: 'i-7' });
});

test('with a spool the answer is 202 while Kafka is away, and the next gateway sends what one that was killed has left', async () => {
  const { raw } = await createFresh();
  const { file, key } = billingKey();
  const spool = join(temporaryFolder(), 'spool');
  const env = { TIDEMARK_RAW_TOPIC: raw, TIDEMARK_API_KEYS: file, TIDEMARK_GATEWAY_SPOOL: spool };
  const first = await startGateway({ ...env, KAFKA_BROKERS: '127.0.0.1:1' });
  const answer = await fetch(`${first.url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ action: 'invoice.cancel', target: { type: 'invoice', id: 'i-7' } }),
  });
  const { results }: { results: { id: string }[] } = JSON.parse(await answer.text());
  expect([answer.status, results]).toEqual([202, [{ id: expect.any(String), status: 'accepted' }]]);
  first.stop('SIGKILL');
  await first.exit;

  const second = await startGateway(env);
  const [record] = await readRaw(raw, 1);
  expect(record?.event.id).toBe(results[0]?.id);
  second.stop();
  expect(await second.exit).toEqual([0, null]);
});

test('a token of a real OpenID provider is in the topic as the actor who was checked', async () => {
  const { raw } = await createFresh();
  vi.spyOn(console, 'warn').mockReturnValue(); // that its storage is not for production
  const provider = await startProvider();
  onTestFinished(() => provider.web.down());
  const env = { TIDEMARK_OIDC_ISSUER: provider.issuer, TIDEMARK_OIDC_AUDIENCE: AUDIENCE };
  const { url } = await startGateway({ TIDEMARK_RAW_TOPIC: raw, ...env });
  const post = (token: string) =>
    fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ action: 'invoice.cancel', target: { type: 'invoice', id: 'i-7' } }),
    });
  expect((await post(await provider.personToken('u-1842'))).status).toBe(202);
  expect((await post(await provider.personToken('u-1', { audience: 'https://other.example.com' }))).status).toBe(401);
  const [record] = await readRaw(raw, 1);
  const credential = { method: 'oidc', issuer: provider.issuer, subject: 'u-1842' };
  expect(record?.event.actor).toMatchObject({ kind: 'human', id: 'u-1842', credential });
  expect(record?.event.actor?.credential?.checkedAt).toBeGreaterThan(0);
});

test('the SDK records by way of it, with a URL and a key', async () => {
  const { raw } = await createFresh();
  const { file, key, actor } = billingKey();
  const { url } = await startGateway({ TIDEMARK_RAW_TOPIC: raw, TIDEMARK_API_KEYS: file });
  const auditor = createAuditor({ url, apiKey: key, service: 'billing' });
  const target = (n: number) => ({ type: 'invoice', id: `i-${n}` });
  const ids = await Promise.all([0, 1, 2].map(n => auditor.record({ action: 'invoice.cancel', target: target(n) })));
  await auditor.close();
  const events = (await readRaw(raw, 3)).map(({ event }) => event);
  expect(events.map(({ id }) => id).sort()).toEqual(ids.sort());
  for (const event of events) expect(event).toMatchObject({ actor, origin: { service: 'billing' } });
});
