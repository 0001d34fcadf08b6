/**
 * What the plugins of all web frameworks have in common: who calls and from where, the scope of the request, and the
 * outcome of a route that declares its action. Nothing here is allowed to break a request: what goes wrong is told to
 * `onError`, unless the route asked for its evidence first.
 */
import type { Outcome } from '../../../schemas/types.ts';
import { errorType, type Via } from '../around.ts';
import type { Auditor } from '../auditor.ts';
import { AuditError, asAuditError } from '../error.ts';
import type { ActorInput, AttributesInput, AuditInput, ChangeInput, EventFields, TargetInput } from '../input.ts';
import { type AuditScope, type Inside, insideOf, type OpenScope } from '../scope.ts';
import { type ClientAddress, clientAddressBy, type TrustProxy } from './client-address.ts';
import { type Incoming, requestOf } from './incoming.ts';

/** Who calls, as a check of the credential says; what it is bound to comes along. */
export interface Identified {
  readonly actor?: ActorInput | null | undefined;
  readonly tenant?: string | null | undefined;
  readonly change?: ChangeInput | null | undefined;
  readonly attributes?: AttributesInput | null | undefined;
}

/** Options of the plugins; `Request` is the framework's own. */
export interface RequestAuditOptions<Request> {
  /** Of whatever actions: one that is not declared is refused when it is recorded. */
  readonly audit: Auditor<never>;
  /**
   * Checks the caller's credential. Nothing: anonymous. Where it throws, the request goes on as an anonymous one whose
   * events say `identity.problem`; routes with `requireActor` deny it.
   */
  readonly identify?: ((request: Request) => Promised<Identified | null | undefined>) | undefined;
  /** Proxies before the service; `X-Forwarded-For` is not believed without it. */
  readonly trustProxy?: TrustProxy | undefined;
  /** Default of the routes' `via`: `emit`. */
  readonly via?: Via | undefined;
  /** Default of the routes' `requireActor`: false. */
  readonly requireActor?: boolean | undefined;
}

type Promised<T> = T | PromiseLike<T>;

/** A route's action: its outcome is recorded once the answer is known. */
export interface RouteAudit<Request> {
  readonly action: string;
  /** The thing that is acted upon, by the request, asked once the answer is known. */
  readonly target: (request: Request) => TargetInput | readonly TargetInput[];
  /** What else the event says, such as a reason. */
  readonly more?: ((request: Request) => RouteEvent) | undefined;
  /** `record`: the answer waits until the event is safe, and is 503 where it can't be recorded. */
  readonly via?: Via | undefined;
  /** Callers that `identify` doesn't know get 401, which is recorded as denied. */
  readonly requireActor?: boolean | undefined;
}

export type RouteEvent = Omit<EventFields, 'action' | 'outcome' | 'id' | 'occurredAt'>;

/** A request on its way through the service. */
export interface Audited {
  readonly scope: OpenScope;
  readonly isIdentified: boolean;
}

/** A request that `auditRequests` has begun, as middleware of its route finds it again. */
export interface Passing<Request> {
  readonly requests: RequestAudit<Request>;
  readonly audited: Audited;
}

/** Throws AuditError with code invalid-options where `auditRequests` has not seen the request. */
export function passingOf<Request>(passing: WeakMap<object, Passing<Request>>, request: object): Passing<Request> {
  const one = passing.get(request);
  if (one !== undefined) return one;
  throw new AuditError(
    'invalid-options',
    'audited: found no auditRequests before it, expected app.use(auditRequests(…))',
  );
}

export class RequestAudit<Request> {
  readonly #options: RequestAuditOptions<Request>;
  readonly #audit: Auditor;
  readonly #inside: Inside;
  readonly #addressOf: ClientAddress;

  constructor(options: RequestAuditOptions<Request>) {
    const inside = insideOf(options.audit);
    if (inside === undefined) {
      throw new AuditError(
        'invalid-options',
        'audit: expected an auditor that createAuditor or createTestAuditor made',
      );
    }
    this.#options = options;
    this.#audit = options.audit as Auditor;
    this.#inside = inside;
    this.#addressOf = clientAddressBy(options.trustProxy);
  }

  /** The scope of a request that comes in; never rejects. */
  async begin(request: Request, incoming: Incoming): Promise<Audited> {
    const facts = requestOf(incoming, this.#addressOf);
    let who: AuditScope = {};
    try {
      who = scopeOf(await this.#options.identify?.(request));
    } catch (error) {
      who = { attributes: { 'identity.problem': errorType(error) } };
    }
    const scope = this.#inside.scopes.open({ ...who, request: facts });
    return { scope, isIdentified: who.actor !== undefined && who.actor !== null };
  }

  run<T>({ scope }: Audited, fn: () => T): T {
    return this.#inside.scopes.run(scope, fn);
  }

  /** Whether a route turns the caller away: with 401. */
  isDenied(audited: Audited, route: RouteAudit<Request>): boolean {
    const isKnown = audited.isIdentified || isPresent(audited.scope.fields.actor);
    return (route.requireActor ?? this.#options.requireActor ?? false) && !isKnown;
  }

  mustRecord(route: RouteAudit<Request>): boolean {
    return (route.via ?? this.#options.via) === 'record';
  }

  /** Records without waiting how a request ended. Never throws. */
  emit(audited: Audited, route: RouteAudit<Request>, request: Request, status: number): void {
    try {
      this.run(audited, () => this.#audit.emit(eventOf(route, request, status)));
    } catch (thrown) {
      this.#inside.failed(asAuditError(thrown));
    }
  }

  /** Whether the event is safe: where it is not, the answer has to be another. Never rejects. */
  async record(audited: Audited, route: RouteAudit<Request>, request: Request, status: number): Promise<boolean> {
    try {
      await this.run(audited, () => this.#audit.record(eventOf(route, request, status)));
      return true;
    } catch (thrown) {
      this.#inside.failed(asAuditError(thrown));
      return false;
    }
  }
}

/** What is answered in the place of a handler (RFC 9457). */
export const REFUSALS = {
  unknown: { status: 401, body: problem(401, 'Unauthorized', 'who are you?') },
  unrecorded: { status: 503, body: problem(503, 'Service Unavailable', 'it could not be recorded') },
} as const;

export const PROBLEM_TYPE = 'application/problem+json';

function problem(status: number, title: string, detail: string): string {
  return JSON.stringify({ type: 'about:blank', title, status, detail });
}

function eventOf<Request>(route: RouteAudit<Request>, request: Request, status: number): AuditInput {
  const target = route.target(request);
  const more = route.more?.(request) ?? {};
  const attributes = { 'http.status': status, ...more.attributes };
  const event = { ...more, action: route.action, outcome: outcomeOf(status), attributes };
  return Array.isArray(target) ? { ...event, targets: target } : { ...event, target: target as TargetInput };
}

/** 2xx and 3xx are success, 401 and 403 denied; all else failed. */
export function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 400) return 'success';
  return status === 401 || status === 403 ? 'denied' : 'failure';
}

function scopeOf(identified: Identified | null | undefined): AuditScope {
  if (identified === undefined || identified === null) return {};
  const { actor, tenant, change, attributes } = identified;
  return { actor, tenant, change, attributes };
}

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
