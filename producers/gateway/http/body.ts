/** The limits of a parsed body, before any event of it is looked at. */
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
