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
  /** All personal texts of the record, and which of them are its own. */
  readonly #gathered: Gathered;
  readonly fields: number[] = [];
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

  constructor(gathered: Gathered) {
    this.#gathered = gathered;
  }

  encrypt(record: AuditRecord, { id, key }: DataKey): void {
    const plaintext = this.#plaintext();
    const { fields, lengths, original } = this;
    const { paths } = this.#gathered;
    this.keyId = id;
    this.nonce = newNonce();
    this.head = headOf(id, this.nonce);
    const cipher = createCipheriv(CIPHER, key, this.nonce, CIPHER_OPTIONS);
    const beside = new AdditionalData(record, id);
    for (let n = 0; n < fields.length; n++) beside.add(paths[fields[n] as number] as string, lengths[n] as number);
    if (original !== null) beside.add(ORIGINAL_PATH, original.length);
    cipher.setAAD(beside.bytes());
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
    return this.done === this.lengths.length;
  }

  #plaintext(): Buffer {
    const { fields, original, lengths } = this;
    const { texts } = this.#gathered;
    let text = '';
    for (let n = 0; n < fields.length; n++) text += texts[fields[n] as number];
    const bytes = Buffer.from(text, 'utf8');
    // As many bytes as characters: all of it is ASCII. Else each is encoded by itself, since two halves of a character might meet.
    const isAscii = bytes.length === text.length;
    for (let n = 0; n < fields.length; n++) {
      const one = texts[fields[n] as number] as string;
      lengths.push(isAscii ? one.length : Buffer.byteLength(one, 'utf8'));
    }
    if (original === null && isAscii) return bytes;
    if (original !== null) lengths.push(original.length);
    const each = isAscii ? [bytes] : fields.map(field => Buffer.from(texts[field] ?? '', 'utf8'));
    return Buffer.concat([...each, original ?? none]);
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
    const { owners, ownerOf } = gathered;
    const groups = this.#groups;
    for (let n = 0; n < ownerOf.length; n++) {
      const owner = ownerOf[n] as number;
      if (owner === NOBODY) continue;
      let group = groups[owner];
      if (group === undefined) {
        group = new Group(gathered);
        groups[owner] = group;
      }
      group.fields.push(n);
    }
    if (record.original && record.original.sealed === null) {
      const owner = gathered.indexOf(dayOwner(record));
      groups[owner] ??= new Group(gathered);
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
  const beside = new AdditionalData(record, keyId);
  for (const { path, length } of fields) beside.add(path, length);
  return Buffer.from(beside.bytes());
}

const [SPACE, LINE_END, DIGIT_0] = [0x20, 0x0a, 0x30];
/** Where it is put together: one event's at a time. */
let scratch = Buffer.allocUnsafe(4096);

/** Put together in bytes: as texts, its parts are more garbage than all else that sealing makes. */
class AdditionalData {
  #at: number;

  constructor({ id, raw }: AuditRecord, keyId: string) {
    const head =
      `tidemark-sealed/1\nAES-256-GCM\n${keyId}\n` +
      `${JSON.stringify(id)} ${raw.topic} ${raw.generation} ${raw.partition} ${raw.offset}\n`;
    this.#at = 0;
    this.#reserve(3 * head.length);
    this.#at = scratch.write(head, 'utf8');
  }

  add(path: string, length: number): void {
    this.#reserve(path.length + 20);
    let at = this.#at;
    // Paths are ours, short, and ASCII: a loop costs less than a call.
    for (let n = 0; n < path.length; n++) scratch[at++] = path.charCodeAt(n);
    scratch[at++] = SPACE;
    let digits = 1;
    for (let rest = length; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    for (let rest = length, to = at + digits; to > at; rest = Math.floor(rest / 10))
      scratch[--to] = DIGIT_0 + (rest % 10);
    at += digits;
    scratch[at++] = LINE_END;
    this.#at = at;
  }

  /** Until the next is put together. */
  bytes(): Buffer {
    return scratch.subarray(0, this.#at);
  }

  #reserve(length: number): void {
    if (this.#at + length <= scratch.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#at + length));
    scratch.copy(larger, 0, 0, this.#at);
    scratch = larger;
  }
}
