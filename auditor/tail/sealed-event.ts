// One record of the events topic, as people read it.

import { decoderFor } from '../read/decode.ts';
import { exactJson } from '../read/exact-json.ts';
import { printable } from '../read/table.ts';
import { isRecord, type View, viewOf } from '../read/view.ts';

export interface SealedEvent {
  readonly partition: number;
  readonly offset: bigint;
  /** When it was appended, in milliseconds since 1970. */
  readonly sealedAt: number;
  /** The whole event as its schema says; null where it could not be decoded, and why. */
  readonly value: unknown;
  readonly undecodable: string | null;
  readonly view: View;
  /** Why the raw record was not accepted; null: it was. */
  readonly refused: string | null;
}

export interface SealedRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly sealedAt: number;
  readonly value: Buffer | null;
  /** Its schema's id and text; null: there is none. */
  readonly schema: { readonly id: number | null; readonly text: string | null };
}

const prefixBytes = 5;

export function decodeSealed({ partition, offset, sealedAt, value: bytes, schema }: SealedRecord): SealedEvent {
  const decoded =
    bytes === null || schema.text === null
      ? { problem: 'no schema at the registry is that of its first five bytes' }
      : decoderFor(`registry ${schema.id}`, schema.text)(bytes.subarray(prefixBytes));
  const value = 'value' in decoded ? decoded.value : null;
  const undecodable = 'problem' in decoded ? decoded.problem : null;
  return { partition, offset, sealedAt, value, undecodable, view: viewOf(value), refused: refusalIn(value) };
}

/** `code: message`, and each field that broke a rule. Nothing in it is from the record itself. */
function refusalIn(value: unknown): string | null {
  const refusal = isRecord(value) ? value.refused : null;
  if (!isRecord(refusal)) return null;
  const problems = Array.isArray(refusal.problems) ? refusal.problems.filter(isRecord) : [];
  const fields = problems.map(({ field, found, expected }) => `${field}: found ${found}, expected ${expected}`);
  return [`${refusal.code}: ${refusal.message}`, ...fields].join('; ');
}

/** A line for a terminal: nothing in it reaches that as a control sequence. */
export function lineOf(event: SealedEvent): string {
  const { partition, offset, sealedAt, undecodable, refused, view } = event;
  const time = new Date(sealedAt).toISOString().replace('T', ' ').replace('Z', '');
  const who = [view.actorId, view.actorName].filter(text => text !== '').join(' ') || '-';
  const what = undecodable === null ? view.action.padEnd(24) : `(undecodable: ${undecodable})`;
  const where = view.service === '' ? '' : `  by ${view.service}`;
  const why = refused === null ? '' : `  REFUSED ${refused}`;
  const line = `${time}  ${what}  ${view.outcome.padEnd(7)}  ${who}  ${view.targets.join(' ')}${where}${why}`;
  return `${printable(line)}  [${partition}:${offset}]\n`;
}

/** `{"partition", "offset", "sealedAt", "event"}`, or `"undecodable"` and why. */
export function jsonLineOf({ partition, offset, sealedAt, value, undecodable }: SealedEvent): string {
  const place = { partition, offset, sealedAt: new Date(sealedAt).toISOString() };
  return `${exactJson(undecodable === null ? { ...place, event: value } : { ...place, undecodable })}\n`;
}
