/**
 * The plugin for Fastify 5: opens the scope of each request, and records the outcome of routes that declare their action
 * in `config.audit`.
 */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import { nodeHeader } from './web/incoming.ts';
import {
  type Audited,
  PROBLEM_TYPE,
  REFUSALS,
  RequestAudit,
  type RequestAuditOptions,
  type RouteAudit,
} from './web/request-audit.ts';

export type { TrustProxy } from './web/client-address.ts';
export type { Identified, RouteAudit, RouteEvent } from './web/request-audit.ts';

/** A request whose parameters may be read by any name. */
export type AuditedRequest = FastifyRequest<{ Params: { [name: string]: string } }>;
export type FastifyAuditOptions = RequestAuditOptions<FastifyRequest>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The action of this route: its outcome is recorded. */
    audit?: RouteAudit<AuditedRequest> | undefined;
  }
}

/** A request that is on its way, and whether its outcome is recorded. */
interface Passing {
  readonly audited: Audited;
  isRecorded: boolean;
  isClosed: boolean;
}

const plugin: FastifyPluginCallback<FastifyAuditOptions> = (app, options, done) => {
  addHooks(app, new RequestAudit<AuditedRequest>(options));
  done();
};

/** `app.register(auditRequests, { audit })`, before the routes; holds in the whole application that registers it. */
export const auditRequests: FastifyPluginCallback<FastifyAuditOptions> = Object.assign(plugin, {
  // What `fastify-plugin` does: without it the hooks would hold in the plugin alone.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('plugin-meta')]: { name: 'tidemark', fastify: '5.x' },
});

function addHooks(app: FastifyInstance, requests: RequestAudit<AuditedRequest>): void {
  const passing = new WeakMap<FastifyRequest, Passing>();

  const conclude = (request: FastifyRequest, status: number): void => {
    const one = passing.get(request);
    const route = routeOf(request);
    if (one === undefined || one.isRecorded || route === undefined) return;
    one.isRecorded = true;
    requests.emit(one.audited, route, request as AuditedRequest, status);
  };

  app.addHook('onRequest', (request, reply, next) => {
    const { remoteAddress } = request.socket;
    const header = (name: string) => nodeHeader(request.headers, name);
    void requests.begin(request as AuditedRequest, { peer: remoteAddress, id: request.id, header }).then(audited => {
      const one = { audited, isRecorded: false, isClosed: false };
      passing.set(request, one);
      const route = routeOf(request);
      if (route !== undefined) {
        reply.raw.once('close', () => {
          one.isClosed = true;
          if (reply.sent) conclude(request, reply.raw.statusCode);
        });
      }
      requests.run(audited, () => {
        if (route === undefined || !requests.isDenied(audited, route)) return next();
        void refuse(reply, 'unknown').header('www-authenticate', 'Bearer').send(REFUSALS.unknown.body);
      });
    });
  });

  // A body is read in the context of its socket, not of its request: enter the scope again.
  app.addHook('preValidation', (request, _reply, next) => {
    const one = passing.get(request);
    if (one === undefined) next();
    else requests.run(one.audited, next);
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const one = passing.get(request);
    const route = routeOf(request);
    if (one === undefined || route === undefined || one.isRecorded) return payload;
    if (requests.mustRecord(route)) {
      one.isRecorded = true;
      if (await requests.record(one.audited, route, request as AuditedRequest, reply.statusCode)) return payload;
      // A stream that nobody will read would keep what it has open.
      if (payload instanceof Readable) payload.destroy();
      refuse(reply, 'unrecorded').removeHeader('content-length');
      return REFUSALS.unrecorded.body;
    }
    // Who asked is gone, so no response will be over; what was done is known all the same.
    if (one.isClosed) conclude(request, reply.statusCode);
    return payload;
  });

  app.addHook('onResponse', (request, reply, next) => {
    conclude(request, reply.statusCode);
    next();
  });
}

function routeOf(request: FastifyRequest): RouteAudit<AuditedRequest> | undefined {
  return request.routeOptions.config?.audit;
}

function refuse(reply: FastifyReply, why: keyof typeof REFUSALS): FastifyReply {
  return reply.code(REFUSALS[why].status).type(PROBLEM_TYPE);
}
