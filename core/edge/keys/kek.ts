// Key-encryption keys: what data keys are wrapped by, so that the bucket of keys alone opens nothing. A wrapping binds the id of the
// data key: one person's wrapped key, put in the place of another's, does not open. This is the local kind:
//
//   wrapped = 12 random bytes, AES-256-GCM of the 32 bytes, 16 bytes of tag
//   authenticated beside it: "tidemark-wrap/1\nAES-256-GCM\n<id of the key-encryption key>\n<id of the data key>\n"

import { createCipheriv, createDecipheriv, createHmac, type KeyObject, randomBytes } from 'node:crypto';
import { KeysError } from './error.ts';

export interface Kek {
  /** Names it in what it wraps: `local:<16 hex>` or `kms:<ARN>`. */
  readonly id: string;
  wrap(keyId: string, key: Buffer): Promise<Buffer>;
  /** Throws `wrong-wrapping` where these bytes are not what it wrapped for this key id. */
  unwrap(keyId: string, wrapped: Buffer): Promise<Buffer>;
}

const cipherName = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;

/** A key-encryption key that this process holds. Its id follows from the key, so that no two can share one by mistake. */
export function localKek(secret: KeyObject): Kek {
  const id = `local:${createHmac('sha256', secret).update('tidemark-kek/1').digest('hex').slice(0, 16)}`;
  const aad = (keyId: string) => Buffer.from(`tidemark-wrap/1\nAES-256-GCM\n${id}\n${keyId}\n`, 'utf8');
  return {
    id,
    wrap: async (keyId, key) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(cipherName, secret, nonce, { authTagLength: tagBytes }).setAAD(aad(keyId));
      return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
    },
    unwrap: async (keyId, wrapped) => {
      if (wrapped.length !== nonceBytes + keyBytes + tagBytes)
        throw wrongWrapping(id, keyId, `found ${wrapped.length} bytes, expected ${nonceBytes + keyBytes + tagBytes}`);
      const options = { authTagLength: tagBytes };
      const decipher = createDecipheriv(cipherName, secret, wrapped.subarray(0, nonceBytes), options)
        .setAAD(aad(keyId))
        .setAuthTag(wrapped.subarray(-tagBytes));
      const key = decipher.update(wrapped.subarray(nonceBytes, -tagBytes));
      try {
        decipher.final();
      } catch (cause) {
        throw wrongWrapping(id, keyId, 'it was changed, or wrapped for another key id', cause);
      }
      return key;
    },
  };
}

export function wrongWrapping(kek: string, keyId: string, what: string, cause?: unknown): KeysError {
  const message = `the wrapped key stored as ${keyId} can't be opened by ${kek}: ${what}`;
  return new KeysError('wrong-wrapping', message, { cause });
}
