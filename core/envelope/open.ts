// Personal fields, opened again by who holds the keys. What can't be opened stays sealed, and its state says why: a key that was
// destroyed, one that is not at hand, or something that does not fit, which an attacker may have put there.

import { createDecipheriv, type KeyObject } from 'node:crypto';
import type { AuditRecord, Sealed } from '../../schemas/types.ts';
import { EnvelopeError } from './error.ts';
import { checkKeyId, ownerName } from './key-id.ts';
import type { FindKey } from './key-ring.ts';
import { decodeOriginal } from './original.ts';
import { dayOwner, ownerOf } from './personal-fields.ts';
import { additionalData, CIPHER, CIPHER_OPTIONS, NONCE_BYTES, ORIGINAL_PATH, TAG_BYTES } from './seal.ts';
import { copyWithSlots } from './walk.ts';

/**
 * What became of a sealed field. `open`: it is in clear in the record. `erased`: its key was destroyed. `no-key`: its key is not at
 * hand. `broken`: it is not what was sealed here; `problem` says what does not fit.
 */
export interface FieldState {
  /** Such as targets[0].name; original.sealed is the key, value and headers of a raw record. */
  readonly path: string;
  readonly keyId: string;
  readonly state: 'open' | 'erased' | 'no-key' | 'broken';
  readonly problem: string | null;
}

export interface Opened {
  /** A copy with the opened fields in clear; the others are as they were. */
  readonly record: AuditRecord;
  /** Of each sealed field, in the order of the schema; empty where none was sealed. */
  readonly fields: readonly FieldState[];
}

interface SealedField {
  readonly path: string;
  readonly sealed: Sealed;
  readonly owner: string;
  put(bytes: Buffer): void;
}

/** The ids of the keys that a record's sealed fields name, each once: what to fetch before opening it. */
export function keyIdsOf(record: AuditRecord): string[] {
  return [...new Set(gather(record).fields.map(({ sealed }) => sealed.keyId))];
}

/** Opens what can be opened. Never throws for what it finds in a record. */
export function openPersonal(record: AuditRecord, find: FindKey): Opened {
  const { copy, fields } = gather(record);
  const states = new Map<SealedField, FieldState>();
  for (const group of groupsOf(fields)) {
    const { state, problem } = openGroup(record, group, fields, find);
    for (const field of group) states.set(field, { path: field.path, keyId: field.sealed.keyId, state, problem });
  }
  return { record: copy, fields: fields.flatMap(field => states.get(field) ?? []) };
}

function gather(record: AuditRecord): { copy: AuditRecord; fields: SealedField[] } {
  const { copy, slots } = copyWithSlots(record);
  const fields: SealedField[] = [];
  for (const { path, value, set } of slots) {
    if (typeof value === 'string') continue;
    const owner = ownerName(ownerOf(record, path));
    fields.push({ path, sealed: value, owner, put: bytes => set(bytes.toString('utf8')) });
  }
  const { original } = record;
  if (original?.sealed) {
    const put = (bytes: Buffer) => {
      copy.original = { ...original, ...decodeOriginal(bytes), sealed: null };
    };
    fields.push({ path: ORIGINAL_PATH, sealed: original.sealed, owner: ownerName(dayOwner(record)), put });
  }
  return { copy, fields };
}

/** The fields that were one message, if nobody meddled: those of one owner with one key and one nonce. */
function groupsOf(fields: readonly SealedField[]): SealedField[][] {
  const groups = new Map<string, SealedField[]>();
  for (const field of fields) {
    const { keyId, nonce } = field.sealed;
    const name = `${field.owner}\n${keyId}\n${Buffer.from(nonce).toString('hex')}`;
    const group = groups.get(name);
    if (group) group.push(field);
    else groups.set(name, [field]);
  }
  return [...groups.values()];
}

type Result = Pick<FieldState, 'state' | 'problem'>;
const broken = (problem: string): Result => ({ state: 'broken', problem });

function openGroup(record: AuditRecord, group: SealedField[], all: readonly SealedField[], find: FindKey): Result {
  const [first] = group;
  const last = group.at(-1);
  if (!first || !last) return { state: 'open', problem: null };
  const { keyId, nonce } = first.sealed;
  const stranger = all.find(({ owner, sealed }) => owner === first.owner && sealed.keyId !== keyId);
  if (stranger)
    return broken(
      `${first.path} is under key ${keyId}, ${stranger.path} of the same owner under ${stranger.sealed.keyId}`,
    );
  let key: ReturnType<FindKey>;
  try {
    key = find(checkKeyId(keyId));
  } catch (error) {
    if (error instanceof EnvelopeError) return broken(error.message);
    throw error;
  }
  if (key === null || key === 'erased') return { state: key ?? 'no-key', problem: null };
  if (nonce.length !== NONCE_BYTES) return broken(`found a nonce of ${nonce.length} bytes, expected ${NONCE_BYTES}`);
  const bytes = Buffer.concat(group.map(({ sealed }) => sealed.ciphertext));
  const tagless = last.sealed.ciphertext.length - TAG_BYTES;
  if (tagless < 0)
    return broken(
      `${last.path} has no tag: found ${last.sealed.ciphertext.length} bytes, expected ${TAG_BYTES} or more`,
    );
  const lengths = group.map(field => ({
    path: field.path,
    length: field === last ? tagless : field.sealed.ciphertext.length,
  }));
  const clear = decrypt(key, nonce, bytes, additionalData(record, keyId, lengths));
  if (clear === null) return broken(misfit(record, group, all));
  return place(group, lengths, clear);
}

function decrypt(key: KeyObject, nonce: Uint8Array, bytes: Buffer, aad: Buffer): Buffer | null {
  const decipher = createDecipheriv(CIPHER, key, nonce, CIPHER_OPTIONS);
  decipher.setAAD(aad);
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  const clear = decipher.update(bytes.subarray(0, bytes.length - TAG_BYTES));
  try {
    decipher.final();
    return clear;
  } catch {
    return null;
  }
}

function place(group: readonly SealedField[], lengths: readonly { length: number }[], clear: Buffer): Result {
  let at = 0;
  try {
    group.forEach((field, n) => {
      const end = at + (lengths[n]?.length ?? 0);
      field.put(clear.subarray(at, end));
      at = end;
    });
  } catch (error) {
    if (error instanceof EnvelopeError) return broken(error.message);
    throw error;
  }
  return { state: 'open', problem: null };
}

/** What can be said of fields that do not open under their key. */
function misfit({ id }: AuditRecord, group: readonly SealedField[], all: readonly SealedField[]): string {
  const paths = group.map(({ path }) => path).join(', ');
  const [first] = group;
  const elsewhere = all.filter(field => field.owner === first?.owner && !group.includes(field)).map(({ path }) => path);
  const apart = elsewhere.length > 0 ? ` (sealed apart from ${elsewhere.join(', ')} of the same owner)` : '';
  return `${paths} of record ${id}${apart} can't be opened with key ${first?.sealed.keyId}: the ciphertext was changed, or it was sealed for another record, for other fields, or under another key`;
}
