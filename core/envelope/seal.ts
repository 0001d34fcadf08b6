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
import { gatherClear } from './gather.ts';
import { type KeyOwner, ownerName } from './key-id.ts';
import type { DataKey, KeyRing } from './key-ring.ts';
import { encodeOriginal } from './original.ts';
import { dayOwner } from './personal-fields.ts';

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

/** A record on the way to being sealed. */
export interface Sealing {
  /** Whose keys it needs, each once. */
  readonly owners: readonly KeyOwner[];
  /** As {@link sealPersonal}; to be called once. */
  seal(ring: KeyRing): AuditRecord;
}

/** The owners whose keys sealing this record needs, each once. */
export function ownersOf(record: AuditRecord): readonly KeyOwner[] {
  return planSealing(record).owners;
}

/**
 * The record with each personal text encrypted under its owner's key, and a kept raw record under the day's. Fields that are encrypted
 * already stay as they are. All owners have to be prepared: see {@link ownersOf}. The record given is not changed.
 */
export function sealPersonal(record: AuditRecord, ring: KeyRing): AuditRecord {
  return planSealing(record).seal(ring);
}

/** {@link ownersOf} and {@link sealPersonal} of one record, with one look at it. */
export function planSealing(record: AuditRecord): Sealing {
  const { copy, owned } = gatherClear(record);
  const groups = new Map<string, OwnedFields>();
  for (const { owner, texts } of owned) {
    const fields = texts.map(
      ({ path, text, put }): Plain => ({ path, content: text, length: Buffer.byteLength(text, 'utf8'), put }),
    );
    groups.set(ownerName(owner), { owner, fields });
  }
  const { original } = record;
  if (original && original.sealed === null) {
    const put = (sealed: Sealed) => {
      copy.original = { ...original, key: null, value: null, headers: [], sealed };
    };
    const content = encodeOriginal(original);
    const owner = dayOwner(record);
    const group = groups.get(ownerName(owner)) ?? { owner, fields: [] };
    group.fields.push({ path: ORIGINAL_PATH, content, length: content.length, put });
    groups.set(ownerName(owner), group);
  }
  const all = [...groups.values()];
  return {
    owners: all.map(({ owner }) => owner),
    seal: ring => {
      for (const { owner, fields } of all) sealFields(record, ring.keyOf(owner), fields);
      return copy;
    },
  };
}

function sealFields(record: AuditRecord, { id, key }: DataKey, fields: readonly Plain[]): void {
  const nonce = newNonce();
  const cipher = createCipheriv(CIPHER, key, nonce, CIPHER_OPTIONS);
  cipher.setAAD(additionalData(record, id, fields));
  const encrypted = cipher.update(plaintextOf(fields));
  cipher.final();
  const tagged = Buffer.concat([encrypted, cipher.getAuthTag()]);
  let at = 0;
  fields.forEach(({ length, put }, n) => {
    const end = n === fields.length - 1 ? tagged.length : at + length;
    put({ keyId: id, nonce, ciphertext: tagged.subarray(at, end) });
    at = end;
  });
}

function plaintextOf(fields: readonly Plain[]): Buffer {
  let total = 0;
  let text = '';
  for (const { content, length } of fields) {
    total += length;
    if (typeof content === 'string') text += content;
  }
  // As many bytes as characters: all of it is ASCII, and one copy does.
  if (text.length === total) return Buffer.from(text, 'latin1');
  const plaintext = Buffer.allocUnsafe(total);
  let at = 0;
  for (const { content, length } of fields) {
    if (typeof content === 'string') plaintext.write(content, at, 'utf8');
    else plaintext.set(content, at);
    at += length;
  }
  return plaintext;
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
