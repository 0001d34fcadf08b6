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
import type { DatumWriter, Replacements } from '../../schemas/index.ts';
import type { AuditRecord, Sealed } from '../../schemas/types.ts';
import { Gathered, NOBODY } from './gather.ts';
import type { KeyOwner } from './key-id.ts';
import type { DataKey, KeyRing } from './key-ring.ts';
import { encodeOriginal } from './original.ts';
import { dayOwner } from './personal-fields.ts';
import { copyWithSlots } from './walk.ts';

export const CIPHER = 'aes-256-gcm';
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
export const CIPHER_OPTIONS = { authTagLength: TAG_BYTES };
/** Where the bytes of a raw record are kept. */
export const ORIGINAL_PATH = 'original.sealed';

/** A record on the way to being sealed. */
export interface Sealing {
  /** Whose keys it needs, each once. */
  readonly owners: readonly KeyOwner[];
  /** Encrypts; to be called once, with all owners prepared. */
  seal(ring: KeyRing): SealedRecord;
}

/** A record whose personal texts are encrypted, still apart from it. */
export interface SealedRecord extends Replacements {
  /** With its kept raw record sealed, and its personal texts in clear: what takes their place is written in writing it. */
  readonly record: AuditRecord;
  /** What takes the place of the next text, as a value; null: that text stays as it is. */
  nextSealed(): Sealed | null;
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
  const sealed = planSealing(record).seal(ring);
  const { copy, slots } = copyWithSlots(sealed.record);
  for (const { path, value, set } of slots) {
    const other = typeof value === 'string' && path !== ORIGINAL_PATH ? sealed.nextSealed() : null;
    if (other) set(other);
  }
  return copy;
}

/** {@link ownersOf} and {@link sealPersonal} of one record, with one look at it and without a copy: what is sealed goes where it is written. */
export function planSealing(record: AuditRecord): Sealing {
  return new SealingPlan(record);
}

/** All that is sealed under one key: its fields, and what became of them. */
class Group {
  readonly paths: string[] = [];
  /** Each text on its own, and all of them, one behind the other. */
  readonly texts: string[] = [];
  text = '';
  /** Behind the texts: the kept raw record. */
  original: Buffer | null = null;
  /** Of the fields, in bytes. */
  lengths: number[] = [];
  /** Fields that were handed out. */
  done = 0;
  keyId = '';
  nonce: Buffer = none;
  /** Key id and nonce as Sealed has them: the same before each slice. */
  head: Buffer = none;
  ciphertext: Buffer = none;
  tag: Buffer = none;
  at = 0;

  add(path: string, text: string): void {
    this.paths.push(path);
    this.texts.push(text);
    this.text += text;
  }

  encrypt(record: AuditRecord, { id, key }: DataKey): void {
    const plaintext = this.#plaintext();
    this.keyId = id;
    this.nonce = newNonce();
    this.head = headOf(id, this.nonce);
    const cipher = createCipheriv(CIPHER, key, this.nonce, CIPHER_OPTIONS);
    cipher.setAAD(additionalDataOf(record, id, this.paths, this.lengths));
    this.ciphertext = cipher.update(plaintext);
    cipher.final();
    this.tag = cipher.getAuthTag();
  }

  /** Goes to the next field: its slice is from what is answered up to `at`; the last has the tag behind it. */
  next(): number {
    const start = this.at;
    this.at += this.lengths[this.done] as number;
    this.done++;
    return start;
  }

  get isLast(): boolean {
    return this.done === this.paths.length;
  }

  #plaintext(): Buffer {
    const { text, texts, original } = this;
    const bytes = Buffer.from(text, 'utf8');
    // As many bytes as characters: all of it is ASCII. Else each is encoded by itself, since two halves of a character might meet.
    const isAscii = bytes.length === text.length;
    for (const one of texts) this.lengths.push(isAscii ? one.length : Buffer.byteLength(one, 'utf8'));
    if (original === null && isAscii) return bytes;
    if (original !== null) {
      this.paths.push(ORIGINAL_PATH);
      this.lengths.push(original.length);
    }
    return Buffer.concat([...(isAscii ? [bytes] : texts.map(one => Buffer.from(one, 'utf8'))), original ?? none]);
  }
}

