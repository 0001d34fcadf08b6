/**
 * The middleware for Hono 4: `auditRequests` opens the scope of each request, `audited` records the outcome of a route,
 * also where its handler throws. The client's address is that of `@hono/node-server`, or what `peer` answers.
 */
import type { Context, MiddlewareHandler } from 'hono';
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

export interface HonoAuditOptions extends RequestAuditOptions<Context> {
  /** Address at the other end of the connection, such as `getConnInfo(c).remote.address` of other servers than Node's. */
  readonly peer?: ((c: Context) => string | undefined) | undefined;
}

const passing = new WeakMap<object, Passing<Context>>();

/** `app.use(auditRequests({ audit }))`, before everything that records. */
export function auditRequests(options: HonoAuditOptions): MiddlewareHandler {
  const requests = new RequestAudit<Context>(options);
  return async (c, next) => {
    const header = (name: string) => c.req.header(name);
    const audited = await requests.begin(c, { peer: peerOf(c, options.peer), header });
    passing.set(c, { requests, audited });
    await requests.run(audited, next);
  };
}

/** `app.post('/accounts/:id/close', audited({ action, target }), handler)`: records how the request ends. */
export function audited(route: RouteAudit<Context>): MiddlewareHandler {
  return async (c, next) => {
    const one = passingOf(passing, c);
    const { requests } = one;
    if (requests.isDenied(one.audited, route)) c.res = refusal('unknown');
    else {
      try {
        await requests.run(one.audited, next);
      } catch (error) {
        // Hono handles errors; what else is thrown passes through, and the server makes it a 500.
        requests.emit(one.audited, route, c, 500);
        throw error;
      }
    }
    if (!requests.mustRecord(route)) requests.emit(one.audited, route, c, c.res.status);
    else if (!(await requests.record(one.audited, route, c, c.res.status))) {
      await c.res.body?.cancel().catch(() => undefined);
      // Headers of the answer before would be taken over.
      c.res = undefined;
      c.res = refusal('unrecorded');
    }
  };
}

function peerOf(c: Context, peer: HonoAuditOptions['peer']): string | undefined {
  try {
    if (peer !== undefined) return peer(c);
    const address: unknown = c.env?.incoming?.socket?.remoteAddress;
    return typeof address === 'string' ? address : undefined;
  } catch {
    return undefined;
  }
}

function refusal(why: keyof typeof REFUSALS): Response {
  const { status, body } = REFUSALS[why];
  const challenge = why === 'unknown' ? { 'www-authenticate': 'Bearer' } : undefined;
  return new Response(body, { status, headers: { 'content-type': PROBLEM_TYPE, ...challenge } });
}
