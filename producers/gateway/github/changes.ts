/**
 * Before and after, from a payload's `changes`: `{ field: { from, to? } }`, at any depth. Where there is no `to`, the value
 * after is the field of the thing as the payload shows it. What people wrote in free text is described, not copied, since
 * texts are often edited because a secret slipped into them; what is called a secret is never copied.
 */
import type { FieldChangeInput, ValueInput } from '../../sdk/index.ts';
import { at, idAt, identifier, isObject, type Payload } from '../payload.ts';

const FREE_TEXT = /(?:^|\.)(?:body|message|note)$/;
const SECRET = /secret|token|password|passphrase|credential|private_key|authorization/i;
const MAX_DEPTH = 8;
const MAX_CHANGES = 200;
const MAX_TEXT = 16_384;

/** The changes, with each value after from `subject` where the payload does not say it. */
export function changesOf(changes: unknown, subject: Payload): FieldChangeInput[] {
  const found: FieldChangeInput[] = [];
  if (isObject(changes)) collect(changes, '', subject, found, MAX_DEPTH);
  return found.slice(0, MAX_CHANGES);
}

function collect(node: Payload, path: string, subject: Payload, found: FieldChangeInput[], depth: number): void {
  for (const [name, value] of Object.entries(node)) {
    const field = identifier(path === '' ? name : `${path}.${name}`);
    if (!isObject(value) || field === undefined) continue;
    if (Object.hasOwn(value, 'from') || Object.hasOwn(value, 'to')) {
      const after = Object.hasOwn(value, 'to') ? value.to : at(subject, field);
      const change = changeOf(field, value.from, after);
      if (change !== undefined) found.push(change);
    } else if (depth > 0) collect(value, field, subject, found, depth - 1);
  }
}

/** One change; undefined where it has neither side. */
export function changeOf(field: string, before: unknown, after: unknown): FieldChangeInput | undefined {
  if (before === undefined && after === undefined) return undefined;
  return { field, before: keptValue(field, before), after: keptValue(field, after) };
}

/** A value as an event may keep it. */
function keptValue(field: string, value: unknown): ValueInput | undefined {
  if (value === undefined) return undefined;
  if (SECRET.test(field)) return '(secret)';
  if (typeof value === 'string') {
    return FREE_TEXT.test(field) || value.length > MAX_TEXT ? { characters: value.length } : value.toWellFormed();
  }
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  if (Array.isArray(value)) return value.slice(0, MAX_CHANGES).map(condense);
  return condense(value);
}

/** An element or object by its number and name, or by its plain fields: payloads nest whole repositories. */
function condense(value: unknown): ValueInput {
  if (typeof value === 'string') return value.slice(0, MAX_TEXT).toWellFormed();
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  if (!isObject(value)) return null;
  const id = idAt(value, 'id');
  if (id !== undefined) return { id, ...(idAt(value, 'type') && { type: idAt(value, 'type') }) };
  const account = Object.values(value).find(inner => isObject(inner) && idAt(inner, 'id') !== undefined);
  if (account !== undefined) return condense(account);
  const plain = Object.entries(value).filter(([name, inner]) => !SECRET.test(name) && typeof inner !== 'object');
  return Object.fromEntries(plain.map(([name, inner]) => [name, typeof inner === 'string' ? condense(inner) : inner]));
}
