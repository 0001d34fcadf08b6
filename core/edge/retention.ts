// How long evidence is locked, and how firmly: the setting TIDEMARK_RETENTION, and durations that may be of years.
//
//   COMPLIANCE P400D   nobody can delete it before, not even an administrator
//   GOVERNANCE P7Y     who has the permission to bypass governance can
//   trial              one day, GOVERNANCE: to try things out, never for evidence

import { type Duration, parseDuration } from '../proof/period.ts';

/** How firm a lock is. */
export type LockMode = 'COMPLIANCE' | 'GOVERNANCE';

export interface Retention {
  readonly mode: LockMode;
  readonly duration: Duration;
  /** Only tried out: said at each start. */
  readonly isTrial: boolean;
}

const dayMs = 24 * 3600_000;
const maxYears = 100;

/**
 * Parses how long something is kept: an ISO 8601 duration of days, hours, minutes and seconds, or of years alone (`P7Y`). So many years
 * are the most days that so many years of the calendar can have (P1Y 366, P4Y 1461, P7Y 2557), so a promise in years is never broken
 * by a leap day. Throws where it is neither.
 */
export function parseKeep(text: string): Duration {
  const years = Number(/^P(\d{1,3})Y$/.exec(text)?.[1] ?? 0);
  if (years === 0) return parseDuration(text);
  if (years > maxYears) throw new RangeError(`found "${text}", expected at most P${maxYears}Y`);
  return { text, ms: (365 * years + Math.ceil(years / 4)) * dayMs };
}

/** Parses TIDEMARK_RETENTION; throws where it is not one. */
export function parseRetention(text: string): Retention {
  if (text === 'trial') return { mode: 'GOVERNANCE', duration: parseKeep('P1D'), isTrial: true };
  const [, mode, duration] = /^(COMPLIANCE|GOVERNANCE)\s+(\S+)$/.exec(text) ?? [];
  if ((mode !== 'COMPLIANCE' && mode !== 'GOVERNANCE') || duration === undefined)
    throw new RangeError(
      `found "${text.slice(0, 40)}", expected a mode and a duration, like COMPLIANCE P400D, or trial`,
    );
  return { mode, duration: parseKeep(duration), isTrial: false };
}
