/**
 * A configuration as its values by their paths (`db.pool.max`), each with its print: HMAC-SHA-256 over path and value, by which it is known
 * that a value changed without keeping it. What can't be followed to its end is refused: an override in it would go unseen.
 */
import { createHash, createHmac, type KeyObject } from 'node:crypto';
import { compilePattern, LIMITS } from '../../../core/event/index.ts';
import { createDetector } from '../../../core/masking/index.ts';
import { invalidEvent } from '../error.ts';
import { fieldPath } from '../field-path.ts';
import { isBox, type Plain, plainOf } from '../plain-value.ts';

export interface Entry {
  readonly path: string;
  /** Base64url. */
  readonly print: string;
  /** A name on its path says that it is secret. */
  readonly secret?: true | undefined;
  /** What may be told of it in clear; absent: nothing. */
  readonly value?: ClearValue | undefined;
}

/** Lists and objects are empty ones: what they hold has entries of its own. */
export type ClearValue = string | number | boolean | null | readonly never[] | { readonly [name: string]: never };

export interface EntryRules {
  readonly key: KeyObject;
  readonly isSecret: (name: string) => boolean;
  readonly isClear: (path: string) => boolean;
}

const MAX_FIELDS = 10_000;
const MAX_DEPTH = 32;
/** Longer texts are told by their print. */
const MAX_CLEAR = 1000;
const detector = createDetector({ secrets: true, cards: true, patterns: [] });

/** The test of globs such as `db.pool.*`, in which `*` is any text. */
export function clearPaths(globs: readonly string[]): (path: string) => boolean {
  const patterns = globs.map(compilePattern);
  return path => patterns.some(matches => matches(path));
}

/** All values of a configuration, in the order of their paths. Throws AuditError `invalid-event`, which names paths and no value. */
export function entriesOf(values: object, { key, isSecret, isClear }: EntryRules): Entry[] {
  const walk: Walk = { isSecret, leaves: [], fields: 0 };
  collect(values, { path: '', secret: false, above: new Map() }, walk);
  return walk.leaves
    .map(({ path, value, secret }): Entry => {
      const print = hmac(key, JSON.stringify([path, canonical(value)]));
      if (secret) return { path, print, secret };
      const clear = isClear(path) ? clearValue(value) : undefined;
      return clear === undefined ? { path, print } : { path, print, value: clear };
    })
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Of the configuration as a whole. */
export function printOf(entries: readonly Entry[], key: KeyObject): string {
  return hmac(key, JSON.stringify(entries.map(({ print }) => print)));
}

const hmac = (key: KeyObject, text: string): string => createHmac('sha256', key).update(text).digest('base64url');

interface Leaf {
  readonly path: string;
  readonly value: Plain;
  readonly secret: boolean;
}

interface Walk {
  readonly isSecret: (name: string) => boolean;
  readonly leaves: Leaf[];
  /** How many were looked at. */
  fields: number;
}

interface Place {
  readonly path: string;
  readonly secret: boolean;
  /** What it is within, and where that is: whoever meets it again walks in a circle. */
  readonly above: ReadonlyMap<unknown, string>;
}

function collect(value: unknown, { path, secret, above }: Place, walk: Walk): void {
  const plain = plainOf(value);
  if (plain === undefined) return;
  const leaf = leafOf(value, plain, above);
  if (leaf !== undefined) {
    walk.leaves.push({ path, value: leaf, secret });
    return;
  }
  if (above.size > MAX_DEPTH) throw refused(path, 'more levels', `at most ${MAX_DEPTH}`);
  const inList = Array.isArray(plain);
  const here = new Map(above).set(value, path);
  for (const [name, one] of Object.entries(plain as object)) {
    if (++walk.fields > MAX_FIELDS) throw refused('configuration', 'more fields', `at most ${MAX_FIELDS}`);
    const at = fieldPath(path, name, inList);
    if (at.length > LIMITS.identifier) {
      throw refused(path || 'configuration', `a path of ${at.length} characters`, `at most ${LIMITS.identifier}`);
    }
    collect(one, { path: at, secret: secret || (!inList && walk.isSecret(name)), above: here }, walk);
  }
}

/** Undefined: it has parts, which are followed. */
function leafOf(value: unknown, plain: Plain, above: Place['above']): Plain {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return digestOf(value);
  if (!isBox(plain)) return plain;
  const circle = above.get(value);
  if (circle !== undefined) return `(the same as ${circle || 'all'})`;
  return above.size > 0 && Object.keys(plain).length === 0 ? plain : undefined;
}

function digestOf(value: ArrayBuffer | ArrayBufferView): string {
  const bytes = ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value);
  return `(${bytes.length} bytes, SHA-256 ${createHash('sha256').update(bytes).digest('base64url')})`;
}

/** One text for each value, by its type: 5 is neither "5" nor 5n. */
const canonical = (value: Plain): string => (typeof value === 'bigint' ? `${value}n` : JSON.stringify(value));

function clearValue(value: Plain): ClearValue | undefined {
  if (typeof value !== 'string' && typeof value !== 'bigint') return value as ClearValue;
  const text = String(value);
  const told = detector.mask(text)?.text ?? text;
  return told.length > MAX_CLEAR ? undefined : told;
}

function refused(field: string, found: string, expected: string) {
  return invalidEvent([{ field, found, expected: `${expected} in a configuration` }]);
}
