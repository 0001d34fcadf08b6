/** Why a bucket can't be used, or an object in it; also a metric's label, so the set is closed. */
export type BucketErrorCode =
  | 'no-bucket'
  | 'no-versioning'
  | 'no-object-lock'
  | 'no-access'
  | 'lock-refused'
  | 'lock-not-kept'
  | 'unavailable'
  | 'unknown-signature'
  | 'unknown-format'
  | 'archive-differs'
  | 'log-contradicts';

/**
 * The one error class of core/edge/s3. `unavailable` has been retried and may be again; all others need someone to act, and the
 * message says how: a program that meets one ends.
 */
export class BucketError extends Error {
  readonly code: BucketErrorCode;

  constructor(code: BucketErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BucketError';
    this.code = code;
  }

  /** As the Kafka edge asks of an error: whether a partition's worker may begin again. */
  get disposition(): 'wait' | 'fatal' {
    return this.code === 'unavailable' ? 'wait' : 'fatal';
  }
}
