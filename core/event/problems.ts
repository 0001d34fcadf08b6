/**
 * Collects what is wrong with an event. What was found is described by kind and length, never quoted: these texts go into
 * refusals, logs and errors, and an event may hold anything.
 */
import type { Sealed } from '../../schemas/types.ts';
import { LIMITS } from './limits.ts';

/** A rule that an event breaks. */
export interface EventProblem {
  /** Path of the field, such as targets[0].changes[1].before. */
  readonly field: string;
  readonly found: string;
  readonly expected: string;
  /** The rule of a catalogue that is broken, such as account.close/required. */
  readonly rule?: string | undefined;
}

const CONTROL = /\p{Cc}/u;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * A list of problems with the checks that add to it. A path such as `targets[].changes[].` is joined, and the places in its lists are
 * filled in, only where a check fails.
 */
export class Problems {
  readonly list: EventProblem[] = [];
  /** Places in the lists of a path, the outermost first. */
  readonly at: [number, number] = [0, 0];
  readonly #isPlain: boolean;

  /** `isPlain`: whoever read the event knows that its texts are well formed and have no control characters. */
  constructor(isPlain = false) {
    this.#isPlain = isPlain;
  }

  add(path: string, name: string, found: string, expected: string): void {
    let depth = 0;
    const field = `${path}${name}`.replaceAll('[]', () => `[${this.at[depth++]}]`);
    this.list.push({ field, found, expected });
  }

  /** What is compared and indexed: not empty, no control characters. */
  identifier(value: string | null, path: string, name: string): void {
    if (value === null) return;
    if (value === '' || value.length > LIMITS.identifier || !this.#isClean(value)) {
      const expected = `1 to ${LIMITS.identifier} characters of well-formed text without control characters`;
      this.add(path, name, describeText(value), expected);
    }
  }

  /** What is read by people: any well-formed text up to a length, not sealed by anyone but the normalizer. */
  text(value: string | Sealed | null, path: string, name: string, limit: number): void {
    if (value === null) return;
    if (typeof value !== 'string') this.add(path, name, 'a sealed text', 'a text in clear: only the normalizer seals');
    else if (value.length > limit || !(this.#isPlain || value.isWellFormed())) {
      this.add(path, name, describeText(value), `well-formed text of at most ${limit} characters`);
    }
  }

  #isClean(value: string): boolean {
    return this.#isPlain || (!CONTROL.test(value) && value.isWellFormed());
  }

  uuid(value: string | null, path: string, name: string): void {
    if (value !== null && !UUID.test(value)) this.add(path, name, describeText(value), 'a UUID in lower case');
  }

  time(value: number | null, path: string, name: string): void {
    if (value !== null && !(Number.isSafeInteger(value) && value >= 0)) {
      this.add(path, name, 'a time out of range', 'whole microseconds since 1970, before the year 2255');
    }
  }

  atMost(count: number, limit: number, path: string, name: string): void {
    if (count > limit) this.add(path, name, `${count} elements`, `at most ${limit}`);
  }
}

/** A text by its length and by what may be wrong with it. */
export function describeText(text: string): string {
  if (text === '') return 'an empty text';
  const flaw = text.isWellFormed() ? (CONTROL.test(text) ? ' with control characters' : '') : ' with a lone surrogate';
  return `a text of ${text.length} characters${flaw}`;
}
