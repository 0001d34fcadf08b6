// The archiver's settings: the only reader of its environment. Beside those that all programs share:
//
//   TIDEMARK_SEGMENT_BYTES   bytes of events, uncompressed, from which a segment is written (64 MiB)
//   TIDEMARK_SEGMENT_AGE     how long an event may wait outside the lock (PT5M)
//   TIDEMARK_RETENTION_CLASSES  file of what has to be kept longer than TIDEMARK_RETENTION (retention-classes.ts)

import { readFileSync } from 'node:fs';
import {
  type ArchiverSettings,
  archiverSettings,
  type SettingProblem,
  SettingsError,
} from '../../core/edge/settings.ts';
import { parseDuration } from '../../core/proof/period.ts';
import type { Limits } from './context.ts';
import { parseClasses, type RetentionClass } from './retention-classes.ts';

export interface ArchiverConfig {
  readonly settings: ArchiverSettings;
  readonly limits: Limits;
  /** Empty: everything is kept equally long. */
  readonly classes: readonly RetentionClass[];
}

type Env = Readonly<Record<string, string | undefined>>;

/** Throws SettingsError with all that is wrong. */
export function readConfig(env: Env = process.env): ArchiverConfig {
  const problems: SettingProblem[] = [];
  const limits = limitsOf(env, problems);
  let settings: ArchiverSettings | undefined;
  try {
    settings = archiverSettings(env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    problems.unshift(...error.problems);
  }
  const classes = settings ? classesOf(env, settings, problems) : [];
  if (!settings || problems.length > 0) throw new SettingsError(problems);
  return { settings, limits, classes };
}

function classesOf(env: Env, { archive }: ArchiverSettings, problems: SettingProblem[]): RetentionClass[] {
  const name = 'TIDEMARK_RETENTION_CLASSES';
  const path = env[name]?.trim();
  if (!path) return [];
  try {
    return parseClasses(readFileSync(path, 'utf8'), archive.retention.duration);
  } catch (error) {
    const found = error instanceof Error ? error.message.split('\n').join('; ') : String(error);
    problems.push({ name, found: `${path}: ${found}`, expected: 'a file of retention classes (YAML)', advice: '' });
    return [];
  }
}

function limitsOf(env: Env, problems: SettingProblem[]): Limits {
  const limits = { segmentBytes: 64 << 20, segmentAgeMs: 300_000 };
  const { TIDEMARK_SEGMENT_BYTES: bytes, TIDEMARK_SEGMENT_AGE: age } = env;
  const add = (name: string, found: string, expected: string) =>
    problems.push({ name, found: JSON.stringify(found.slice(0, 120)), expected, advice: '' });
  if (bytes) {
    // The format's readers open a segment of at most 2^30 bytes.
    const isFit = /^[1-9]\d{0,8}$/.test(bytes) && Number(bytes) <= 512 << 20;
    if (isFit) limits.segmentBytes = Number(bytes);
    else add('TIDEMARK_SEGMENT_BYTES', bytes, 'a number of bytes from 1 to 536870912');
  }
  if (age) {
    try {
      limits.segmentAgeMs = parseDuration(age).ms;
    } catch {
      add('TIDEMARK_SEGMENT_AGE', age, 'a duration like PT5M');
    }
  }
  return limits;
}
