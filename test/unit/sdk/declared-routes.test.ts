// An auditor that only takes declared actions, in the plugins: by its types too, with actions whose targets' type need not be said.
import Fastify from 'fastify';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import * as forExpress from '../../../producers/sdk/express.ts';
import * as forFastify from '../../../producers/sdk/fastify.ts';
import * as forHono from '../../../producers/sdk/hono.ts';
import { defineActions } from '../../../producers/sdk/index.ts';
import { createTestAuditor } from '../../../producers/sdk/testing/index.ts';

const actions = defineActions({ 'door.open': { targets: ['door'] }, 'door.paint': { targets: ['door', 'wall'] } });

test('routes of a service with declared actions: what they declare is recorded, anything else is refused', async () => {
  const audit = createTestAuditor({ actions });
  const app = Fastify();
  await app.register(forFastify.auditRequests, { audit });
  const route = (action: string) => ({ action, target: () => ({ type: 'door', id: 'd-1' }), via: 'record' as const });
  app.post('/open', { config: { audit: route('door.open') } }, async () => ({}));
  app.post('/shut', { config: { audit: route('door.shut') } }, async () => ({}));
  expect((await app.inject({ method: 'POST', url: '/open' })).statusCode).toBe(200);
  expect((await app.inject({ method: 'POST', url: '/shut' })).statusCode).toBe(503);
  expect(audit.events.map(({ action }) => action)).toEqual(['door.open']);
  await app.close();
});

test('the other plugins take it likewise', () => {
  const audit = createTestAuditor({ actions });
  expect(forExpress.auditRequests({ audit })).toBeTypeOf('function');
  expect(new Hono().use(forHono.auditRequests({ audit }))).toBeInstanceOf(Hono);
});
