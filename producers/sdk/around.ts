/**
 * Records how a function ended, whatever happens: what it answers or throws reaches its caller as it is, and a failing
 * audit reaches it only where it asked for the evidence first.
 */
import type { Auditor } from './auditor.ts';
import { type AuditError, asAuditError } from './error.ts';
import type { AuditInput, EventFields, TargetInput } from './input.ts';

/** By which of the two calls an outcome is recorded. */
export type Via = 'emit' | 'record';

export interface AroundOptions extends Omit<EventFields, 'action' | 'outcome' | 'occurredAt'> {
  /** Default `emit`, which never waits. */
  readonly via?: Via | undefined;
  /** Whether an error means that it was denied. Default: its `status` or `statusCode` is 401 or 403, as with `Denied`. */
  readonly denied?: ((error: unknown) => boolean) | undefined;
}

/** What to throw where somebody may not do something: web frameworks answer it with 403. */
export class Denied extends Error {
  override readonly name = 'Denied';
  readonly status = 403;
  readonly statusCode = 403;

  /** What Hono answers. */
  getResponse(): Response {
    return new Response('Forbidden', { status: this.status });
  }
}

export interface Around<T> {
  readonly action: string;
  readonly target: TargetInput | readonly TargetInput[];
  readonly fn: () => T | PromiseLike<T>;
  readonly options: AroundOptions;
  /** Told of a failure to record that must not reach the caller. */
  failed(error: AuditError): void;
}

export async function runAround<T>(auditor: Auditor, around: Around<T>): Promise<T> {
  const { action, target, fn, options, failed } = around;
  const { via = 'emit', denied = isDenied, ...more } = options;
  const event: AuditInput = { ...more, action, ...(isList(target) ? { targets: target } : { target }) };
  let answer: T;
  try {
    answer = await fn();
  } catch (error) {
    const attributes = { 'error.type': errorType(error), ...more.attributes };
    const failure: AuditInput = { ...event, outcome: outcomeOf(error, denied), attributes };
    if (via === 'emit') auditor.emit(failure);
    else await auditor.record(failure).catch(thrown => failed(asAuditError(thrown)));
    throw error;
  }
  if (via === 'emit') auditor.emit(event);
  else await auditor.record(event);
  return answer;
}

/** Whether an error says that something was not allowed, as web frameworks' do. */
export function isDenied(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { status, statusCode } = error as { readonly status?: unknown; readonly statusCode?: unknown };
  return [status, statusCode].some(code => code === 401 || code === 403);
}

function outcomeOf(error: unknown, denied: (error: unknown) => boolean): 'denied' | 'failure' {
  try {
    return denied(error) ? 'denied' : 'failure';
  } catch {
    return 'failure';
  }
}

/** The kind of an error, never its message: that may say anything. */
export function errorType(error: unknown): string {
  try {
    const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
    const said = [code, name].find(one => typeof one === 'string' && /^[\w.-]{1,64}$/.test(one));
    return typeof said === 'string' ? said : typeof error;
  } catch {
    return typeof error;
  }
}

const isList = (target: TargetInput | readonly TargetInput[]): target is readonly TargetInput[] =>
  Array.isArray(target);
