// Signed notes (C2SP signed-note; Go's golang.org/x/mod/sumdb/note).
//
//   <text, one or more lines, each ending in "\n">
//   <empty line>
//   — <key name> <base64(4-byte key id || signature)>      one line a signature
//
// Keys are handed over as verifier keys: <name>+<8 hex key id>+<base64(type || public key)>. Types: 0x01 Ed25519 over the
// text; 0x04 and 0x06 are cosignatures of checkpoints (cosignature.ts). One valid signature by a known key is enough; the
// others are ignored.

import { base64, concat, equalBytes, hex, parseBase64, parseHex, textOf, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { ProofError } from './error.ts';

export const ED25519 = 0x01;

/** A public key that notes are checked against. */
export interface VerifierKey {
  readonly name: string;
  /** First four bytes of SHA256(name || "\n" || type || public key). */
  readonly id: Uint8Array;
  readonly type: number;
  readonly publicKey: Uint8Array;
}

/** Who signs: the key's name, and Ed25519 over the text's bytes (64 bytes). */
export interface Signer {
  readonly key: VerifierKey;
  sign(message: Uint8Array): Uint8Array;
}

export interface NoteSignature {
  readonly name: string;
  readonly id: Uint8Array;
  /** What follows the key id. */
  readonly signature: Uint8Array;
}

export interface Note {
  /** With its final newline, without the empty line. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const keyLengths: Readonly<Record<number, number>> = { 1: 32, 4: 32, 6: 1312 };

export function isKeyName(name: string): boolean {
  return /^[^\s+\p{Cc}\p{Z}]+$/u.test(name);
}

/** The key id that C2SP signed-note recommends, and that this format asks for. */
export function keyId(sha256: Crypto['sha256'], name: string, type: number, publicKey: Uint8Array): Uint8Array {
  return sha256(concat(utf8(`${name}\n`), Uint8Array.of(type), publicKey)).subarray(0, 4);
}

export function makeVerifierKey(crypto: Crypto, name: string, type: number, publicKey: Uint8Array): VerifierKey {
  if (!isKeyName(name)) throw new ProofError('malformed-key', `key name "${name}": expected no spaces and no "+"`);
  return { name, type, publicKey, id: keyId(crypto.sha256, name, type, publicKey) };
}

export function formatVerifierKey(key: VerifierKey): string {
  return `${key.name}+${hex(key.id)}+${base64(concat(Uint8Array.of(key.type), key.publicKey))}`;
}

/** Parses a verifier key; throws `malformed-key` where a part is wrong or the id does not belong to name and key. */
export function parseVerifierKey(crypto: Crypto, text: string): VerifierKey {
  const fail = (why: string): never => {
    throw new ProofError('malformed-key', `verifier key "${text.slice(0, 200)}": ${why}`);
  };
  const first = text.indexOf('+');
  const second = text.indexOf('+', first + 1);
  if (first < 0 || second < 0) return fail('expected <name>+<8 hex key id>+<base64 key>');
  const name = text.slice(0, first);
  const id = parseHex(text.slice(first + 1, second));
  const material = parseBase64(text.slice(second + 1));
  if (!isKeyName(name)) return fail('expected a name without spaces before the first "+"');
  if (id?.length !== 4) return fail('expected 8 lower-case hex digits as key id');
  const type = material?.[0];
  if (!material || type === undefined) return fail('expected base64 of type and public key');
  const publicKey = material.subarray(1);
  if (keyLengths[type] !== publicKey.length) {
    return fail(
      `found type ${type} with ${publicKey.length} bytes, expected Ed25519 (1 or 4, 32 bytes) or ML-DSA-44 (6, 1312 bytes)`,
    );
  }
  if (!equalBytes(id, keyId(crypto.sha256, name, type, publicKey)))
    return fail('the key id does not belong to this name and key');
  return { name, id, type, publicKey };
}

const maxSignatures = 100;

/** Takes a note apart without checking a signature; throws `malformed-note`. */
export function parseNote(bytes: Uint8Array): Note {
  const fail = (why: string): never => {
    throw new ProofError('malformed-note', `not a signed note: ${why}`);
  };
  let whole: string;
  try {
    whole = textOf(bytes);
  } catch {
    return fail('not valid UTF-8');
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the format forbids
  if (/[\u0000-\u0009\u000b-\u001f]/.test(whole)) return fail('it holds a control character');
  const end = whole.lastIndexOf('\n\n');
  if (end < 0) return fail('no empty line before the signatures');
  const lines = whole.slice(end + 2).split('\n');
  if (lines.pop() !== '') return fail('the last line does not end in a newline');
  if (lines.length === 0) return fail('no signature');
  if (lines.length > maxSignatures) return fail(`${lines.length} signatures, at most ${maxSignatures} are read`);
  const signatures = lines.map(line => {
    const match = /^— (\S+) (\S+)$/.exec(line);
    const blob = match?.[2] === undefined ? null : parseBase64(match[2]);
    if (!match?.[1] || !isKeyName(match[1]) || !blob || blob.length < 5) return fail('a signature line is malformed');
    return { name: match[1], id: blob.subarray(0, 4), signature: blob.subarray(4) };
  });
  return { text: whole.slice(0, end + 1), signatures };
}

export function formatNote(note: Note): Uint8Array {
  const lines = note.signatures.map(({ name, id, signature }) => `— ${name} ${base64(concat(id, signature))}\n`);
  return utf8(`${note.text}\n${lines.join('')}`);
}

/** Whether this signature line is by this key: name and id together, C2SP signed-note. */
export function isBy(key: VerifierKey, signature: NoteSignature): boolean {
  return key.name === signature.name && equalBytes(key.id, signature.id);
}

/** The first of `keys` (Ed25519 over the text) whose signature on the note is valid, or null. */
export function signerOf(crypto: Crypto, note: Note, keys: readonly VerifierKey[]): VerifierKey | null {
  const message = utf8(note.text);
  for (const signature of note.signatures) {
    for (const key of keys) {
      if (key.type !== ED25519 || !isBy(key, signature)) continue;
      if (crypto.verifyEd25519(key.publicKey, message, signature.signature)) return key;
    }
  }
  return null;
}

/** Parses a note and demands one valid signature by one of `keys`; throws `malformed-note` or `unsigned-note`. */
export function openNote(crypto: Crypto, bytes: Uint8Array, keys: readonly VerifierKey[]): Note & { by: VerifierKey } {
  const note = parseNote(bytes);
  const by = signerOf(crypto, note, keys);
  if (by) return { ...note, by };
  const found = note.signatures.map(({ name, id }) => `${name}+${hex(id)}`).join(', ');
  const expected = keys.map(key => `${key.name}+${hex(key.id)}`).join(' or ');
  throw new ProofError(
    'unsigned-note',
    `no valid signature: found one by ${found}, expected one by ${expected || 'a key (none is given)'}`,
  );
}

/** Signs a text, which must end in a newline. */
export function signNote(text: string, ...signers: readonly Signer[]): Uint8Array {
  if (!text.endsWith('\n')) throw new ProofError('malformed-note', 'a note text must end in a newline');
  const message = utf8(text);
  return formatNote({
    text,
    signatures: signers.map(({ key, sign }) => ({ name: key.name, id: key.id, signature: sign(message) })),
  });
}
