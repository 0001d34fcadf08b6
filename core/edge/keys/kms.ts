// A key-encryption key in AWS KMS. The data key's id goes along as encryption context: KMS itself then refuses a wrapped key that was
// put in another's place, and its own log (CloudTrail) names each key that was opened.

import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { statusOf } from '../s3/s3-client.ts';
import { KeysError } from './error.ts';
import { type Kek, wrongWrapping } from './kek.ts';

const requestTimeoutMs = 5_000;
const arnForm = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key\/[A-Za-z0-9-]+$/;

/** Whether a text is the ARN of a key. An alias is none: it could be turned to another key, and what was wrapped would be lost. */
export const isKmsArn = (arn: string): boolean => arnForm.test(arn);

export interface KmsKek extends Kek {
  close(): void;
}

/** Opens nothing yet. `endpoint`: of another server than AWS; the SDK's own AWS_ENDPOINT_URL_KMS does as well. */
export function kmsKek(arn: string, options: { readonly endpoint?: string } = {}): KmsKek {
  const region = arnForm.exec(arn)?.[1] ?? 'us-east-1';
  const client = new KMSClient({ region, maxAttempts: 2, ...options });
  const id = `kms:${arn}`;
  const contextOf = (keyId: string) => ({ 'tidemark-format': 'tidemark-key/1', 'tidemark-key': keyId });
  const send = async <T>(keyId: string, request: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> => {
    try {
      return await request({ abortSignal: AbortSignal.timeout(requestTimeoutMs) });
    } catch (error) {
      throw explain(id, keyId, error);
    }
  };
  return {
    id,
    wrap: (keyId, key) =>
      send(keyId, async abort => {
        const command = new EncryptCommand({ KeyId: arn, Plaintext: key, EncryptionContext: contextOf(keyId) });
        return bytesOf((await client.send(command, abort)).CiphertextBlob);
      }),
    unwrap: (keyId, wrapped) =>
      send(keyId, async abort => {
        const input = { KeyId: arn, CiphertextBlob: wrapped, EncryptionContext: contextOf(keyId) };
        return bytesOf((await client.send(new DecryptCommand(input), abort)).Plaintext);
      }),
    close: () => client.destroy(),
  };
}

function bytesOf(bytes: Uint8Array | undefined): Buffer {
  if (bytes === undefined) throw new Error('the answer has no bytes');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function explain(id: string, keyId: string, cause: unknown): KeysError {
  const name = cause instanceof Error ? cause.name : '';
  const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  if (name === 'InvalidCiphertextException' || name === 'IncorrectKeyException')
    return wrongWrapping(id, keyId, `it was changed, or wrapped for another key id or by another key (${name})`, cause);
  const status = statusOf(cause);
  const passes = /Throttl|LimitExceeded|KMSInternal|DependencyTimeout|KeyUnavailable/.test(name);
  const needsAction = (status >= 400 && status < 500 && status !== 429) || name === 'CredentialsProviderError';
  if (needsAction && !passes) {
    const advice = 'grant kms:Encrypt and kms:Decrypt on it to these credentials, and see that it is enabled';
    return new KeysError('no-access', `${id}: refused (${said}): ${advice}`, { cause });
  }
  return new KeysError('unavailable', `${id}: no certain answer (${said})`, { cause });
}
