/** What a value is worth recording as: a plain value, or a box of fields or elements. Total: getters and proxies may throw. */

export type Plain = string | number | bigint | boolean | null | undefined | object;

/** Whether it holds fields or elements. */
export const isBox = (value: Plain): value is object => typeof value === 'object' && value !== null;

/** Functions and symbols are nothing; a Date is its ISO text; what has a `toJSON` is what that answers. */
export function plainOf(value: unknown): Plain {
  if (typeof value === 'function' || typeof value === 'symbol' || value === undefined) return undefined;
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object' || value === null) return value;
  try {
    return plainObject(value);
  } catch {
    return '(throws when it is read)';
  }
}

function plainObject(value: object): Plain {
  if (value instanceof Date) return Number.isFinite(value.getTime()) ? value.toISOString() : String(value);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [String(key), one]));
  if (value instanceof Set) return [...value];
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `(${value.byteLength} bytes)`;
  if (value instanceof RegExp) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const answer: unknown = value.toJSON();
    // Once is enough: what a toJSON answers is taken as it is, or one that answers itself would never end.
    if (typeof answer !== 'object' || answer === null) return plainOf(answer);
    return Array.isArray(answer) ? answer : { ...answer };
  }
  return Array.isArray(value) ? value : { ...value };
}