const none = Buffer.alloc(0);

class SealingPlan implements Sealing, SealedRecord {
  readonly owners: readonly KeyOwner[];
  record: AuditRecord;
  readonly #groups: Group[] = [];
  /** Of each text in order: the index of its group, or NOBODY. */
  readonly #groupOf: readonly number[];
  #at = 0;

  constructor(record: AuditRecord) {
    this.record = record;
    const gathered = new Gathered(record);
    const { owners, ownerOf, paths, texts } = gathered;
    const groups = this.#groups;
    for (let n = 0; n < texts.length; n++) {
      const owner = ownerOf[n] as number;
      if (owner === NOBODY) continue;
      let group = groups[owner];
      if (group === undefined) {
        group = new Group();
        groups[owner] = group;
      }
      group.add(paths[n] as string, texts[n] as string);
    }
    if (record.original && record.original.sealed === null) {
      const owner = gathered.indexOf(dayOwner(record));
      groups[owner] ??= new Group();
      groups[owner].original = encodeOriginal(record.original);
    }
    this.owners = owners;
    this.#groupOf = ownerOf;
  }

  seal(ring: KeyRing): SealedRecord {
    const { owners, record } = this;
    for (let n = 0; n < owners.length; n++) {
      const group = this.#groups[n] as Group;
      group.encrypt(record, ring.keyOf(owners[n] as KeyOwner));
      if (group.original !== null) this.record = withSealedOriginal(record, group);
    }
    return this;
  }

  next(writer: DatumWriter): boolean {
    const group = this.#nextGroup();
    if (group === null) return false;
    const start = group.next();
    writer.sealedText(group.head, group.ciphertext, start, group.at, group.isLast ? group.tag : none);
    return true;
  }

  nextSealed(): Sealed | null {
    const group = this.#nextGroup();
    if (group === null) return null;
    const slice = group.ciphertext.subarray(group.next(), group.at);
    const ciphertext = group.isLast ? Buffer.concat([slice, group.tag]) : slice;
    return { keyId: group.keyId, nonce: group.nonce, ciphertext };
  }

  #nextGroup(): Group | null {
    const index = this.#groupOf[this.#at++] ?? NOBODY;
    return index === NOBODY ? null : (this.#groups[index] as Group);
  }
}

/** The kept raw record is the last field of its group. */
function withSealedOriginal(record: AuditRecord, { keyId, nonce, ciphertext, tag, lengths }: Group): AuditRecord {
  const { original } = record;
  if (original === null) return record;
  const slice = ciphertext.subarray(ciphertext.length - (lengths.at(-1) ?? 0));
  const sealed = { keyId, nonce, ciphertext: Buffer.concat([slice, tag]) };
  return { ...record, original: { ...original, key: null, value: null, headers: [], sealed } };
}

/** Key id and nonce, each behind its length, as Avro has them: both lengths are below 64. */
function headOf(keyId: string, nonce: Buffer): Buffer {
  const { length } = keyId;
  const head = Buffer.allocUnsafe(length + nonce.length + 2);
  head[0] = length << 1;
  head.write(keyId, 1, 'latin1');
  head[length + 1] = nonce.length << 1;
  head.set(nonce, length + 2);
  return head;
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
  record: AuditRecord,
  keyId: string,
  fields: readonly { readonly path: string; readonly length: number }[],
): Buffer {
  const paths = fields.map(({ path }) => path);
  return additionalDataOf(
    record,
    keyId,
    paths,
    fields.map(({ length }) => length),
  );
}

function additionalDataOf(
  { id, raw }: AuditRecord,
  keyId: string,
  paths: readonly string[],
  lengths: readonly number[],
): Buffer {
  let text = `tidemark-sealed/1\nAES-256-GCM\n${keyId}\n`;
  text += `${JSON.stringify(id)} ${raw.topic} ${raw.generation} ${raw.partition} ${raw.offset}\n`;
  for (let n = 0; n < paths.length; n++) text += `${paths[n]} ${lengths[n]}\n`;
  return Buffer.from(text, 'utf8');
}
