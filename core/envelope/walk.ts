// Visits the personal fields of a record in their one order and makes a copy in which they can be replaced. Only what leads to such a
// field is copied.

import type { AuditRecord, Sealed } from '../../schemas/types.ts';
import { PERSONAL, type Shape } from './personal-fields.ts';

type Fields = Record<string, unknown>;

/** A personal field that has a value. */
export interface Slot {
  readonly path: string;
  readonly value: string | Sealed;
  /** Puts another value in its place, in the copy. */
  set(value: string | Sealed): void;
}

/** A copy of the record, and its personal fields in order. The record itself is never changed. */
export function copyWithSlots(record: AuditRecord): { readonly copy: AuditRecord; readonly slots: Slot[] } {
  const slots: Slot[] = [];
  const copy = walk(record, PERSONAL, '', slots);
  return { copy, slots };
}

function walk<T extends object>(holder: T, shape: Shape, path: string, slots: Slot[]): T {
  const copy: T = { ...holder };
  const fields = copy as Fields;
  for (const name in shape) {
    const inner = shape[name];
    const value = fields[name];
    if (inner === undefined || value === null || value === undefined) continue;
    const at = path === '' ? name : `${path}.${name}`;
    if (inner === 'personal') {
      const set = (other: string | Sealed) => {
        fields[name] = other;
      };
      if (isText(value)) slots.push({ path: at, value, set });
    } else if (Array.isArray(value)) {
      if (value.length > 0) fields[name] = value.map((item, n) => walkItem(item, inner, `${at}[${n}]`, slots));
    } else if (typeof value === 'object') fields[name] = walk(value, inner, at, slots);
  }
  return copy;
}

function walkItem(item: unknown, shape: Shape, path: string, slots: Slot[]): unknown {
  return typeof item === 'object' && item !== null ? walk(item, shape, path, slots) : item;
}

function isText(value: unknown): value is string | Sealed {
  return typeof value === 'string' || isSealed(value);
}

function isSealed(value: unknown): value is Sealed {
  if (typeof value !== 'object' || value === null) return false;
  if (!('keyId' in value && 'nonce' in value && 'ciphertext' in value)) return false;
  const { keyId, nonce, ciphertext } = value;
  return typeof keyId === 'string' && nonce instanceof Uint8Array && ciphertext instanceof Uint8Array;
}
