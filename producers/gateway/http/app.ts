/** The gateway's server: the routes that take events, OpenTelemetry's logs and GitHub's webhook, over an auditor and an identifier. */
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Identifier } from '../../identity/index.ts';
import type { Auditor } from '../../sdk/index.ts';
import type { Webhooks } from '../webhooks/file.ts';
import { eventsOf } from './body.ts';
import { Callers } from './caller.ts';
import { addGitHubWebhook } from './github-webhook.ts';
import { Idempotency } from './idempotency.ts';
import { openApi } from './openapi.ts';
import { addOtlpLogs, OTLP_LOGS } from './otlp.ts';
import { type Answer, problem } from './problem.ts';
import { createRateLimit } from './rate-limit.ts';
import { answerOf, createRecorder } from './record.ts';
import { refusalOf } from './refusal.ts';
import { cloudEventTypes, type EventRoute, eventRoutes } from './routes.ts';
import { send } from './send.ts';
import { addWebhooks } from './webhooks.ts';

export interface GatewayOptions {
  readonly audit: Auditor;
  readonly identifier: Identifier;
  readonly maxBodyBytes: number;
  readonly maxEvents: number;
  /** Events a second of one caller; twice as many, and at least one full list, at once. */
  readonly rate: number;
  /** Role that a caller needs; undefined: none. */
  readonly role: string | undefined;
  /** Secret of GitHub's webhooks; undefined: there is no such route. */
  readonly githubSecret?: string | undefined;
  /** Further webhooks, by name. */
  readonly webhooks?: Webhooks | undefined;
  /** Told of each answer to a request with events. */
  readonly onAnswer?: ((status: number) => void) | undefined;
  /** Told of each request with events that keep the rules: whether Kafka or the spool has all of those. */
  readonly onDelivery?: ((isDelivered: boolean) => void) | undefined;
  /** Told of errors that are none of the caller's. */
  readonly onError?: ((error: unknown) => void) | undefined;
  readonly now?: (() => number) | undefined;
}

export function createGateway(options: GatewayOptions): FastifyInstance {
  const { maxEvents, rate, now = Date.now, onAnswer = () => undefined } = options;
  const app = fastify({ logger: false, bodyLimit: options.maxBodyBytes, requestTimeout: 30_000 });
  app.removeContentTypeParser('text/plain');
  const callers = new Callers(options.identifier, options.role);
  const take = createRateLimit(rate, Math.max(rate * 2, maxEvents), now);
  const idempotency = new Idempotency();
  const record = createRecorder(options.audit, options.onDelivery ?? (() => undefined));

  app.setNotFoundHandler((_request, reply) =>
    send(reply, problem(404, `expected POST to ${[...eventRoutes.map(({ url }) => url), OTLP_LOGS].join(', ')}`)),
  );
  app.setErrorHandler((error, _request, reply) => {
    const refusal = refusalOf(error);
    if (refusal.status === 500) options.onError?.(error);
    if (refusal.status === 401) void reply.header('www-authenticate', 'Bearer');
    return send(reply, problem(refusal.status, refusal.message), refusal.retryAfterSeconds);
  });
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/openapi.json', async () => openApi);
  const { githubSecret: secret, webhooks = {} } = options;
  if (secret !== undefined) addGitHubWebhook(app, { record, secret, idempotency, onAnswer });
  addOtlpLogs(app, { ...options, callers, take, record, onAnswer });
  addWebhooks(app, { webhooks, callers, take, record, idempotency, now, onAnswer });
  const answer = async (request: FastifyRequest, route: EventRoute): Promise<Answer> => {
    const { identity, name } = callers.of(request);
    const events = eventsOf(route.itemsOf(request), maxEvents);
    take(name, events.length);
    const key = request.headers['idempotency-key'];
    const inputOf = (event: unknown, id: string | undefined) => route.inputOf(event, identity, id);
    const work = async (seed?: string) => answerOf(await record({ events, seed, inputOf }));
    return key === undefined ? work() : idempotency.answer(name, String(key), request.body, work);
  };
  for (const type of cloudEventTypes)
    app.addContentTypeParser(type, { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));
  for (const route of eventRoutes) {
    app.post(route.url, {
      // Before the body is read: a stranger's is not.
      onRequest: request => callers.check(request),
      onResponse: async (_request, reply) => onAnswer(reply.statusCode),
      handler: async (request, reply) => send(reply, await answer(request, route)),
    });
  }
  return app;
}
