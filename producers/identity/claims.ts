/** Texts out of claims, within the limits of an event, so that no genuine token makes an event that can't be recorded. */
import type { z } from 'zod';
import { LIMITS } from '../../core/event/index.ts';
import { IdentityError } from './error.ts';

export type Claims = Readonly<Record<string, unknown>>;

const CONTROL = /\p{Cc}/u;

/** What may stand as an id in an event. Throws `wrong-claim`. */
export function identifier(value: unknown, claim: string): string {
  if (isIdentifier(value)) return value;
  throw new IdentityError('wrong-claim', `${claim}: expected 1 to ${LIMITS.identifier} characters of plain text`);
}

export function isIdentifier(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= LIMITS.identifier &&
    !CONTROL.test(value) &&
    value.isWellFormed()
  );
}

/** What is only shown; nothing where it is no text that an event takes. */
export function shown(value: unknown): string | undefined {
  const fits = typeof value === 'string' && value !== '' && value.length <= LIMITS.name && value.isWellFormed();
  return fits ? value : undefined;
}

/** The texts among some values, as attributes; the rest is left out. */
export function attributesOf(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => (isIdentifier(value) ? [[key, value]] : [])),
  );
}

/** What a schema makes of claims. Throws `wrong-claim` with the names of those that are not as it says. */
export function parseClaims<T>(schema: z.ZodType<T>, claims: unknown, what: string): T {
  const parsed = schema.safeParse(claims);
  if (parsed.success) return parsed.data;
  const names = [...new Set(parsed.error.issues.map(({ path }) => path.join('.')))].join(', ');
  throw new IdentityError('wrong-claim', `${what}: found ${names} missing or of another form`);
}
