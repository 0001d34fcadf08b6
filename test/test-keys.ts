// Keys that tests sign with, each from a seed, so that what is written with them is the same in every run. Never for use
// outside tests: their private halves are in this file.

import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { nodeCrypto } from '../core/edge/crypto.ts';
import { concat } from '../core/proof/bytes.ts';
import {
  type Checkpoint,
  COSIGNATURE_ED25519,
  COSIGNATURE_ML_DSA_44,
  cosignedText,
  cosignedTree,
  formatCheckpoint,
} from '../core/proof/checkpoint.ts';
import {
  ED25519,
  formatVerifierKey,
  makeVerifierKey,
  type NoteSignature,
  type Signer,
  type VerifierKey,
} from '../core/proof/note.ts';

// PrivateKeyInfo before the 32-byte seed: RFC 8410 (Ed25519), RFC 9881 (ML-DSA-44, the seed alone).
const ed25519Private = Buffer.from('302e020100300506032b657004220420', 'hex');
const mlDsa44Private = Buffer.from('3034020100300b060960864801650304031104228020', 'hex');
const spkiPrefix = { ed25519: 12, mlDsa44: 22 } as const;

function seedOf(label: string): Uint8Array {
  return nodeCrypto.sha256(Buffer.from(`tidemark test key: ${label}`));
}

function privateKey(prefix: Buffer, label: string): KeyObject {
  return createPrivateKey({ key: Buffer.concat([prefix, seedOf(label)]), format: 'der', type: 'pkcs8' });
}

function publicBytes(key: KeyObject, prefixLength: number): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(prefixLength));
}

/** An Ed25519 signer of notes; another `label` is another key of the same name. */
export function testSigner(name: string, label = name): Signer {
  const key = privateKey(ed25519Private, label);
  return {
    key: makeVerifierKey(nodeCrypto, name, ED25519, publicBytes(key, spkiPrefix.ed25519)),
    sign: message => sign(null, message, key),
  };
}

/** Cosigns checkpoints; `time` is in seconds since 1970. */
export interface Cosigner {
  readonly key: VerifierKey;
  cosign(checkpoint: Checkpoint, time: bigint): NoteSignature;
}

function stamped(key: VerifierKey, time: bigint, signature: Uint8Array): NoteSignature {
  const stamp = new Uint8Array(8);
  new DataView(stamp.buffer).setBigUint64(0, time);
  return { name: key.name, id: key.id, signature: concat(stamp, signature) };
}

/** A witness with an Ed25519 key (cosignature type 0x04). */
export function testWitness(name: string, label = name): Cosigner {
  const secret = privateKey(ed25519Private, label);
  const key = makeVerifierKey(nodeCrypto, name, COSIGNATURE_ED25519, publicBytes(secret, spkiPrefix.ed25519));
  return {
    key,
    cosign: (checkpoint, time) =>
      stamped(key, time, sign(null, cosignedText(formatCheckpoint(checkpoint), time), secret)),
  };
}

/** A witness, or a log's second key, with ML-DSA-44 (cosignature type 0x06). Its signatures are not the same in every run. */
export function testMlDsaCosigner(name: string, label = name): Cosigner {
  const secret = privateKey(mlDsa44Private, label);
  const key = makeVerifierKey(nodeCrypto, name, COSIGNATURE_ML_DSA_44, publicBytes(secret, spkiPrefix.mlDsa44));
  return {
    key,
    cosign: (checkpoint, time) => stamped(key, time, sign(null, cosignedTree(name, time, checkpoint), secret)),
  };
}

export const testOrigin = 'tidemark.test/archive';

/** The keys that a test archive is written with. */
export const testKeys = {
  seal: testSigner(`${testOrigin}/normalizer`),
  log: testSigner(testOrigin),
  witness: testWitness('witness.test/w1'),
} as const;

/** The policy by which a test archive's head is accepted: the log's key and the one witness. */
export const testPolicyText = `log ${formatVerifierKey(testKeys.log.key)}
witness w1 ${formatVerifierKey(testKeys.witness.key)}
quorum w1
`;

/** The file of the test normalizer's keys. */
export const testSealKeysText = `${formatVerifierKey(testKeys.seal.key)}\n`;
