// Which events an auditor asks for.

import { AuditorError } from '../error.ts';
import type { View } from './view.ts';

/** Patterns may hold `*` (any text); of several patterns one has to match. Absent: everything. */
export interface Filter {
  /** Microseconds since 1970, inclusive. */
  readonly from?: bigint | undefined;
  /** Microseconds since 1970, exclusive. */
  readonly to?: bigint | undefined;
  readonly action?: readonly string[] | undefined;
  readonly actor?: readonly string[] | undefined;
  /** Against `type/id`; a pattern without a slash against the type or the id. */
  readonly target?: readonly string[] | undefined;
  readonly service?: readonly string[] | undefined;
  readonly outcome?: readonly string[] | undefined;
  readonly tenant?: readonly string[] | undefined;
}

/** Parses a date (its midnight, UTC) or an ISO 8601 time, to microseconds; throws AuditorError `bad-argument`. */
export function parseInstant(text: string, option: string): bigint {
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d))?$/.exec(text);
  const [, date, clock = '00:00', fraction = '', zone = 'Z'] = match ?? [];
  const ms = Date.parse(`${date}T${clock}${zone}`);
  // Date.parse takes 31 February for 3 March.
  const isDay = date !== undefined && new Date(`${date}T00:00Z`).toJSON()?.startsWith(date) === true;
  if (!isDay || Number.isNaN(ms))
    throw new AuditorError(
      'bad-argument',
      `${option}: found "${text}", expected a date (2026-01-31) or a time with its zone (2026-01-31T09:30:00Z)`,
    );
  return BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, '0'));
}

/** Microseconds of a manifest's `occurredAt`, or null where the text is beyond what a date can hold. */
export function parseMicros(text: string): bigint | null {
  const match = /^(.*\.\d{3})(\d{3})Z$/.exec(text);
  const ms = Date.parse(`${match?.[1]}Z`);
  return Number.isNaN(ms) ? null : BigInt(ms) * 1000n + BigInt(match?.[2] ?? 0);
}

export function isInTime(filter: Filter, occurredAt: bigint): boolean {
  return (
    (filter.from === undefined || occurredAt >= filter.from) && (filter.to === undefined || occurredAt < filter.to)
  );
}

/** Whether any time within `min` to `max` is asked for. */
export function mayBeInTime(filter: Filter, occurredAt: { readonly min: string; readonly max: string }): boolean {
  const min = parseMicros(occurredAt.min);
  const max = parseMicros(occurredAt.max);
  if (min === null || max === null) return true;
  return (filter.from === undefined || max >= filter.from) && (filter.to === undefined || min < filter.to);
}

/** A test of everything but the time; patterns are compiled once. */
export function compileFilter(filter: Filter): (view: View) => boolean {
  const tests: ((view: View) => boolean)[] = [];
  const add = (patterns: readonly string[] | undefined, texts: (view: View) => readonly string[]) => {
    if (!patterns || patterns.length === 0) return;
    const globs = patterns.map(compileGlob);
    tests.push(view => texts(view).some(text => globs.some(glob => glob.test(text))));
  };
  add(filter.action, view => [view.action]);
  add(filter.actor, view => [view.actorId]);
  add(filter.service, view => [view.service]);
  add(filter.outcome, view => [view.outcome]);
  add(filter.tenant, view => [view.tenant]);
  const whole = filter.target?.filter(pattern => pattern.includes('/')) ?? [];
  const part = filter.target?.filter(pattern => !pattern.includes('/')).map(compileGlob) ?? [];
  const globs = whole.map(compileGlob);
  if (filter.target && filter.target.length > 0)
    tests.push(({ targets }) =>
      targets.some(target => {
        const slash = target.indexOf('/');
        const parts = [target.slice(0, slash), target.slice(slash + 1)];
        return globs.some(glob => glob.test(target)) || part.some(glob => parts.some(text => glob.test(text)));
      }),
    );
  return view => tests.every(test => test(view));
}

function compileGlob(pattern: string): RegExp {
  const escaped = pattern.split(/\*+/).map(text => text.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`, 'su');
}
