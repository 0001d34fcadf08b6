// The dice of the benches' events: the same events in each run, but for their times.

import type { AuditEvent } from '../../schemas/index.ts';

/** Events have just happened: those of another day would all be flagged. */
export const firstMs = Date.now();
/** When the n-th event happened, microseconds since 1970. */
export const occurredAt = (n: number): number => (firstMs + (n % 60_000) - 40) * 1000;

/** A number from 0 to 1 that follows from n. */
export const chance = (n: number): number => ((n * 2_654_435_761) % 4_294_967_296) / 4_294_967_296;
export const pick = (n: number, of: number): number => Math.floor(chance(n) * of);

/** Each person and machine comes from where it always does. */
export const addressOf = (n: number): string =>
  `${20 + pick(n, 150)}.${pick(n * 5, 250)}.${pick(n * 7, 250)}.${n % 250}`;

export const eventId = (n: number): string => `0194a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

type Value = NonNullable<AuditEvent['attributes'][number]['value']>;
export const text = (value: string): Value => ({ type: 'string', text: value });
export const integer = (value: number): Value => ({ type: 'integer', text: `${value}` });
