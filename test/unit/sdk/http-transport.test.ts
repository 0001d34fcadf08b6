// Events by way of a gateway: what arrives there, and what each of its answers means to who recorded them.

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createGateway } from '../../../producers/gateway/http/app.ts';
import { createApiKey, createIdentifier, openApiKeyChecker } from '../../../producers/identity/index.ts';
import { HttpTransport } from '../../../producers/sdk/http/http-transport.ts';
import { type AuditInput, createAuditor } from '../../../producers/sdk/index.ts';
import { resolveOptions } from '../../../producers/sdk/options.ts';
import { createTestAuditor } from '../../../producers/sdk/testing/index.ts';
import { auditEventText, auditEventType, avroType } from '../../../schemas/index.ts';
import { temporaryFolder } from '../../temporary.ts';
import { makeEvent } from '../normalizer/records.ts';
import { anEvent, fakeAuditor } from './fake-transport.ts';

/** A gateway as it is, whose events stay in memory. */
async function gateway() {
  const file = join(temporaryFolder(), 'keys.yaml');
  const actor = { kind: 'machine', id: 'service/billing' } as const;
  const grant = { actor, owner: 'u-7', roles: [], by: 'u-9', expiresAt: Date.now() + 86_400_000 };
  const { key } = createApiKey(file, grant, Date.now());
  const identifier = createIdentifier([await openApiKeyChecker({ file })]);
  const audit = createTestAuditor();
  const app = createGateway({ audit, identifier, maxBodyBytes: 50_000, maxEvents: 20, rate: 100_000, role: undefined });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    await app.close();
    identifier.close();
    await audit.close();
  });
  return { url, apiKey: key, audit };
}

/** A server that answers as it is told, and an auditor that sends to it. */
async function answering(listener: RequestListener, deliveryTimeoutMs = 5000) {
  const server = createServer(listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close().closeAllConnections());
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return fakeAuditor({ deliveryTimeoutMs }, new HttpTransport({ url, apiKey: 'key' }) as never).auditor;
}

test('an event arrives as it was recorded, under the identity of the key', async () => {
  const { audit, ...where } = await gateway();
  const auditor = createAuditor({ ...where, service: 'billing', version: '1.2.3', environment: 'test' });
  const event: AuditInput = {
    action: 'account.update',
    outcome: 'denied',
    tenant: 'acme',
    occurredAt: 1_767_600_000_123_456n,
    actor: { kind: 'human', id: 'u-1', name: 'Ada', email: 'ada@example.org', roles: ['admin'], session: 's-1' },
    targets: [
      { type: 'account', id: 'a-1', changes: [{ field: 'limit', before: 10, after: { daily: 20.5 } }] },
      { type: 'person', id: 'p-1', name: 'Grace', person: true },
    ],
    request: { id: 'r-1', clientAddress: '203.0.113.7' },
    change: { perimeter: 'deployment', reference: 'v7' },
    reason: 'asked for',
    attributes: { big: 2n ** 70n, yes: true, none: null },
  };
  const id = await auditor.record(event);
  await auditor.record(anEvent());
  await auditor.close();
  expect(audit.events).toHaveLength(2);
  expect(audit.events[0]).toMatchObject({
    id,
    action: 'account.update',
    outcome: 'denied',
    tenant: 'acme',
    occurredAt: new Date(1_767_600_000_123),
    actor: { kind: 'machine', id: 'service/billing', onBehalfOf: [{ kind: 'human', id: 'u-1', name: 'Ada' }] },
    targets: event.targets,
    origin: { service: 'billing', version: '1.2.3', environment: 'test' },
    request: event.request,
    change: event.change,
    reason: 'asked for',
    attributes: { big: String(2n ** 70n), yes: true, none: null, 'gateway.asserted-actor': 'u-1' },
  });
  expect(auditor.stats()).toMatchObject({ delivered: 3, pending: 0, failed: 0 });
});

test('more events than the gateway takes at once are sent in several requests', async () => {
  const { audit, ...where } = await gateway();
  const auditor = createAuditor({ ...where, service: 's' });
  const ids = await Promise.all(Array.from({ length: 300 }, (_, n) => auditor.record(anEvent(`${n}`))));
  await auditor.close();
  expect(audit.events.map(({ id }) => id)).toEqual(ids);
});

