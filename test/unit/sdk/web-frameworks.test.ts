// The same promises on real Fastify, Express and Hono servers: who, from where, through which request, and how it ended.
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { serve } from '@hono/node-server';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Denied } from '../../../producers/sdk/around.ts';
import type { Auditor } from '../../../producers/sdk/auditor.ts';
import type { AuditError } from '../../../producers/sdk/error.ts';
import * as forExpress from '../../../producers/sdk/express.ts';
import * as forFastify from '../../../producers/sdk/fastify.ts';
import * as forHono from '../../../producers/sdk/hono.ts';
import type { ActorInput } from '../../../producers/sdk/input.ts';
import type { Identified, RequestAuditOptions, RouteAudit } from '../../../producers/sdk/web/request-audit.ts';
import type { AuditEvent } from '../../../schemas/types.ts';
import { type Answer, type FakeTransport, fakeAuditor } from './fake-transport.ts';

const ada: ActorInput = { kind: 'human', id: 'u-1842' };
const tick = () => new Promise(resolve => setImmediate(resolve));

/** What the routes of every service do. */
type Deed = 'answer' | 'throw' | 'deny' | 'missing' | 'redirect' | 'late-login' | 'slow';

interface Settings extends Omit<RequestAuditOptions<never>, 'audit' | 'identify'> {
  readonly identify?: (authorization: string | undefined) => Promise<Identified | null> | Identified | null;
  readonly route?: Partial<RouteAudit<unknown>>;
}

interface Service {
  readonly url: string;
  readonly audit: Auditor;
  readonly transport: FakeTransport;
  readonly errors: AuditError[];
  events(): AuditEvent[];
}

const ends: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  // Hono tells of errors of handlers by itself.
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const end of ends.splice(0)) await end();
});

/** What a handler does, told by the path: records an event of its own, then ends as it is asked to. */
async function handle(audit: Auditor, deed: string): Promise<{ status: number; body: string }> {
  await tick();
  if (deed === 'late-login') audit.amend({ actor: ada });
  await audit.record({ action: 'thing.touch', target: { type: 'thing', id: deed } });
  if (deed === 'throw') throw new Error('broken');
  if (deed === 'deny') throw new Denied('no');
  return { status: deed === 'missing' ? 404 : deed === 'redirect' ? 302 : 200, body: `done ${deed}` };
}

const action = 'thing.handle';
const targetOf = (deed: string) => ({ type: 'thing', id: deed });

const FRAMEWORKS: Record<string, (audit: Auditor, settings: Settings) => Promise<Server>> = {
  fastify: async (audit, { identify, route, ...settings }) => {
    const app = Fastify();
    await app.register(forFastify.auditRequests, {
      ...settings,
      audit,
      ...(identify && { identify: request => identify(request.headers.authorization) }),
    });
    const target = (request: forFastify.AuditedRequest) => targetOf(request.params.deed ?? '');
    const config = { audit: { action, target, ...route } };
    app.post<{ Params: { deed: string } }>('/things/:deed', { config }, async (request, reply) => {
      const { status, body } = await handle(audit, request.params.deed);
      return reply.code(status).send(body);
    });
    app.get('/undeclared', async () => (await handle(audit, 'undeclared')).body);
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server;
  },
  express: async (audit, { identify, route, ...settings }) => {
    const app = express();
    app.disable('x-powered-by').set('env', 'test');
    app.use(
      forExpress.auditRequests({
        ...settings,
        audit,
        ...(identify && { identify: request => identify(request.headers.authorization) }),
      }),
    );
    app.use(express.json());
    const things = express.Router();
    const audited = forExpress.audited({ action, target: request => targetOf(request.params.deed ?? ''), ...route });
    things.post('/:deed', audited, async (request, response) => {
      const { status, body } = await handle(audit, String(request.params.deed));
      response.status(status).send(body);
    });
    app.use('/things', things);
    app.get('/undeclared', async (_request, response) => {
      response.send((await handle(audit, 'undeclared')).body);
    });
    return new Promise(resolve => {
      const server = app.listen(0, '127.0.0.1', () => resolve(server));
    });
  },
  hono: async (audit, { identify, route, ...settings }) => {
    const app = new Hono();
    app.use(
      forHono.auditRequests({
        ...settings,
        audit,
        ...(identify && { identify: c => identify(c.req.header('authorization')) }),
      }),
    );
    const audited = forHono.audited({ action, target: c => targetOf(c.req.param('deed') ?? ''), ...route });
    app.post('/things/:deed', audited, async c => {
      await c.req.text();
      const { status, body } = await handle(audit, c.req.param('deed'));
      return c.body(body, status as 200);
    });
    app.get('/undeclared', async c => c.text((await handle(audit, 'undeclared')).body));
    return new Promise(resolve => {
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(server as Server));
    });
  },
};

