// Decoded Avro values as JSON text, without loss: longs to the last digit, bytes as base64, and what JSON has no number for
// (NaN, infinities) as text.

import { base64 } from '../../core/proof/bytes.ts';
import { isRecord } from './view.ts';

/** One line of JSON. */
export function exactJson(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`;
  if (value instanceof Uint8Array) return `"${base64(value)}"`;
  if (Array.isArray(value)) return `[${value.map(exactJson).join(',')}]`;
  if (isRecord(value)) {
    const members = Object.entries(value).flatMap(([name, member]) =>
      member === undefined ? [] : [`${JSON.stringify(name)}:${exactJson(member)}`],
    );
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
