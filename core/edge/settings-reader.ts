// Reads settings from an environment and collects what is wrong with them, so that an operator sees all of it at once. What was
// found is quoted only where it can't be a secret.

import { readFileSync } from 'node:fs';
import type { z } from 'zod';

export type Env = Readonly<Record<string, string | undefined>>;

export interface SettingProblem {
  readonly name: string;
  readonly found: string;
  readonly expected: string;
  readonly advice: string;
}

/** All that is wrong with the settings, or with the world that they describe, in one list. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly code = 'bad-settings';
  readonly problems: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[]) {
    const lines = problems.map(({ name, found, expected, advice }) =>
      [`  ${name}: found ${found}, expected ${expected}.`, advice].filter(Boolean).join(' '),
    );
    const one = problems.length === 1;
    const what = one ? '1 setting is not as it has to be' : `${problems.length} settings are not as they have to be`;
    super(`${what}:\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

export interface Rule<T> {
  readonly schema: z.ZodType<T, string>;
  readonly expected: string;
  readonly advice?: string;
  /** Never show what was found. */
  readonly secret?: boolean;
}

export class SettingsReader {
  readonly problems: SettingProblem[] = [];
  readonly #env: Env;
  readonly #readFile: (path: string) => string;

  constructor(env: Env, readFile: (path: string) => string = path => readFileSync(path, 'utf8')) {
    this.#env = env;
    this.#readFile = readFile;
  }

  /** The text of a setting; an empty one counts as absent. */
  text(name: string): string | undefined {
    const text = this.#env[name]?.trim();
    return text === '' ? undefined : text;
  }

  /** Texts separated by commas; null where there is none. */
  list(name: string): readonly string[] | null {
    const parts = (this.text(name) ?? '').split(',').map(part => part.trim());
    const given = parts.filter(part => part !== '');
    return given.length === 0 ? null : given;
  }

  add(name: string, found: string, expected: string, advice = ''): void {
    this.problems.push({ name, found, expected, advice });
  }

  /** A setting that may be absent: then `absent`. */
  optional<T, A>(name: string, rule: Rule<T>, absent: A): T | A {
    const text = this.text(name);
    if (text === undefined) return absent;
    const result = rule.schema.safeParse(text);
    if (result.success) return result.data;
    const found = rule.secret ? 'something else (not shown)' : JSON.stringify(text.slice(0, 120));
    this.add(name, found, rule.expected, rule.advice);
    return absent;
  }

  /** A setting that has to be there; `placeholder` keeps the reader going once a problem is noted. */
  required<T>(name: string, rule: Rule<T>, placeholder: T): T {
    if (this.text(name) !== undefined) return this.optional(name, rule, placeholder);
    this.add(name, 'nothing', rule.expected, rule.advice ?? `Set ${name}.`);
    return placeholder;
  }

  /** A PEM, as it stands or as the file that holds it; undefined where it is absent or unreadable (then noted). */
  pem(name: string, what: string): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    // In an environment file a PEM's line ends are often written as \n.
    const pem = text.includes('-----BEGIN') ? text.replaceAll('\\n', '\n') : this.file(name, text, what);
    if (pem === undefined || pem.includes('-----BEGIN')) return pem;
    this.add(name, 'a file without "-----BEGIN"', what, 'Give the PEM itself or the path of a PEM file.');
    return undefined;
  }

  /** A file's text; undefined where it can't be read (then noted). */
  file(name: string, path: string, what: string): string | undefined {
    try {
      return this.#readFile(path);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
      // A key given in a wrong form would be taken for a path: never repeat it whole.
      const shown = path.length <= 120 && !/\s/.test(path) ? JSON.stringify(path) : 'a long text (not shown)';
      this.add(name, `${shown}, which can't be read as a file (${code})`, what);
      return undefined;
    }
  }

  /** Throws SettingsError where anything was wrong. */
  check(): void {
    if (this.problems.length > 0) throw new SettingsError(this.problems);
  }
}
