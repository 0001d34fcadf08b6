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
import type { Crypto } from '../proof/crypto.ts';
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
  sha256: data => Buffer.from(hash('sha256', data, 'binary'), 'latin1'),
  verifyEd25519: (publicKey, message, signature) => isSigned(ed25519Prefix, publicKey, message, signature),
  verifyMlDsa44: (publicKey, message, signature) => isSigned(mlDsa44Prefix, publicKey, message, signature),
};

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
