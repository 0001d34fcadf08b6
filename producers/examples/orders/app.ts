/**
 * A small shop that shows how a service records what it does. The evidence comes first: an answer is given, and a change
 * kept, only when the event is safe; where it can't be recorded the caller gets 503 and nothing has changed. What was
 * denied and what failed is recorded like what was done. Reading an order is told by `emit`, which delays nobody.
 */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type ActorInput, AuditError, type AuditInput, type Auditor } from '../../sdk/index.ts';
import { callerOf, mayConfigure, mayRefund } from './people.ts';

interface Order {
  readonly id: string;
  readonly item: string;
  readonly cents: number;
  refundedCents: number;
}

interface Settings {
  refundLimitCents: number;
  currency: string;
}

type WithId = { Params: { id: string } };
/** All that the shop asks of an auditor. */
type Recorder = Pick<Auditor, 'record' | 'emit'>;
type Context = { readonly audit: Recorder; readonly orders: Map<string, Order>; readonly settings: Settings };

/** What may be sent, checked by Fastify before a handler runs: no more than these fields, of these types. */
const BODIES = {
  order: body({ item: { type: 'string', maxLength: 100 }, cents: { type: 'integer', minimum: 1 } }, ['item', 'cents']),
  refund: body({ cents: { type: 'integer', minimum: 1 }, reason: { type: 'string', maxLength: 500 } }, ['cents']),
  settings: body({ refundLimitCents: { type: 'integer', minimum: 0 }, currency: { type: 'string', maxLength: 3 } }, []),
};

function body(properties: object, required: string[]): { schema: { body: object } } {
  return { schema: { body: { type: 'object', properties, required, minProperties: 1, additionalProperties: false } } };
}

const STOCK = new Set(['teapot', 'orrery', 'sextant']);

/** The service over an auditor; it listens to nothing yet. */
export function ordersApp(audit: Recorder): FastifyInstance {
  const app = Fastify();
  const context: Context = { audit, orders: new Map(), settings: { refundLimitCents: 10_000, currency: 'EUR' } };
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof AuditError) return reply.code(503).send({ error: 'could not be recorded' });
    return reply.send(error);
  });
  app.get('/healthz', () => ({ ok: true }));
  app.post<{ Body: { item: string; cents: number } }>('/orders', BODIES.order, (request, reply) =>
    known(request, reply, caller => createOrder(context, caller, request, reply)),
  );
  app.get<WithId>('/orders/:id', (request, reply) =>
    known(request, reply, async caller => {
      audit.emit({ ...by(caller, request), action: 'order.read', target: { type: 'order', id: request.params.id } });
      return context.orders.get(request.params.id) ?? reply.code(404).send({ error: 'no such order' });
    }),
  );
  app.post<WithId & { Body: { cents: number; reason?: string } }>(
    '/orders/:id/refund',
    BODIES.refund,
    (request, reply) => known(request, reply, caller => refund(context, caller, request, reply)),
  );
  app.patch<{ Body: Partial<Settings> }>('/settings', BODIES.settings, (request, reply) =>
    known(request, reply, caller => changeSettings(context, caller, request, reply)),
  );
  return app;
}

async function createOrder(
  { audit, orders }: Context,
  caller: ActorInput,
  request: FastifyRequest<{ Body: { item: string; cents: number } }>,
  reply: FastifyReply,
): Promise<unknown> {
  const { item, cents } = request.body;
  const order: Order = { id: `o-${orders.size + 1}`, item, cents, refundedCents: 0 };
  const event = { ...by(caller, request), action: 'order.create', target: { type: 'order', id: order.id } };
  if (!STOCK.has(item)) {
    await audit.record({ ...event, outcome: 'failure', reason: 'not in stock', attributes: { item } });
    return reply.code(409).send({ error: 'not in stock' });
  }
  await audit.record({ ...event, attributes: { item, cents } });
  orders.set(order.id, order);
  return reply.code(201).send(order);
}

async function refund(
  { audit, orders, settings }: Context,
  caller: ActorInput,
  request: FastifyRequest<WithId & { Body: { cents: number; reason?: string } }>,
  reply: FastifyReply,
): Promise<unknown> {
  const order = orders.get(request.params.id);
  if (order === undefined) return reply.code(404).send({ error: 'no such order' });
  const { cents, reason } = request.body;
  const after = order.refundedCents + cents;
  const changes = [{ field: 'refundedCents', before: order.refundedCents, after }];
  const event = { ...by(caller, request), action: 'order.refund', reason };
  if (!mayRefund(caller) || after > settings.refundLimitCents) {
    await audit.record({ ...event, outcome: 'denied', target: { type: 'order', id: order.id }, attributes: { cents } });
    return reply.code(403).send({ error: 'not allowed' });
  }
  await audit.record({ ...event, target: { type: 'order', id: order.id, changes } });
  order.refundedCents = after;
  return order;
}

async function changeSettings(
  { audit, settings }: Context,
  caller: ActorInput,
  request: FastifyRequest<{ Body: Partial<Settings> }>,
  reply: FastifyReply,
): Promise<unknown> {
  const names = (['refundLimitCents', 'currency'] as const).filter(name => request.body[name] !== undefined);
  const changes = names.map(field => ({ field, before: settings[field], after: request.body[field] }));
  const ticket = request.headers['x-change-ticket'];
  const event: AuditInput = {
    ...by(caller, request),
    action: 'settings.change',
    target: { type: 'settings', id: 'orders', changes },
    change: { perimeter: 'configuration', reference: typeof ticket === 'string' ? ticket : undefined },
  };
  if (!mayConfigure(caller)) {
    await audit.record({ ...event, outcome: 'denied' });
    return reply.code(403).send({ error: 'not allowed' });
  }
  await audit.record(event);
  return Object.assign(settings, request.body);
}

/** Lets only those through that we know. A stranger is nobody to record about: that is the gateway's log. */
function known(
  request: FastifyRequest,
  reply: FastifyReply,
  then: (caller: ActorInput) => Promise<unknown>,
): Promise<unknown> {
  const caller = callerOf(request);
  return caller === undefined ? Promise.resolve(reply.code(401).send({ error: 'who are you?' })) : then(caller);
}

/** Who, and through which request: the same in all events of a service. */
function by(actor: ActorInput, request: FastifyRequest): Pick<AuditInput, 'actor' | 'request'> {
  const { traceparent, 'user-agent': userAgent } = request.headers;
  return {
    actor,
    request: {
      id: request.id,
      traceParent: typeof traceparent === 'string' ? traceparent : undefined,
      clientAddress: request.ip,
      userAgent,
    },
  };
}