test('what an earlier SDK left in a spool is read by the schema that it was written by', async () => {
  const { audit, url, apiKey } = await gateway();
  const fields: object[] = JSON.parse(auditEventText).fields;
  // Its fields in another order: by our own schema these bytes would be another event, or none.
  const earlier = JSON.stringify({
    ...JSON.parse(auditEventText),
    fields: [...fields.slice(1, 3), fields[0], ...fields.slice(3)],
  });
  const own = auditEventType().decode(auditEventType().encode(makeEvent()));
  const datum = avroType(earlier).toBuffer(own);
  const transport = new HttpTransport({ url: new URL(url), apiKey });
  expect(await transport.send(0, [{ key: 'k', datum, headers: {}, schema: earlier }], 5000)).toEqual(new Map());
  expect(audit.events).toMatchObject([{ id: own.id, action: own.action }]);
  await transport.close();
});

test('a key that is not accepted is told at once, and is in no message', async () => {
  const { url } = await gateway();
  const auditor = createAuditor({ url, apiKey: 'tmk_wrong', service: 's', deliveryTimeoutMs: 20_000 });
  const failure = await auditor.record(anEvent()).catch(error => error);
  expect(failure).toMatchObject({ code: 'not-sent', message: expect.stringContaining('the gateway answers 401') });
  expect(String(failure.message)).not.toContain('tmk_wrong');
  await auditor.close({ timeoutMs: 100 });
});

test('of a request that was taken in part, the rest is sent again, and what is refused is told', async () => {
  const requests: { id: string }[][] = [];
  const auditor = await answering((request, response) => {
    request.setEncoding('utf8').once('data', (text: string) => {
      const events: { id: string; target?: unknown; targets: { id: string }[] }[] = JSON.parse(text);
      requests.push(events);
      const results = events.map(({ id, targets }) => {
        if (targets[0]?.id === 'bad')
          return { status: 'refused', problems: [{ field: 'x', found: 'y', expected: 'z' }] };
        const isLate = requests.length === 1 && targets[0]?.id === 'late';
        return isLate ? { status: 'not-recorded', detail: 'queue-full' } : { id, status: 'accepted' };
      });
      response.writeHead(207, { 'content-type': 'application/json' }).end(JSON.stringify({ results }));
    });
  });
  const results = await Promise.allSettled(['good', 'bad', 'late'].map(id => auditor.record(anEvent(id))));
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect((results[1] as PromiseRejectedResult).reason).toMatchObject({
    code: 'not-sent',
    message: expect.stringContaining('x: found y, expected z'),
  });
  expect(requests.map(events => events.length)).toEqual([3, 1]);
  expect(requests[1]?.[0]?.id).toBe(requests[0]?.[2]?.id);
  await auditor.close({ timeoutMs: 100 });
});

test('an answer that does not come leaves the outcome unknown; a gateway that is not there has nothing', async () => {
  const silent = await answering(request => void request.socket.destroy(), 200);
  expect(await silent.record(anEvent()).catch(error => error.code)).toBe('unknown-outcome');
  await silent.close({ timeoutMs: 100 });
  const url = await new Promise<string>(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(`http://127.0.0.1:${port}`));
    });
  });
  const nobody = createAuditor({ url, apiKey: 'k', service: 's', deliveryTimeoutMs: 200 });
  expect(await nobody.record(anEvent()).catch(error => error.code)).toBe('not-sent');
  await nobody.close({ timeoutMs: 100 });
});

test('a gateway is a setting like the others, and never beside brokers', () => {
  const env = { TIDEMARK_GATEWAY_URL: 'https://audit.example/in', TIDEMARK_API_KEY: 'k' };
  const wayOf = (options: object, more = {}) => resolveOptions({ service: 's', ...options }, { ...env, ...more });
  expect(wayOf({}).transport).toMatchObject({ kind: 'gateway', apiKey: 'k' });
  expect(wayOf({ brokers: 'a:1', registry: 'http://r' }).transport).toMatchObject({ kind: 'kafka' });
  expect(() => wayOf({ url: 'https://u', brokers: 'a:1' })).toThrow(/found brokers beside it/);
  expect(() => wayOf({ url: 'ftp://u' })).toThrow(/url: expected the http or https address/);
  expect(() => wayOf({}, { TIDEMARK_API_KEY: 'a b' })).toThrow(/apiKey: found a text with spaces/);
});
