// Checkpoints (C2SP tlog-checkpoint) and their cosignatures (C2SP tlog-cosignature).
//
//   <origin>\n<size>\n<base64 root>\n[extension lines]      a signed note
//
// A log signs with Ed25519 over the text (type 0x01) or with a cosignature of its own (0x06). Witnesses cosign:
//   0x04  u64 time || Ed25519 over "cosignature/v1\ntime <time>\n" || text
//   0x06  u64 time || ML-DSA-44 over the `subtree/v1` structure (cosigner, time, origin, 0, size, root)

import { base64, concat, parseBase64, parseCount, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { ProofError } from './error.ts';
import { ED25519, isBy, type Note, type NoteSignature, parseNote, type VerifierKey } from './note.ts';

export const COSIGNATURE_ED25519 = 0x04;
export const COSIGNATURE_ML_DSA_44 = 0x06;

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${base64(root)}\n`;
}

/** Parses a checkpoint's text; extension lines are allowed and ignored, as C2SP says. Throws `malformed-checkpoint`. */
export function parseCheckpoint(text: string): Checkpoint {
  const fail = (why: string): never => {
    throw new ProofError('malformed-checkpoint', `not a checkpoint: ${why}`);
  };
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.length < 3) return fail('expected an origin, a size and a root, each on a line');
  const [origin = '', sizeText = '', rootText = '', ...extensions] = lines;
  const size = parseCount(sizeText);
  const root = parseBase64(rootText);
  if (origin === '' || extensions.includes('')) return fail('it has an empty line');
  if (size === null) return fail(`found size "${sizeText.slice(0, 40)}", expected a decimal`);
  if (root?.length !== 32) return fail('expected the base64 of 32 bytes as root');
  return { origin, size, root };
}

/** A parsed note whose text is a checkpoint. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: Note;
}

/** Parses a checkpoint's note without checking signatures; throws `malformed-note` or `malformed-checkpoint`. */
export function parseSignedCheckpoint(bytes: Uint8Array): SignedCheckpoint {
  const note = parseNote(bytes);
  return { ...parseCheckpoint(note.text), note };
}

const maxTime = 2n ** 63n - 1n;

function splitTimestamp(signature: Uint8Array): { time: bigint; signature: Uint8Array } | null {
  if (signature.length <= 8) return null;
  const time = new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0);
  return time > maxTime ? null : { time, signature: signature.subarray(8) };
}

function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

function opaque8(text: string): Uint8Array {
  const bytes = utf8(text);
  return concat(Uint8Array.of(bytes.length), bytes);
}

/** The message that an Ed25519 cosignature (type 0x04) signs. */
export function cosignedText(text: string, time: bigint): Uint8Array {
  return utf8(`cosignature/v1\ntime ${time}\n${text}`);
}

/** The message that an ML-DSA-44 cosignature (type 0x06) signs. */
export function cosignedTree(cosigner: string, time: bigint, checkpoint: Checkpoint): Uint8Array {
  return concat(
    utf8('subtree/v1\n\0'),
    opaque8(cosigner),
    u64(time),
    opaque8(checkpoint.origin),
    u64(0n),
    u64(BigInt(checkpoint.size)),
    checkpoint.root,
  );
}

function isValid(crypto: Crypto, checkpoint: SignedCheckpoint, key: VerifierKey, line: NoteSignature): boolean {
  if (!isBy(key, line)) return false;
  if (key.type === ED25519) return crypto.verifyEd25519(key.publicKey, utf8(checkpoint.note.text), line.signature);
  const stamped = splitTimestamp(line.signature);
  if (!stamped) return false;
  const { time, signature } = stamped;
  if (key.type === COSIGNATURE_ED25519) {
    return crypto.verifyEd25519(key.publicKey, cosignedText(checkpoint.note.text, time), signature);
  }
  if (key.type === COSIGNATURE_ML_DSA_44) {
    // Names are at most 255 bytes in what is signed; a longer one would be cut to something else's length.
    if (utf8(key.name).length > 255 || utf8(checkpoint.origin).length > 255) return false;
    return crypto.verifyMlDsa44(key.publicKey, cosignedTree(key.name, time, checkpoint), signature);
  }
  return false;
}

/** Whether the checkpoint carries a valid signature or cosignature by this key. */
export function isSignedBy(crypto: Crypto, checkpoint: SignedCheckpoint, key: VerifierKey): boolean {
  return checkpoint.note.signatures.some(line => isValid(crypto, checkpoint, key, line));
}
