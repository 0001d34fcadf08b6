/**
 * The middleware for Express 5: `auditRequests` opens the scope of each request, `audited` records the outcome of a
 * route, also where its handler throws.
 */
import type { Request, RequestHandler, Response } from 'express';
import { nodeHeader } from './web/incoming.ts';
import {
  type Passing,
  PROBLEM_TYPE,
  passingOf,
  REFUSALS,
  RequestAudit,
  type RequestAuditOptions,
  type RouteAudit,
} from './web/request-audit.ts';

export type { TrustProxy } from './web/client-address.ts';
export type { Identified, RouteAudit, RouteEvent } from './web/request-audit.ts';

/** A request whose parameters may be read by any name. */
export type AuditedRequest = Request<{ [name: string]: string }>;
export type ExpressAuditOptions = RequestAuditOptions<Request>;

const passing = new WeakMap<object, Passing<Request>>();

/** `app.use(auditRequests({ audit }))`, before everything that records. */
export function auditRequests(options: ExpressAuditOptions): RequestHandler {
  const requests = new RequestAudit<Request>(options);
  return (request, _response, next) => {
    const header = (name: string) => nodeHeader(request.headers, name);
    void requests.begin(request, { peer: request.socket.remoteAddress, header }).then(audited => {
      passing.set(request, { requests, audited });
      requests.run(audited, () => next());
    });
  };
}

/** `app.post('/accounts/:id/close', audited({ action, target }), handler)`: records how the request ends. */
export function audited(route: RouteAudit<AuditedRequest>): RequestHandler<{ [name: string]: string }> {
  return (request, response, next) => {
    const one = passingOf(passing, request);
    concludeAtEnd(one, route, request, response);
    one.requests.run(one.audited, () => {
      if (!one.requests.isDenied(one.audited, route as RouteAudit<Request>)) next();
      else {
        response.setHeader('www-authenticate', 'Bearer');
        response.status(REFUSALS.unknown.status).type(PROBLEM_TYPE).send(REFUSALS.unknown.body);
      }
    });
  };
}

/**
 * All answers end by `end`, whoever gives them, and also where the client is gone. Its arguments are passed on as they
 * are: at once, or when the event is safe.
 */
function concludeAtEnd(
  { requests, audited: one }: Passing<Request>,
  route: RouteAudit<AuditedRequest>,
  request: AuditedRequest,
  response: Response,
): void {
  const { params } = request;
  const described = withParams(route, params);
  const end = response.end as (...all: unknown[]) => Response;
  let isOver = false;
  const ended = (...all: unknown[]): Response => {
    if (isOver) return end.apply(response, all);
    isOver = true;
    if (!requests.mustRecord(described)) {
      requests.emit(one, described, request as Request, response.statusCode);
      return end.apply(response, all);
    }
    void requests.record(one, described, request as Request, response.statusCode).then(isSafe => {
      if (isSafe) end.apply(response, all);
      else refuse(response, end);
    });
    return response;
  };
  response.end = ended as typeof response.end;
}

/** An error's handlers stand outside of the route, where Express has put its parameters away. */
function withParams(route: RouteAudit<AuditedRequest>, params: { [name: string]: string }): RouteAudit<Request> {
  const within = <T>(request: Request, read: (request: AuditedRequest) => T): T => {
    const { params: outer } = request;
    request.params = params;
    try {
      return read(request as AuditedRequest);
    } finally {
      request.params = outer;
    }
  };
  const { more } = route;
  return {
    ...route,
    target: request => within(request, route.target),
    more: more && (request => within(request, more)),
  };
}

function refuse(response: Response, end: (...all: unknown[]) => Response): void {
  // What has been told cannot be taken back: cut it off, so that nobody takes it for whole.
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusCode = REFUSALS.unrecorded.status;
  response.setHeader('content-type', PROBLEM_TYPE);
  end.call(response, REFUSALS.unrecorded.body);
}
