/** Why keys can't be had; also a metric's label, so the set is closed. */
export type KeysErrorCode =
  /** No certain answer from the bucket of keys or from KMS: wait and ask again. */
  | 'unavailable'
  | 'no-access'
  | 'no-bucket'
  /** The bucket would keep a key that has to be destroyed. */
  | 'locked-bucket'
  /** A file of a secret is not as it has to be. */
  | 'bad-secret'
  /** A key is wrapped by a key-encryption key that was not given. */
  | 'unknown-kek'
  /** A wrapped key does not open: it is another's, or was changed. */
  | 'wrong-wrapping'
  /** An object among the keys is none of ours, or another's. */
  | 'bad-key-object'
  /** The keys here were named by another lookup key. */
  | 'lookup-differs';

/** The one error class of core/edge/keys. `unavailable` passes; all others need someone to act, and the message says how. */
export class KeysError extends Error {
  override readonly name = 'KeysError';
  readonly code: KeysErrorCode;

  constructor(code: KeysErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** As the Kafka edge asks of an error: whether a partition's worker may begin again. */
  get disposition(): 'wait' | 'fatal' {
    return this.code === 'unavailable' ? 'wait' : 'fatal';
  }
}

export const isUnavailable = (error: unknown): boolean => error instanceof KeysError && error.code === 'unavailable';
