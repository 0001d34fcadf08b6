/** The gateway's server: the routes that take events and GitHub's webhook, over an auditor and an identifier. */
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { type Identifier, IdentityError, presentedBy, type VerifiedIdentity } from '../../identity/index.ts';
import type { Auditor } from '../../sdk/index.ts';
import { eventsOf } from './body.ts';
import { addGitHubWebhook } from './github-webhook.ts';
import { Idempotency } from './idempotency.ts';
import { openApi } from './openapi.ts';
import { type Answer, isProblemStatus, problem, RequestError } from './problem.ts';
import { createRateLimit } from './rate-limit.ts';
import { recordAll } from './record.ts';
import { cloudEventTypes, type EventRoute, eventRoutes } from './routes.ts';
import { RETRY_SECONDS, send } from './send.ts';

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
  /** Told of each answer to a request with events. */
  readonly onAnswer?: ((status: number) => void) | undefined;
  /** Told of errors that are none of the caller's. */
  readonly onError?: ((error: unknown) => void) | undefined;
  readonly now?: (() => number) | undefined;
}

export function createGateway(options: GatewayOptions): FastifyInstance {
  const { audit, maxEvents, rate, now = Date.now } = options;
  const app = fastify({ logger: false, bodyLimit: options.maxBodyBytes, requestTimeout: 30_000 });
  app.removeContentTypeParser('text/plain');
  const callers = new WeakMap<FastifyRequest, VerifiedIdentity>();
  const take = createRateLimit(rate, Math.max(rate * 2, maxEvents), now);
  const idempotency = new Idempotency();

  app.setNotFoundHandler((_request, reply) =>
    send(reply, problem(404, `expected POST to ${eventRoutes.map(({ url }) => url).join(', ')}`)),
  );
  app.setErrorHandler((error, _request, reply) => {
    const refusal = refusalOf(error);
    if (refusal.status === 500) options.onError?.(error);
    if (refusal.status === 401) void reply.header('www-authenticate', 'Bearer');
    return send(reply, problem(refusal.status, refusal.message), refusal.retryAfterSeconds);
  });
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/openapi.json', async () => openApi);
  const { githubSecret: secret, onAnswer = () => undefined } = options;
  if (secret !== undefined) addGitHubWebhook(app, { audit, secret, idempotency, onAnswer });
  const record = async (request: FastifyRequest, route: EventRoute): Promise<Answer> => {
    const identity = callers.get(request);
    if (identity === undefined) throw new RequestError(401, 'found no credential');
    const caller = callerName(identity);
    const events = eventsOf(route.itemsOf(request), maxEvents);
    take(caller, events.length);
    const key = request.headers['idempotency-key'];
    const inputOf = (event: unknown, id: string | undefined) => route.inputOf(event, identity, id);
    const work = (seed?: string) => recordAll({ audit, events, seed, inputOf });
    return key === undefined ? work() : idempotency.answer(caller, String(key), request.body, work);
  };
  for (const type of cloudEventTypes)
    app.addContentTypeParser(type, { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));
  for (const route of eventRoutes) {
    app.post(route.url, {
      // Before the body is read: a stranger's is not.
      onRequest: async request => {
        callers.set(request, await callerOf(request, options));
      },
      onResponse: async (_request, reply) => onAnswer(reply.statusCode),
      handler: async (request, reply) => send(reply, await record(request, route)),
    });
  }
  return app;
}

/** Who asks, checked. Throws RequestError and IdentityError. */
async function callerOf(request: FastifyRequest, options: GatewayOptions): Promise<VerifiedIdentity> {
  const presented = presentedBy({ headers: request.headers });
  const { attribution, actor, change, attributes } = await options.identifier.identify(presented);
  const checkedAt = actor?.credential?.checkedAt;
  if (attribution !== 'verified' || checkedAt === undefined || actor?.credential === undefined) {
    throw new RequestError(401, 'found no credential, expected Authorization: Bearer with an API key or a token');
  }
  const { roles = [], onBehalfOf = [], credential } = actor;
  if (options.role !== undefined && !roles.includes(options.role)) {
    throw new RequestError(403, `the credential lacks the role ${options.role}`);
  }
  const checked = { ...credential, checkedAt };
  return { attribution, actor: { ...actor, roles, onBehalfOf, credential: checked }, change, attributes };
}

/** One name for all tokens of a caller: those of OIDC are new every few minutes. */
function callerName({ actor: { kind, id, credential } }: VerifiedIdentity): string {
  return JSON.stringify([credential.method, credential.issuer, credential.subject, kind, id]);
}

/** What a caller is told of an error: of one that is not its own, nothing. */
function refusalOf(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof IdentityError) {
    if (error.disposition === 'refuse') return new RequestError(401, `${error.code}: ${error.message}`);
    return new RequestError(503, 'the credential cannot be checked now', RETRY_SECONDS);
  }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status === 415) return new RequestError(415, 'expected Content-Type: application/json, or one of CloudEvents');
  if (status === 413) return new RequestError(413, 'the body is larger than this gateway takes');
  if (status >= 400 && status < 500) return new RequestError(isProblemStatus(status) ? status : 400, 'expected JSON');
  return new RequestError(500, 'the gateway failed; its log says why');
}
