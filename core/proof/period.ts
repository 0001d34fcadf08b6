// Periods: intervals of an archive's fixed duration, aligned to 1970, and the texts of times.

import { ProofError } from './error.ts';

/** An archive's fixed duration: as it is written (`PT1H`) and in milliseconds. */
export interface Duration {
  readonly text: string;
  readonly ms: number;
}

/** Parses an ISO 8601 duration of days, hours, minutes and seconds (`P400D`, `PT1H`, `PT10S`); throws `malformed-period`. */
export function parseDuration(text: string): Duration {
  const match = /^P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?$/.exec(text);
  const [d, h, m, s] = (match ?? []).slice(1).map(part => Number(part ?? 0));
  const ms = (((d ?? 0) * 24 + (h ?? 0)) * 60 + (m ?? 0)) * 60_000 + (s ?? 0) * 1000;
  if (!match || text.endsWith('T') || ms <= 0 || !Number.isSafeInteger(ms)) {
    throw new ProofError(
      'malformed-period',
      `found duration "${text.slice(0, 40)}", expected one like PT1H, PT10S or P400D`,
    );
  }
  return { text, ms };
}

/** UTC, ISO 8601, whole seconds: `2026-01-05T10:00:00Z`. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Milliseconds of a time in whole seconds, exactly as {@link formatTime} writes it, or null. */
export function parseTime(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text)) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) || formatTime(ms) !== text ? null : ms;
}

/** Microseconds since 1970 as ISO 8601 with six decimals, as `occurredAt` of a manifest; years outside 0 to 9999 in the expanded form. */
export function formatMicros(micros: bigint): string {
  const below = ((micros % 1000n) + 1000n) % 1000n;
  const ms = Number((micros - below) / 1000n);
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return `${micros}`;
  return date.toISOString().replace('Z', `${String(below).padStart(3, '0')}Z`);
}

/** The start of the period that holds this instant. */
export function periodOf(duration: Duration, ms: number): number {
  return Math.floor(ms / duration.ms) * duration.ms;
}

/** Key of a period's manifest, relative to the prefix. */
export function manifestKey(periodStart: number): string {
  const text = formatTime(periodStart);
  const [year, month, day] = text.slice(0, 10).split('-');
  return `batches/${year}/${month}/${day}/${text.replaceAll(/[-:]/g, '')}.note`;
}
