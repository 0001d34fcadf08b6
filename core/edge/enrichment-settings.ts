// What the normalizer adds to events, and from where: all of it optional.

import { z } from 'zod';
import { type Duration, parseDuration } from '../proof/period.ts';
import type { Rule, SettingsReader } from './settings-reader.ts';

export interface EnrichmentSettings {
  /** MMDB files; `default`: the country database that comes along; null: no address is looked up, reserved ones are still named. */
  readonly geoip: readonly string[] | 'default' | null;
  /** A YAML file, a folder or a glob of them. */
  readonly catalogue: string | null;
  /** A CSV or JSON file. */
  readonly people: string | null;
  /** The compacted topic of live changes; null: not followed. */
  readonly changesTopic: string | null;
  /** How far `occurredAt` may be from the append time before it is flagged. */
  readonly clockTolerance: Duration;
}

export function enrichmentSettings(reader: SettingsReader): EnrichmentSettings {
  const geoip = reader.text('TIDEMARK_GEOIP');
  return {
    geoip: geoip === 'off' ? null : (reader.list('TIDEMARK_GEOIP') ?? 'default'),
    catalogue: reader.text('TIDEMARK_CATALOGUE') ?? null,
    people: reader.text('TIDEMARK_PEOPLE') ?? null,
    changesTopic: reader.optional('TIDEMARK_CHANGES_TOPIC', changesTopic, 'audit.changes'),
    clockTolerance: reader.optional('TIDEMARK_CLOCK_TOLERANCE', tolerance, parseDuration('PT1H')),
  };
}

const changesTopic: Rule<string | null> = {
  expected: "a topic's name, or off",
  schema: z
    .string()
    .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/)
    .transform(text => (text === 'off' ? null : text)),
};

const tolerance: Rule<Duration> = {
  expected: 'a duration like PT1H',
  schema: z.string().transform((text, context): Duration => {
    try {
      return parseDuration(text);
    } catch {
      context.addIssue('not a duration');
      return z.NEVER;
    }
  }),
};
