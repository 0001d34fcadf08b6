// Personal fields, encrypted. All of an event's fields of one owner are one AES-256-GCM message: their plaintexts, in the order of the
// schema, one behind the other. GCM encrypts byte by byte, so each field keeps its own slice of the ciphertext; the tag (16 bytes) follows
// the last slice; the nonce, 12 random bytes, is the same in all. What is authenticated beside it, each line ending in \n:
//
//   tidemark-sealed/1
//   AES-256-GCM
//   <key id>
//   <id of the record, as a JSON string> <raw topic> <generation> <partition> <offset>
//   <path of the field> <length of its slice>       for each field
//
// So a slice opens only in its record, at its field, beside the very fields it was sealed with, and under its key.

import { createCipheriv, randomBytes } from 'node:crypto';
import type { AuditRecord, Sealed } from '../../schemas/types.ts';
import { type KeyOwner, ownerName } from './key-id.ts';
import type { DataKey, KeyRing } from './key-ring.ts';
import { encodeOriginal } from './original.ts';
import { dayOwner, isLeftClear, ownerOf } from './personal-fields.ts';
import { copyWithSlots } from './walk.ts';

export const CIPHER = 'aes-256-gcm';
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
export const CIPHER_OPTIONS = { authTagLength: TAG_BYTES };
/** Where the bytes of a raw record are kept. */
export const ORIGINAL_PATH = 'original.sealed';

interface Plain {
  readonly path: string;
  readonly content: string | Buffer;
  /** Of the content, in bytes. */
  readonly length: number;
  put(sealed: Sealed): void;
}

interface OwnedFields {
  readonly owner: KeyOwner;
  readonly fields: Plain[];
}

/** The owners whose keys sealing this record needs, each once. */
export function ownersOf(record: AuditRecord): KeyOwner[] {
  return gather(record).groups.map(({ owner }) => owner);
}

/**
 * The record with each personal text encrypted under its owner's key, and a kept raw record under the day's. Fields that are encrypted
 * already stay as they are. All owners have to be prepared: see {@link ownersOf}. The record given is not changed.
 */
export function sealPersonal(record: AuditRecord, ring: KeyRing): AuditRecord {
  const { copy, groups } = gather(record);
  for (const { owner, fields } of groups) sealFields(record, ring.keyOf(owner), fields);
  return copy;
}

function gather(record: AuditRecord): { copy: AuditRecord; groups: OwnedFields[] } {
  const groups = new Map<string, OwnedFields>();
  const add = (owner: KeyOwner, field: Plain) => {
    const name = ownerName(owner);
    const group = groups.get(name);
    if (group) group.fields.push(field);
    else groups.set(name, { owner, fields: [field] });
  };
  const { copy, slots } = copyWithSlots(record);
  for (const { path, value, set } of slots) {
    if (typeof value !== 'string' || isLeftClear(record, path)) continue;
    add(ownerOf(record, path), { path, content: value, length: Buffer.byteLength(value, 'utf8'), put: set });
  }
  const { original } = record;
  if (original && original.sealed === null) {
    const put = (sealed: Sealed) => {
      copy.original = { ...original, key: null, value: null, headers: [], sealed };
    };
    const content = encodeOriginal(original);
    add(dayOwner(record), { path: ORIGINAL_PATH, content, length: content.length, put });
  }
  return { copy, groups: [...groups.values()] };
}

function sealFields(record: AuditRecord, { id, key }: DataKey, fields: readonly Plain[]): void {
  const nonce = newNonce();
  const cipher = createCipheriv(CIPHER, key, nonce, CIPHER_OPTIONS);
  cipher.setAAD(additionalData(record, id, fields));
  let total = 0;
  for (const { length } of fields) total += length;
  const plaintext = Buffer.allocUnsafe(total);
  let at = 0;
  for (const { content, length } of fields) {
    if (typeof content === 'string') plaintext.write(content, at, 'utf8');
    else plaintext.set(content, at);
    at += length;
  }
  const encrypted = cipher.update(plaintext);
  cipher.final();
  const tagged = Buffer.concat([encrypted, cipher.getAuthTag()]);
  at = 0;
  fields.forEach(({ length, put }, n) => {
    const end = n === fields.length - 1 ? tagged.length : at + length;
    put({ keyId: id, nonce, ciphertext: tagged.subarray(at, end) });
    at = end;
  });
}

const noncesAtOnce = 256;
let nonces = Buffer.alloc(0);

/** Random bytes are taken many at once: twelve at a time cost as much as the encryption. Each is handed out once. */
function newNonce(): Buffer {
  if (nonces.length === 0) nonces = randomBytes(NONCE_BYTES * noncesAtOnce);
  const nonce = nonces.subarray(0, NONCE_BYTES);
  nonces = nonces.subarray(NONCE_BYTES);
  return nonce;
}

/** What is authenticated beside the fields. */
export function additionalData(
  { id, raw }: AuditRecord,
  keyId: string,
  fields: readonly { readonly path: string; readonly length: number }[],
): Buffer {
  let text = `tidemark-sealed/1\nAES-256-GCM\n${keyId}\n`;
  text += `${JSON.stringify(id)} ${raw.topic} ${raw.generation} ${raw.partition} ${raw.offset}\n`;
  for (const { path, length } of fields) text += `${path} ${length}\n`;
  return Buffer.from(text, 'utf8');
}
