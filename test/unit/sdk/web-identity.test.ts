// Plugins with the checks of producers/identity: a real API key, shown to Fastify and to Hono.
import { join } from 'node:path';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { expect, onTestFinished, test } from 'vitest';
import { createApiKey, createIdentifier, openApiKeyChecker, presentedBy } from '../../../producers/identity/index.ts';
import * as forFastify from '../../../producers/sdk/fastify.ts';
import * as forHono from '../../../producers/sdk/hono.ts';
import { createTestAuditor } from '../../../producers/sdk/testing/index.ts';
import '../../../producers/sdk/testing/vitest.ts';
import { temporaryFolder } from '../../temporary.ts';

const route = { action: 'account.close', target: () => ({ type: 'account', id: '42' }), requireActor: true };

async function keys() {
  const file = join(temporaryFolder(), 'keys.yaml');
  const actor = { kind: 'machine', id: 'service/billing' } as const;
  const grant = { actor, owner: 'u-1', roles: ['writer'], by: 'u-1', expiresAt: Date.now() + 3_600_000 };
  const { key } = createApiKey(file, grant, Date.now());
  const identifier = createIdentifier([await openApiKeyChecker({ file })]);
  onTestFinished(() => identifier.close());
  return { key, identifier };
}

/** What a known key, a forged one and none get, and what is recorded of it. */
async function expectChecked(
  ask: (authorization?: string) => Promise<number>,
  audit: ReturnType<typeof createTestAuditor>,
  key: string,
) {
  expect(await ask(`Bearer ${key}`)).toBe(200);
  const actor = {
    kind: 'machine',
    id: 'service/billing',
    roles: ['writer'],
    credential: { method: 'api-key', checkedAt: expect.any(Number) },
  };
  expect(audit).toHaveRecorded({ action: 'account.close', outcome: 'success', actor });
  const forged = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
  expect(await ask(`Bearer ${forged}`)).toBe(401);
  expect(audit).toHaveRecorded(
    { outcome: 'denied', actor: undefined, attributes: { 'identity.problem': expect.any(String) } },
    1,
  );
  expect(await ask()).toBe(401);
  expect(audit).toHaveRecorded({ outcome: 'denied', attributes: { 'identity.problem': undefined } }, 1);
  const told = JSON.stringify(audit.events);
  expect(told).not.toContain(key.slice(-20));
  expect(told).not.toContain(forged.slice(-20));
}

test('Fastify', async () => {
  const { key, identifier } = await keys();
  const audit = createTestAuditor();
  const app = Fastify();
  await app.register(forFastify.auditRequests, {
    audit,
    identify: request => identifier.identify(presentedBy(request)),
  });
  app.post('/', { config: { audit: route } }, async () => 'done');
  const ask = async (authorization?: string) =>
    (await app.inject({ method: 'POST', url: '/', headers: authorization === undefined ? {} : { authorization } }))
      .statusCode;
  await expectChecked(ask, audit, key);
  await app.close();
});

test('Hono', async () => {
  const { key, identifier } = await keys();
  const audit = createTestAuditor();
  const app = new Hono();
  const identify: forHono.HonoAuditOptions['identify'] = c =>
    identifier.identify(presentedBy({ headers: c.req.header() }));
  app.use(forHono.auditRequests({ audit, identify, peer: () => '192.0.2.7' }));
  app.post('/', forHono.audited(route), c => c.text('done'));
  const ask = async (authorization?: string) =>
    (await app.request('/', { method: 'POST', headers: authorization === undefined ? {} : { authorization } })).status;
  await expectChecked(ask, audit, key);
  expect(audit).toHaveRecorded({ request: { clientAddress: '192.0.2.7' } }, 3);
});
