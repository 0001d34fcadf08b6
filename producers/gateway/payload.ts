/**
 * Reads webhook payloads: JSON of strangers, whose shape differs by event, by year and by server version. What is not there,
 * or not of its type, is undefined. Texts come out fit for an event's fields.
 */
import { createHash } from 'node:crypto';
import { LIMITS } from '../../core/event/index.ts';
import { AuditError } from '../sdk/index.ts';

export type Payload = { readonly [name: string]: unknown };

const NOTHING: Payload = {};

/** JSON whose integers beyond 2^53 become the texts that they were: ids and nanoseconds stay exact. Throws for what is none. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (_name, value: unknown, context?: { readonly source?: string }) => {
    const source = context?.source;
    const isUnsafe = typeof value === 'number' && !Number.isSafeInteger(value);
    return isUnsafe && source !== undefined && /^-?\d+$/.test(source) ? source : value;
  });
}

/** The value at a dotted path, such as `pull_request.head.sha`. */
export function at(payload: unknown, path: string): unknown {
  let value = payload;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Payload)[name];
  }
  return value;
}

/** The object at a path; an empty one where there is none, so that what is read from it is undefined too. */
export function objectAt(payload: unknown, path: string): Payload {
  const value = path === '' ? payload : at(payload, path);
  return isObject(value) ? value : NOTHING;
}

export function listAt(payload: unknown, path: string): readonly Payload[] {
  const value = at(payload, path);
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function isObject(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text for people: well-formed and of bounded length. */
export function textAt(payload: unknown, path: string): string | undefined {
  const value = at(payload, path);
  return typeof value === 'string' && value !== ''
    ? value.toWellFormed().slice(0, LIMITS.name).toWellFormed()
    : undefined;
}

/** A text or number as an identifier: what is compared and indexed. */
export function idAt(payload: unknown, path: string): string | undefined {
  const value = at(payload, path);
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' ? identifier(value) : undefined;
}

/** Without control characters and of at most the length that an identifier may have; undefined where nothing is left. */
export function identifier(text: string): string | undefined {
  const clean = text
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim();
  return clean === '' ? undefined : clean.slice(0, LIMITS.identifier).toWellFormed();
}

/** A time as webhooks give it: an ISO text, or seconds since 1970. */
export function timeAt(payload: unknown, path: string): Date | undefined {
  const value = at(payload, path);
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const time = new Date(typeof value === 'number' ? value * 1000 : value);
  return time.getTime() >= Date.UTC(2000) && time.getTime() < Date.UTC(2200) ? time : undefined;
}

/** The first of several paths that has a time. */
export function firstTime(payload: unknown, ...paths: string[]): Date | undefined {
  for (const path of paths) {
    const time = timeAt(payload, path);
    if (time !== undefined) return time;
  }
  return undefined;
}

/** A text as one part of an action's name; undefined where nothing of it can be one. */
export function slug(text: string): string | undefined {
  const words = text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const part = words
    .replaceAll(/^[^a-z]+|-+$/g, '')
    .slice(0, 60)
    .replaceAll(/-+$/g, '');
  return part === '' ? undefined : part;
}

/** The identifier at a path, which an item has to have; else throws as `record` does for an event that breaks a rule. */
export function requiredAt(payload: unknown, path: string): string {
  const found = idAt(payload, path);
  if (found !== undefined) return found;
  throw invalid(path, at(payload, path) === undefined ? 'nothing' : 'no text', 'a text');
}

/** Of one field of an item, as `record` tells what is wrong with an event. */
export function invalid(field: string, found: string, expected: string): AuditError {
  return new AuditError('invalid-event', `${field}: found ${found}, expected ${expected}`, {
    problems: [{ field, found, expected }],
  });
}

/** A name with dots as an action, in lower case and without what no action has; one word gets a noun before it. */
export function actionOf(name: string): string {
  const parts = name.split('.').flatMap(part => slug(part) ?? []);
  // The verb and the nearest nouns tell most.
  while (parts.length > 2 && parts.join('.').length > 128) parts.shift();
  return parts.length >= 2 ? parts.join('.') : `event.${parts[0] ?? 'receive'}`;
}

/** Stands for an id that may be somebody's name or address: the same for the same text, and no way back to one that can't be guessed. */
export function pseudonym(prefix: string, text: string): string {
  return `${prefix}:${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}
