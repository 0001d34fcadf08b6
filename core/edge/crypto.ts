// Node's primitives behind core/proof's interfaces, and Ed25519 keys from PEM.

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRawSync, inflateRawSync, zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Crypto, Decompress } from '../proof/crypto.ts';
import { ED25519, makeVerifierKey, type Signer } from '../proof/note.ts';

// SubjectPublicKeyInfo before the raw key: RFC 8410 (Ed25519), RFC 9881 (ML-DSA-44).
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex');
const mlDsa44Prefix = Buffer.from('30820532300b06096086480165030403110382052100', 'hex');

const keys = new Map<string, KeyObject>();
const maxKeys = 1000;

function publicKeyOf(prefix: Buffer, raw: Uint8Array): KeyObject {
  const id = `${prefix.length}:${Buffer.from(raw).toString('base64')}`;
  const known = keys.get(id);
  if (known) return known;
  if (keys.size >= maxKeys) keys.clear();
  const key = createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' });
  keys.set(id, key);
  return key;
}

function isSigned(prefix: Buffer, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(null, message, publicKeyOf(prefix, publicKey), signature);
  } catch {
    return false;
  }
}

export const nodeCrypto: Crypto = {
  // By way of a text: a buffer of its own costs more than the hash of an event.
  sha256: data => Buffer.from(hash('sha256', data, 'hex'), 'hex'),
  verifyEd25519: (publicKey, message, signature) => isSigned(ed25519Prefix, publicKey, message, signature),
  verifyMlDsa44: (publicKey, message, signature) => isSigned(mlDsa44Prefix, publicKey, message, signature),
};

/** What Node's zlib answers with `info`: the output, and how much of the input it took. */
type Opened = { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } };

/** Length of a skippable frame (RFC 8878, section 3.1.2), or 0. */
function skippable(data: Buffer): number {
  if (data.length < 8 || data.readUInt32LE(0) >>> 4 !== 0x184d2a5) return 0;
  return 8 + data.readUInt32LE(4);
}

/** All frames: zlib stops after the first, and says nothing of what is behind it. */
function openZstandard(data: Buffer, limit: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let left = limit;
  for (let at = 0; at < data.length; ) {
    const rest = data.subarray(at);
    const skipped = skippable(rest);
    if (skipped > rest.length) throw new RangeError('a skippable frame is cut off');
    at += skipped;
    if (skipped > 0) continue;
    const { buffer, engine } = zstdDecompressSync(rest, {
      maxOutputLength: Math.max(1, left),
      // A block in few pieces: each is a call of its own.
      chunkSize: Math.min(1 << 20, Math.max(1 << 14, 8 * rest.length)),
      info: true,
    }) as unknown as Opened;
    parts.push(buffer);
    left -= buffer.length;
    at += engine.bytesWritten;
  }
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}

function openDeflate(data: Buffer, limit: number): Uint8Array {
  const { buffer, engine } = inflateRawSync(data, {
    maxOutputLength: Math.max(1, limit),
    info: true,
  }) as unknown as Opened;
  if (engine.bytesWritten !== data.length)
    throw new RangeError(`${data.length - engine.bytesWritten} bytes behind the deflate stream`);
  return buffer;
}

export const nodeDecompress: Decompress = (codec, data, limit) => {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return codec === 'zstandard' ? openZstandard(bytes, limit) : openDeflate(bytes, limit);
};

export const compressors = {
  zstandard: (data: Uint8Array): Uint8Array => zstdCompressSync(data),
  deflate: (data: Uint8Array): Uint8Array => deflateRawSync(data),
} as const;

const compressZstandard = promisify(zstdCompress);

/** As {@link compressors}' zstandard, the same bytes, but on a thread of Node's pool. */
export async function compressAside(data: Uint8Array): Promise<Uint8Array> {
  // In one piece: each chunk of the default 16 KiB is a call back to the main thread.
  const compressed = await compressZstandard(data, { chunkSize: Math.max(1024, data.length) });
  return new Uint8Array(compressed); // a copy: the chunk is as large as what was compressed
}

/** A signer from an Ed25519 private key in PEM (PKCS #8). Throws a TypeError for any other key. */
export function signerFromPem(name: string, pem: string): Signer {
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    throw new TypeError(
      `found a ${privateKey.asymmetricKeyType} key, expected Ed25519 (tidemark keys generate makes one)`,
    );
  }
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const key = makeVerifierKey(nodeCrypto, name, ED25519, new Uint8Array(spki.subarray(ed25519Prefix.length)));
  return { key, sign: message => sign(null, message, privateKey) };
}

/** A new Ed25519 private key as PEM (PKCS #8). */
export function generatePem(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}
