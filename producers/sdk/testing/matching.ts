/** Whether a value has what a pattern asks for: the properties that it names, at any depth; of lists all elements. */
import type { RecordedEvent } from '../recorded-event.ts';

/** Part of an event; a value may be a matcher of the test runner, such as `expect.any(String)`. */
export type EventPattern = { readonly [name in keyof RecordedEvent]?: unknown };

export function matches(actual: unknown, pattern: unknown): boolean {
  if (isMatcher(pattern)) return pattern.asymmetricMatch(actual);
  if (Object.is(actual, pattern)) return true;
  // Events keep dates as their text, and whole numbers without their kind.
  if (pattern instanceof Date) return sameDate(actual, pattern);
  if (typeof pattern === 'bigint')
    return typeof actual === 'number' && Number.isInteger(actual) && BigInt(actual) === pattern;
  if (Array.isArray(pattern)) {
    return (
      Array.isArray(actual) && actual.length === pattern.length && pattern.every((one, at) => matches(actual[at], one))
    );
  }
  if (!isFields(pattern) || !isFields(actual)) return false;
  return Object.keys(pattern).every(name =>
    matches(Object.hasOwn(actual, name) ? actual[name] : undefined, pattern[name]),
  );
}

type Fields = { readonly [name: string]: unknown };

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isMatcher(pattern: unknown): pattern is { asymmetricMatch(actual: unknown): boolean } {
  return isFields(pattern) && typeof pattern.asymmetricMatch === 'function';
}

function sameDate(actual: unknown, pattern: Date): boolean {
  const time = actual instanceof Date ? actual.getTime() : typeof actual === 'string' ? Date.parse(actual) : Number.NaN;
  return time === pattern.getTime();
}
