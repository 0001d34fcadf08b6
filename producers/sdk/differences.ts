/**
 * The fields in which two states of a thing differ, by their paths: `limits.daily`, `items[2].price`. Total and bounded
 * whatever it is given: circles, depth, size. What was left out for its size is said in a field of its own. The values
 * of secret fields are compared and never told.
 */

import { LIMITS } from '../../core/event/index.ts';
import { maskOf } from '../../core/masking/index.ts';
import { fieldPath } from './field-path.ts';
import type { FieldChangeInput, ValueInput } from './input.ts';
import { isBox, type Plain, plainOf } from './plain-value.ts';

const MAX_CHANGES = 500;
const MAX_COMPARED = 50_000;
const MAX_DEPTH = 32;
/** Of a path of the event's; longer ones are cut. */
const MAX_PATH = LIMITS.identifier - 32;
const SECRET = maskOf('secret-field');

/** What differs between `before` and `after`; undefined: the thing was not there, or is gone. */
export function differences(before: unknown, after: unknown, isSecret: (name: string) => boolean): FieldChangeInput[] {
  return new Comparison(isSecret).changesOf(before, after);
}

class Comparison {
  readonly #isSecret: (name: string) => boolean;
  readonly #changes: FieldChangeInput[] = [];
  /** What is being compared, above the field at hand: whoever meets it again walks in a circle. */
  readonly #above: { readonly before: unknown; readonly after: unknown }[] = [];
  #compared = 0;
  #untold = 0;
  #uncompared = 0;

  constructor(isSecret: (name: string) => boolean) {
    this.#isSecret = isSecret;
  }

  changesOf(before: unknown, after: unknown): FieldChangeInput[] {
    this.#compare(before, after, '');
    if (this.#untold > 0) this.#changes.push({ field: '(more)', after: `${this.#untold} more fields differ` });
    if (this.#uncompared > 0) {
      this.#changes.push({ field: '(uncompared)', after: `${this.#uncompared} more fields were not compared` });
    }
    return this.#changes;
  }

  get #found(): number {
    return this.#changes.length + this.#untold;
  }

  #compare(before: unknown, after: unknown, path: string): void {
    if (before === after) return;
    this.#compared += 1;
    const was = plainOf(before);
    const is = plainOf(after);
    if (isSame(was, is) && !bytesDiffer(before, after)) return;
    const circle = this.#circleOf(before, after);
    if (circle === 'both') return;
    if (this.#above.length >= MAX_DEPTH || circle !== 'none') {
      this.#tell(path, short(was, circle), short(is, circle));
      return;
    }
    this.#above.push({ before, after });
    this.#compareParts(was, is, path);
    this.#above.pop();
  }

  /** Values are told; what holds fields is entered, also where the other side is none: a secret is one at any depth. */
  #compareParts(was: Plain, is: Plain, path: string): void {
    if (isBox(was) && isBox(is) && Array.isArray(was) === Array.isArray(is)) {
      this.#enter(was, is, path);
      return;
    }
    const enterBefore = isBox(was) && !isEmpty(was);
    const enterAfter = isBox(is) && !isEmpty(is);
    this.#tell(path, enterBefore ? undefined : told(was), enterAfter ? undefined : told(is));
    if (enterBefore) this.#enter(was, undefined, path);
    if (enterAfter) this.#enter(undefined, is, path);
  }

  #enter(was: object | undefined, is: object | undefined, path: string): void {
    const inList = Array.isArray(was ?? is);
    const keys = keysOf(was, is);
    for (const [index, key] of keys.entries()) {
      if (this.#compared >= MAX_COMPARED) {
        this.#uncompared += keys.length - index;
        return;
      }
      const before = was === undefined || !Object.hasOwn(was, key) ? undefined : (was as Record<string, unknown>)[key];
      const after = is === undefined || !Object.hasOwn(is, key) ? undefined : (is as Record<string, unknown>)[key];
      const at = fieldPath(path, key, inList);
      if (!inList && this.#isSecret(key)) this.#compareSecret(before, after, at);
      else this.#compare(before, after, at);
    }
  }

  #compareSecret(before: unknown, after: unknown, path: string): void {
    const within = new Comparison(() => false);
    within.#compared = this.#compared;
    within.#compare(before, after, '');
    this.#compared = within.#compared;
    if (within.#found === 0 && within.#uncompared === 0) return;
    this.#tell(
      path,
      plainOf(before) === undefined ? undefined : SECRET,
      plainOf(after) === undefined ? undefined : SECRET,
    );
  }

  #circleOf(before: unknown, after: unknown): 'none' | 'before' | 'after' | 'both' {
    const was = typeof before === 'object' && before !== null && this.#above.some(one => one.before === before);
    const is = typeof after === 'object' && after !== null && this.#above.some(one => one.after === after);
    if (was && is) return 'both';
    return was ? 'before' : is ? 'after' : 'none';
  }

  #tell(path: string, before: ValueInput | undefined, after: ValueInput | undefined): void {
    if (before === undefined && after === undefined) return;
    if (this.#changes.length >= MAX_CHANGES) this.#untold += 1;
    else this.#changes.push({ field: shorten(path === '' ? 'value' : path), before, after });
  }
}

/** A whole number is the same as a bigint: as values of an event they are. */
function isSame(was: Plain, is: Plain): boolean {
  if (was === is) return true;
  const [one, other] = typeof was === 'bigint' ? [was, is] : [is, was];
  return typeof one === 'bigint' && typeof other === 'number' && Number.isInteger(other) && BigInt(other) === one;
}

/** Of bytes only the length is told, so they are compared themselves. */
function bytesDiffer(before: unknown, after: unknown): boolean {
  return before instanceof Uint8Array && after instanceof Uint8Array && Buffer.compare(before, after) !== 0;
}

/** Of a list the first ones: what is beyond is more than is ever compared. */
function keysOf(was: object | undefined, is: object | undefined): string[] {
  if (!Array.isArray(was ?? is)) return [...new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])];
  const length = Math.max(lengthOf(was), lengthOf(is));
  return Array.from({ length: Math.min(length, MAX_COMPARED + 1) }, (_, index) => String(index));
}

const lengthOf = (list: object | undefined): number => (Array.isArray(list) ? list.length : 0);
const isEmpty = (box: object): boolean => (Array.isArray(box) ? box : Object.keys(box)).length === 0;

function told(value: Plain): ValueInput | undefined {
  if (typeof value !== 'string' || value.length <= LIMITS.text) return value;
  const end = ` … (${value.length} characters)`;
  return `${value.slice(0, LIMITS.text - end.length).toWellFormed()}${end}`;
}

/** What is not entered any more. */
function short(value: Plain, circle: string): ValueInput | undefined {
  if (!isBox(value)) return told(value);
  return circle === 'none' ? `(deeper than ${MAX_DEPTH} levels)` : '(a circle)';
}

const shorten = (path: string): string =>
  path.length <= MAX_PATH ? path : `${path.slice(0, MAX_PATH).toWellFormed()}…`;
