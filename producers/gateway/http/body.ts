/** Bodies of requests: those that are kept as they came, and the limits of a parsed one, before any event of it is looked at. */
import type { FastifyInstance } from 'fastify';
import { RequestError } from './problem.ts';

export const MAX_DEPTH = 32;

/** The events of a body: one object, or a list of at most so many. Throws RequestError. */
export function eventsOf(body: unknown, maxEvents: number): readonly unknown[] {
  if (typeof body !== 'object' || body === null) {
    throw new RequestError(400, 'the body: found no object and no list, expected an event or a list of events');
  }
  const events: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (events.length === 0) throw new RequestError(400, 'the body: found an empty list, expected one event at least');
  if (events.length > maxEvents) {
    throw new RequestError(413, `the body: found ${events.length} events, expected at most ${maxEvents}`);
  }
  checkDepth(body, MAX_DEPTH);
  return events;
}

/** Level by level: what is nested too deeply for a limit is nested too deeply for recursion. Throws RequestError. */
export function checkDepth(body: object, most: number): void {
  let level: unknown[] = [body];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > most) throw new RequestError(400, `the body: expected at most ${most} levels of nesting`);
    level = level.flatMap(value => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
}

/** Leaves JSON bodies as they came: what is signed are the bytes, not what they are parsed to. */
export function keepBytes(scope: FastifyInstance): void {
  scope.removeContentTypeParser('application/json');
  scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

/** The body of a route behind {@link keepBytes}; empty where there was none. */
export const bytesOf = ({ body }: { readonly body: unknown }): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.alloc(0);
