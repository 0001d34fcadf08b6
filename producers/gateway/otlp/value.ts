/**
 * Values of OTLP as its JSON has them (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): an object that names its type, 64-bit
 * integers as texts, bytes in base64.
 */
import type { ValueInput } from '../../sdk/index.ts';
import { invalid, isObject } from '../payload.ts';

export type Attributes = ReadonlyMap<string, ValueInput>;

/** A list of `KeyValue`; what has no value is left out. Throws AuditError `invalid-event` for what is none, and for a key that is there twice. */
export function readAttributes(list: unknown, path: string): Attributes {
  const attributes = new Map<string, ValueInput>();
  for (const [key, value] of entriesOf(list, path)) {
    const read = readAny(value, path);
    if (read !== undefined) attributes.set(key, read);
  }
  return attributes;
}

/** An `AnyValue`; undefined where it has none. An integer at its top is exact, whatever its size. */
export function readAny(value: unknown, path: string): ValueInput | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid(path, 'no object', 'a value of OTLP, such as { "stringValue": "…" }');
  const { stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue } = value;
  if (typeof stringValue === 'string') return stringValue;
  if (typeof boolValue === 'boolean') return boolValue;
  if (isPresent(intValue)) return readInteger(intValue, path);
  if (isPresent(doubleValue)) return readDouble(doubleValue, path);
  if (typeof bytesValue === 'string') return bytesValue;
  if (isObject(arrayValue)) return listOf(arrayValue.values, path).map(item => nested(readAny(item, path)));
  if (isObject(kvlistValue)) {
    const entries = entriesOf(kvlistValue.values, path);
    return Object.fromEntries(entries.map(([key, item]) => [key, nested(readAny(item, path))]));
  }
  if (Object.values(value).some(isPresent)) throw invalid(path, 'a value of no known type', 'a value of OTLP');
  return undefined;
}

/** A 64-bit integer: a text of digits, or a number. */
export function readInteger(value: unknown, path: string): bigint {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  throw invalid(path, 'something else', 'an integer, as a text of digits or a number');
}

/** What JSON has no number for (`NaN`, `Infinity`) stays a text. */
function readDouble(value: unknown, path: string): number | string {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') throw invalid(path, 'no number', 'a number');
  const number = Number(value);
  return Number.isFinite(number) && value.trim() !== '' ? number : value;
}

/** Within a list or map there is JSON alone: an integer that no number holds is a text. */
function nested(value: ValueInput | undefined): ValueInput {
  if (typeof value !== 'bigint') return value ?? null;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function entriesOf(list: unknown, path: string): [string, unknown][] {
  const keys = new Set<string>();
  return listOf(list, path).map(entry => {
    if (!isObject(entry) || typeof entry.key !== 'string')
      throw invalid(path, 'an entry without a key', 'key and value');
    if (keys.has(entry.key)) throw invalid(path, 'a key for the second time', 'a key at most once');
    keys.add(entry.key);
    return [entry.key, entry.value];
  });
}

/** A list that is left out is empty. Throws AuditError for what is none. */
function listOf(list: unknown, path: string): readonly unknown[] {
  if (!isPresent(list)) return [];
  if (!Array.isArray(list)) throw invalid(path, 'no list', 'a list');
  return list;
}

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
