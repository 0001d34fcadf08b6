// JSON as the format writes it: names match by case and none is repeated, numbers are integers. JSON.parse keeps the last of
// repeated names, so two readers could read two things out of one signed text; this parser refuses what could be read in two ways.

import { ProofError } from './error.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const maxDepth = 32;

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Json {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail('expected the end');
    return value;
  }

  #fail(what: string): never {
    throw new ProofError('malformed-json', `JSON at character ${this.#at}: ${what}`);
  }

  #space(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? 'x')) this.#at++;
  }

  #take(char: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #value(depth: number): Json {
    if (depth > maxDepth) this.#fail(`nested deeper than ${maxDepth}`);
    if (this.#take('{')) return this.#object(depth);
    if (this.#take('[')) return this.#array(depth);
    if (this.#text[this.#at] === '"') return this.#string();
    const match = /(?:null|true|false|-?(?:0|[1-9]\d*))(?![\w.+-])/y;
    match.lastIndex = this.#at;
    const word = match.exec(this.#text)?.[0];
    if (word === undefined) this.#fail('expected a value (numbers are integers)');
    this.#at += word.length;
    if (word === 'null') return null;
    if (word === 'true' || word === 'false') return word === 'true';
    const number = Number(word);
    if (!Number.isSafeInteger(number) || Object.is(number, -0)) this.#fail('expected an integer below 2^53');
    return number;
  }

  #string(): string {
    const match = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
    match.lastIndex = this.#at;
    const literal = match.exec(this.#text)?.[0];
    if (literal === undefined) this.#fail('expected a string');
    let value: unknown;
    try {
      value = JSON.parse(literal);
    } catch {
      this.#fail('expected a string');
    }
    if (typeof value !== 'string') this.#fail('expected a string');
    // Half a surrogate pair has no bytes: made into UTF-8 it would be the same text as another.
    if (!value.isWellFormed()) this.#fail('a string with half a surrogate pair');
    this.#at += literal.length;
    return value;
  }

  #array(depth: number): Json[] {
    const out: Json[] = [];
    if (this.#take(']')) return out;
    do out.push(this.#value(depth + 1));
    while (this.#take(','));
    if (!this.#take(']')) this.#fail('expected , or ]');
    return out;
  }

  #object(depth: number): { readonly [name: string]: Json } {
    const out = new Map<string, Json>();
    if (!this.#take('}')) {
      do {
        this.#space();
        const name = this.#string();
        if (out.has(name)) this.#fail(`the name "${name.slice(0, 40)}" is repeated`);
        if (!this.#take(':')) this.#fail('expected :');
        out.set(name, this.#value(depth + 1));
      } while (this.#take(','));
      if (!this.#take('}')) this.#fail('expected , or }');
    }
    return Object.fromEntries(out);
  }
}

/** Parses strictly; throws `malformed-json`. */
export function parseJson(text: string): Json {
  return new Parser(text).document();
}

/** Reads a JSON object's members one by one, each exactly once: names unknown or missing are errors. */
export class Members {
  readonly #members: Map<string, Json>;
  readonly #where: string;

  constructor(value: Json, where: string, names: readonly string[]) {
    this.#where = where;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail('expected an object');
    this.#members = new Map(Object.entries(value));
    for (const name of names) if (!this.#members.has(name)) this.fail(`"${name}" is missing`);
    for (const name of this.#members.keys()) if (!names.includes(name)) this.fail(`"${name.slice(0, 40)}" is unknown`);
  }

  fail(why: string): never {
    throw new ProofError('malformed-json', `${this.#where}: ${why}`);
  }

  value(name: string): Json {
    return this.#members.get(name) ?? null;
  }

  string(name: string): string {
    const value = this.value(name);
    return typeof value === 'string' ? value : this.fail(`"${name}": expected a string`);
  }

  /** A non-negative integer. */
  count(name: string): number {
    const value = this.value(name);
    return typeof value === 'number' && value >= 0 ? value : this.fail(`"${name}": expected a non-negative integer`);
  }

  array(name: string): readonly Json[] {
    const value = this.value(name);
    return Array.isArray(value) ? value : this.fail(`"${name}": expected an array`);
  }

  /** What `parse` makes of a string; null from it is an error that says what was expected. */
  parsed<T>(name: string, expected: string, parse: (text: string) => T | null): T {
    const text = this.string(name);
    return parse(text) ?? this.fail(`"${name}": found "${text.slice(0, 60)}", expected ${expected}`);
  }
}