describe.each(Object.keys(FRAMEWORKS))('%s', name => {
  async function start(settings: Settings = {}): Promise<Service> {
    const { auditor, transport, errors } = fakeAuditor();
    const server = await FRAMEWORKS[name]?.(auditor, settings);
    if (server === undefined) throw new Error('no server');
    ends.push(() => new Promise(resolve => server.close(resolve).closeAllConnections()));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return { url, audit: auditor, transport, errors, events: () => transport.taken.map(({ event }) => event) };
  }
  const post = (service: Service, deed: Deed, headers: Record<string, string> = {}) =>
    fetch(`${service.url}/things/${deed}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"a":1}',
      redirect: 'manual',
    });
  const outcomesOf = async (service: Service, count: number) => {
    await vi.waitUntil(() => service.events().length >= count, { timeout: 20_000, interval: 2 });
    return service.events().filter(event => event.action === action);
  };

  test('a route that declares its action has its outcome recorded, also where its handler throws', async () => {
    const service = await start();
    const expected: [Deed, number, string][] = [
      ['answer', 200, 'success'],
      ['redirect', 302, 'success'],
      ['deny', 403, 'denied'],
      ['missing', 404, 'failure'],
      ['throw', 500, 'failure'],
    ];
    for (const [deed, status] of expected) expect([deed, (await post(service, deed)).status]).toEqual([deed, status]);
    const outcomes = await outcomesOf(service, 10);
    expect(
      outcomes.map(({ targets, outcome, attributes }) => [targets[0]?.id, Number(attributes[0]?.value.text), outcome]),
    ).toEqual(expected);
    expect(service.errors).toEqual([]);
  });

  test('what is recorded on the way has the scope of its request, and no other', async () => {
    const service = await start({
      identify: id => (id === undefined ? null : { actor: { kind: 'human', id }, tenant: 'acme' }),
    });
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        post(service, 'answer', { authorization: `u-${n}`, 'user-agent': `agent-${n}` }),
      ),
    );
    await fetch(`${service.url}/undeclared`, { headers: { 'user-agent': 'nobody' } });
    await outcomesOf(service, 41);
    for (const { actor, request, tenant, action: what, targets } of service.events()) {
      expect(request).toMatchObject({ clientAddress: '127.0.0.1', id: expect.stringMatching(/./) });
      if (targets[0]?.id === 'undeclared')
        expect({ what, actor, tenant }).toEqual({ what: 'thing.touch', actor: null, tenant: null });
      else
        expect({ agent: request?.userAgent, tenant }).toEqual({ agent: `agent-${actor?.id.slice(2)}`, tenant: 'acme' });
    }
    expect(new Set(service.events().map(({ request }) => request?.id)).size).toBe(21);
  });

  test('the trace of the header; an address that a stranger forwards is not believed, that of a known proxy is', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const headers = { traceparent, 'x-forwarded-for': '6.6.6.6, 203.0.113.9' };
    const plain = await start();
    await post(plain, 'answer', headers);
    expect((await outcomesOf(plain, 2))[0]?.request).toMatchObject({
      traceParent: traceparent,
      clientAddress: '127.0.0.1',
    });
    for (const trustProxy of [1, ['127.0.0.0/8']]) {
      const behind = await start({ trustProxy });
      await post(behind, 'answer', headers);
      expect((await outcomesOf(behind, 2))[0]?.request?.clientAddress).toBe('203.0.113.9');
    }
  });

  test('an actor that becomes known on the way is that of the outcome', async () => {
    const service = await start();
    await post(service, 'late-login');
    for (const event of await outcomesOf(service, 2)) expect(event.actor?.id).toBe('u-1842');
    expect(service.events()).toHaveLength(2);
  });

  test('who fails the check is anonymous, and events say so; a route that demands an actor denies', async () => {
    const failing = async () => {
      throw Object.assign(new Error('about the token'), { code: 'expired' });
    };
    const open = await start({ identify: failing });
    expect((await post(open, 'answer')).status).toBe(200);
    const [event] = await outcomesOf(open, 2);
    expect(event).toMatchObject({ actor: null, outcome: 'success' });
    expect(event?.attributes.map(({ key, value }) => [key, value.text])).toEqual([
      ['identity.problem', 'expired'],
      ['http.status', '200'],
    ]);
    expect(JSON.stringify(open.events())).not.toContain('about the token');
    for (const settings of [{ identify: failing, requireActor: true }, { route: { requireActor: true } }]) {
      const closed = await start(settings);
      const answer = await post(closed, 'answer');
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ status: 401 });
      expect((await outcomesOf(closed, 1)).map(({ outcome }) => outcome)).toEqual(['denied']);
      expect(closed.events()).toHaveLength(1);
    }
    const known = await start({ identify: () => ({ actor: ada }), requireActor: true });
    expect((await post(known, 'answer')).status).toBe(200);
  });

  test('a failing audit leaves the answer alone, and is told', async () => {
    const service = await start({
      route: {
        target: () => {
          throw new Error('no target');
        },
      },
    });
    expect((await post(service, 'answer')).status).toBe(200);
    await vi.waitUntil(() => service.errors.length > 0, { timeout: 20_000 });
    const away = await start();
    away.transport.answer = ({ events }) => (events.some(event => event.action === action) ? 'refused' : 'ok');
    expect(await (await post(away, 'answer')).text()).toBe('done answer');
    await vi.waitUntil(() => away.errors.length > 0, { timeout: 20_000 });
    expect(away.errors[0]?.code).toBe('not-sent');
  });

  test('via record the answer waits for the evidence, and is 503 without it', async () => {
    const service = await start({ via: 'record' });
    let release = () => {};
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    service.transport.answer = async ({ events }): Promise<Answer> => {
      if (events.some(event => event.action === action)) await held;
      return 'ok';
    };
    let status = 0;
    const answer = post(service, 'answer').then(response => {
      status = response.status;
      return response.text();
    });
    await vi.waitUntil(() => service.transport.inFlight === 1 && service.transport.requests.length === 2, {
      timeout: 20_000,
      interval: 2,
    });
    expect(status).toBe(0);
    release();
    expect(await answer).toBe('done answer');
    expect(status).toBe(200);
    service.transport.answer = ({ events }) => (events.some(event => event.action === action) ? 'refused' : 'ok');
    const refused = await post(service, 'answer');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(await refused.json()).toMatchObject({ status: 503 });
    expect(service.errors.map(({ code }) => code)).toEqual(['not-sent']);
  });

  test('a client that goes away does not take the outcome with it', async () => {
    const service = await start();
    let release = () => {};
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    service.transport.answer = async ({ events }): Promise<Answer> => {
      if (events.some(event => event.action === 'thing.touch')) await held;
      return 'ok';
    };
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.write(
      'POST /things/answer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    );
    await vi.waitUntil(() => service.transport.inFlight === 1, { timeout: 20_000, interval: 2 });
    socket.destroy();
    await new Promise(resolve => socket.once('close', resolve));
    await tick();
    release();
    const [event] = await outcomesOf(service, 2);
    expect(event?.outcome).toBe('success');
  });
});

test('what is put together wrongly is said at once', async () => {
  const app = express();
  const target = () => targetOf('x');
  app.get('/', forExpress.audited({ action, target }), (_request, response) => void response.send('x'));
  app.use(
    ((error, _request, response, _next) =>
      void response.status(500).send(error.message)) as express.ErrorRequestHandler,
  );
  const server = app.listen(0, '127.0.0.1');
  ends.push(() => new Promise(resolve => server.close(resolve)));
  await new Promise(resolve => server.once('listening', resolve));
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  expect(await answer.text()).toContain('found no auditRequests');
  const foreign = { record: async () => '' } as unknown as Auditor;
  expect(() => forHono.auditRequests({ audit: foreign })).toThrow(/expected an auditor/);
  const { auditor } = fakeAuditor();
  expect(() => forExpress.auditRequests({ audit: auditor, trustProxy: -1 })).toThrow(/trustProxy/);
});
