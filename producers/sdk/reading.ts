/**
 * Reads values that may be anything. Each property is read once, so that a getter can't answer differently to the check
 * and to the use; what is wrong is collected with its path; nothing of the caller's is kept.
 */
import type { EventProblem } from '../../core/event/index.ts';

export type Fields = { readonly [name: string]: unknown };

export class Reading {
  readonly problems: EventProblem[] = [];

  wrong(field: string, value: unknown, expected: string): void {
    this.problems.push({ field, found: describe(value), expected });
  }

  /** The named properties of an object; any other one is a problem. Undefined where it is no object. */
  object(value: unknown, path: string, names: readonly string[]): Fields | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.wrong(path === '' ? 'event' : path, value, 'an object');
      return undefined;
    }
    const fields: Record<string, unknown> = Object.create(null);
    const source = value as Fields;
    for (const name of Object.keys(source)) {
      if (names.includes(name)) fields[name] = source[name];
      else
        this.problems.push({ field: join(path, safeName(name)), found: 'an unknown property', expected: among(names) });
    }
    return fields;
  }

  /** As object, where the value may be left out: null then. */
  optionalObject(value: unknown, path: string, names: readonly string[]): Fields | null {
    return isAbsent(value) ? null : (this.object(value, path, names) ?? null);
  }

  /** A text that has to be there; '' where it is not. */
  text(fields: Fields, name: string, path: string): string {
    const value = fields[name];
    if (typeof value === 'string') return value;
    this.wrong(join(path, name), value, 'a text');
    return '';
  }

  optionalText(fields: Fields, name: string, path: string): string | null {
    return isAbsent(fields[name]) ? null : this.text(fields, name, path);
  }

  optionalBoolean(fields: Fields, name: string, path: string): boolean {
    const value = fields[name];
    if (typeof value === 'boolean' || isAbsent(value)) return value === true;
    this.wrong(join(path, name), value, 'true or false');
    return false;
  }

  /** One of a few words. A word that is none of them is quoted: it is the caller's constant, nobody's data. */
  oneOf<T extends string>(fields: Fields, name: string, path: string, words: readonly [T, ...T[]]): T {
    const value = fields[name];
    const word = words.find(candidate => candidate === value);
    if (word !== undefined) return word;
    const found = typeof value === 'string' ? quote(value) : describe(value);
    this.problems.push({ field: join(path, name), found, expected: words.join(', ') });
    return words[0];
  }

  /** The elements of an array, read one by one; none where it is left out. */
  list<T>(value: unknown, path: string, limit: number, read: (element: unknown, path: string) => T | undefined): T[] {
    if (isAbsent(value)) return [];
    if (!Array.isArray(value) || value.length > limit) {
      this.wrong(path, value, `an array of at most ${limit}`);
      return [];
    }
    const elements: T[] = [];
    for (let index = 0; index < value.length; index++) {
      const element = read(value[index], `${path}[${index}]`);
      if (element !== undefined) elements.push(element);
    }
    return elements;
  }
}

export const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;

export const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

/** A word of the caller's, short enough for a message. */
export function quote(word: string): string {
  return JSON.stringify(word.length > 64 ? `${word.slice(0, 64)}…` : word);
}

/** A value by its kind and size, never by what it says. */
export function describe(value: unknown): string {
  if (isAbsent(value)) return 'nothing';
  if (typeof value === 'string') return value === '' ? 'an empty text' : `a text of ${value.length} characters`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'number' && !Number.isFinite(value)) return 'a number that is not finite';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** A property's name in a path: data may hide in names too, so an unlikely one is not repeated. */
const safeName = (name: string): string => (/^[A-Za-z_$][\w$]{0,63}$/.test(name) ? name : '(unknown)');
const among = (names: readonly string[]): string => `one of ${names.join(', ')}`;
