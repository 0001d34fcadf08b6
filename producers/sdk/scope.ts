/**
 * The scope of a request or a job: what all events below it have in common, carried by AsyncLocalStorage, so that no
 * function needs to pass it on. An event's own fields win.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Origin } from '../../schemas/types.ts';
import type { AuditError } from './error.ts';
import type { ActorInput, AttributesInput, ChangeInput, RequestInput } from './input.ts';

/** What events within a scope have in common. */
export interface AuditScope {
  readonly actor?: ActorInput | null | undefined;
  readonly tenant?: string | null | undefined;
  readonly request?: RequestInput | null | undefined;
  readonly change?: ChangeInput | null | undefined;
  readonly reason?: string | null | undefined;
  readonly attributes?: AttributesInput | null | undefined;
}

/** A scope that is open; what is added to it is seen by all that runs in it. */
export interface OpenScope {
  fields: AuditScope;
}

const NAMES = ['actor', 'tenant', 'request', 'change', 'reason', 'attributes'] as const;
/** Joined property by property; of the others the nearer one replaces the farther one. */
const JOINED: ReadonlySet<string> = new Set(['request', 'attributes']);

type Fields = { readonly [name: string]: unknown };

export class Scopes {
  readonly #storage = new AsyncLocalStorage<OpenScope>();

  get current(): AuditScope | undefined {
    return this.#storage.getStore()?.fields;
  }

  /** A scope within the current one; nothing runs in it yet. */
  open(scope: AuditScope): OpenScope {
    return { fields: joinScopes(this.current, scope) };
  }

  run<T>(scope: OpenScope, fn: () => T): T {
    return this.#storage.run(scope, fn);
  }

  /** Adds to the scope that is open; false where none is. */
  amend(more: AuditScope): boolean {
    const open = this.#storage.getStore();
    if (open === undefined) return false;
    open.fields = joinScopes(open.fields, more);
    return true;
  }
}

/** The fields of an event completed by those of its scope and by the trace, where it doesn't say them itself. */
export function inScope(fields: Fields, scope: AuditScope | undefined, traceParent: string | undefined): Fields {
  if (scope === undefined && traceParent === undefined) return fields;
  const all: Record<string, unknown> = { ...fields };
  if (scope !== undefined) {
    for (const name of NAMES) {
      const value = joined(name, scope[name], fields[name]);
      if (value !== undefined) all[name] = value;
    }
  }
  // The active span is nearer than the header that began the trace; only what the event itself says is nearer still.
  if (traceParent === undefined || (fields.request !== undefined && !isFields(fields.request))) return all;
  if (isFields(fields.request) && fields.request.traceParent !== undefined) return all;
  all.request = joined('request', all.request, { traceParent });
  return all;
}

/** What other parts of the SDK need of an auditor beside its calls. */
export interface Inside {
  readonly scopes: Scopes;
  readonly origin: Origin;
  /** Whether the values of a field of that name are never recorded. */
  readonly isSecretField: (name: string) => boolean;
  /** Told of a failure that nobody awaits. */
  failed(error: AuditError): void;
}

const insides = new WeakMap<object, Inside>();

export function keepInside(auditor: object, inside: Inside): void {
  insides.set(auditor, inside);
}

/** Undefined where this SDK did not make the auditor. */
export function insideOf(auditor: object): Inside | undefined {
  return insides.get(auditor);
}

function joinScopes(outer: AuditScope | undefined, inner: AuditScope): AuditScope {
  const all: Record<string, unknown> = { ...outer };
  for (const name of NAMES) {
    const value = joined(name, outer?.[name], inner?.[name]);
    if (value !== undefined) all[name] = value;
  }
  return all;
}

function joined(name: string, outer: unknown, inner: unknown): unknown {
  if (inner === undefined) return outer;
  if (!JOINED.has(name) || !isFields(outer) || !isFields(inner)) return inner;
  const all: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(outer)) all[key] = outer[key];
  for (const key of Object.keys(inner)) {
    const value = inner[key];
    if (value !== undefined) all[key] = value;
  }
  return all;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
