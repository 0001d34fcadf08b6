// A gateway for unit tests: the real server, identities that are checked, and a transport that keeps events in memory.

import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createGateway, type GatewayOptions } from '../../../producers/gateway/http/app.ts';
import { type Checker, createApiKey, createIdentifier, openApiKeyChecker } from '../../../producers/identity/index.ts';
import { createTestAuditor } from '../../../producers/sdk/testing/index.ts';
import { temporaryFolder } from '../../temporary.ts';

/** A gateway with one API key, whose events stay in memory. */
export async function world(options: Partial<GatewayOptions> = {}, more: readonly Checker[] = []) {
  const file = join(temporaryFolder(), 'keys.yaml');
  const actor = { kind: 'machine', id: 'service/billing' } as const;
  const expiresAt = Date.now() + 86_400_000;
  const { key, stored } = createApiKey(
    file,
    { actor, owner: 'u-7', roles: ['publisher'], by: 'u-9', expiresAt },
    Date.now(),
  );
  const identifier = createIdentifier([await openApiKeyChecker({ file }), ...more]);
  const audit = createTestAuditor();
  const limits = { maxBodyBytes: 20_000, maxEvents: 3, rate: 100_000, role: undefined };
  const app = createGateway({ audit, identifier, ...limits, ...options });
  onTestFinished(async () => {
    await app.close();
    identifier.close();
    await audit.close();
  });
  const postTo = (url: string, payload: unknown, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
      payload: typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload),
    });
  const post = (payload: unknown, headers?: Record<string, string>) => postTo('/v1/events', payload, headers);
  return { app, audit, post, postTo, stored };
}
