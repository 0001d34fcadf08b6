/** A value of a caller as a Value of an exact type: its type and its text. */
import type { Value } from '../../schemas/types.ts';
import { join, type Reading } from './reading.ts';

const MAX_DEPTH = 32;
const MAX_ELEMENTS = 10_000;
const EXPECTED = 'JSON, a bigint or a Date';

/** What one value may still cost; that it costs too much is told once, of the value as a whole. */
interface Budget {
  left: number;
  readonly path: string;
  told: boolean;
}

/** Adds to the problems, and returns an empty text, where the value is none. */
export function readValue(value: unknown, path: string, reading: Reading): Value {
  if (typeof value === 'string') return { type: 'string', text: value };
  if (typeof value === 'boolean') return { type: 'boolean', text: String(value) };
  if (typeof value === 'bigint') return { type: 'integer', text: String(value) };
  if (typeof value === 'number' && Number.isFinite(value)) {
    return { type: Number.isSafeInteger(value) ? 'integer' : 'number', text: String(value) };
  }
  if (value instanceof Date && Number.isFinite(value.getTime())) return { type: 'string', text: value.toISOString() };
  const copy = copyJson(value, path, reading, { left: MAX_ELEMENTS, path, told: false }, MAX_DEPTH);
  return { type: 'json', text: JSON.stringify(copy ?? null) };
}

/** A copy made of plain data alone, so that no toJSON, getter or proxy has a word when it is turned into text. */
function copyJson(value: unknown, path: string, reading: Reading, budget: Budget, depth: number): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (value instanceof Date && Number.isFinite(value.getTime())) return value.toISOString();
  if (typeof value !== 'object') {
    reading.wrong(path, value, EXPECTED);
    return null;
  }
  const size = Array.isArray(value) ? value.length : Object.keys(value).length;
  budget.left -= size;
  if (depth === 0 || budget.left < 0) {
    const expected = `at most ${MAX_DEPTH} levels and ${MAX_ELEMENTS} elements, no circles`;
    const found = depth === 0 ? 'more levels' : 'more elements';
    if (!budget.told) reading.problems.push({ field: budget.path, found, expected });
    budget.told = true;
    return null;
  }
  if (Array.isArray(value)) {
    return Array.from(value, (element, index) => copyJson(element, `${path}[${index}]`, reading, budget, depth - 1));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) {
    reading.problems.push({ field: path, found: 'an object of a class', expected: EXPECTED });
    return null;
  }
  return copyObject(value as Record<string, unknown>, path, reading, budget, depth);
}

function copyObject(
  source: Record<string, unknown>,
  path: string,
  reading: Reading,
  budget: Budget,
  depth: number,
): unknown {
  const copy: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(source)) {
    const element = source[name];
    if (element === undefined) continue;
    const at = join(path, /^\w{1,64}$/.test(name) ? name : '(key)');
    copy[name] = copyJson(element, at, reading, budget, depth - 1);
  }
  return copy;
}
