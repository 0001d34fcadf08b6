// A checked identity on its way into events: the SDK's plugin on a real server, with real tokens and keys.

import { join } from 'node:path';
import Fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import {
  createApiKey,
  createIdentifier,
  createOidcChecker,
  openApiKeyChecker,
  presentedBy,
} from '../../../producers/identity/index.ts';
import { auditRequests } from '../../../producers/sdk/fastify.ts';
import { temporaryFolder } from '../../temporary.ts';
import { fakeAuditor } from '../sdk/fake-transport.ts';
import { AUDIENCE, startIssuer } from './issuer.ts';

test('a request is recorded under who was checked, and denied where the check fails', async () => {
  const issuer = await startIssuer();
  const file = join(temporaryFolder(), 'keys.yaml');
  const actor = { kind: 'machine' as const, id: 'service/shop' };
  const grant = { actor, owner: 'u-77', roles: [], by: 'u-9', expiresAt: Date.now() + 60_000 };
  const { key, stored } = createApiKey(file, grant, Date.now());
  const oidc = createOidcChecker({ issuer: issuer.url, audience: AUDIENCE });
  const identifier = createIdentifier([oidc, await openApiKeyChecker({ file })]);
  const { auditor: audit, transport } = fakeAuditor();
  const app = Fastify();
  await app.register(auditRequests, {
    audit,
    requireActor: true,
    via: 'record',
    identify: request => identifier.identify(presentedBy(request)),
  });
  const target = () => ({ type: 'account', id: '42' });
  app.post('/close', { config: { audit: { action: 'account.close', target } } }, async () => 'closed');
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(async () => {
    identifier.close();
    await app.close();
  });
  const close = async (headers: Record<string, string>) => {
    const { status } = await fetch(`${url}/close`, { method: 'POST', headers });
    return [status, transport.taken.at(-1)?.event];
  };

  const token = await issuer.mint({ act: { sub: 'agent-7' }, jti: 't-1' });
  expect(await close({ authorization: `Bearer ${token}` })).toMatchObject([
    200,
    {
      outcome: 'success',
      actor: {
        id: 'agent-7',
        onBehalfOf: [{ kind: 'human', id: 'u-1842' }],
        credential: { method: 'oidc', issuer: issuer.url, keyId: 't-1', checkedAt: expect.any(Number) },
      },
    },
  ]);
  expect(await close({ 'x-api-key': key })).toMatchObject([
    200,
    { actor: { id: 'service/shop', credential: { method: 'api-key', keyId: stored.id } } },
  ]);
  const forged = await issuer.mint({ exp: 1 });
  const denied = await close({ authorization: `Bearer ${forged}` });
  expect(denied).toMatchObject([401, { outcome: 'denied', actor: null }]);
  expect(denied).toMatchObject([
    401,
    { attributes: expect.arrayContaining([{ key: 'identity.problem', value: { type: 'string', text: 'expired' } }]) },
  ]);
  expect(JSON.stringify(denied)).not.toContain(forged.split('.')[2]);
  expect(await close({})).toMatchObject([401, { outcome: 'denied', actor: null }]);
});
